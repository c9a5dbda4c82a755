"""Whether p-values are what they say: how often stars without a companion are below each level.

Each star is scored on its own true angles, and told by null frames. Where p-values hold, the share
of stars below a level is the level, within the scatter of so many stars.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.errors import BadInput
from exosift.limits.nulls import NullKind, effective_number
from exosift.limits.stars import Trials
from exosift.types import Bools, Floats, Ints

LEVELS = (0.01, 0.05, 0.1)
"""Where calibration is quoted."""

_TAILS = (0.025, 0.975)

Whose = Literal["others", "own", "half"]
"""Whose null frames tell: all other stars', the star's own alone, or those of every second star."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often p-values (star,) are at or below each level; other arrays are (level,).

    frames (star,): how many null frames tell each; shared: as how many independent ones those count
    that tell many stars alike, infinite where each star has its own. expected: what so many let the
    share be, at most the level.
    """

    p: Floats
    frames: Ints
    shared: float
    level: Floats

    def __post_init__(self) -> None:
        if self.p.size < 2:
            raise BadInput(f"calibration is told by many stars, and there is {self.p.size}")

    @property
    def share(self) -> Floats:
        """Share (level,) of the stars at or below each level."""
        return np.asarray(np.mean(self.p[:, None] <= self.level + 1e-12, axis=0))

    @property
    def expected(self) -> Floats:
        """Share (level,) that is expected: p-values come in steps of 1/(F + 1)."""
        steps = self.frames[:, None] + 1
        return np.asarray(np.mean(np.floor(self.level * steps + 1e-9) / steps, axis=0))

    @property
    def interval(self) -> tuple[Floats, Floats]:
        """Ends (level,) of where 95 % of binomial shares lie, as if null frames were endless."""
        from scipy.stats import binom  # slow to load

        low, high = (binom.ppf(tail, self.p.size, self.expected) for tail in _TAILS)
        return low / self.p.size, high / self.p.size

    @property
    def interval_shared(self) -> tuple[Floats, Floats]:
        """Ends (level,) with the scatter of the null frames: beta-binomial, and wider.

        The share of stars above the k-th highest of N null scores is drawn from Beta(k, N + 1 − k)
        for all stars together (Bates et al. 2023, eq. 5).
        """
        from scipy.stats import betabinom  # slow to load

        if not np.isfinite(self.shared):
            return self.interval
        among = self.expected * (self.shared + 1)
        some = among > 0
        alpha = np.where(some, among, 1)
        ends = [betabinom.ppf(t, self.p.size, alpha, self.shared + 1 - alpha) for t in _TAILS]
        low, high = (np.where(some, end, 0) / self.p.size for end in ends)
        return low, high

    @property
    def holds(self) -> Bools:
        """Whether each share (level,) lies in the interval."""
        low, high = self.interval
        return np.asarray((self.share >= low - 1e-9) & (self.share <= high + 1e-9))


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The calibration of a method in a bin [FWHM], told by null frames of a kind."""

    method: str
    bounds: tuple[float, float]
    kind: NullKind
    whose: Whose
    found: Calibration


def calibrations(trials: Trials, levels: Several[float] = LEVELS) -> list[Calibrated]:
    """Of every method, bin and kind of null frames, on stars known to have no companion.

    Their null frames must have those of the kind "true", which are scored. True frames told by true
    frames of all others would be ranks, and even whatever the method: they are told by half.
    """
    found = []
    for method in trials.of:
        for bounds in trials.bins:
            some = trials.in_bin(method, bounds)
            scores = np.array([trial.alarms["true"].maxima[0] for trial in some])
            for kind in some[0].alarms:
                nulls = [trial.alarms[kind].maxima for trial in some]
                for whose in _whose(kind, nulls):
                    p, frames = told(scores, nulls, whose)
                    one = Calibration(p, frames, _shared(nulls, whose), np.array(levels))
                    found.append(Calibrated(method, bounds, kind, whose, one))
    return found


def _whose(kind: NullKind, nulls: Several[Floats]) -> tuple[Whose, ...]:
    """Whose null frames can tell: a star's own, only where it has more than one."""
    if kind == "true":
        return ("half",)
    return ("others",) if max(map(len, nulls)) == 1 else ("others", "own")


def _shared(nulls: Several[Floats], whose: Whose) -> float:
    """As how many independent frames those count that tell all stars."""
    if whose == "own":
        return float("inf")
    return float(sum(effective_number(each) for each in nulls[:: 2 if whose == "half" else 1]))


def told(scores: Floats, nulls: Several[Floats], whose: Whose) -> tuple[Floats, Ints]:
    """Conformal p of stars' scores (star,), and the number of null frames that tell each.

    nulls: maxima (frame,) of each star. Of a half, the second of each pair of stars is told by the
    first ones.
    """
    count = np.array([len(each) for each in nulls])
    own = np.array([np.sum(each >= score) for score, each in zip(scores, nulls, strict=True)])
    match whose:
        case "own":
            above, frames = own, count
        case "others":
            above = _above(np.concatenate(nulls), scores) - own
            frames = count.sum() - count
        case "half":
            above = _above(np.concatenate(nulls[::2]), scores[1::2])
            frames = np.full(above.size, count[::2].sum())
    return (1 + above) / (frames + 1), frames


def _above(maxima: Floats, scores: Floats) -> Ints:
    """How many maxima (frame,) are no less than each of scores (star,)."""
    return np.asarray(maxima.size - np.searchsorted(np.sort(maxima), scores, side="left"))
