"""What became of a step, and of what it made its products: a small status file beside them.

Snakemake retries whatever fails; a bad input is recorded so that it is not computed twice. A step
that ended well vouches for what it wrote: `exosift verify` compares. The status lies beside the
products as `status/<step>.json` and is no declared output, or Snakemake would remove it with the
failed job.
"""

import errno
import hashlib
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any
from uuid import uuid4

from exosift import ALGORITHMS, __version__
from exosift.errors import BadInput, ExosiftError, Failed, Transient
from exosift.io.atomic import checked, watched, whole
from exosift.io.public import sha256

PACKAGES = ("exosift", "numpy", "scipy", "astropy", "zarr", "dask", "scikit-learn")
"""Whose versions may show in the numbers."""

# What is wrong with the machine and not with the work: disks full or gone, locks not to be had.
_OUTSIDE = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EIO", "ESTALE", "ENOLCK", "ETIMEDOUT", "EREMOTEIO")
}


def status_of(folder: Path, step: str) -> Path:
    """Where a step that writes into `folder` records how it ended."""
    return folder / "status" / f"{step}.json"


@contextmanager
def recorded(
    step: str,
    folder: Path,
    inputs: Sequence[Path],
    settings: Any,
    hashed: Sequence[Path] | None = None,
) -> Iterator[dict[Path, str]]:
    """Run the block as `step` on `inputs` with `settings`, and record in `folder` how it ended.

    A step that ends well leaves the SHA-256 of every file that it wrote and of every input, or of
    those that are `hashed`, where reading all would be too much. The block may put such hashes that
    it has anyway into the mapping that it is given. Raises the recorded BadInput at once when the
    same inputs and settings have met it before; Transient when the disk is full or the memory
    spent; Failed where the step has been started anew meanwhile, as when Snakemake was killed and
    its jobs lived on: the last start counts.
    """
    path = status_of(folder, step)
    mark = _fingerprint(step, inputs, settings)
    before = read_status(folder, step)
    if before.get("status") == BadInput.status and before.get("fingerprint") == mark:
        _record(path, before | {"refused_again": before.get("refused_again", 0) + 1})
        raise BadInput(str(before["line"]))
    entry = {"step": step, "fingerprint": mark, "exosift": __version__, "settings": settings}
    entry |= {"attempt": uuid4().hex, "begun": _now()}
    started = process_time()
    known: dict[Path, str] = {}

    def last() -> None:
        if read_status(folder, step).get("attempt") not in (None, entry["attempt"]):
            raise Failed(f"{path}: {step} was started anew meanwhile; this run's is dropped")

    try:
        _record(path, entry | {"status": "started", "line": ""})  # what a killed step leaves
        with checked(last):
            with watched() as written:
                yield known
            hashes = dict.fromkeys(inputs if hashed is None else hashed, "") | known
            spent = {"start": started, "step": process_time() - started}
            told: dict[str, Any] = {
                "inputs": _hashed(folder, hashes),
                "outputs": _hashed(folder, written),
                "cpu_seconds": {name: round(seconds, 3) for name, seconds in spent.items()},
                "peak_mb": _peak(),
            }
            done = {"status": "done", "line": ""} | _circumstances(settings) | told
            _record(path, entry | done)
    except Exception as error:
        meant = _meant(error, folder)
        line = str(meant) if isinstance(meant, ExosiftError) else f"{type(meant).__name__}: {meant}"
        with suppress(OSError, Failed), checked(last):  # the disk may be full
            _record(path, entry | {"status": getattr(meant, "status", "failed"), "line": line})
        if meant is error:
            raise
        raise meant from error


def _meant(error: Exception, folder: Path) -> Exception:
    """The error, or Transient where it is the machine's: a disk full or gone, memory spent."""
    if isinstance(error, MemoryError):
        return Transient(f"out of memory ({error}); ask for more, with fewer jobs at once")
    if isinstance(error, OSError) and error.errno in _OUTSIDE:
        where = error.filename or folder
        return Transient(f"{where}: {error.strerror}; nothing half-written is left, run again")
    return error


def _peak() -> int | None:
    """The most memory that this process has held [MB], where the system tells."""
    try:
        told = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return round(int(told.split("VmHWM:")[1].split()[0]) * 1.024e-3)


def read_status(folder: Path, step: str) -> dict[str, Any]:
    """What a step recorded in `folder`; empty when it left no word."""
    try:
        return dict(json.loads(status_of(folder, step).read_text()))
    except (OSError, ValueError):
        return {}


def _record(path: Path, entry: Mapping[str, Any]) -> None:
    """Write the status file."""
    with whole(path) as partial:
        partial.write_text(json.dumps({**entry, "at": _now()}, indent=1) + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _circumstances(settings: Any) -> dict[str, Any]:
    """What else the numbers may depend on: settings as one hash, seeds, versions, the command."""
    return {
        "config": digest(settings),
        "seeds": dict(_seeds(settings, "")),
        "versions": {"python": sys.version.split()[0]} | {n: version(n) for n in PACKAGES},
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _seeds(settings: Any, place: str) -> Iterator[tuple[str, int]]:
    """Everything called a seed among settings, by its place in them."""
    inside = settings.items() if isinstance(settings, Mapping) else ()
    for name, value in inside:
        where = f"{place}.{name}" if place else str(name)
        if isinstance(value, int) and (name == "seed" or str(name).endswith("_seed")):
            yield where, value
        yield from _seeds(value, where)


def _hashed(folder: Path, files: Mapping[Path, str] | Sequence[Path]) -> dict[str, str]:
    """SHA-256 of files, those known as they are; by their paths from `folder`, or absolute ones."""
    known = files if isinstance(files, Mapping) else dict.fromkeys(files, "")
    return {name_of(path, folder): known[path] or sha256(path) for path in known if path.is_file()}


def name_of(path: Path, folder: Path) -> str:
    """A path as a status file in `folder` names it, so that a run may be moved as a whole."""
    near = (Path.cwd(), folder.absolute())  # the run's folder, the step's
    within = not path.is_absolute() or any(path.is_relative_to(one) for one in near)
    return os.path.relpath(path, folder) if within else str(path)


def _fingerprint(step: str, inputs: Sequence[Path], settings: Any) -> str:
    """Hash of what decides the outcome: step, version, settings, and each input's size and time."""
    facts = [step, __version__, ALGORITHMS, settings]
    for path in inputs:
        found = path.stat() if path.exists() else None
        facts.append([str(path), found and [found.st_size, found.st_mtime_ns]])
    return digest(facts)


def digest(facts: Any) -> str:
    """SHA-256 of plain values, hexadecimal."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
