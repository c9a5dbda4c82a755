"""Find the star: least-squares fits of a Gaussian, a Moffat, or the ring that a vortex leaves.

Behind an AGPM the star is a bright ring around a hole: a Gaussian minus a narrower concentric one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage
from scipy.optimize import least_squares

from exosift import threads
from exosift.errors import Failed
from exosift.types import Floats, Point

Profile = Callable[[Floats, Floats], Floats]

# A star must explain this share of the variance in its window; a fit to noise alone stays below.
_EXPLAINED = 0.2


@dataclass(frozen=True)
class Centring:
    """How the star is found.

    method: "gaussian", "moffat", or "agpm" (Gaussian minus Gaussian). radius: of the window around
    the star [FWHM]. frames: "together" fits the median of frames that are aligned already, "each"
    fits every frame by itself.
    """

    method: Literal["gaussian", "moffat", "agpm"] = "gaussian"
    radius: float = 2.0
    frames: Literal["together", "each"] = "each"


# Each profile: its shape as a function of squared radius and shape parameters, both in units of
# the squared FWHM; first guesses of amplitude and shape.
def _gaussian(squared: Floats, p: Floats) -> Floats:
    return np.asarray(p[0] * np.exp(-squared / p[1] ** 2))


def _moffat(squared: Floats, p: Floats) -> Floats:
    return np.asarray(p[0] * (1 + squared / p[1] ** 2) ** -abs(p[2]))


def _ring(squared: Floats, p: Floats) -> Floats:
    return np.asarray(p[0] * np.exp(-squared / p[1] ** 2) - p[2] * np.exp(-squared / p[3] ** 2))


_PROFILES: dict[str, tuple[Profile, list[float]]] = {
    "gaussian": (_gaussian, [1.0, 0.6]),
    "moffat": (_moffat, [1.0, 1.0, 2.5]),
    "agpm": (_ring, [1.5, 1.6, 1.0, 0.6]),
}


def find_star(frames: Floats, fwhm: float, centring: Centring) -> Floats:
    """Star positions (time, 2) = (x, y) [px] in frames (time, y, x).

    With frames "together" all positions are the same. Raises Failed naming the frame where no star
    fits, with what the fit found.
    """
    seen = ~np.isnan(frames).all(axis=0)
    median = np.full(frames.shape[1:], np.nan)
    median[seen] = np.nanmedian(frames[:, seen], axis=0)
    guess = _brightest(median, fwhm)
    together = _fit(median, guess, fwhm, centring, "the median frame")
    if centring.frames == "together":
        return np.tile(together, (len(frames), 1))

    def work(index: int) -> Point:
        return _fit(frames[index], together, fwhm, centring, f"frame {index}")

    return np.array(threads.over(work, range(len(frames))))


def _brightest(image: Floats, fwhm: float) -> Point:
    """Peak (x, y) of an image smoothed over one FWHM, which also closes a vortex's hole."""
    smooth = ndimage.gaussian_filter(np.nan_to_num(image), fwhm / 2)
    y, x = np.unravel_index(np.argmax(smooth), image.shape)
    return float(x), float(y)


def _fit(image: Floats, guess: Point, fwhm: float, centring: Centring, name: str) -> Point:
    """Centre (x, y) [px] of the star in image (y, x) near `guess`."""
    y, x = np.nonzero(np.isfinite(image))
    window = centring.radius * fwhm
    near = np.hypot(x - guess[0], y - guess[1]) <= window
    x, y, values = x[near], y[near], image[y[near], x[near]].astype(np.float64)
    profile, shape = _PROFILES[centring.method]
    if values.size <= len(shape) + 3:
        raise Failed(f"{name}: only {values.size} usable pixels around x={guess[0]}, y={guess[1]}")
    low, scale = float(np.percentile(values, 5)), max(float(np.ptp(values)), 1e-300)

    def misfit(p: Floats) -> Floats:
        squared = ((x - p[0]) ** 2 + (y - p[1]) ** 2) / fwhm**2
        return np.asarray(profile(squared, p[3:]) + p[2] - (values - low) / scale)

    fit = least_squares(misfit, [*guess, 0.0, *shape])
    moved = float(np.hypot(fit.x[0] - guess[0], fit.x[1] - guess[1]))
    variance = float(np.var(values / scale))
    explained = 1.0 - 2 * fit.cost / values.size / variance if variance > 0 else 0.0
    if not fit.success or moved > window or explained < _EXPLAINED:
        raise Failed(
            f"{name}: no star found by the {centring.method} fit (moved {moved:.1f} px from the "
            f"brightest spot x={guess[0]:.0f}, y={guess[1]:.0f}, explains {explained:.0%} of "
            "the variance); try another register.method or radius, or drop the frame"
        )
    return float(fit.x[0]), float(fit.x[1])
