"""Derotate a few pixels of many images: the three shears of `rotation`, as products with kernels.

A Fourier shift of a row of odd length L by s is a product with Dirichlet's kernel D(p − q − s),
D(u) = sin πu / (L sin πu/L). So each shear is one small matrix a line, and lines and columns that
are not wanted need not be made: exact, and cheaper than transforms where many images turn alike.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from exosift.geometry.rotation import lengths
from exosift.types import Floats, Ints


@dataclass(frozen=True)
class Box:
    """Rows and columns of a frame, from the first to before the last."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    @classmethod
    def around(cls, pixels: Ints, width: int) -> "Box":
        """The smallest box that holds `pixels`, flat indices into frames `width` wide."""
        y, x = np.divmod(pixels, width)
        return cls((int(y.min()), int(y.max()) + 1), (int(x.min()), int(x.max()) + 1))

    @classmethod
    def centred(cls, pixels: Ints, size: int) -> "Box":
        """The smallest box about the middle of square frames that holds `pixels`."""
        y, x = np.divmod(pixels, size)
        first = int(min(y.min(), x.min(), size - 1 - y.max(), size - 1 - x.max()))
        return cls((first, size - first), (first, size - first))

    def within(self, pixels: Ints, width: int) -> Ints:
        """The same pixels as flat indices into the box."""
        y, x = np.divmod(pixels, width)
        return np.asarray(
            (y - self.rows[0]) * (self.columns[1] - self.columns[0]) + x - self.columns[0]
        )


@dataclass(frozen=True, eq=False)
class Turn:
    """Derotation by one angle, from a box about the frame's middle to a wanted box.

    quarters: quarter turns that go before. first (row, sheared column, column), second (sheared
    column, wanted row, row), third (wanted row, wanted column, sheared column): the three shears.
    """

    quarters: int
    first: Floats
    second: Floats
    third: Floats

    @classmethod
    def by(cls, degrees: float, size: int, seen: Box, wanted: Box, dtype: Any) -> "Turn":
        """As `rotation.derotate` turns frames of size × size that are zero outside of `seen`."""
        quarters = int(np.rint(degrees / 90))
        theta = np.radians(degrees - 90 * quarters)
        along_x, along_y = -np.tan(theta / 2), np.sin(theta)
        margin, length = lengths(size)
        sheared = size + 2 * margin
        start, low = -(size - 1) / 2, seen.rows[0]
        side = seen.rows[1] - low
        row = np.arange(low, seen.rows[1])
        column = np.arange(sheared) - margin
        upright = np.arange(*wanted.rows)
        return cls(
            quarters,
            _shear(along_x * (start + row), -margin - low, (sheared, side), length, dtype),
            _shear(
                along_y * (start + column),
                wanted.rows[0] - low,
                (len(upright), side),
                length,
                dtype,
            ),
            _shear(
                along_x * (start + upright),
                wanted.columns[0] + margin,
                (wanted.columns[1] - wanted.columns[0], sheared),
                length,
                dtype,
            ),
        )

    @staticmethod
    def elements(size: int, seen: Box, wanted: Box) -> int:
        """How many elements the three shears have: what they cost to make, and to apply."""
        sheared = size + 2 * lengths(size)[0]
        side = seen.rows[1] - seen.rows[0]
        rows, columns = (last - first for first, last in (wanted.rows, wanted.columns))
        return sheared * (side**2 + rows * side + rows * columns)

    def of(self, images: Floats) -> Floats:
        """Images (y, x, image) of the seen box → (y, x, image) of the wanted one."""
        upright = np.ascontiguousarray(np.rot90(images, -self.quarters))
        sheared = self.first @ upright
        sheared = self.second @ sheared.transpose(1, 0, 2)
        return np.asarray(self.third @ sheared.transpose(1, 0, 2))

    def weights(self, pixels: Ints) -> Floats:
        """Weight (wanted, y, x) of each pixel of the seen box in pixels of the wanted one."""
        row, column = np.divmod(pixels, self.third.shape[1])
        columns = self.third[row, column] * self.second[:, row].transpose(2, 1, 0)
        return np.asarray(
            np.rot90((columns @ self.first).transpose(1, 0, 2), self.quarters, axes=(1, 2))
        )


def _shear(shift: Floats, first: int, shape: tuple[int, int], length: int, dtype: Any) -> Floats:
    """Shifts of lines by `shift` (line,) [px] as matrices (line, to, from) of this `shape`.

    `first` is how far from the first pixel it is taken from the first pixel is that it goes to.
    """
    lag = first + np.arange(1 - shape[1], shape[0])
    kernel = _dirichlet(lag - shift[:, None], length).astype(dtype)
    windows = sliding_window_view(kernel, shape[1], axis=1)
    return np.ascontiguousarray(windows[..., ::-1])


def _dirichlet(distance: Floats, length: int) -> Floats:
    """sin πu / (L sin πu/L), of period L, which is odd."""
    u = distance - length * np.rint(distance / length)
    below = length * np.sin(np.pi * u / length)
    return np.asarray(np.divide(np.sin(np.pi * u), below, out=np.ones_like(u), where=below != 0))
