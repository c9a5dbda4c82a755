"""What every resampling of frames shares: the ways to interpolate, and what becomes of gaps."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from exosift.types import Bools, Floats

Interpolation = Literal["fourier", "spline"]
"""Exact for band-limited images, or without ringing next to sharp edges."""


def around_gaps(
    frames: Floats,
    mask: Bools | None,
    resample: Callable[[Floats], Floats],
    carry: Callable[[Bools], Bools],
) -> Floats:
    """Frames resampled with their NaN as zeros; NaN again wherever `carry` takes those to.

    `mask`, of the frames' shape, marks pixels whose value was filled in: they are resampled like
    any other, so that their neighbours lose nothing, and are NaN in the result.
    """
    unseen = np.isnan(frames)
    if unseen.any():
        frames = np.where(unseen, frames.dtype.type(0), frames)
    resampled = resample(frames)
    if mask is not None:
        unseen |= mask
    if unseen.any():
        resampled[carry(unseen)] = np.nan
    return resampled
