"""What became of a step: a small status file, so that a bad input is not computed twice.

Snakemake retries whatever fails. The status lies beside the products as
`status/<step>.json` and is no declared output, or Snakemake would remove it with the failed job.
"""

import errno
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from exosift import ALGORITHMS, __version__
from exosift.errors import BadInput, ExosiftError, Failed, Transient
from exosift.io.atomic import checked, whole

# What is wrong with the machine and not with the work: disks full or gone, locks not to be had.
_OUTSIDE = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EIO", "ESTALE", "ENOLCK", "ETIMEDOUT", "EREMOTEIO")
}


def status_of(folder: Path, step: str) -> Path:
    """Where a step that writes into `folder` records how it ended."""
    return folder / "status" / f"{step}.json"


@contextmanager
def recorded(step: str, folder: Path, inputs: list[Path], settings: Any) -> Iterator[None]:
    """Run the block as `step` on `inputs` with `settings`, and record in `folder` how it ended.

    Raises the recorded BadInput at once when the same inputs and settings have met it before;
    Transient when the disk is full or the memory spent; Failed where the step has been started
    anew meanwhile, as when Snakemake was killed and its jobs lived on: the last start counts.
    """
    path = status_of(folder, step)
    mark = _fingerprint(step, inputs, settings)
    before = read_status(folder, step)
    if before.get("status") == BadInput.status and before.get("fingerprint") == mark:
        _record(path, before | {"refused_again": before.get("refused_again", 0) + 1})
        raise BadInput(str(before["line"]))
    entry = {"step": step, "fingerprint": mark, "exosift": __version__, "settings": settings}
    entry["attempt"] = uuid4().hex

    def last() -> None:
        if read_status(folder, step).get("attempt") not in (None, entry["attempt"]):
            raise Failed(f"{path}: {step} was started anew meanwhile; this run's is dropped")

    try:
        _record(path, entry | {"status": "started", "line": ""})  # what a killed step leaves
        with checked(last):
            yield
            _record(path, entry | {"status": "done", "line": "", "peak_mb": _peak()})
    except Exception as error:
        told = _told(error, folder)
        line = str(told) if isinstance(told, ExosiftError) else f"{type(told).__name__}: {told}"
        with suppress(OSError, Failed), checked(last):  # the disk may be full
            _record(path, entry | {"status": getattr(told, "status", "failed"), "line": line})
        if told is error:
            raise
        raise told from error


def _told(error: Exception, folder: Path) -> Exception:
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


def _record(path: Path, entry: dict[str, Any]) -> None:
    """Write the status file."""
    stamped = entry | {"at": datetime.now(UTC).isoformat(timespec="seconds")}
    with whole(path) as partial:
        partial.write_text(json.dumps(stamped, indent=1) + "\n")


def _fingerprint(step: str, inputs: list[Path], settings: Any) -> str:
    """Hash of what decides the outcome: step, version, settings, and each input's size and time."""
    facts = [step, __version__, ALGORITHMS, settings]
    for path in inputs:
        found = path.stat() if path.exists() else None
        facts.append([str(path), found and [found.st_size, found.st_mtime_ns]])
    return digest(facts)


def digest(facts: Any) -> str:
    """SHA-256 of plain values, hexadecimal."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
