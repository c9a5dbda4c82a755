"""`python -m benchmarks.neighbours [IMAGES]`: false positives of ADI, whose neighbours are unlike.

ADI takes from each frame what its neighbours on the circle hold, so apertures on a circle are
correlated, which Student's t does not know. On images of white cubes, at pixels of four circles,
three statistics: as Mawet et al. (2014); the same without the two touching neighbours; and
Student's t of generalised least squares, with the correlation that follows from the covariance of
the residual frames in time, and the variance that a sum of white pixels has at each place.
"""

import argparse
from functools import cache

import numpy as np
from scipy.special import stdtr

from benchmarks.false_positives import FWHM, RADII, REDUCTION, SIZE
from exosift import threads
from exosift.detect.snr import resolution_elements
from exosift.geometry.grid import centre_of
from exosift.photometry.apertures import ApertureSums, disc_overlap
from exosift.psfsub.engine import image, subtract
from exosift.psfsub.stack import Rows, Stack
from exosift.types import Floats, Ints

NOMINAL = (0.1, 0.01, 0.001)
SCENES = {"12 frames": np.linspace(0, 80, 12), "48 frames": np.linspace(0, 80, 48)}
"""Angles [deg]; three modes are taken from either."""

_FINE = 16  # steps a pixel in which the correlation of apertures is told


@cache
def overlap() -> tuple[Floats, Floats]:
    """Distance [px], and the correlation of sums of white pixels in two discs that far apart."""
    axis = (np.arange(32 * _FINE) - 16 * _FINE) / _FINE
    weight = disc_overlap(axis[None], axis[:, None], FWHM / 2)
    power = np.abs(np.fft.rfft2(weight)) ** 2
    alike = np.fft.fftshift(np.fft.irfft2(power))
    row = alike[16 * _FINE, 16 * _FINE :]
    return np.arange(len(row)) / _FINE, row / row[0]


def spread(x: Floats, y: Floats) -> Floats:
    """Standard deviation of a sum of white pixels of unit variance in a disc at (x, y) [px]."""
    around = np.arange(-4, 6)
    across = (around - (x % 1)[..., None])[..., None, :]
    up = (around - (y % 1)[..., None])[..., :, None]
    return np.asarray(np.sqrt((disc_overlap(across, up, FWHM / 2) ** 2).sum(axis=(-1, -2))))


def correlation(residuals: Floats, angle: Floats, lag: Floats, radius: float) -> Floats:
    """Correlation (aperture,) on a circle of the median of residuals (time, y, x) turned.

    lag (aperture,) [rad] is from the first. The median of Gaussian values goes with the arcsine of
    their correlation, their mean with itself.
    """
    frames = residuals.reshape(len(residuals), -1).astype(np.float64)
    alike = np.arcsin(np.clip(np.corrcoef(frames), -1, 1))
    turn = np.radians(angle[:, None] - angle)
    apart = 2 * radius * np.abs(np.sin((lag[:, None, None] + turn) / 2))
    found = np.einsum("ts,ats->a", alike, np.interp(apart, *overlap()))
    return np.asarray(found / found[0])


def apart_by(count: int) -> Ints:
    """How many apertures (aperture, aperture) lie from one to another."""
    return np.abs(np.subtract.outer(np.arange(count), np.arange(count)))


def student(values: Floats, alike: Floats) -> float:
    """Fraction of the first of values (aperture,) among the others, of that correlation."""
    inverse = np.linalg.inv(alike)
    rows = inverse.sum(axis=0)
    projection = inverse - np.outer(rows, rows) / rows.sum()  # no common mean
    left = projection @ values
    freedom = len(values) - 2
    variance = (left @ values - left[0] ** 2 / projection[0, 0]) / freedom
    return float(stdtr(freedom, -left[0] / np.sqrt(projection[0, 0] * variance)))


def fractions(rng: np.random.Generator, angle: Floats) -> Floats:
    """False-positive fractions (statistic, circle) at a pixel of each circle of an image."""
    frames = rng.standard_normal((len(angle), SIZE, SIZE), dtype=np.float32)
    rows = Rows(angle, np.ones(len(angle)), np.arange(len(angle)), np.ones(len(angle), bool))
    left = subtract(Stack(frames, rows), FWHM, REDUCTION)[0]
    sums = ApertureSums.of(image(left, angle, REDUCTION), FWHM / 2)
    x0, y0 = centre_of(frames.shape)
    found = []
    for turn, about in zip(rng.uniform(0, 2 * np.pi, len(RADII)), RADII, strict=True):
        dx, dy = np.rint(about * np.cos(turn)), np.rint(about * np.sin(turn))
        radius, count = np.hypot(dx, dy), int(resolution_elements(np.hypot(dx, dy), FWHM))
        along = 2 * np.arcsin(FWHM / 2 / radius) * np.arange(count)
        start = np.arctan2(dy, dx)
        x, y = x0 + radius * np.cos(start + along), y0 + radius * np.sin(start + along)
        values = sums.at(x, y).astype(np.float64)
        alike = correlation(left, angle, along, radius)[apart_by(count)]
        without = np.delete(values, [1, count - 1])
        found.append(
            (
                student(values, np.eye(count)),
                student(without, np.eye(count - 2)),
                student(values / spread(x, y), alike),
            )
        )
    return np.array(found).T


def main() -> None:
    """Print measured over nominal rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("images", nargs="?", type=int, default=25_000)
    images = parser.parse_args().images
    names = ("as it is", "without neighbours", "whitened")
    print("measured over nominal rate at 1e-1, 1e-2 and 1e-3, and its binomial error")
    for scene, angle in SCENES.items():
        rng = np.random.default_rng(31)
        told = np.stack([fractions(rng, angle) for _ in range(images)], axis=1)
        for name, of in zip(names, told, strict=True):
            rates = [f"{np.mean(of <= p) / p:.3f} ± {(p * of.size) ** -0.5:.3f}" for p in NOMINAL]
            print(f"{scene}  {name:18}", *rates, flush=True)


if __name__ == "__main__":
    with threads.limit(1):
        main()
