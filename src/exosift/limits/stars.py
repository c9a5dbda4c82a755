"""Trials of methods on many stars, and what they say at the rates of false positives asked for."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from functools import reduce

import numpy as np

from exosift.errors import BadInput
from exosift.limits.comparison import Comparison
from exosift.limits.nulls import NullKind
from exosift.limits.roc import Roc, Verdict, roc
from exosift.limits.trials import Trial

Bins = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials (star, bin) of every method by its name; bins in FWHM."""

    stars: tuple[str, ...]
    bins: Bins
    of: Mapping[str, tuple[tuple[Trial, ...], ...]]

    def __post_init__(self) -> None:
        for name, some in self.of.items():
            if len(some) != len(self.stars) or any(len(one) != len(self.bins) for one in some):
                raise BadInput(f"{name}: not judged on all {len(self.stars)} stars and their bins")

    def joined(self, other: "Trials") -> "Trials":
        """With those of other stars. Raises BadInput for other bins, methods, or a star twice."""
        if self.bins != other.bins or self.of.keys() != other.of.keys():
            raise BadInput(
                f"trials of {self.stars[0]} and {other.stars[0]} are of other bins or methods; "
                "judge both alike"
            )
        twice = set(self.stars) & set(other.stars)
        if twice:
            raise BadInput(f"{min(twice)} is judged twice; give each star once")
        of = {name: some + other.of[name] for name, some in self.of.items()}
        return Trials(self.stars + other.stars, self.bins, of)

    def in_bin(self, method: str, bounds: tuple[float, float]) -> list[Trial]:
        """Trials (star,) of a method in a bin."""
        return [some[self.bins.index(bounds)] for some in self.of[method]]


def together(trials: Several[Trials]) -> Trials:
    """All of several groups of stars."""
    return reduce(Trials.joined, trials)


def verdicts(trials: Trials, asked: Comparison) -> list[Verdict]:
    """Curves of every method, bin and kind of null; all are resampled alike."""
    return [
        Verdict(name, bounds, kind, roc(some, kind, _rng(asked), how=asked.intervals))
        for name in trials.of
        for bounds in trials.bins
        for kind in asked.nulls.kinds
        for some in [trials.in_bin(name, bounds)]
    ]


@dataclass(frozen=True, eq=False)
class Told:
    """The curve of a method at one rate of false positives a frame, or a line why it is not told.

    best: of the ranks of its reduction, the one that finds most here. gain: its TPR over that of
    the best rank of the baseline, with the ends of its interval; NaN where there is none.
    """

    method: str
    bounds: tuple[float, float]
    kind: NullKind
    rate: float
    roc: Roc | None
    line: str = ""
    best: bool = False
    gain: tuple[float, float, float] = (np.nan, np.nan, np.nan)


def at_rates(trials: Trials, asked: Comparison) -> list[Told]:
    """What is told at the rates asked for, in each bin and for each kind of null frames."""
    return [
        one
        for bounds in trials.bins
        for kind in asked.nulls.kinds
        for rate in asked.rates
        for one in _at_rate(trials, bounds, kind, rate, asked)
    ]


def _at_rate(
    trials: Trials, bounds: tuple[float, float], kind: NullKind, rate: float, asked: Comparison
) -> list[Told]:
    """Every method at one rate."""
    found: dict[str, Roc] = {}
    lines: dict[str, str] = {}
    rates = np.array([rate])
    for name in trials.of:
        some = trials.in_bin(name, bounds)
        try:
            found[name] = roc(some, kind, _rng(asked), rates, asked.intervals)
        except BadInput as error:
            lines[name] = str(error)
    best = _best(found, asked)
    base = best.get(asked.reference.family) if asked.reference else None
    return [
        Told(
            name,
            bounds,
            kind,
            rate,
            found.get(name),
            lines.get(name, ""),
            name in best.values(),
            _gain(name, base, found, asked.intervals.level),
        )
        for name in trials.of
    ]


def _best(found: Mapping[str, Roc], asked: Comparison) -> dict[str, str]:
    """Of each reduction's ranks, by the name that they share, the one that finds most."""
    best: dict[str, str] = {}
    families = {one.name: one.family for one in asked.methods}
    for name, curve in found.items():
        family = families.get(name, name)
        if family not in best or curve.tpr[0] > found[best[family]].tpr[0]:
            best[family] = name
    return best


def _gain(
    name: str, base: str | None, found: Mapping[str, Roc], level: float
) -> tuple[float, float, float]:
    """TPR over the baseline's, and its interval over the draws in which that finds any."""
    if base is None or name not in found or not found[base].tpr[0]:
        return np.nan, np.nan, np.nan
    ours, theirs = found[name].drawn[:, 0], found[base].drawn[:, 0]
    ratio = ours[theirs > 0] / theirs[theirs > 0]
    low, high = np.quantile(ratio, [(1 - level) / 2, (1 + level) / 2])
    return float(found[name].tpr[0] / found[base].tpr[0]), float(low), float(high)


def _rng(asked: Comparison) -> np.random.Generator:
    return np.random.default_rng(asked.seed)
