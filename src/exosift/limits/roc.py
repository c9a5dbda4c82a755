"""ROC curves: the share of companions found against false positives a frame, by threshold.

The threshold for a rate is where so many false positives a null frame lie above it; the true
positive rate (TPR) is the share of companions hit above it. The false positive rate (FPR) is that
of a resolution element: false positives a frame over the elements in it. No rate below one false
positive in all the independent null frames is told.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.limits.bootstrap import resampled_tpr
from exosift.limits.completeness import binomial_interval
from exosift.limits.nulls import NullKind, effective_number, rate_bound
from exosift.limits.trials import Trial
from exosift.types import Floats, Ints

# Points of a curve, at most.
_POINTS = 40


@dataclass(frozen=True)
class Intervals:
    """How uncertain a curve is told to be: at which level, from how many resamples."""

    level: float = 0.95
    resamples: int = 500

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise BadInput(f"level is {self.level:g}, expected between 0 and 1")
        if self.resamples < 10:
            raise BadInput(f"resamples is {self.resamples}, expected 10 or more")


@dataclass(frozen=True, eq=False)
class Roc:
    """A curve; every array is (point,), from the rarest false positives on.

    rate: mean false positives a frame; bound: what it may be at the level asked for; fpr: rate over
    resolution elements; threshold: a peak counts above it; found: companions; low, high: binomial
    interval of the TPR; block_low, block_high: its interval by resampling azimuth blocks, and
    sequences where there are several, in injected and null frames; drawn (resample, point): the
    TPR of each draw. injections, and null frames; effective: what those count as.
    """

    rate: Floats
    bound: Floats
    fpr: Floats
    threshold: Floats
    found: Ints
    low: Floats
    high: Floats
    block_low: Floats
    block_high: Floats
    drawn: Floats
    injections: int
    frames: int
    effective: float

    @property
    def tpr(self) -> Floats:
        """Share (point,) of companions found."""
        return np.asarray(self.found / self.injections)


@dataclass(frozen=True, eq=False)
class Verdict:
    """The curve of one method in one bin [FWHM], against null frames of one kind."""

    method: str
    bounds: tuple[float, float]
    kind: NullKind
    roc: Roc


def effective_frames(trials: Several[Trial], kind: NullKind) -> float:
    """How many independent null frames of a kind one method's trials of sequences count as."""
    return float(sum(effective_number(trial.alarms[kind].maxima) for trial in trials))


def supported_rates(trials: Several[Trial], kind: NullKind) -> Floats:
    """Rates (point,) of false positives a frame that the nulls tell: from 1/N_eff to all peaks."""
    frames = sum(trial.alarms[kind].maxima.size for trial in trials)
    count = sum(trial.alarms[kind].score.size for trial in trials)
    first = int(np.ceil(frames / effective_frames(trials, kind) - 1e-9))
    if count <= first:
        return np.array([first / frames])
    steps = np.geomspace(first, count, min(_POINTS, count - first + 1))
    return np.asarray(np.unique(np.rint(steps)) / frames)


def roc(
    trials: Several[Trial],
    kind: NullKind,
    rng: np.random.Generator,
    rates: Floats | None = None,
    how: Intervals | None = None,
) -> Roc:
    """The curve of one method in one bin, from its trials on one or several sequences.

    Its points are at `rates` of false positives a frame, or at all that are supported. Raises
    BadInput for a rate below one in the effective number of null frames.
    """
    how = how or Intervals()
    effective = effective_frames(trials, kind)
    asked = supported_rates(trials, kind) if rates is None else np.asarray(rates, dtype=float)
    _refuse_unsupported(float(asked.min()), effective, kind)
    hit = np.concatenate([trial.hit for trial in trials])
    score = np.concatenate([trial.alarms[kind].score for trial in trials])
    frames = sum(trial.alarms[kind].maxima.size for trial in trials)
    threshold = _thresholds(np.sort(score)[::-1], asked * frames)
    found = (hit > threshold[:, None]).sum(axis=1)
    low, high = binomial_interval(found, np.asarray(hit.size), how.level)
    drawn = resampled_tpr(trials, kind, asked, how.resamples, rng)
    tails = (1 - how.level) / 2, (1 + how.level) / 2
    block_low, block_high = np.quantile(drawn, tails, axis=0)
    return Roc(
        rate=asked,
        bound=rate_bound(asked, effective, how.level),
        fpr=asked / float(np.mean([trial.elements for trial in trials])),
        threshold=threshold,
        found=found,
        low=low,
        high=high,
        block_low=block_low,
        block_high=block_high,
        drawn=drawn,
        injections=hit.size,
        frames=frames,
        effective=effective,
    )


def _refuse_unsupported(rate: float, effective: float, kind: NullKind) -> None:
    """Raise BadInput for a rate below one false positive in all independent null frames."""
    if rate < (1 - 1e-9) / effective:
        raise BadInput(
            f"{rate:.3g} false positives a frame: {kind} nulls count as {effective:.1f} "
            f"frames, which tell rates from {1 / effective:.3g} on; give more sequences"
        )


def _thresholds(falling: Floats, counts: Floats) -> Floats:
    """Least thresholds above which no more than `counts` (point,) of the scores lie."""
    padded = np.append(falling, -np.inf)
    above = np.minimum(np.floor(counts + 1e-9).astype(int), falling.size)
    return np.asarray(padded[above])
