"""Scratch files: values that do not fit into memory, read by rows or by columns, gone at the end.

Zarr would check and compress what is read back once, moments later. Here blocks of columns lie one
after another, each with all its rows, so that columns are read in one piece, and rows in as many as
there are blocks.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exosift.errors import Transient
from exosift.types import Floats, Ints

_LOCK = "in-use"


@dataclass(frozen=True, eq=False)
class Scratch:
    """Values (row, column) in a file; edges: where blocks of columns begin, and the last ends."""

    path: Path
    rows: int
    edges: Ints
    dtype: str

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return int(self.rows * self.edges[-1] * self._value)

    @property
    def _value(self) -> int:
        return np.dtype(self.dtype).itemsize

    def read(self, rows: slice, columns: slice) -> Floats:
        """Some rows of some columns."""
        values = np.empty((rows.stop - rows.start, columns.stop - columns.start), self.dtype)
        with _opened(self.path, os.O_RDONLY) as file:
            for first, last, into in self._blocks(columns):
                block = np.empty((len(values), last - first), self.dtype)
                _get(file, block, self._offset(first, last, rows.start))
                start = columns.start + into.start - first
                values[:, into] = block[:, start : start + into.stop - into.start]
        return values

    def write(self, rows: slice, columns: slice, values: Floats) -> None:
        """Put values (row, column) in their place. Raises Transient when the disk is full."""
        with _opened(self.path, os.O_WRONLY | os.O_CREAT) as file:
            for first, last, out in self._blocks(columns):
                block = np.ascontiguousarray(values[:, out], self.dtype)
                offset = self._offset(first, last, rows.start)
                if block.shape[1] == last - first:
                    _put(file, block, offset)
                    continue
                start = offset + (columns.start + out.start - first) * self._value
                for number, row in enumerate(block):
                    _put(file, row, start + number * (last - first) * self._value)

    def _blocks(self, columns: slice) -> Iterator[tuple[int, int, slice]]:
        """First and last column of the blocks that hold `columns`, and which of those they hold."""
        low = int(np.searchsorted(self.edges, columns.start, side="right")) - 1
        high = int(np.searchsorted(self.edges, columns.stop, side="left"))
        for first, last in zip(self.edges[low:high], self.edges[low + 1 : high + 1], strict=True):
            held = max(first, columns.start), min(last, columns.stop)
            yield int(first), int(last), slice(*(int(at) - columns.start for at in held))

    def _offset(self, first: int, last: int, row: int) -> int:
        """Where in the file a row of the block from column `first` to before `last` begins."""
        return (self.rows * first + row * (last - first)) * self._value


@contextmanager
def _opened(path: Path, how: int) -> Iterator[int]:
    file = os.open(path, how)
    try:
        yield file
    finally:
        os.close(file)


def _get(file: int, values: Any, offset: int) -> None:
    """Fill an array from a place in a file, which must reach so far."""
    rest = memoryview(values).cast("B")
    while rest:
        got = os.preadv(file, [rest], offset)
        if not got:
            raise Transient("a scratch file is shorter than it was; run again")
        rest, offset = rest[got:], offset + got


def _put(file: int, values: Any, offset: int) -> None:
    """Write an array to a place in a file."""
    rest = memoryview(values).cast("B")
    try:
        while rest:
            put = os.pwritev(file, [rest], offset)
            rest, offset = rest[put:], offset + put
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Transient(
            "the scratch disk is full; free some of it, or set TMPDIR to a larger one"
        ) from error


def node_disk() -> Path:
    """The node's own disk: the job's folder on it, $SLURM_TMPDIR, if there is one, or $TMPDIR."""
    return Path(os.environ.get("SLURM_TMPDIR") or tempfile.gettempdir())


@contextmanager
def scratch_folder(size: int, disk: Path) -> Iterator[Path]:
    """A folder for `size` bytes on a disk, such as the node's own, removed when the block ends.

    However it ends: what a killed process left there is removed, too. Raises Transient where the
    disk is too full.
    """
    _clear(disk)
    free = shutil.disk_usage(disk).free
    if size > free:
        raise Transient(
            f"{disk}: {free / 1e9:.3g} GB are free, and the sequence needs {size / 1e9:.3g} GB of "
            "scratch; free some, set TMPDIR to a larger disk, or give more --memory"
        )
    with tempfile.TemporaryDirectory(prefix="exosift-", dir=disk) as folder, _held(Path(folder)):
        yield Path(folder)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, which the system lets go of when the process dies."""
    with (folder / "new").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "new").rename(folder / _LOCK)
        yield


def _clear(disk: Path) -> None:
    """Remove the folders that nobody holds any more."""
    for path in disk.glob(f"exosift-*/{_LOCK}"):
        with suppress(OSError), path.open("rb") as lock:  # held, another user's, or just gone
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)
