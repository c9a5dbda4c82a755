"""Exact circular apertures, at any sub-pixel place, many at once.

A pixel counts by the area that it shares with the disc. That overlap depends only on the offset
between disc and pixel, so all sums over discs centred on a fine grid of offsets are one matrix
product, and a disc anywhere follows by bilinear interpolation between its four neighbours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from exosift.types import Floats, Ints

# Steps of the grid of offsets, a pixel: with 48, sums are within 1e-3 of their rms, even on white
# noise.
_STEPS = 48


def disc_overlap(x: Floats, y: Floats, radius: float) -> Floats:
    """Area shared by unit pixels centred at (x, y) with the disc of `radius` [px] at the origin."""
    return np.asarray(
        _corner_area(x + 0.5, y + 0.5, radius)
        - _corner_area(x - 0.5, y + 0.5, radius)
        - _corner_area(x + 0.5, y - 0.5, radius)
        + _corner_area(x - 0.5, y - 0.5, radius)
    )


def _corner_area(x: Floats, y: Floats, radius: float) -> Floats:
    """Signed area of the disc between the axes and the point (x, y): ∫₀ˣ min(y, √(r² − t²)) dt."""
    sign = np.sign(x) * np.sign(y)
    x, y = np.minimum(np.abs(x), radius), np.minimum(np.abs(y), radius)
    edge = np.minimum(x, np.sqrt(radius**2 - y**2))  # from here on the circle is below y

    def under_circle(t: Floats) -> Floats:
        return np.asarray((t * np.sqrt(radius**2 - t**2) + radius**2 * np.arcsin(t / radius)) / 2)

    return np.asarray(sign * (y * edge + under_circle(x) - under_circle(edge)))


@dataclass(frozen=True, eq=False)
class ApertureSums:
    """Sums of an image over discs of one radius, to be read at any place inside it.

    windows is (pixel, window): the neighbours of each pixel that a disc on it may touch; weights is
    (window, (steps + 1)²): their share in discs displaced by 0…1 px along x and y.
    """

    windows: Floats
    weights: Floats
    shape: tuple[int, int]

    @classmethod
    def of(cls, image: Floats, radius: float) -> "ApertureSums":
        """Discs of `radius` [px] over image (y, x), which must be finite; zero beyond its edges."""
        return cls.weighted(image, _disc_weights(int(np.ceil(radius + 0.5)) - 1, radius))

    @classmethod
    def weighted(cls, image: Floats, weights: Floats) -> "ApertureSums":
        """Sums over image (y, x) with other weights than discs, such as `displaced` gives."""
        side = round(np.sqrt(len(weights)))
        padded = np.pad(image, [(side // 2 - 1, side // 2)] * 2)
        windows = sliding_window_view(padded, (side, side))
        return cls(
            windows.reshape(image.size, -1),
            weights.astype(image.dtype),
            (image.shape[0], image.shape[1]),
        )

    def at(self, x: Floats, y: Floats) -> Floats:
        """Sums over the discs centred at (x, y) [px], inside the image.

        Only the pixels that the discs lie on are tabulated, so call it with neighbours together:
        the table then stays in cache.
        """
        column, across = _cut(x)
        row, up = _cut(y)
        left, across = _cut(across * _STEPS)
        low, up = _cut(up * _STEPS)
        pixel = row * self.shape[1] + column
        touched = np.zeros(self.shape[0] * self.shape[1], bool)
        touched[pixel] = True
        cells = np.flatnonzero(touched)
        position = np.zeros(touched.size, np.int32)
        position[cells] = np.arange(cells.size)
        table = (self.windows[cells] @ self.weights).ravel()
        stride = _STEPS + 1
        place = (position[pixel] * stride + low) * stride + left
        corner = place.astype(np.intp)  # what `take` needs, made once for its four calls
        below = _between(table.take(corner), table.take(corner + 1), across)
        corner += stride
        above = _between(table.take(corner), table.take(corner + 1), across)
        return _between(below, above, up)


@lru_cache(maxsize=8)
def _disc_weights(reach: int, radius: float) -> Floats:
    """Share (window, (steps + 1)²) of pixels −reach … reach + 1 in discs displaced by 0…1 px.

    As `displaced` with `disc_overlap`, but each corner, which up to four pixels share, once.
    """
    edge = _offsets(np.arange(-reach, reach + 3) - 0.5)
    area = _corner_area(edge[None, :, None, :], edge[:, None, :, None], radius)
    weights = np.diff(np.diff(area, axis=0), axis=1)
    return weights.reshape((2 * reach + 2) ** 2, -1)


def displaced(weight: Callable[[Floats, Floats], Floats], reach: int) -> Floats:
    """Weights (window, (steps + 1)²) of pixels −reach … reach + 1 around a place, 0…1 px off.

    weight says what a pixel at offsets (x, y) [px] from the place counts; they come broadcasting.
    """
    along = _offsets(np.arange(-reach, reach + 2))
    weights = weight(along[None, :, None, :], along[:, None, :, None])
    return weights.reshape(len(along) ** 2, -1)


def _offsets(pixel: Floats | Ints) -> Floats:
    """How far (pixel, step) [px] pixels are from a place that is displaced by 0…1 px."""
    return pixel[:, None] - np.arange(_STEPS + 1) / _STEPS


def _cut(place: Floats) -> tuple[Ints, Floats]:
    """Whole and fractional part of places ≥ 0, without leaving their precision."""
    whole = place.astype(np.int32)
    return whole, np.subtract(place, whole, dtype=place.dtype)


def _between(low: Floats, high: Floats, share: Floats) -> Floats:
    """Linear interpolation, written over `high`."""
    high -= low
    high *= share
    high += low
    return high


def aperture_flux(image: Floats, x: float, y: float, radius: float) -> float:
    """Sum of image (y, x) over one exact disc of `radius` [px] at (x, y), in float64."""
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    return float(np.sum(image * disc_overlap(columns - x, rows - y, radius), dtype=np.float64))
