"""The sources of an observation: candidates of all its reductions, those of one place merged.

Places are offsets (East, North) from the star [mas], with covariances [mas²].
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exosift.geometry.astrometry import offset_of
from exosift.types import Floats, Point


@dataclass(frozen=True)
class Peak:
    """A row of a reduction's candidates: separation [mas], position angle [deg], significance.

    fpf: of one resolution element; false_alarm: chance of such a peak anywhere in the frame, and
    `conformal`, the same calibrated on null frames. NaN where they are not known.
    """

    reduction: str
    separation: float
    position_angle: float
    snr: float
    fpf: float = math.nan
    false_alarm: float = math.nan
    conformal: float = math.nan
    rank: float = 0.0
    known: bool = False
    edge: bool = False

    @property
    def offset(self) -> Point:
        """(East, North) [mas]."""
        return offset_of(self.separation, self.position_angle)

    @property
    def chance(self) -> float:
        """The false-alarm probability to go by: calibrated where there is one."""
        return self.false_alarm if math.isnan(self.conformal) else self.conformal


@dataclass(frozen=True)
class Astrometry:
    """A place measured by negative companions: separation [mas], position angle [deg], errors."""

    reduction: str
    separation: float
    position_angle: float
    separation_error: float
    position_angle_error: float

    @property
    def offset(self) -> Point:
        """(East, North) [mas]."""
        return offset_of(self.separation, self.position_angle)

    @property
    def covariance(self) -> Floats:
        """Of (East, North) [mas²]; radial and tangential errors count as independent."""
        theta = np.radians(self.position_angle)
        axes = np.array([[np.sin(theta), np.cos(theta)], [np.cos(theta), -np.sin(theta)]])
        tangential = self.separation * np.radians(self.position_angle_error)
        return np.asarray(axes @ np.diag([self.separation_error**2, tangential**2]) @ axes.T)


@dataclass(frozen=True)
class Epoch:
    """An observation that was searched: its name, time (MJD, or NaN), FWHM and field [mas].

    reach: of the field from the star. reductions: those that were searched.
    """

    name: str
    mjd: float
    fwhm: float
    reach: float
    reductions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Source:
    """One place at one epoch: its strongest row, where it is and how well that is known.

    reductions: which saw it. false_alarm: chance of such a peak in any of the reductions searched.
    measured: by negative companions; else placed by its light, with an estimated error.
    """

    epoch: Epoch
    best: Peak
    reductions: tuple[str, ...]
    offset: Floats
    covariance: Floats
    false_alarm: float
    measured: Astrometry | None = None

    @property
    def separation(self) -> tuple[float, float]:
        """Distance from the star and its error [mas]."""
        return float(np.hypot(*self.offset)), self._error(self.offset)

    @property
    def position_angle(self) -> tuple[float, float]:
        """From North through East, and its error [deg]."""
        east, north = self.offset
        across = self._error(np.array([north, -east])) / float(np.hypot(east, north))
        return float(np.degrees(np.arctan2(east, north)) % 360), float(np.degrees(across))

    def _error(self, direction: Floats) -> float:
        """Standard error along a direction [mas]."""
        unit = direction / np.hypot(*direction)
        return float(np.sqrt(unit @ self.covariance @ unit))


def sources_of(
    epoch: Epoch, peaks: Sequence[Peak], measured: Sequence[Astrometry], floor: float
) -> tuple[Source, ...]:
    """Merge the peaks of all reductions within one FWHM; the strongest stands for each place.

    A place that was measured is where that says. One that was not is known to FWHM / (2.355 S/N),
    as a Gaussian core in noise is (King 1983, PASP 95, 163), and to `floor` FWHM at best.
    """
    order = sorted(peaks, key=lambda p: (not math.isnan(p.false_alarm), p.snr), reverse=True)
    groups: list[list[Peak]] = []
    for peak in order:
        near = (g for g in groups if math.dist(g[0].offset, peak.offset) <= epoch.fwhm)
        group = next(near, None)
        if group is None:
            groups.append([peak])
        else:
            group.append(peak)
    return tuple(_source(epoch, group, measured, floor) for group in groups)


def _source(
    epoch: Epoch, group: list[Peak], measured: Sequence[Astrometry], floor: float
) -> Source:
    best = group[0]
    close = [one for one in measured if math.dist(one.offset, best.offset) <= epoch.fwhm]
    # Several reductions may have measured it: the surest goes.
    told = min(close, key=lambda one: float(np.trace(one.covariance)), default=None)
    spread = epoch.fwhm * math.hypot(1 / (2.355 * max(best.snr, 1.0)), floor)
    return Source(
        epoch=epoch,
        best=best,
        reductions=tuple(dict.fromkeys(peak.reduction for peak in group)),
        offset=np.array(told.offset if told else best.offset),
        covariance=told.covariance if told else spread**2 * np.eye(2),
        false_alarm=of_any([peak.chance for peak in group], len(epoch.reductions)),
        measured=told,
    )


def of_any(chances: Sequence[float], tried: int) -> float:
    """Chance that the least of some chances comes up in any of `tried` searches (Šidák).

    They are taken for independent, so it is an upper bound where they are alike. NaN without any.
    """
    known = [chance for chance in chances if not math.isnan(chance)]
    if not known:
        return math.nan
    return -math.expm1(max(tried, 1) * math.log1p(-min(*known, 1 - 1e-12)))
