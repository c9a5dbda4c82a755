"""The star by a least-squares fit of its core: a Gaussian, a Moffat, or a ring.

The ring is what a vortex (AGPM) leaves of the star around its centre: a Gaussian minus a narrower
one.
"""

from collections.abc import Callable

import numpy as np

from exosift.errors import Failed
from exosift.types import Floats, Point

Profile = Callable[[Floats, Floats], Floats]

# A star must explain this share of the variance in its window; a fit to noise alone stays below.
_EXPLAINED = 0.2


def _gaussian(squared: Floats, p: Floats) -> Floats:
    return np.asarray(p[0] * np.exp(-squared / p[1] ** 2))


def _moffat(squared: Floats, p: Floats) -> Floats:
    return np.asarray(p[0] * (1 + squared / p[1] ** 2) ** -p[2])


def _ring(squared: Floats, p: Floats) -> Floats:
    return np.asarray(p[0] * np.exp(-squared / p[1] ** 2) - p[2] * np.exp(-squared / p[3] ** 2))


# Each profile of squared radius [FWHM²]: its first guess (amplitudes and widths) and their limits.
_PROFILES: dict[str, tuple[Profile, list[float], list[float], list[float]]] = {
    "gaussian": (_gaussian, [1.0, 0.6], [0, 0.2], [10, 5]),
    "moffat": (_moffat, [1.0, 1.0, 2.5], [0, 0.2, 0.5], [10, 5, 20]),
    "agpm": (_ring, [1.5, 1.6, 1.0, 0.6], [0, 0.5, 0, 0.2], [10, 5, 10, 1.5]),
}


def fitted_core(image: Floats, start: Point, fwhm: float, method: str, radius: float) -> Point:
    """Centre (x, y) [px] of the profile that fits image (y, x) best within `radius` of `start`.

    start (x, y), fwhm and radius [px]; method names the profile. Raises Failed, with what the fit
    found, where there is no star.
    """
    from scipy.optimize import least_squares  # takes 0.3 s; only fits need it

    left, top = (max(0, int(place - radius)) for place in start)
    box = image[top : int(start[1] + radius) + 2, left : int(start[0] + radius) + 2]
    y, x = np.nonzero(np.isfinite(box))
    near = np.hypot(x + left - start[0], y + top - start[1]) <= radius
    values = box[y[near], x[near]].astype(np.float64)
    y, x = y[near] + top, x[near] + left
    profile, shape, low, high = _PROFILES[method]
    if values.size <= len(shape) + 3:
        raise Failed(f"only {values.size} pixels with a value around the star; drop it")
    floor, scale = float(np.percentile(values, 5)), max(float(np.ptp(values)), 1e-300)

    def misfit(p: Floats) -> Floats:
        squared = ((x - p[0]) ** 2 + (y - p[1]) ** 2) / fwhm**2
        return np.asarray(profile(squared, p[3:]) + p[2] - (values - floor) / scale)

    # Somewhat beyond the window, so that a centre that leaves it shows.
    far = 1.5 * radius
    limits = (
        [start[0] - far, start[1] - far, -np.inf, *low],
        [start[0] + far, start[1] + far, np.inf, *high],
    )
    fit = least_squares(misfit, [*start, 0.0, *shape], bounds=limits, x_scale="jac")
    moved = float(np.hypot(fit.x[0] - start[0], fit.x[1] - start[1]))
    variance = float(np.var(values / scale))
    explained = 1.0 - 2 * fit.cost / values.size / variance if variance > 0 else 0.0
    if not fit.success or moved > radius or explained < _EXPLAINED:
        raise Failed(
            f"no star found by the {method} fit (moved {moved:.1f} px from the "
            f"centre of symmetry x={start[0]:.1f}, y={start[1]:.1f}, explains {explained:.0%} of "
            "the variance); try another register.method or radius, or drop the frame"
        )
    return float(fit.x[0]), float(fit.x[1])
