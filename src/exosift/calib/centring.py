"""Find the star: by the point symmetry of its halo, or by a least-squares fit of its core.

Phase aberrations give speckles in symmetric pairs about the star, coronagraph or not, so an image
correlates best with its own point reflection about the star. That needs no guess and is not
fooled by a bright speckle, and it is where the fits start: of a Gaussian, of a Moffat, or, behind a
vortex (AGPM), of the ring around a hole that is left: a Gaussian minus a narrower one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import fft

from exosift import threads
from exosift.errors import BadInput, Failed
from exosift.types import Floats, Point

Profile = Callable[[Floats, Floats], Floats]

# A star must explain this share of the variance in its window; a fit to noise alone stays below.
_EXPLAINED = 0.2


@dataclass(frozen=True)
class Centring:
    """How the star is found.

    method: "symmetry", or a fit of "gaussian", "moffat" or "agpm" (Gaussian minus Gaussian).
    radius: of the window that is fitted [FWHM]. frames: "together" places the median of frames
    that are aligned already, "each" places every frame by itself.
    """

    method: Literal["symmetry", "gaussian", "moffat", "agpm"] = "gaussian"
    radius: float = 2.0
    frames: Literal["together", "each"] = "each"

    def __post_init__(self) -> None:
        if self.radius <= 0:
            raise BadInput(f"radius is {self.radius:g} FWHM, expected more than 0")


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


def find_star(frames: Floats, fwhm: float, centring: Centring) -> Floats:
    """Star positions (time, 2) = (x, y) [px] in frames (time, y, x); fwhm [px].

    With frames "together" all positions are the same. Raises Failed naming the frame where no star
    fits, with what the fit found.
    """
    if centring.frames == "together":
        seen = ~np.isnan(frames).all(axis=0)
        median = np.full(frames.shape[1:], np.nan)
        median[seen] = np.nanmedian(frames[:, seen], axis=0)
        return np.tile(_place(median, fwhm, centring, "the median frame"), (len(frames), 1))

    def work(index: int) -> Point:
        return _place(frames[index], fwhm, centring, f"frame {index}")

    return np.array(threads.over(work, range(len(frames))))


def _place(image: Floats, fwhm: float, centring: Centring, name: str) -> Point:
    """Centre (x, y) [px] of the star in image (y, x)."""
    values = image[np.isfinite(image)]
    if not values.size or values.min() == values.max():
        raise Failed(f"{name}: empty, no star to find; drop the frame")
    middle = symmetry_centre(image)
    if centring.method == "symmetry":
        return middle
    return _fit(image, middle, fwhm, centring, name)


def symmetry_centre(image: Floats) -> Point:
    """Centre (x, y) [px] about which image (y, x) is most like its own point reflection.

    Σ I(p) I(2c − p) over pixels p is the image's convolution with itself, read at 2c. The square
    root of the intensity lets the halo weigh in beside the core.
    """
    light = np.sqrt(np.clip(np.nan_to_num(image - np.nanpercentile(image, 5)), 0, None))
    shape = [fft.next_fast_len(2 * length, real=True) for length in light.shape]
    likeness = fft.irfft2(fft.rfft2(light, shape) ** 2, shape)
    row, column = np.unravel_index(likeness.argmax(), likeness.shape)
    along_x = likeness[row].take([column - 1, column, column + 1], mode="wrap")
    along_y = likeness[:, column].take([row - 1, row, row + 1], mode="wrap")
    return (float(column) + _vertex(along_x)) / 2, (float(row) + _vertex(along_y)) / 2


def _vertex(values: Floats) -> float:
    """Where the parabola through three equally spaced values peaks, from the middle one."""
    below, peak, above = (float(v) for v in values)
    curvature = below - 2 * peak + above
    return 0.5 * (below - above) / curvature if curvature else 0.0


def _fit(image: Floats, start: Point, fwhm: float, centring: Centring, name: str) -> Point:
    """Centre (x, y) [px] of the profile that fits image (y, x) best around `start`."""
    from scipy.optimize import least_squares  # takes 0.3 s; only fits need it

    y, x = np.nonzero(np.isfinite(image))
    window = centring.radius * fwhm
    near = np.hypot(x - start[0], y - start[1]) <= window
    x, y, values = x[near], y[near], image[y[near], x[near]].astype(np.float64)
    profile, shape, low, high = _PROFILES[centring.method]
    if values.size <= len(shape) + 3:
        raise Failed(f"{name}: only {values.size} pixels with a value around the star; drop it")
    floor, scale = float(np.percentile(values, 5)), max(float(np.ptp(values)), 1e-300)

    def misfit(p: Floats) -> Floats:
        squared = ((x - p[0]) ** 2 + (y - p[1]) ** 2) / fwhm**2
        return np.asarray(profile(squared, p[3:]) + p[2] - (values - floor) / scale)

    free = [np.inf] * 3
    limits = ([-bound for bound in free] + low, free + high)
    fit = least_squares(misfit, [*start, 0.0, *shape], bounds=limits, x_scale="jac")
    moved = float(np.hypot(fit.x[0] - start[0], fit.x[1] - start[1]))
    variance = float(np.var(values / scale))
    explained = 1.0 - 2 * fit.cost / values.size / variance if variance > 0 else 0.0
    if not fit.success or moved > window or explained < _EXPLAINED:
        raise Failed(
            f"{name}: no star found by the {centring.method} fit (moved {moved:.1f} px from the "
            f"centre of symmetry x={start[0]:.1f}, y={start[1]:.1f}, explains {explained:.0%} of "
            "the variance); try another register.method or radius, or drop the frame"
        )
    return float(fit.x[0]), float(fit.x[1])
