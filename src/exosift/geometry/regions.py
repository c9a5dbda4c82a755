"""Regions: the pixels that are modelled together. A choice of regions partitions the field."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.grid import azimuth_map, radius_map
from exosift.types import Ints


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels (flat indices into a (y, x) frame), the radius [px] that stands for them, a name.

    zone: the pixels on which a model is optimised, where they are not those that it is taken from.
    """

    pixels: Ints
    radius: float
    name: str
    zone: Ints


@dataclass(frozen=True)
class FullFrame:
    """The whole frame at once, without the pixels closer to the star than `inner` [FWHM]."""

    inner: float = 0.0
    kind: Literal["full"] = "full"

    def __post_init__(self) -> None:
        if self.inner < 0:
            raise BadInput(f"inner is {self.inner:g} FWHM, expected 0 or more")

    def partition(self, shape: tuple[int, int], fwhm: float, widened: float = 1.0) -> list[Region]:
        """One region of frames of `shape` (y, x), standing for a radius half-way to the edge.

        There is nothing outside it that its zone could be `widened` to. Raises BadInput when
        `inner` leaves nothing.
        """
        del widened
        pixels = np.flatnonzero(radius_map(shape) >= self.inner * fwhm)
        if not pixels.size:
            raise BadInput(
                f"full frame: nothing is left of {shape[1]}×{shape[0]} px outside "
                f"{self.inner:g} FWHM: lower regions.inner"
            )
        return [Region(pixels, min(shape) / 4, "full frame", pixels)]


@dataclass(frozen=True)
class Annuli:
    """Rings `width` [FWHM] wide from `inner` [FWHM] out to the frame's edge, whole or in segments.

    The outermost ring takes what is left over, so that the rings fill the inscribed circle.
    segments: of each ring, the first starting at +x and going counter-clockwise; "auto" makes them
    about twice as long as they are wide.
    """

    width: float = 1.0
    inner: float = 0.0
    segments: int | Literal["auto"] = 1
    kind: Literal["annuli"] = "annuli"

    def __post_init__(self) -> None:
        if self.width <= 0 or self.inner < 0:
            raise BadInput(
                f"width is {self.width:g} and inner {self.inner:g} FWHM, expected more than 0, and "
                "0 or more"
            )
        if self.segments != "auto" and self.segments < 1:
            raise BadInput(f"segments is {self.segments}, expected 1 or more, or auto")

    def partition(self, shape: tuple[int, int], fwhm: float, widened: float = 1.0) -> list[Region]:
        """Segments of rings of a frame of `shape` (y, x), from the star outwards.

        A segment's zone has its inner edge and its azimuths, and is `widened` times as wide.
        Raises BadInput when not even one ring fits.
        """
        radius = radius_map(shape)
        azimuth = azimuth_map(shape)
        regions = []
        for low, high in pairwise(self._edges(shape, fwhm)):
            count = self._count(low, high)
            ring = (radius >= low) & (radius < high)
            wide = (radius >= low) & (radius < low + widened * (high - low))
            sector = np.floor(azimuth * count / 360).astype(int)
            for number in range(count):
                pixels, zone = (np.flatnonzero(of & (sector == number)) for of in (ring, wide))
                where = f", {number * 360 / count:.0f}–{(number + 1) * 360 / count:.0f}°"
                name = f"annulus {low:.1f}–{high:.1f} px{where if count > 1 else ''}"
                regions.append(Region(pixels, (low + high) / 2, name, zone))
        return [region for region in regions if region.pixels.size]

    def _edges(self, shape: tuple[int, int], fwhm: float) -> list[float]:
        """Radii [px] between which the rings lie."""
        start, outer = self.inner * fwhm, min(shape) / 2
        count = int((outer - start) / (self.width * fwhm))
        if count < 1:
            raise BadInput(
                f"annuli {self.width:g} FWHM wide from {self.inner:g} FWHM do not fit in "
                f"a frame of {shape[1]}×{shape[0]} px with a FWHM of {fwhm:.2f} px: lower "
                "width or inner"
            )
        return [start + i * self.width * fwhm for i in range(count)] + [outer]

    def _count(self, low: float, high: float) -> int:
        """Segments of the ring between two radii."""
        if self.segments != "auto":
            return self.segments
        return max(1, round(np.pi * (low + high) / (2 * (high - low))))


AnyRegions = FullFrame | Annuli
"""Every way to cut a frame into regions."""
