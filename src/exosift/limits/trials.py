"""Trials of a detection method: frames with one companion put in, and frames with none.

Definitions, the same for every method. A *frame* is one map over the annulus of a separation bin.
Its *peaks* are those of `detect.peaks`: the highest pixels within half an FWHM, of which those
within one FWHM of a higher one are dropped. In a null frame each peak is a *false positive*. A
companion is *hit* by a peak within half an FWHM of where it was put. A peak counts at a threshold
when it is above it.
"""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exosift.detect.peaks import core, peaks
from exosift.errors import BadInput
from exosift.geometry.grid import azimuth_map, centre_of, pixel_position, radius_map
from exosift.limits.methods import Method
from exosift.limits.nulls import NullKind
from exosift.photometry.injection import Companion
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints, Point, Shape

# A method must have a value on this share of a bin, or it is not judged there.
_MEASURED = 0.95

# Azimuth blocks are so many FWHM long, or more.
_BLOCK = 2.0


@dataclass(frozen=True, eq=False)
class Annulus:
    """A separation bin: pixels `searched` (y, x); the azimuth block (y, x) of each; FWHM [px]."""

    searched: Bools
    block: Ints
    fwhm: float

    @classmethod
    def of(cls, shape: Shape, bounds: tuple[float, float], fwhm: float, unseen: Bools) -> "Annulus":
        """From `bounds` [FWHM], without what is `unseen` (y, x), such as known companions.

        Raises BadInput when it leaves the frame.
        """
        radius = radius_map(shape)
        most = (min(shape[-2:]) - 1 - fwhm) / 2 / fwhm
        if bounds[1] > most - 0.5:
            raise BadInput(
                f"bin {bounds[0]:g}–{bounds[1]:g} FWHM: maps of {shape[-1]}×{shape[-2]} px are "
                f"searched to {most - 0.5:.2f} FWHM; lower it"
            )
        inside = (radius >= bounds[0] * fwhm) & (radius < bounds[1] * fwhm) & ~unseen
        blocks = max(1, int(2 * np.pi * bounds[0] / _BLOCK))
        return cls(inside, (azimuth_map(shape) // (360 / blocks)).astype(int), fwhm)

    @property
    def blocks(self) -> int:
        """Azimuth blocks around the star."""
        return int(self.block.max()) + 1

    @property
    def elements(self) -> float:
        """Resolution elements, discs of one FWHM across, that fill it."""
        return float(self.searched.sum() / (np.pi * self.fwhm**2 / 4))

    @cached_property
    def mapped(self) -> Bools:
        """Pixels (y, x) that decide its peaks: those within half an FWHM of it."""
        from scipy import ndimage  # slow to load

        return np.asarray(ndimage.binary_dilation(self.searched, core(self.fwhm)))

    @cached_property
    def inside(self) -> Bools:
        """Pixels (y, x) where a companion's disc, half an FWHM around it, is all searched."""
        from scipy import ndimage  # slow to load

        return np.asarray(ndimage.binary_erosion(self.searched, core(self.fwhm)))

    def peaks(self, values: Floats) -> Ints:
        """Peaks (peak, 2), as (row, column), of a map (y, x), highest first."""
        return peaks(np.where(self.mapped, values, np.nan), self.fwhm, self.searched)

    def hits(self, values: Floats, places: Several[Point]) -> Floats:
        """The highest peak (place,) of a map (y, x) within half an FWHM of places (x, y) [px].

        −inf where there is none.
        """
        found = self.peaks(values)
        heights = values[tuple(found.T)]
        apart = np.hypot(*(found[:, None, ::-1] - np.reshape(places, (-1, 2))).T)
        near = np.where(apart <= self.fwhm / 2, heights, -np.inf)
        return np.asarray(near.max(axis=1, initial=-np.inf))


@dataclass(frozen=True, eq=False)
class Alarms:
    """False positives of null frames of one kind.

    score, block (peak,): height and azimuth block of each; maxima (frame,): the highest value
    of each frame, in the frames' order.
    """

    score: Floats
    block: Ints
    maxima: Floats


@dataclass(frozen=True, eq=False)
class Trial:
    """One method in one bin of one sequence.

    hit (companion,): height of the peak on each companion, −inf where none; block (companion,):
    their azimuth blocks, of so many `blocks`; alarms by kind; elements: of resolution in a frame.
    """

    hit: Floats
    block: Ints
    blocks: int
    elements: float
    alarms: Mapping[NullKind, Alarms]


def alarms(maps: list[Floats], annulus: Annulus) -> Alarms:
    """False positives of null maps (y, x) in an annulus."""
    found = [annulus.peaks(one) for one in maps]
    scores = [one[tuple(places.T)] for one, places in zip(maps, found, strict=True)]
    every = np.concatenate(found)
    maxima = [float(np.nanmax(one[annulus.searched])) for one in maps]
    return Alarms(np.concatenate(scores), annulus.block[tuple(every.T)], np.array(maxima))


def hits(
    method: Method,
    sequence: Sequence,
    annuli: list[Annulus],
    companions: list[list[Companion]],
    told: Callable[[], None],
) -> list[tuple[Floats, Ints]]:
    """Heights and azimuth blocks (companion,) of the hits on companions of each annulus.

    Each is put in alone. `told()` is called after each.
    """
    map_with = method.injected(sequence)
    centre = centre_of(sequence.cube.shape)
    each = []
    for annulus, some in zip(annuli, companions, strict=True):
        height, block = [], []
        for one in some:
            x, y = pixel_position(one.separation, one.position_angle, centre)
            height.append(annulus.hits(map_with(one, annulus.mapped), [(x, y)])[0])
            block.append(int(annulus.block[round(y), round(x)]))
            told()
        each.append((np.array(height), np.array(block)))
    return each


def refuse_unmeasured(name: str, values: Floats, annulus: Annulus) -> None:
    """Raise BadInput for a map (y, x) that leaves so much of an annulus out that alarms are few."""
    share = float(np.isfinite(values[annulus.searched]).mean())
    if share < _MEASURED:
        radius = radius_map(values.shape)[annulus.searched] / annulus.fwhm
        raise BadInput(
            f"{name}: its map has values on {100 * share:.0f} % of the bin "
            f"{radius.min():.1f}–{radius.max():.1f} FWHM, too few to compare; change the bin or "
            "the method's regions"
        )
