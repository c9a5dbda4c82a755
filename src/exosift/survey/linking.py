"""Which sources of several epochs are one: bound to their star, or a background that it passes.

Places z_i at times t_i follow  z_i = z_0 + d_i + v t_i + a t_i²/2 + noise,  with v and a normal
about 0 on each axis. Of a companion d is 0, and v and a are of its orbit; of a background star d is
the star's proper motion and parallax turned round, v the background's own motion, and a is 0. z_0
may be anywhere, alike for both. All is linear and Gaussian, so the probability of the places under
either, and χ² with the motion as part of the errors, are exact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.astrometry import background_offset, parallactic_shift
from exosift.survey.catalogue import Source
from exosift.types import Floats, Point

YEAR = 365.25  # days

Hypothesis = Literal["companion", "background"]


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

    error: float = 0.1
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


@dataclass(frozen=True)
class Motion:
    """Spreads on each axis of a velocity [mas/yr] and of an acceleration [mas/yr²]."""

    velocity: float
    acceleration: float = 0.0


@dataclass(frozen=True)
class Star:
    """A star: proper motion (East, North) [mas/yr], or None; parallax [mas] with its place (ra,
    dec) [deg], and mass [solar masses], or None each."""

    motion: Point | None = None
    parallax: float | None = None
    place: Point | None = None
    mass: float | None = None

    def orbit(self, separation: float) -> Motion | None:
        """What a companion's orbit may do at a separation [mas]; None where it is not known.

        Half the velocity and acceleration of the circular orbit of that radius: 98 % of such
        velocities are below that of escape, and a true orbit, which is larger, is slower.
        """
        if not self.parallax or not self.mass:
            return None
        circular = 2 * math.pi * math.sqrt(self.mass * self.parallax / separation) * self.parallax
        return Motion(circular / 2, circular**2 / separation / 2)


@dataclass(frozen=True, eq=False)
class Sky:
    """What the sky does between the epochs of a target, each (epoch,).

    years: since the first. passed (epoch, 2): how far a background star moves beside the target
    (East, North) [mas], or None where the target's motion is not known.
    """

    years: Floats
    passed: Floats | None


def sky_of(star: Star, mjd: Floats, earth: Floats) -> Sky:
    """The track of the background beside a star at times mjd (epoch,).

    earth (epoch, 3): its place from the barycentre along ICRS [au], read where there is a parallax.
    """
    years = (mjd - mjd[0]) / YEAR
    if star.motion is None:
        return Sky(years, None)
    swing = np.zeros((len(mjd), 2))
    if star.parallax and star.place:
        shift = parallactic_shift(star.parallax, *star.place, earth)
        swing = shift - shift[0]
    return Sky(years, background_offset((0.0, 0.0), years, star.motion, swing))


@dataclass(frozen=True)
class Fit:
    """How places agree with a hypothesis: χ², and the logarithm of their probability density."""

    chi2: float
    log_evidence: float


def fit(places: Floats, covariances: Floats, years: Floats, motion: Motion) -> Fit:
    """Places (n, 2) [mas] at n times that should be one but for a motion of those spreads.

    Generalised least squares; where the place is, is integrated over a flat prior.
    """
    count = len(places)
    time = years - years.mean()
    moved = motion.velocity * time, motion.acceleration * time**2 / 2
    noise = np.kron(sum(np.outer(one, one) for one in moved), np.eye(2))
    for number, covariance in enumerate(covariances):
        noise[2 * number : 2 * number + 2, 2 * number : 2 * number + 2] += covariance
    where = np.tile(np.eye(2), (count, 1))
    weighted = np.linalg.solve(noise, np.column_stack([places.reshape(-1), where]))
    inner, normal = where.T @ weighted[:, 0], where.T @ weighted[:, 1:]
    flat = places.reshape(-1)
    chi2 = float(flat @ weighted[:, 0] - inner @ np.linalg.solve(normal, inner))
    logs = np.linalg.slogdet(noise)[1] + np.linalg.slogdet(normal)[1]
    free = 2 * (count - 1)
    evidence = -0.5 * (chi2 + float(logs) + free * math.log(2 * math.pi))
    return Fit(max(chi2, 0.0), evidence)


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

    def fit(self, hypothesis: Hypothesis, members: Sequence[tuple[int, int]]) -> Fit:
        """Sources, by (epoch, number), as one object."""
        epochs = [epoch for epoch, _ in members]
        found = [self.sources[epoch][number] for epoch, number in members]
        places = np.array([one.offset for one in found])
        if hypothesis == "background" and self.sky.passed is not None:
            places = places - self.sky.passed[epochs]
        covariances = np.array([one.covariance for one in found])
        return fit(places, covariances, self.sky.years[epochs], self._motion(hypothesis, found[0]))

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
    """Sources taken for one object, by (epoch, number), in the order of time.

    rooms: for each but the first, the share of the field in which it would have been linked.
    """

    members: tuple[tuple[int, int], ...]
    rooms: tuple[float, ...]


def link(target: Target) -> tuple[Track, ...]:
    """Part the sources of a target into tracks, one source an epoch at most, longest chains first.

    From every source a track is grown under each hypothesis, epoch by epoch outwards, by the source
    that agrees best, if any agrees within the gate. Tracks that explain most against noise spread
    evenly over the field are taken first, and no source twice.
    """
    grown = [
        _grown(target, hypothesis, (epoch, number))
        for epoch, sources in enumerate(target.sources)
        for number in range(len(sources))
        for hypothesis in target.hypotheses
    ]
    grown.sort(key=lambda one: one[0], reverse=True)
    taken: set[tuple[int, int]] = set()
    tracks = []
    for _, members in grown:
        free = not taken.intersection(members)
        if free:
            taken.update(members)
            tracks.append(Track(tuple(members), _rooms(target, members)))
    return tuple(tracks)


def _grown(
    target: Target, hypothesis: Hypothesis, seed: tuple[int, int]
) -> tuple[float, list[tuple[int, int]]]:
    """What a track explains (log of its probability over noise's), and its sources in order."""
    members, years = [seed], target.sky.years
    now = target.fit(hypothesis, members)
    for epoch in np.argsort(np.abs(years - years[seed[0]]), kind="stable"):
        if epoch == seed[0]:
            continue
        tried = []
        for number in range(len(target.sources[epoch])):
            longer = sorted([*members, (int(epoch), number)])
            found = target.fit(hypothesis, longer)
            if found.chi2 - now.chi2 <= target.how.gate**2:
                tried.append((found.log_evidence, longer, found))
        if tried:
            _, members, now = max(tried, key=lambda one: one[0])
    return now.log_evidence + (len(members) - 1) * math.log(target.field), members


def _rooms(target: Target, members: Sequence[tuple[int, int]]) -> tuple[float, ...]:
    """Share of the field that the gate leaves to each source after the first, either way."""
    rooms = []
    for count in range(2, len(members) + 1):
        room = 0.0
        for hypothesis in target.hypotheses:
            before = target.fit(hypothesis, members[: count - 1])
            after = target.fit(hypothesis, members[:count])
            # The probability of a place given the others is Gaussian: its width is in its height.
            gained = after.log_evidence - before.log_evidence
            width = math.exp(-gained - (after.chi2 - before.chi2) / 2) / (2 * math.pi)
            room += math.pi * target.how.gate**2 * width
        rooms.append(min(room / target.field, 1.0))
    return tuple(rooms)
