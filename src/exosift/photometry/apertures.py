"""Exact circular apertures, at any sub-pixel place, many at once.

A pixel counts by the area that it shares with the disc. That overlap depends only on the offset
between disc and pixel, so all sums over discs centred on a fine grid of offsets are one matrix
product, and a disc anywhere follows by bilinear interpolation between its four neighbours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from exosift.types import Floats, Ints

# Steps of the grid of offsets, a pixel. The error of the interpolation falls with its square.
_STEPS = 12


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
    """Sums of an image over discs of one radius, ready to be read at any place inside `reach`.

    table is (y · x, (steps + 1)²): for every pixel, discs displaced from its centre by 0…1 px.
    """

    table: Floats
    width: int

    @classmethod
    def of(cls, image: Floats, radius: float) -> "ApertureSums":
        """Discs of `radius` [px] over image (y, x), which must be finite; zero beyond its edges."""
        reach = int(np.ceil(radius + 0.5)) - 1
        offset = np.arange(-reach, reach + 2)
        shift = np.arange(_STEPS + 1) / _STEPS
        along = offset[:, None] - shift  # (pixel, step)
        weights = disc_overlap(along[None, :, None, :], along[:, None, :, None], radius)
        padded = np.pad(image, [(reach, reach + 1)] * 2)
        windows = sliding_window_view(padded, (len(offset), len(offset)))
        table = windows.reshape(image.size, -1) @ weights.reshape(len(offset) ** 2, -1).astype(
            image.dtype
        )
        return cls(table, image.shape[1])

    def at(self, x: Floats, y: Floats) -> Floats:
        """Sums over the discs centred at (x, y) [px], inside the image."""
        column, across = _cut(x)
        row, up = _cut(y)
        left, across = _cut(across * _STEPS)
        low, up = _cut(up * _STEPS)
        stride = _STEPS + 1
        place = ((row * self.width + column) * stride + low) * stride + left
        corner = place.astype(np.intp)  # what `take` needs, made once for its four calls
        table = self.table.ravel()
        below = _between(table.take(corner), table.take(corner + 1), across)
        corner += stride
        above = _between(table.take(corner), table.take(corner + 1), across)
        return _between(below, above, up)


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
