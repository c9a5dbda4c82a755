"""Regions: the pixels that are modelled together. A choice of regions partitions the field."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.grid import radius_map
from exosift.types import Ints


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels (flat indices into a (y, x) frame), the radius [px] that stands for them, a name."""

    pixels: Ints
    radius: float
    name: str


@dataclass(frozen=True)
class FullFrame:
    """The whole frame at once, without the pixels closer to the star than `inner` [FWHM]."""

    inner: float = 0.0
    kind: Literal["full"] = "full"

    def __post_init__(self) -> None:
        if self.inner < 0:
            raise BadInput(f"inner is {self.inner:g} FWHM, expected 0 or more")

    def partition(self, shape: tuple[int, int], fwhm: float) -> list[Region]:
        """One region of frames of `shape` (y, x), standing for a radius half-way to the edge.

        Raises BadInput when `inner` leaves nothing.
        """
        pixels = np.flatnonzero(radius_map(shape) >= self.inner * fwhm)
        if not pixels.size:
            raise BadInput(
                f"full frame: nothing is left of {shape[1]}×{shape[0]} px outside "
                f"{self.inner:g} FWHM: lower regions.inner"
            )
        return [Region(pixels, min(shape) / 4, "full frame")]


@dataclass(frozen=True)
class Annuli:
    """Rings `width` [FWHM] wide from `inner` [FWHM] out to the frame's edge.

    The outermost ring takes what is left over, so that the rings fill the inscribed circle.
    """

    width: float = 1.0
    inner: float = 0.0
    kind: Literal["annuli"] = "annuli"

    def __post_init__(self) -> None:
        if self.width <= 0 or self.inner < 0:
            raise BadInput(
                f"width is {self.width:g} and inner {self.inner:g} FWHM, expected more than 0, and "
                "0 or more"
            )

    def partition(self, shape: tuple[int, int], fwhm: float) -> list[Region]:
        """Rings of a frame of `shape` (y, x). Raises BadInput when not even one fits."""
        radius = radius_map(shape)
        start, outer = self.inner * fwhm, min(shape) / 2
        count = int((outer - start) / (self.width * fwhm))
        if count < 1:
            raise BadInput(
                f"annuli {self.width:g} FWHM wide from {self.inner:g} FWHM do not fit in "
                f"a frame of {shape[1]}×{shape[0]} px with a FWHM of {fwhm:.2f} px: lower "
                "width or inner"
            )
        edges = [start + i * self.width * fwhm for i in range(count)] + [outer]
        regions = []
        for low, high in pairwise(edges):
            pixels = np.flatnonzero((radius >= low) & (radius < high))
            regions.append(Region(pixels, (low + high) / 2, f"annulus {low:.1f}–{high:.1f} px"))
        return [region for region in regions if region.pixels.size]


AnyRegions = FullFrame | Annuli
"""Every way to cut a frame into regions."""
