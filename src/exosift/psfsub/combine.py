"""Combine derotated frames into one image. NaN carries no weight."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

import numpy as np

from exosift import threads
from exosift.types import Floats, Ints

Combination = Literal["median", "mean"]

# Frames that are summed before their sums are, wherever it is done: the order of a sum decides its
# last bits.
GROUP = 32


def combine(frames: Floats, how: Combination) -> Floats:
    """Frames (time, y, x) → image (y, x); NaN where no frame saw the pixel."""
    flat = frames.reshape(len(frames), -1)
    image = np.empty(flat.shape[1], flat.dtype)
    over_time = median if how == "median" else mean

    def work(pixels: slice) -> None:
        image[pixels] = over_time(flat[:, pixels])

    threads.over(work, threads.spans(flat.shape[1]), products=False)
    return image.reshape(frames.shape[1:])


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of frames in float64, and how many frames had a value: (pixel,) each."""

    total: Floats
    count: Ints

    @classmethod
    def none(cls, pixels: int) -> "Sums":
        """The sums of no frames."""
        return cls(np.zeros(pixels), np.zeros(pixels, dtype=int))

    def and_then(self, frames: Floats) -> "Sums":
        """These sums and more frames (time, pixel), one after another; NaN is no value."""
        seen = ~np.isnan(frames)
        total = self.total.copy()
        for frame, values in zip(frames, seen, strict=True):
            np.add(total, frame, out=total, where=values)
        return Sums(total, self.count + seen.sum(axis=0))

    def __add__(self, other: "Sums") -> "Sums":
        """The sums of both."""
        return Sums(self.total + other.total, self.count + other.count)

    def mean(self) -> Floats:
        """The mean (pixel,), NaN where no frame saw the pixel."""
        image = np.full(self.count.shape, np.nan)
        return np.asarray(np.divide(self.total, self.count, out=image, where=self.count > 0))


def mean(frames: Floats) -> Floats:
    """Mean over the first axis of (time, pixel), in float64, of what is not NaN."""
    none = Sums.none(frames.shape[1])
    groups = (none.and_then(frames[group]) for group in threads.blocks(len(frames), GROUP))
    return np.asarray(reduce(add, groups).mean(), frames.dtype)


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
