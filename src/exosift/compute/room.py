"""Room for turned frames and for samples: memory, or scratch files on the node's own disk."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from math import prod
from pathlib import Path

import numpy as np

from exosift.compute.lessons import Need
from exosift.compute.memory import job_memory
from exosift.io.scratch import Scratch, node_disk, scratch_folder
from exosift.learn.room import Room, Values
from exosift.types import Floats, Ints, Shape


@contextmanager
def roomy(need: Need, memory: float | None) -> Iterator[Room]:
    """Room for what teaching, or mapping, needs.

    memory: MB that may be used, or what the job has. Of what does not fit turned frames go to disk
    first, then samples, until nobody holds them any more, or the block ends. Raises Transient where
    the disk is too full.
    """
    most = memory or job_memory()
    with scratch_folder(int(need.scratch(most)), node_disk()) as folder:
        numbers = count()

        def on_disk(shape: Shape) -> Values:
            return OnDisk.of(folder / f"values{next(numbers)}", shape)

        turned, samples = (
            _array if needed <= most else on_disk for needed in (need.whole, need.unturned)
        )
        yield Room(turned, samples)


def _array(shape: Shape) -> Values:
    return np.empty(shape, np.float32)


@dataclass(frozen=True, eq=False)
class OnDisk:
    """Values in a scratch file, as `learn.room.Values`."""

    file: Scratch
    shape: Shape

    @classmethod
    def of(cls, path: Path, shape: Shape) -> Values:
        """A new file, which is gone when nobody holds it any more."""
        held = cls(Scratch(path, shape[0], np.array([0, prod(shape[1:])]), "float32"), shape)
        weakref.finalize(held, path.unlink, missing_ok=True)
        return held

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, some: slice | Ints) -> Floats:
        if isinstance(some, slice):
            rows = slice(*some.indices(len(self))[:2])
            return self.file.read(rows, slice(0, prod(self.shape[1:]))).reshape(-1, *self.shape[1:])
        return np.concatenate([np.empty((0, *self.shape[1:]), np.float32), *map(self._row, some)])

    def __setitem__(self, where: slice | tuple[slice, int], values: Floats) -> None:
        if isinstance(where, slice):
            rows, columns = slice(*where.indices(len(self))[:2]), slice(0, prod(self.shape[1:]))
        else:
            each = prod(self.shape[2:])
            rows, columns = slice(0, len(self)), slice(where[1] * each, (where[1] + 1) * each)
        self.file.write(rows, columns, values.reshape(len(values), -1))

    def _row(self, number: int) -> Floats:
        return self[int(number) : int(number) + 1]
