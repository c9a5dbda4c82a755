"""Smooth surfaces over a detector: what an even light, or a thermal background, looks like."""

import numpy as np

from exosift.types import Floats

_ORDER = 3


def smooth_modes(size: int) -> Floats:
    """Products of Legendre polynomials up to the third order (mode, y, x), each of mean 0, rms 1.

    They are orthogonal over the square; the constant is not among them.
    """
    axis = (2 * np.arange(size) + 1) / size - 1
    along = np.polynomial.legendre.legvander(axis, _ORDER).T
    pairs = [(i, j) for i in range(_ORDER + 1) for j in range(_ORDER + 1) if 0 < i + j <= _ORDER]
    modes = np.stack([along[i][:, None] * along[j] for i, j in pairs])
    modes -= modes.mean(axis=(1, 2), keepdims=True)
    return np.asarray(modes / modes.std(axis=(1, 2), keepdims=True))
