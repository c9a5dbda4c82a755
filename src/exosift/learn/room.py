"""Where what is large is kept: in memory, or in what is read like an array of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from exosift.errors import BadInput
from exosift.types import Floats, Ints, Shape

# Values kept in memory at most, unless more room is made.
_MOST = 500_000_000


class Readable(Protocol):
    """An array of float32, or what is read like one by its first axis."""

    @property
    def shape(self) -> Shape:
        """Lengths of its axes."""

    def __len__(self) -> int: ...

    def __getitem__(self, some: slice | Ints, /) -> Floats: ...


class Values(Readable, Protocol):
    """What is written by its first axis, too, or all along it at one place of the second."""

    def __setitem__(self, where: slice | tuple[slice, int], values: Floats, /) -> None: ...


Keep = Callable[[Shape], Values]
"""Makes room for values of a shape."""


def in_memory(shape: Shape) -> Values:
    """An array. Raises BadInput for more than 2 GB."""
    if (count := np.prod(shape, dtype=float)) > _MOST:
        told = " × ".join(map(str, shape))
        raise BadInput(
            f"{told} values are {count / 2.5e8:.1f} GB, and memory holds 2 GB at once: average "
            "neighbouring frames, or ask for fewer samples"
        )
    return np.empty(shape, np.float32)


@dataclass(frozen=True)
class Room:
    """What has room where: turned frames (pixel, turn, time), samples (sample, level, y, x)."""

    turned: Keep = in_memory
    samples: Keep = in_memory


IN_MEMORY = Room()
