"""Conformal p-values: the chance of a false alarm, counted on maps that hold no companion.

A map is scored by its maximum over what is searched, so that the number of places looked at is in
the count. When the score of a map without a companion is exchangeable with those of F null maps,

    p = (1 + #{null ≥ score}) / (F + 1)

is below any level no more often than the level says, whatever the method and its noise (Vovk,
Gammerman & Shafer 2005, Algorithmic Learning in a Random World; Bates et al. 2023, Ann. Stat. 51,
149). Its least value is 1/(F + 1), and with null maps that depend on each other less can be told:
as many as are independent, N_eff, tell 1/(N_eff + 1).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.limits.nulls import effective_number, rate_bound
from exosift.types import Bools, Floats


@dataclass(frozen=True, eq=False)
class NullScores:
    """Maxima (frame,) of null frames of one kind, of one star or several, and what they count as.

    Raises BadInput where there is none, or one is not a number.
    """

    kind: str
    maxima: Floats
    effective: float

    def __post_init__(self) -> None:
        if not self.maxima.size or np.isnan(self.maxima).any():
            raise BadInput(
                f"{self.kind} nulls: {np.isnan(self.maxima).sum()} of {self.maxima.size} scores "
                "are not numbers; a false alarm needs null frames that were searched"
            )

    @classmethod
    def of(cls, kind: str, stars: Mapping[str, Floats]) -> "NullScores":
        """Of stars' maxima (frame,), each in the order of its frames; stars are independent."""
        effective = float(sum(effective_number(each) for each in stars.values() if each.size))
        return cls(kind, np.concatenate([np.empty(0), *stars.values()]), effective)

    @property
    def resolution(self) -> float:
        """The least p that so many frames can give."""
        return 1 / (self.maxima.size + 1)

    @property
    def least(self) -> float:
        """The least p that is told: what as many independent frames could give."""
        return 1 / (self.effective + 1)

    def p(self, scores: Floats) -> Floats:
        """Conformal p-values (…) of scores (…); ties count against them. NaN stays NaN."""
        scores = np.asarray(scores, dtype=np.float64)
        rising = np.sort(self.maxima)
        above = rising.size - np.searchsorted(rising, scores, side="left")
        return np.where(np.isnan(scores), np.nan, (1 + above) / (rising.size + 1))

    def told(self, scores: Floats) -> Floats:
        """The same, and no less than can be told: upper bounds, where they are `least`."""
        return np.maximum(self.p(scores), self.least)

    def said(self, score: float) -> str:
        """A score's p-value in words: a number, or one sentence why it cannot be told."""
        p = float(self.p(np.array(score)))
        if not p < self.least:
            return f"{p:.2g}"
        return (
            f"not told, at most {self.least:.2g}: {self.maxima.size} {self.kind} null frames count "
            f"as {self.effective:.1f}, and none below 1/(N + 1) is quoted"
        )

    def rate(self, threshold: float, level: float = 0.95) -> tuple[float, float]:
        """False positives a frame above a threshold, one a frame at most, and their upper bound.

        The bound is χ²(2k + 2) / 2N at `level`, of k = rate · N_eff in N = N_eff frames.
        """
        rate = float(np.mean(self.maxima > threshold))
        return rate, float(rate_bound(np.array(rate), self.effective, level))


@dataclass(frozen=True, eq=False)
class Discoveries:
    """Which of several candidates (candidate,) are taken for real, and a line where none could."""

    found: Bools
    line: str


def benjamini_hochberg(p: Floats, share: float, least: float) -> Discoveries:
    """Candidates at a false discovery rate of `share` (Benjamini & Hochberg 1995, JRSSB 57, 289).

    p (candidate,), one for each that was tested, the dull ones too; those below `least`, which is
    what the nulls tell, count as that. Conformal p-values that share their nulls depend on each
    other in a way that keeps the rate (Bates et al. 2023, theorem 2).
    """
    if not 0 < share < 1:
        raise BadInput(f"a false discovery rate of {share:g}: expected between 0 and 1")
    told = np.maximum(np.asarray(p, dtype=np.float64), least)
    if not told.size or np.isnan(told).any():
        raise BadInput(f"{np.isnan(told).sum()} of {told.size} p-values are not numbers")
    count = told.size
    rising = np.sort(told)
    passed = np.flatnonzero(rising <= share * np.arange(1, count + 1) / count)
    found = told <= (rising[passed[-1]] if passed.size else -np.inf)
    if least <= share / count:
        return Discoveries(found, "")
    together = int(np.ceil(least * count / share - 1e-9))
    line = (
        f"a single candidate among {count} cannot be told at a false discovery rate of {share:g}: "
        f"it needs p ≤ {share / count:.2g}, and the nulls tell {least:.2g} at the least; "
        + (
            f"{together} candidates at that p would be, or one with "
            if together <= count
            else "it takes "
        )
        + f"{int(np.ceil(count / share - 1e-9)) - 1} independent null frames"
    )
    return Discoveries(found, line)
