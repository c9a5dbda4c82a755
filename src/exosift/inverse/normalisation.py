"""The spread that an S/N map has, by which it is normalised (Cantalloube et al. 2015)."""

import numpy as np

from exosift.geometry.grid import radius_map
from exosift.types import Floats

# The median absolute deviation of a unit Gaussian.
_MAD = 0.6744897501960817


def radial_spread(snr: Floats, half_width: float) -> Floats:
    """Robust standard deviation of a map (y, x) at each pixel's distance from its centre.

    That of the ring within `half_width` [px] of it, by the median absolute deviation, so that
    companions do not count; NaN where the ring has no finite pixel.
    """
    radius = radius_map(snr.shape)
    seen = np.isfinite(snr)
    order = np.argsort(radius[seen], kind="stable")
    distance, values = radius[seen][order], snr[seen][order]
    steps = np.arange(np.ceil(radius.max()) + 1)
    first = np.searchsorted(distance, steps - half_width)
    last = np.searchsorted(distance, steps + half_width, side="right")
    spread = [_robust(values[a:b]) if b > a else np.nan for a, b in zip(first, last, strict=True)]
    return np.asarray(np.interp(radius, steps, spread))


def _robust(values: Floats) -> float:
    """Standard deviation of Gaussian values with outliers."""
    return float(np.median(np.abs(values - np.median(values))) / _MAD)
