"""What a track is: companion, background, or not to be told; and how often noise makes it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.survey.catalogue import Source
from exosift.survey.linking import Linking, Target, Track, link
from exosift.survey.motion import Star, sky_of
from exosift.types import Floats

Class = Literal["companion", "background", "undecided", "single epoch"]


@dataclass(frozen=True)
class Verdict:
    """A track's class and the number that decides it.

    log_odds: of companion against background, alike beforehand. companion, background: χ² with
    `free` degrees of freedom. joint: chance that noise makes such a track anywhere in the field at
    any of the epochs searched, which are `observed`. NaN where nothing can be told.
    """

    kind: Class
    reason: str
    observed: int
    joint: float
    log_odds: float = math.nan
    companion: float = math.nan
    background: float = math.nan
    free: int = 0


@dataclass(frozen=True)
class Linked:
    """Sources that are one object, in the order of time, and what it is."""

    sources: tuple[Source, ...]
    verdict: Verdict


def linked(
    star: Star, sources: Sequence[Sequence[Source]], mjd: Floats, earth: Floats, how: Linking
) -> tuple[Linked, ...]:
    """The objects beside a star, the surest first, from its sources at each epoch (epoch,).

    mjd, earth: as for `sky_of`, times ascending. Without a time for each of several epochs nothing
    is linked, and each source stands alone.
    """
    epochs = tuple(tuple(each) for each in sources)
    if not any(epochs):
        return ()
    told: list[Linked]
    if len(epochs) == 1 or not np.isfinite(mjd).all():
        why = "no time: nothing is linked" if len(epochs) > 1 else ""
        told = [Linked((one,), _alone(one, epochs, why)) for each in epochs for one in each]
    else:
        target = Target(star, sky_of(star, mjd, earth), epochs, how)
        told = [
            Linked(tuple(epochs[e][n] for e, n in track.members), judge(target, track))
            for track in link(target)
        ]
    return tuple(sorted(told, key=_surest))


def _surest(one: Linked) -> tuple[int, bool, float, float]:
    """What orders objects: epochs, then the chance of noise, then S/N."""
    joint = one.verdict.joint
    strongest = max(source.best.snr for source in one.sources)
    return -len(one.sources), math.isnan(joint), 0.0 if math.isnan(joint) else joint, -strongest


def judge(target: Target, track: Track) -> Verdict:
    """Say what a track is, with the number that decides.

    A chance of noise above the limit comes first: nothing that noise may be is called a companion.
    """
    how, count = target.how, len(track.members)
    members = [target.sources[epoch][number] for epoch, number in track.members]
    if count == 1:
        return _alone(members[0], target.sources, "")
    joint = joint_false_alarm(members, target.sources, track.rooms)
    fits = {name: target.fit(name, track.members) for name in target.hypotheses}
    bound, passed = fits["companion"], fits.get("background")
    chi2 = float(bound.chi2), math.nan if passed is None else float(passed.chi2)
    odds = math.nan if passed is None else float(bound.log_evidence - passed.log_evidence)
    free, least = 2 * (count - 1), min(float(one.chi2) for one in fits.values())
    kind: Class = "undecided"
    if not joint <= how.false_alarm:
        reason = f"joint false alarm {joint:.2g}, over {how.false_alarm:g}"
    elif math.isnan(odds):
        reason = "no proper motion of the star is known"
    elif least > (count - 1) * how.gate**2:
        reason = f"fits neither: χ² {least:.1f} for {free}"
    elif abs(odds) < how.decisive:
        reason = f"log odds {odds:+.1f}, short of {how.decisive:g}"
    else:
        kind = "companion" if odds > 0 else "background"
        reason = f"log odds {odds:+.1f}"
    return Verdict(kind, reason, len(target.sources), joint, odds, *chi2, free)


def _alone(source: Source, epochs: Sequence[Sequence[Source]], why: str) -> Verdict:
    """Of a source seen once."""
    joint = joint_false_alarm([source], epochs, ())
    told = "unknown" if math.isnan(joint) else f"{joint:.2g}"
    seen = f"seen in 1 of {len(epochs)} epochs" if len(epochs) > 1 else "one epoch"
    return Verdict("single epoch", why or f"{seen}, false alarm {told}", len(epochs), joint)


def joint_false_alarm(
    members: Sequence[Source], epochs: Sequence[Sequence[Source]], rooms: Sequence[float]
) -> float:
    """Chance that noise alone makes a track as unlikely as this one, in any of so many epochs.

    Peaks of noise come as a Poisson process in N, the number a frame of peaks as strong, and
    anywhere. Of the tracks of n epochs that the catalogue could hold (N up to M each, the later
    ones within their share of the field), so many have a product of u = N/M of q or less:

        C(epochs, n) · Π M · Π rooms · q Σ_{k<n} (−ln q)^k / k!

    the last factor being that of n uniform numbers (Fisher 1932). A source whose chance is not
    known counts as certain noise (u = 1) but for its place. NaN for one that is alone.
    """
    if len(members) == 1 and math.isnan(members[0].false_alarm):
        return math.nan
    most = {each[0].epoch.name: _most(each) for each in epochs if each}
    expected, log_q = float(math.comb(len(epochs), len(members))), 0.0
    for one in members:
        ceiling = most[one.epoch.name]
        expected *= ceiling
        log_q += math.log(min(max(_peaks(one, ceiling) / ceiling, 1e-300), 1.0))
    for room in rooms:
        expected *= room
    terms = sum((-log_q) ** k / math.factorial(k) for k in range(len(members)))
    return -math.expm1(-expected * math.exp(log_q) * terms)


def _most(sources: Sequence[Source]) -> float:
    """Peaks of noise that a frame's catalogue could hold, at least one."""
    unknown = sum(math.isnan(one.false_alarm) for one in sources)
    return max(1.0, unknown, *(_peaks(one, 0.0) for one in sources))


def _peaks(source: Source, unknown: float) -> float:
    """Peaks of noise as strong that a frame is expected to hold."""
    chance = source.false_alarm
    return unknown if math.isnan(chance) else -math.log1p(-min(chance, 1 - 1e-12))
