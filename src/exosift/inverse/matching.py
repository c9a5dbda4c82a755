"""Images matched with templates, to be read at any place between the pixels.

The match Σ_u h(u − r) I(u) is a correlation: a product in Fourier space, where the division that
makes its values the coefficients of an interpolating cubic B-spline is one more factor (Unser 1999,
IEEE Signal Process. Mag. 16, 22).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import fft

from exosift import threads
from exosift.geometry.grid import radius_map
from exosift.types import Floats, Ints, Shape

# Coefficients beyond an image's edge that a cubic spline needs half a pixel outside it.
_MARGIN = 2

# Pixels of one piece of work: few enough to stay in a core's cache.
_PIXELS = 90_000


@dataclass(frozen=True, eq=False)
class Located:
    """Places between the coefficients: flat index of the first one needed, and their weights."""

    corner: Ints
    up: list[Floats]
    across: list[Floats]


@dataclass(frozen=True, eq=False)
class Splines:
    """Images as coefficients (image, y, x) of B-splines of a degree, two beyond each edge."""

    coefficients: Floats
    degree: Literal[1, 3] = 3

    @classmethod
    def matched(cls, images: Floats, templates: Floats, degree: Literal[1, 3] = 3) -> "Splines":
        """Images (image, y, x), zero beyond their edges, matched with templates (template, y, x).

        There is one image, one template, or as many of both. Templates have odd sides and are
        centred on their middle pixel.
        """
        height, width = (side + 2 * _MARGIN for side in images.shape[1:])
        shape = tuple(
            fft.next_fast_len(side + extent // 2, real=True)
            for side, extent in zip((height, width), templates.shape[1:], strict=True)
        )
        dtype = np.result_type(images.dtype, np.complex64)
        kernels = _transformed(templates, shape, degree).astype(dtype)
        inner = (..., slice(_MARGIN, height - _MARGIN), slice(_MARGIN, width - _MARGIN))
        coefficients = np.empty((max(len(images), len(templates)), height, width), images.dtype)

        def work(block: slice) -> None:
            some = images if len(images) == 1 else images[block]
            padded = np.zeros((len(some), *shape), images.dtype)
            padded[inner] = some
            spectrum = fft.rfft2(padded) * (kernels if len(kernels) == 1 else kernels[block])
            coefficients[block] = fft.irfft2(spectrum, shape, overwrite_x=True)[:, :height, :width]

        most = max(1, _PIXELS // (shape[0] * shape[1]))
        threads.over(work, threads.blocks(len(coefficients), most), products=False)
        return cls(coefficients, degree)

    def mixed(self, matrix: Floats, inner: float, outer: float) -> "Splines":
        """Linear combinations matrix (image, image) of the images, zero where not needed.

        They may be read between the distances `inner` and `outer` [px] from the centre.
        """
        flat = self.coefficients.reshape(len(self.coefficients), -1)
        distance = radius_map(self.coefficients.shape).ravel()
        reach = _MARGIN * np.sqrt(2)
        cells = np.flatnonzero((distance >= inner - reach) & (distance <= outer + reach))
        mixed = np.zeros((len(matrix), flat.shape[1]), flat.dtype)
        mixed[:, cells] = matrix.astype(flat.dtype) @ flat[:, cells]
        return Splines(mixed.reshape(-1, *self.coefficients.shape[1:]), self.degree)

    def located(self, x: Floats, y: Floats) -> Located:
        """Places x, y [px] from the centre, up to half a pixel outside the images."""
        height, width = self.coefficients.shape[1:]
        column, across = _cut(x + np.asarray((width - 1) / 2, x.dtype))
        row, up = _cut(y + np.asarray((height - 1) / 2, y.dtype))
        before = self.degree // 2
        corner = (row - before) * width + column - before
        return Located(corner, _weights(up, self.degree), _weights(across, self.degree))

    def read(self, places: Located, image: Ints | int = 0) -> Floats:
        """Values at places of the image, or of one image each."""
        height, width = self.coefficients.shape[1:]
        corner = places.corner + np.asarray(image) * (height * width)
        total = np.zeros(corner.shape, self.coefficients.dtype)
        for j, share in enumerate(places.up):
            row = np.zeros_like(total)
            for i, weight in enumerate(places.across):
                row += weight * self.coefficients.take(corner + (j * width + i))
            row *= share
            total += row
        return total


def _transformed(templates: Floats, shape: Shape, degree: int) -> Floats:
    """Factors, in Fourier space of `shape`, that match with templates and make coefficients."""
    kernels = np.zeros((len(templates), *shape), templates.dtype)
    extent = templates.shape[1:]
    kernels[:, : extent[0], : extent[1]] = templates
    kernels = np.roll(kernels, [-(side // 2) for side in extent], axis=(1, 2))
    factors = np.conj(fft.rfft2(kernels))
    if degree == 3:  # the transform of the spline's samples 1/6, 4/6, 1/6
        frequencies = fft.fftfreq(shape[0]), fft.rfftfreq(shape[1])
        factors /= np.outer(*((2 + np.cos(2 * np.pi * f)) / 3 for f in frequencies))
    return np.asarray(factors)


def _cut(place: Floats) -> tuple[Ints, Floats]:
    """Whole part and fraction of places ≥ 0."""
    whole = place.astype(np.intp)
    return whole, np.subtract(place, whole, dtype=place.dtype)


def _weights(t: Floats, degree: int) -> list[Floats]:
    """The B-splines that cover a place at fraction t between two coefficients."""
    if degree == 1:
        return [1 - t, t]
    s = 1 - t
    first, last = s * s * s / 6, t * t * t / 6
    second = 2 / 3 - t * t * (1 - t / 2)
    return [first, second, 1 - first - second - last, last]
