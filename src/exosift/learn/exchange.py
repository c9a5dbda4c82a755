"""Whether null frames of several stars may be pooled: k-sample Anderson–Darling by permutation.

Pooled nulls tell rarer false alarms than one sequence can. On average over stars drawn alike that
is right without more; for each star by itself it is right only when their scores have one
distribution. That is what is tested (Scholz & Stephens 1987, JASA 82, 918, eq. 3), after thinning
each star's frames to as many as are independent.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift.learn.conformal import NullScores
from exosift.limits.nulls import effective_number
from exosift.types import Floats, Ints

# Stars are shuffled so many times; p is resolved to one more.
_PERMUTATIONS = 499


@dataclass(frozen=True, eq=False)
class Pool:
    """Null scores of a target with those of other stars, or why they are refused.

    nulls: pooled, or the target's own; stars: whose they are; p: of the test, NaN where there is
    none; line: why the pool is refused, empty where it is not.
    """

    nulls: NullScores
    stars: int
    p: float
    line: str


def pooled(target: str, stars: Mapping[str, Floats], kind: str, p: float, level: float) -> Pool:
    """Pool the null maxima (frame,) of `stars`, `target` among them, unless they are unlike.

    p: of `exchangeability`; below `level` the pool is refused. NaN, where that could tell nothing,
    pools as stars drawn alike are pooled: right on average over them.
    """
    own = {target: stars[target]}
    if len(stars) == 1:
        line = "no other star has nulls of this kind"
        return Pool(NullScores.of(kind, own), 1, np.nan, line)
    if not p < level:
        return Pool(NullScores.of(kind, stars), len(stars), p, "")
    line = (
        f"{kind} nulls of {len(stars)} stars are not pooled: they are unlike (k-sample "
        f"Anderson–Darling, p = {p:.2g} < {level:g}), so others' say little of {target}'s"
    )
    return Pool(NullScores.of(kind, own), 1, p, line)


def exchangeability(stars: Mapping[str, Floats], rng: np.random.Generator) -> float:
    """Chance that stars whose null maxima (frame,) have one distribution are so unlike.

    NaN where it cannot be told: for one star, or where each has no more than one frame.
    """
    thin = [thinned(each) for each in stars.values()]
    if len(thin) == 1 or all(each.size == 1 for each in thin):
        return float("nan")
    return alike(thin, rng)


def thinned(maxima: Floats) -> Floats:
    """Every so-manieth of maxima (frame,), in order, such that they are about independent."""
    step = int(np.ceil(maxima.size / effective_number(maxima) - 1e-9))
    return maxima[::step]


def alike(groups: Several[Floats], rng: np.random.Generator) -> float:
    """Chance that groups of one distribution are so unlike: p of the permutation test."""
    sizes = np.array([len(group) for group in groups])
    values = np.concatenate(groups)
    # Ties are put in any order, or that of the groups would look like a difference.
    order = np.lexsort((rng.random(values.size), values))
    label = np.repeat(np.arange(len(groups)), sizes)[order]
    found = _anderson_darling(label, sizes)
    drawn = [_anderson_darling(rng.permutation(label), sizes) for _ in range(_PERMUTATIONS)]
    return float((1 + np.sum(np.array(drawn) >= found)) / (1 + _PERMUTATIONS))


def _anderson_darling(label: Ints, sizes: Ints) -> float:
    """A² of groups of these sizes (group,), from the group (value,) of each value, rising."""
    count = label.size
    rank = np.arange(1, count)[:, None]
    below = (label[:-1, None] == np.arange(sizes.size)).cumsum(axis=0)
    apart = (count * below - rank * sizes) ** 2 / (rank * (count - rank))
    return float((apart.sum(axis=0) / sizes).sum() / count)
