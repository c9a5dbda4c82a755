"""Whether a store is what was written: every chunk there, whole, and the same, by its manifest."""

from collections.abc import Iterator, Mapping
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

import google_crc32c
import zarr

from exosift.errors import Failed
from exosift.io.store import content_hash, metadata_hash, read_manifest

_CHECKSUM = 4  # bytes that a chunk ends with: the CRC-32C of those before, little-endian


def store_faults(store: Path) -> list[str]:
    """What is missing or altered in a store, a line each; none where it is as its manifest says.

    Every byte of every chunk is read.
    """
    try:
        manifest = read_manifest(store)
    except Failed as error:
        return [str(error)]
    if not store.is_dir():
        return [f"{store}: missing, and its manifest is there"]
    faults = []
    for name, told in manifest["arrays"].items():
        faults += list(_array_faults(store, name, told))
    if not faults and content_hash(store, manifest["arrays"]) != manifest.get("sha256"):
        faults.append(f"{store}: altered: its chunks are whole, and not those that were written")
    described = manifest.get("metadata")
    if described and metadata_hash(store) != described:
        faults.append(f"{store}: altered: its metadata (zarr.json) are not those that were written")
    return faults


def _array_faults(store: Path, name: str, told: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one array."""
    try:
        array = zarr.open_array(store / name, mode="r")
    except (OSError, ValueError, KeyError) as error:
        yield f"{store}: array {name} is missing or unreadable ({error})"
        return
    found = {"shape": list(array.shape), "dtype": str(array.dtype)}
    for what, value in found.items():
        if value != told[what]:
            yield f"{store}: altered: {what} of {name} is {value}, written was {told[what]}"
            return
    counts = [range(ceil(n / c)) for n, c in zip(array.shape, array.chunks, strict=True)]
    expected = {"/".join(["c", *map(str, place)]) for place in product(*counts)}
    folder = store / name
    there = {p.relative_to(folder).as_posix() for p in (folder / "c").rglob("*") if p.is_file()}
    for key in sorted(expected - there):
        yield f"{store}: chunk {name}/{key} is missing"
    for key in sorted(there - expected):
        yield f"{store}: {name}/{key} is no chunk of this array"
    for key in sorted(expected & there):
        if not _is_whole(folder / key):
            yield f"{store}: altered: chunk {name}/{key} does not fit its checksum"


def _is_whole(chunk: Path) -> bool:
    """Whether a chunk's bytes fit the checksum that it ends with."""
    content = chunk.read_bytes()
    checksum = int.from_bytes(content[-_CHECKSUM:], "little")
    return len(content) >= _CHECKSUM and google_crc32c.value(content[:-_CHECKSUM]) == checksum
