"""Which sources of several epochs are one object beside their star."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.errors import BadInput
from exosift.survey.catalogue import Source
from exosift.survey.motion import Fit, Motion, Sky, Star, fit

Hypothesis = Literal["companion", "background"]

Place = tuple[int, int]
"""A source, by its epoch and its number there."""


@dataclass(frozen=True)
class Linking:
    """How sources of several epochs are linked.

    error: the least error of a place that was not measured by negative companions [FWHM].
    orbital_motion [mas/yr]: spread on each axis of a companion's motion, where the star's mass and
    parallax do not tell; else half the velocity and acceleration of the circular orbit whose radius
    is the projected separation.
    background_motion [mas/yr]: the same, of a background star. gate: greatest distance of a source
    from where the others expect it, in standard deviations. decisive: log odds from which a
    hypothesis is taken for true. false_alarm: greatest chance that noise makes such a track.
    """

    error: float = 0.05
    orbital_motion: float = 20.0
    background_motion: float = 5.0
    gate: float = 3.7
    decisive: float = 5.0
    false_alarm: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("error", "background_motion", "gate", "decisive", "false_alarm"):
            if getattr(self, name) <= 0:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected more than 0")
        if self.orbital_motion < 0:
            raise BadInput(f"orbital_motion is {self.orbital_motion:g}, expected 0 or more")


@dataclass(frozen=True, eq=False)
class Target:
    """A star with its epochs' sources, and what links them; times of all epochs are known."""

    star: Star
    sky: Sky
    sources: tuple[tuple[Source, ...], ...]
    how: Linking

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """Those that the star's motion can tell apart."""
        return ("companion",) if self.sky.passed is None else ("companion", "background")

    def fit(self, hypothesis: Hypothesis, members: Sequence[Place]) -> Fit:
        """Sources as one object."""
        *others, last = members
        return self.fits(hypothesis, others, [last])[0]

    def fits(
        self, hypothesis: Hypothesis, members: Sequence[Place], tried: Sequence[Place]
    ) -> list[Fit]:
        """Sources as one object with each of those `tried`, all of one epoch."""
        together = [[self.sources[e][n] for e, n in (*members, one)] for one in tried]
        epochs = [epoch for epoch, _ in (*members, tried[0])]
        places = np.array([[one.offset for one in each] for each in together])
        if hypothesis == "background" and self.sky.passed is not None:
            places = places - self.sky.passed[epochs]
        covariances = np.array([[one.covariance for one in each] for each in together])
        motion = self._motion(hypothesis, together[0][0])
        found = fit(places, covariances, self.sky.years[epochs], motion)
        return [Fit(*one) for one in zip(found.chi2, found.log_evidence, strict=True)]

    def _motion(self, hypothesis: Hypothesis, first: Source) -> Motion:
        if hypothesis == "background":
            return Motion(self.how.background_motion)
        return self.star.orbit(first.separation[0]) or Motion(self.how.orbital_motion)

    @property
    def field(self) -> float:
        """Area in which noise may put a source [mas²]."""
        return math.pi * max(one.epoch.reach for each in self.sources for one in each) ** 2


@dataclass(frozen=True)
class Track:
    """Sources taken for one object, in the order of time.

    rooms: for each but the first, the share of the field in which it would have been linked.
    """

    members: tuple[Place, ...]
    rooms: tuple[float, ...]


def link(target: Target) -> tuple[Track, ...]:
    """Part the sources of a target into tracks of one source an epoch at most.

    From every source a track is grown under each hypothesis, epoch by epoch outwards, by the source
    that agrees best, if any agrees within the gate. Tracks that explain most against noise spread
    evenly over the field are taken first; what they leave is grown anew, until all are taken.
    """
    free = {(e, n) for e, sources in enumerate(target.sources) for n in range(len(sources))}
    tracks = []
    while free:
        grown = [
            _grown(target, hypothesis, seed, free)
            for seed in sorted(free)
            for hypothesis in target.hypotheses
        ]
        for _, members in sorted(grown, key=lambda one: one[0], reverse=True):
            if free.issuperset(members):
                free.difference_update(members)
                tracks.append(Track(tuple(members), _rooms(target, members)))
    return tuple(tracks)


def _grown(
    target: Target, hypothesis: Hypothesis, seed: Place, free: Iterable[Place]
) -> tuple[float, list[Place]]:
    """What a track explains (log of its probability over noise's), and its sources in order."""
    members, years = [seed], target.sky.years
    now = target.fit(hypothesis, members)
    for epoch in np.argsort(np.abs(years - years[seed[0]]), kind="stable"):
        tried = sorted(one for one in free if one[0] == epoch)
        if epoch == seed[0] or not tried:
            continue
        fits = target.fits(hypothesis, members, tried)
        near = [
            (float(found.log_evidence), one, found)
            for one, found in zip(tried, fits, strict=True)
            if found.chi2 - now.chi2 <= target.how.gate**2
        ]
        if near:
            _, one, now = max(near, key=lambda each: each[:2])
            members.append(one)
    explained = float(now.log_evidence) + (len(members) - 1) * math.log(target.field)
    return explained, sorted(members)


def _rooms(target: Target, members: Sequence[Place]) -> tuple[float, ...]:
    """Share of the field that the gate leaves to each source after the first, either way."""
    rooms = np.zeros(len(members) - 1)
    for hypothesis in target.hypotheses:
        fits = [target.fit(hypothesis, members[: n + 1]) for n in range(len(members))]
        gained = np.diff([float(one.log_evidence) for one in fits])
        # The density of a place given those before is Gaussian: its width is in its height.
        width = np.exp(-gained - np.diff([float(one.chi2) for one in fits]) / 2) / (2 * math.pi)
        rooms += math.pi * target.how.gate**2 * width
    return tuple(np.minimum(rooms / target.field, 1.0).tolist())
