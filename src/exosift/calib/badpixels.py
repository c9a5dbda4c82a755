"""Fill isolated bad pixels from their neighbours, and remember which they were.

A quadratic surface, fitted with Gaussian weights to the good pixels of a 5×5 window, follows the
curvature of a speckle, which a local mean would cut off.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from exosift.types import Bools, Floats

_REACH = 2
_WIDTH = 1.5  # of the Gaussian weights [px]
_NEEDED = 12  # good pixels of the 24 around; fewer mean a clump or an edge, which stays NaN


def fill_isolated(frames: Floats) -> tuple[Floats, Bools]:
    """Frames (time, y, x) with NaN at bad pixels → frames with the isolated ones filled, the mask.

    The mask (time, y, x) is True where a pixel was not measured, filled or not. Pixels with fewer
    than 12 good neighbours stay NaN.
    """
    mask = ~np.isfinite(frames)
    filled = np.where(mask, frames.dtype.type(np.nan), frames)
    if not mask.any():
        return filled, mask
    where = np.nonzero(mask)
    padded = np.pad(filled, [(0, 0), (_REACH, _REACH), (_REACH, _REACH)], constant_values=np.nan)
    side = 2 * _REACH + 1
    windows = sliding_window_view(padded, (side, side), axis=(1, 2))[where]
    values = windows.reshape(-1, side * side).astype(np.float64)
    good = np.isfinite(values)
    enough = good.sum(axis=1) >= _NEEDED
    y, x = (a.ravel() for a in np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1])
    surface = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1).astype(np.float64)
    weight = np.where(good[enough], np.exp(-(x**2 + y**2) / (2 * _WIDTH**2)), 0.0)
    normal = np.einsum("pi,ij,ik->pjk", weight, surface, surface)
    target = np.einsum("pi,ij,pi->pj", weight, surface, np.nan_to_num(values[enough]))
    centre = np.linalg.solve(normal, target[..., None])[:, 0, 0]
    filled[tuple(axis[enough] for axis in where)] = centre
    return filled, mask
