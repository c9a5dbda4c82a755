"""Long sequences in blocks of frames: what is in memory is the blocks at work, not the cube."""

import sys
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

from tqdm import tqdm

from exosift import threads
from exosift.psfsub.combine import GROUP
from exosift.types import Bools, Floats

Result = TypeVar("Result")

# A block of frames is at most so many bytes of float32; a step holds some copies of it a thread.
BLOCK = 16 * 2**20
"""Bytes of a block."""

TILE = 64 * 2**20
"""Bytes of what is at work where a sequence does not fit into memory."""

SAMPLE = 200
"""Frames, evenly spread over a sequence, in whose median the star is found."""

USUAL = 50
"""Frames whose median is what is usual at every pixel."""


@dataclass(frozen=True, eq=False)
class Block:
    """Frames (wavelength, time, y, x), their mask, and their variance where there is one."""

    cube: Floats
    mask: Bools
    variance: Floats | None = None


def frames_together(frame: int) -> int:
    """How many frames make a block, when one has `frame` values in all its wavelengths."""
    return max(1, BLOCK // (4 * frame))


def together(frame: int, most: int = TILE // 2) -> int:
    """How many frames of `frame` bytes go together, in at most so many: a power of two of them.

    Each divides the groups in which frames are summed.
    """
    count = GROUP
    while count > 1 and count * frame > most:
        count //= 2
    return count


def stream(work: Callable[[slice], Result], count: int, size: int, name: str) -> list[Result]:
    """Results of `work` on slices of `size` out of `count` frames, in order; `name` for progress.

    Dask runs as many at once as there are threads in the budget, each of which then works alone.
    """
    import dask  # takes 0.2 s
    from dask.delayed import delayed

    workers, blocks = threads.budget(), threads.blocks(count, size)
    with (
        threads.limit(1),
        tqdm(desc=name, total=count, file=sys.stderr, leave=False, unit="frame") as bar,
    ):
        context = copy_context()

        def one(block: slice) -> Result:
            result = context.copy().run(work, block)
            bar.update(block.stop - block.start)
            return result

        tasks = [delayed(one, pure=False, traverse=False)(block) for block in blocks]
        with dask.config.set(scheduler="threads", num_workers=workers):
            return list(dask.compute(*tasks))
