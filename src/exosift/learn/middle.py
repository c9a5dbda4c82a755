"""The middle of the frames: what rings and their patches lie on, and some way beyond.

Nothing farther out matters to them, so large frames need not be read whole, nor turned.
"""

from dataclasses import replace

import numpy as np

from exosift.learn.mlar import Mlar
from exosift.sequence import Sequence
from exosift.types import Floats, Shape

# How far [FWHM] beyond the outermost patch frames are kept, at least: a companion's light on them
# is whole, and what interpolation makes of the cut is not seen.
_BEYOND = 3.0


def side_of(size: int, fwhm: float, asked: Mlar, outermost: float) -> int:
    """Side [px] of the square about the star that rings to `outermost` [FWHM] take of frames."""
    beyond = max(_BEYOND, asked.zone)
    reach = int(np.ceil((outermost + beyond) * fwhm)) + asked.side(fwhm) // 2
    return int(min(size, 2 * reach + size % 2))


def inside(size: int, side: int) -> tuple[slice, slice]:
    """Rows and columns of the middle `side` [px] of frames of `size`."""
    first = (size - side) // 2
    return slice(first, first + side), slice(first, first + side)


def middle_of(sequence: Sequence, asked: Mlar, outermost: float) -> Sequence:
    """The sequence with as much of its frames as rings to `outermost` [FWHM] take."""
    size = sequence.cube.shape[-1]
    side = side_of(size, sequence.observation.fwhm[0], asked, outermost)
    if side == size:
        return sequence
    part = (..., *inside(size, side))
    variance = None if sequence.variance is None else sequence.variance[part]
    (x, y), first = sequence.observation.star, part[1].start
    return replace(
        sequence,
        cube=sequence.cube[part],
        mask=sequence.mask[part],
        variance=variance,
        observation=replace(sequence.observation, star=(x - first, y - first)),
    )


def framed(image: Floats, shape: Shape) -> Floats:
    """An image (y, x) of the middle as one of this shape, NaN around it."""
    found = np.full(shape, np.nan, image.dtype)
    found[inside(shape[-1], image.shape[-1])] = image
    return found
