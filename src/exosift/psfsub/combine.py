"""Combine derotated frames into one image. NaN carries no weight."""

from typing import Literal

import numpy as np

from exosift import threads
from exosift.types import Floats

Combination = Literal["median", "mean"]


def combine(frames: Floats, how: Combination) -> Floats:
    """Frames (time, y, x) → image (y, x); NaN where no frame saw the pixel."""
    flat = frames.reshape(len(frames), -1)
    image = np.empty(flat.shape[1], flat.dtype)
    reduce = median if how == "median" else mean

    def work(pixels: slice) -> None:
        image[pixels] = reduce(flat[:, pixels])

    threads.over(work, threads.spans(flat.shape[1]), products=False)
    return image.reshape(frames.shape[1:])


def mean(frames: Floats) -> Floats:
    """Mean over the first axis of (time, pixel), in float64, of what is not NaN."""
    seen = ~np.isnan(frames)
    count = seen.sum(axis=0)
    total = np.sum(frames, axis=0, dtype=np.float64, where=seen)
    image = np.full(count.shape, np.nan)
    return np.asarray(np.divide(total, count, out=image, where=count > 0), frames.dtype)


def median(frames: Floats) -> Floats:
    """Median over the first axis of (time, pixel) of what is not NaN.

    Sorting puts NaN last, so the middle of the finite ones is found by their count.
    """
    ordered = np.sort(np.ascontiguousarray(frames.T), axis=1)
    count = (~np.isnan(ordered)).sum(axis=1)
    pixel = np.arange(len(ordered))
    low = ordered[pixel, np.maximum(count - 1, 0) // 2]
    high = ordered[pixel, np.minimum(count // 2, len(frames) - 1)]
    return np.asarray(low + (high - low) / 2)
