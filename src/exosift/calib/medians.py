"""Medians over time, of all frames or of all but some, at every pixel.

All values of a pixel are sorted once, NaN last. The median of all is then a matter of looking up,
and so is that of all but one: what followed the missing value has moved down by one place.
"""

import numpy as np

from exosift import threads
from exosift.types import Bools, Floats, Ints

_VALUES = 1 << 18  # sorted in one piece of work: they stay in the core's cache


def temporal_median(frames: Floats) -> Floats:
    """Median (y, x) of the values, not NaN, of frames (time, y, x); NaN where there are none."""
    everything = np.zeros((1, *frames.shape[1:]), np.result_type(frames, np.float32))
    take_medians(everything, frames, np.ones((1, len(frames)), dtype=bool))
    return np.asarray(-everything[0])


def take_medians(left: Floats, frames: Floats, usable: Bools) -> None:
    """Take off each of `left` (target, y, x), in place, the median of its usable frames.

    frames (frame, y, x), usable (target, frame). Where none of them has a value it becomes NaN.
    """
    rows, values = left.reshape(len(left), -1), frames.reshape(len(frames), -1)
    libraries, which = np.unique(usable, axis=0, return_inverse=True)

    def work(span: slice) -> None:
        here = values[:, span]
        whole = np.isfinite(here).all(axis=0)
        medians = np.empty((len(libraries), whole.size), left.dtype)
        # Pixels seen by all frames, nearly all of them, are kept apart: they need no counting.
        for columns in (np.flatnonzero(whole), np.flatnonzero(~whole)):
            medians[:, columns] = _medians(here[:, columns], libraries)
        rows[:, span] -= medians[which.ravel()]

    pieces = threads.blocks(rows.shape[1], max(1, _VALUES // len(values)))
    threads.over(work, pieces, products=False)


def _medians(values: Floats, libraries: Bools) -> Floats:
    """Medians (library, pixel) of values (frame, pixel), of the frames in each (library, frame)."""
    seen = np.isfinite(values)
    if seen.all():
        seen = seen[:, :1]
    ordered = np.sort(values, axis=0)
    medians = np.empty((len(libraries), values.shape[1]), values.dtype)
    for library, median in zip(libraries, medians, strict=True):
        count = seen[library].sum(axis=0)
        if (~library).sum() == 1:
            middle = _middle(ordered, count, values[~library][0])
        else:
            middle = _middle(ordered if library.all() else np.sort(values[library], axis=0), count)
        median[:] = np.where(count > 0, middle, np.nan)
    return medians


def _middle(ordered: Floats, count: Ints, without: Floats | None = None) -> Floats:
    """Middle (pixel,) of `count` ascending values (n, pixel), when one is left out of those given.

    count is (pixel,), or (1,) where it is the same for all.
    """
    last = len(ordered) - 1

    def at(place: Ints) -> Floats:
        if place.size == 1:
            return np.asarray(ordered[min(int(place[0]), last)])
        return np.asarray(np.take_along_axis(ordered, np.minimum(place, last)[None], axis=0)[0])

    def entry(place: Ints) -> Floats:
        value = at(place)
        return value if without is None else np.where(value >= without, at(place + 1), value)

    low, high = np.maximum(count - 1, 0) // 2, count // 2
    below = entry(low)
    if (low == high).all():
        return below
    return np.asarray((below + entry(high)) / 2, dtype=ordered.dtype)
