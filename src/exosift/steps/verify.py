"""`exosift verify`: whether products are what was written, by stores' manifests and steps' records.

A step records the SHA-256 of what it wrote and of what it read (`status/<step>.json`). A product is
missing, altered, or, where an input is not what it was made from any more, out of date.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exosift.io.checking import store_faults
from exosift.io.public import sha256


@dataclass(frozen=True)
class Checked:
    """What was found: faults, a line each; steps that did not end well; products that were read."""

    faults: tuple[str, ...]
    unfinished: tuple[str, ...]
    products: int


def run(results: Path) -> Checked:
    """Check every store and every recorded product under `results`."""
    faults, unfinished, recorded = list[str](), list[str](), set[Path]()
    hashes: dict[Path, str] = {}
    for path in sorted(results.rglob("status/*.json")):
        try:
            told = json.loads(path.read_text())
        except ValueError as error:
            faults.append(f"{path}: altered: not JSON ({error})")
            continue
        if told.get("status") != "done":
            step = f"{path.parent.parent}: {told.get('step', path.stem)}"
            unfinished.append(f"{step}: {told.get('status')}: {told.get('line', '')}".rstrip(": "))
            continue
        recorded |= {path.parent.parent / name for name in told.get("outputs", {})}
        faults += _products(path, told, hashes)
        faults += _inputs(path, told, results, hashes)
    manifests = set(results.rglob("*.zarr.json"))
    stores = {path.with_suffix("") for path in manifests} | set(results.rglob("*.zarr"))
    for store in sorted(stores):
        faults += store_faults(store)
    products = len({path.resolve() for path in recorded | manifests})
    return Checked(tuple(dict.fromkeys(faults)), tuple(unfinished), products)


def _products(status: Path, told: Mapping[str, Any], hashes: dict[Path, str]) -> Iterator[str]:
    """What is wrong with what a step wrote."""
    for name, expected in told.get("outputs", {}).items():
        path = status.parent.parent / name
        if not path.exists():
            yield f"{path}: missing; {told['step']} wrote it on {told['at'][:16]}"
        elif _hash(path, hashes) != expected:
            yield f"{path}: altered since {told['step']} wrote it on {told['at'][:16]}"


def _inputs(
    status: Path, told: Mapping[str, Any], results: Path, hashes: dict[Path, str]
) -> Iterator[str]:
    """Inputs that are not what a step read; of the run alone, and what is there yet."""
    run = results.resolve().parent
    for name, expected in told.get("inputs", {}).items():
        path = status.parent.parent / name
        inside = path.is_file() and path.resolve().is_relative_to(run)
        if inside and _hash(path, hashes) != expected:
            yield (
                f"{status.parent.parent}: out of date: {told['step']} read another "
                f"{path.resolve().relative_to(run)} than is there now"
            )


def _hash(path: Path, hashes: dict[Path, str]) -> str:
    """SHA-256 of a file, read once."""
    place = path.resolve()
    if place not in hashes:
        hashes[place] = sha256(place)
    return hashes[place]
