"""Room for turned frames: memory, or scratch files on the node's own disk."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from exosift.compute.lessons import Lesson, turned_bytes
from exosift.compute.memory import job_memory
from exosift.io.scratch import Scratch, node_disk, scratch_folder
from exosift.learn.turned import Room, Values
from exosift.types import Floats, Ints, Shape

# Turned frames that are kept at a time: under a sequence's angles, and under their negatives.
_KEPT = 2


@contextmanager
def turned_room(lesson: Lesson, needed: float, memory: float | None) -> Iterator[Room]:
    """Where the turned frames of what teaches, or is mapped, go.

    needed: MB of the job with all of them in memory; memory: MB that may be used, or what the job
    has. What needs more is kept on disk until nobody holds it any more, or the block ends. Raises
    Transient where that is too full.
    """
    if needed <= (memory or job_memory()):
        yield _array
        return
    with scratch_folder(int(_KEPT * turned_bytes(lesson)), node_disk()) as folder:
        numbers = count()
        yield lambda shape: _OnDisk.of(folder / f"turned{next(numbers)}", shape)


def _array(shape: Shape) -> Values:
    return np.empty(shape, np.float32)


@dataclass(frozen=True, eq=False)
class _OnDisk:
    """Values (pixel, turn, time) in a file, those of a pixel side by side."""

    file: Scratch
    shape: Shape

    @classmethod
    def of(cls, path: Path, shape: Shape) -> Values:
        """A new file, which is gone when nobody holds it any more."""
        pixels, turns, times = shape
        held = cls(Scratch(path, pixels, np.array([0, turns * times]), "float32"), shape)
        weakref.finalize(held, path.unlink, missing_ok=True)
        return held

    def __getitem__(self, pixels: slice | Ints) -> Floats:
        _, turns, times = self.shape
        if isinstance(pixels, slice):
            return self.file.read(pixels, slice(0, turns * times)).reshape(-1, turns, times)
        return np.concatenate([self[pixel : pixel + 1] for pixel in pixels])

    def __setitem__(self, every_turn: tuple[slice, int], values: Floats) -> None:
        (_, turn), (pixels, _, times) = every_turn, self.shape
        self.file.write(slice(0, pixels), slice(turn * times, (turn + 1) * times), values)
