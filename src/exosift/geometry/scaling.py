"""Rescale frames about their centre, as speckles scale with wavelength: by sincs or cubic splines.

Speckles of two wavelengths lie in the same places once one image is stretched by the ratio of the
wavelengths; companions do not (Sparks & Ford 2002, ApJ 578, 543). Columns and rows are resampled
alike and apart, so a frame becomes A · frame · Aᵀ: two matrix products, one small A a factor.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.resampling import Interpolation, around_gaps
from exosift.types import Bools, Floats, Ints, Shape

Conserved = Literal["flux", "brightness"]
"""What a rescaled source keeps: its sum over the image, or its value a pixel."""

# Pixels of one piece of work, eight frames of 101 × 101 px: they stay in the core's cache.
_PIXELS = 90_000


def rescale(
    cube: Floats,
    factor: Floats,
    method: Interpolation = "fourier",
    mask: Bools | None = None,
    conserve: Conserved = "flux",
) -> Floats:
    """Stretch frames by `factor` about their centre (Sparks & Ford 2002): r goes to factor · r.

    cube is (..., y, x) with square frames; factor, more than 0, is (frame,) or whatever broadcasts
    to the cube's leading axes; the result has the cube's shape and precision. NaN marks what a
    frame did not see: pixels that were NaN, and, where it shrank, those outside it. NaN does not
    spread. `mask`, of the cube's shape, marks pixels whose value was filled in: they are NaN in the
    result, and their neighbours lose nothing. Raises BadInput for a factor that is not positive.

    `conserve` "flux" keeps the sum over a source, and so the flux in an aperture that scales with
    the wavelength; "brightness" keeps the values, as of a background. They differ by factor².
    """
    size = cube.shape[-1]
    frames = cube.reshape(-1, size, size)
    masks = None if mask is None else mask.reshape(frames.shape)
    groups = _alike(factor, cube.shape[:-2])
    stretches = threads.over(lambda one: _Stretch.by(one[0], size, method, conserve), groups)
    most = max(1, min(-(-len(frames) // threads.budget()), _PIXELS // size**2))
    pieces = [
        (stretch, members[block])
        for stretch, (_, members) in zip(stretches, groups, strict=True)
        for block in threads.blocks(len(members), most)
    ]
    rescaled = np.full_like(frames, np.nan)

    def work(piece: tuple[_Stretch, Ints]) -> None:
        stretch, members = piece
        seen = None if masks is None else masks[members]
        rescaled[members, stretch.field, stretch.field] = stretch.of(frames[members], seen)

    threads.over(work, pieces)
    return rescaled.reshape(cube.shape)


def _alike(factor: Floats, shape: Shape) -> list[tuple[float, Ints]]:
    """Each factor and the frames, of this shape, that it is for."""
    factors, kind = np.unique(np.broadcast_to(factor, shape), return_inverse=True)
    for one in factors:
        if not 0 < one < np.inf:
            raise BadInput(
                f"a frame is to be rescaled by {one:g}, expected a finite factor above 0"
            )
    return [(float(one), np.flatnonzero(kind.ravel() == i)) for i, one in enumerate(factors)]


@dataclass(frozen=True, eq=False)
class _Stretch:
    """A stretch by one factor: the rows `field` that the stretched frame covers, and columns alike.

    weights (row, pixel) make them of the frame's pixels; a row is lost with any pixel of `origin`
    (row, pixel).
    """

    field: slice
    weights: Floats
    origin: Bools

    @classmethod
    def by(cls, factor: float, size: int, method: Interpolation, conserve: Conserved) -> "_Stretch":
        """The stretch by `factor` of frames of `size` px."""
        offsets = np.arange(size) - (size - 1) / 2
        places = offsets[np.abs(offsets) <= factor * size / 2]
        weights = (_sinc if method == "fourier" else _spline)(places, size, factor)
        if conserve == "flux":
            weights = weights / factor
        # The nearest pixel, or where the frame shrinks all that fall into one: none is lost.
        apart = np.abs(places[:, None] - factor * offsets)
        rim = (size - len(places)) // 2
        return cls(slice(rim, size - rim), weights, apart <= max(1.0, factor) / 2)

    def of(self, frames: Floats, mask: Bools | None) -> Floats:
        """The stretched frames (frame, row, column), NaN where there was one or a mask."""
        weights, origin = self.weights.astype(frames.dtype), self.origin.astype(np.float32)
        return around_gaps(
            frames,
            mask,
            lambda images: weights @ (images @ weights.T),
            lambda unseen: origin @ (unseen @ origin.T) > 0,
        )


def _sinc(places: Floats, size: int, factor: float) -> Floats:
    """Weights (place, pixel) of an endless sinc: exact for band-limited images.

    Where the frame shrinks the sinc widens, so that detail finer than the new pixels, which well
    sampled images do not have but noise does, is left out instead of folded in. The frame goes on
    with its edge values, fading out over its own length; cut off, it would ring.
    """
    band = min(1.0, factor)
    pixels = np.arange(-size, 2 * size) - (size - 1) / 2
    weights = band * np.sinc(band * (places[:, None] / factor - pixels))
    fade = np.cos(np.pi / 2 * np.arange(1, size + 1) / (size + 1)) ** 2
    before, frame, after = np.split(weights, 3, axis=1)
    frame[:, 0] += before @ fade[::-1]
    frame[:, -1] += after @ fade
    return frame


def _spline(places: Floats, size: int, factor: float) -> Floats:
    """Weights (place, pixel) of cubic splines, which go on with their edge values."""
    from scipy import ndimage  # slow to load, and splines are the exception

    first = (size - 1) / 2 + places[0] / factor
    shape = (len(places), size)
    step = (1 / factor, 1.0)
    return np.asarray(
        ndimage.affine_transform(np.eye(size), step, (first, 0.0), shape, order=3, mode="nearest")
    )
