"""Null frames: a sequence under angles at which no companion adds up, and how many they count as.

With wrong angles the speckles, which stand still in the raw frames, are as they were, and a
companion is smeared. Each kind of null has its own faults, so none is mixed with another:

- negated: angles of the other sign (Mawet et al. 2014 and others since); one frame a sequence;
- negated-shifted: those, handed on by s frames; neighbours in time stay neighbours;
- permuted: in any order; the speckles' correlation in time is lost, and with it their tails;
- shifted: the angles themselves handed on by s frames. A companion stays: on β Pic 94 % of its peak
  at s = 1, and 18 % at the least. They are nulls of planet-free data alone;
- true: the angles as they are, of planet-free data alone; one frame a sequence, and of many stars
  as many independent ones.

At negated or permuted angles a companion is smeared to about a tenth of its peak.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.errors import BadInput
from exosift.types import Floats

NullKind = Literal["negated", "negated-shifted", "permuted", "shifted", "true"]
"""How the angles are made wrong."""


@dataclass(frozen=True)
class Nulls:
    """Which null frames are made of a sequence.

    kinds: each is reported apart. count: frames of a kind at most; "negated" and "true" are always
    one, and of shifts there are one fewer than exposures. planet_free: the data are known to hold
    no companion, as simulated ones or those it was taken out of; only then are "shifted" and "true"
    nulls.
    """

    kinds: tuple[NullKind, ...] = ("negated-shifted",)
    count: int = 30
    planet_free: bool = False

    def __post_init__(self) -> None:
        if not self.kinds or len(set(self.kinds)) < len(self.kinds):
            raise BadInput(f"kinds are {', '.join(self.kinds) or 'none'}; name some, each once")
        if self.count < 1:
            raise BadInput(f"count is {self.count} null frames of a kind, expected 1 or more")
        for kind, left in (("shifted", "up to 94 %"), ("true", "all")):
            if kind in self.kinds and not self.planet_free:
                raise BadInput(
                    f"kinds: `{kind}` leaves {left} of a companion, so it is a null on planet-free "
                    "data only; take `negated-shifted`, or set planet_free where it is true"
                )


def null_angles(angle: Floats, kind: NullKind, count: int, rng: np.random.Generator) -> Floats:
    """Angles (frame, time) [deg] of at most `count` null frames of a kind, from those (time,)."""
    if kind in ("negated", "true"):
        return angle[None] if kind == "true" else -angle[None]
    if kind == "permuted":
        return np.stack([rng.permutation(angle) for _ in range(count)])
    last = len(angle) - 1
    shifts = np.unique(np.rint(np.linspace(1, last, min(count, last))).astype(int))
    sign = -1 if kind == "negated-shifted" else 1
    return np.stack([sign * np.roll(angle, shift) for shift in shifts])


def effective_number(maxima: Floats) -> float:
    """How many independent frames those with `maxima` (frame,), in order, count as.

    N / τ: neighbouring shifts see much the same noise. τ is the greater of two estimates, each with
    the share put back that the mean of few frames takes off: 1 + 2 Σ ρ, with ρ the autocorrelation
    up to where it is first not positive (Geyer 1992, Stat. Sci. 7, 473), and (1 + ρ₁) / (1 − ρ₁) of
    an autoregressive series (Kendall 1954, Biometrika 41, 403). It cannot see what all frames of a
    sequence share. One where all maxima are equal.
    """
    apart = np.asarray(maxima, dtype=np.float64) - np.mean(maxima)
    count, power = len(apart), float(apart @ apart)
    if power == 0:
        return 1.0
    lags = np.correlate(apart, apart, "full")[count:] / power
    ends = np.flatnonzero(lags <= 0)
    together = lags[: ends[0] if ends.size else count]
    time = 1 + 2 * together.sum()
    time = 1 + 2 * (together + time / count * (1 - together)).sum()
    first = np.clip(lags[0] + (1 + 3 * lags[0]) / count, 0, 1 - 1 / count)
    return float(max(1.0, count / max(time, (1 + first) / (1 - first))))


def rate_bound(rate: Floats, frames: float, level: float) -> Floats:
    """Upper bound at `level` of a rate a frame: χ²(2k + 2) / 2N, of k = rate · N in N `frames`."""
    from scipy.special import gammaincinv  # slow to load

    return np.asarray(gammaincinv(rate * frames + 1, level) / frames)
