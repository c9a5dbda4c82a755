"""The slow part of a series of measurements: robust straight lines over a moving window.

At each time a line is fitted to the window's values, near ones weighing most (tricube), and fitted
again without those far off it (Cleveland 1979, J. Am. Stat. Assoc. 74, 829).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from exosift.errors import BadInput
from exosift.types import Bools, Floats

_ROUNDS = 4
_FAR = 6.0  # median absolute deviations from the line at which a value has lost all its weight


def drift(values: Floats, window: int) -> Floats:
    """The drift of values (time, ·) over `window` frames on either side, at every time.

    NaN are no values, and get one; where a window holds fewer than three the result is NaN.
    """
    if window < 1:
        raise BadInput(f"drift is {window}, expected 1 frame or more on either side")
    steps = np.arange(-window, window + 1.0)
    near = (1 - np.abs(steps / (window + 1)) ** 3) ** 3
    margin = [(window, window)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values.astype(np.float64), margin, constant_values=np.nan)
    windows = sliding_window_view(padded, len(steps), axis=0)
    seen = np.isfinite(windows)
    data = np.where(seen, windows, 0)
    weight = near * seen
    middle = _line(data, weight, steps)[0]
    for _ in range(_ROUNDS):
        middle, slope = _line(data, weight, steps)
        apart = np.abs(data - middle[..., None] - slope[..., None] * steps)
        typical = _median(apart, seen)[..., None]
        share = apart / np.where(typical > 0, _FAR * typical, np.inf)
        weight = near * seen * np.clip(1 - share**2, 0, None) ** 2
    return np.where(seen.sum(axis=-1) >= 3, middle, np.nan)


def _line(data: Floats, weight: Floats, steps: Floats) -> tuple[Floats, Floats]:
    """Value at the window's middle and slope of the weighted straight line, each (time, ·)."""
    total = weight.sum(axis=-1)
    total = np.where(total > 0, total, np.nan)
    mean_step = (weight * steps).sum(axis=-1) / total
    mean = (weight * data).sum(axis=-1) / total
    away = steps - mean_step[..., None]
    spread = (weight * away**2).sum(axis=-1)
    slope = (weight * away * data).sum(axis=-1) / np.where(spread > 0, spread, np.inf)
    return mean - slope * mean_step, slope


def _median(values: Floats, seen: Bools) -> Floats:
    """Median along the last axis of the values that are seen; 0 where none is."""
    ordered = np.sort(np.where(seen, values, np.inf), axis=-1)
    place = np.maximum(seen.sum(axis=-1) - 1, 0) // 2
    middle = np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0]
    return np.where(np.isfinite(middle), middle, 0)
