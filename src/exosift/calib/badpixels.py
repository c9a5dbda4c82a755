"""Fill bad pixels from their good neighbours, and remember which they were.

A quadratic surface, fitted with Gaussian weights to the good pixels of a 5×5 window, follows the
curvature of a speckle, which a local mean would cut off. Its value at the centre is a weighted sum,
and the weights depend only on which of the 24 neighbours are good: they are worked out once for
each pattern that occurs, however many frames and pixels share it.
"""

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.types import Bools, Floats, Ints

_REACH = 2
_WIDTH = 1.5  # of the Gaussian weights [px]
_NEEDED = 12  # good pixels of the 24 around; with fewer the surface hangs over an edge
_Y, _X = (axis.ravel() for axis in np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1])
_PIXELS = 1 << 15  # bad pixels filled in one piece of work: a few MB


def fill_isolated(frames: Floats) -> tuple[Floats, Bools]:
    """Frames (time, y, x) with NaN at bad pixels → frames with the isolated ones filled, the mask.

    The mask (time, y, x) is True where a pixel was not measured, filled or not. Pixels with fewer
    than 12 good neighbours stay NaN.
    """
    return fill(frames, layers=1)


def fill(frames: Floats, bad: Bools | None = None, layers: int = 4) -> tuple[Floats, Bools]:
    """Fill NaN, and pixels `bad` in (y, x) or (time, y, x), from their surroundings.

    Clumps are filled from their edges inwards, one layer after another, those filled serving the
    next; what lies deeper than `layers` stays NaN. A filled value is a guess, the worse the deeper:
    the mask (time, y, x) that comes with the frames is True wherever a pixel was not measured.
    """
    if bad is not None and bad.shape not in (frames.shape, frames.shape[1:]):
        raise BadInput(
            f"the bad pixels have shape {bad.shape}, expected {frames.shape[1:]} or {frames.shape}"
        )
    mask = np.isfinite(frames)
    np.logical_not(mask, out=mask)
    if bad is not None:
        mask |= bad
    filled = frames.copy()
    # Found in a flat view, for which NumPy has a way several times as fast.
    places = np.stack(np.unravel_index(np.flatnonzero(mask), mask.shape))
    filled[tuple(places)] = np.nan
    for _ in range(layers):
        values = _layer(filled, places)
        filled[tuple(places)] = values
        left = np.isnan(values)
        if left.all() or not left.any():
            break
        places = places[:, left]
    return filled, mask


def _layer(frames: Floats, places: Ints) -> Floats:
    """Values at places (3, pixel) = (time, y, x) that have enough good neighbours, or NaN."""

    def work(block: slice) -> Floats:
        return _surface(frames, *places[:, block])

    pieces = threads.over(work, threads.blocks(places.shape[1], _PIXELS))
    return np.concatenate([np.empty(0, frames.dtype), *pieces])


def _surface(frames: Floats, time: Ints, y: Ints, x: Ints) -> Floats:
    """Value at pixels (time, y, x) of the surface through their good neighbours, or NaN."""
    rows, columns = y[:, None] + _Y, x[:, None] + _X
    height, width = frames.shape[1:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    values = frames[time[:, None], rows.clip(0, height - 1), columns.clip(0, width - 1)]
    good = inside & ~np.isnan(values)
    code = good @ (1 << np.arange(good.shape[1]))
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    weights = _weights(good[first])[which]
    return np.asarray((weights * np.where(good, values, 0)).sum(axis=1), dtype=frames.dtype)


def _weights(good: Bools) -> Floats:
    """Weights (pattern, 25) of the surface's value at the centre; NaN with too few good pixels."""
    surface = np.stack([np.ones_like(_X), _X, _Y, _X**2, _X * _Y, _Y**2], axis=1).astype(float)
    weight = np.where(good, np.exp(-(_X**2 + _Y**2) / (2 * _WIDTH**2)), 0.0)
    enough = good.sum(axis=1) >= _NEEDED
    moments = (surface[:, :, None] * surface[:, None, :]).reshape(len(surface), -1)
    normal = (weight @ moments).reshape(-1, 6, 6)
    normal[~enough] = np.eye(6)
    constant = np.linalg.solve(normal, np.eye(6)[:, :1])[..., 0]
    weights = (constant @ surface.T) * weight
    weights[~enough] = np.nan
    return np.asarray(weights)
