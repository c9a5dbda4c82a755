"""The small-sample S/N of Laplace noise: what it follows (Bonse et al. 2023, AJ 166, 71).

Speckles have longer tails than a Gaussian, close to those of a Laplace distribution. The S/N does
not change with level and scale of the noise, so what it follows depends on nothing but the number n
of noise apertures, and samples of unit scale tell it (a parametric bootstrap).

A sample x of n values has a size G = Σ|xᵢ|, which follows a Gamma distribution of shape n, and a
direction u = x / G, independent of it. With m and s the mean and the standard deviation of u, an
S/N above t means a value above G h, h = m + t s √(1 + 1/n); the mean over G is a closed form,

    P(S/N > t | u) = ½ (1 + h)⁻ⁿ where h ≥ 0, else 1 − ½ (1 − h)⁻ⁿ,

and only directions are left to draw. That is why so few of them reach so far into the tail.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from exosift.types import Floats

_DIRECTIONS = 1 << 14  # drawn for a table, each used with both signs
_SEED = 20230812

# S/N at which a table is made, dense where the fraction bends.
_KNOTS = np.sinh(np.linspace(0.0, np.arcsinh(300.0), 49))

# A table ends where the standard error of its fraction exceeds this share of it.
_RESOLVED = 0.05


@dataclass(frozen=True, eq=False)
class Tail:
    """False-positive fractions of S/N values: their logarithms at a table's knots (knot,)."""

    snr: Floats
    logarithm: Floats

    @property
    def resolution(self) -> float:
        """The smallest fraction that the table tells; what is rarer is given as this."""
        return float(np.exp(self.logarithm[-1]))

    def fraction(self, snr: Floats) -> Floats:
        """Chance (…) that Laplace noise exceeds `snr` (…); never below the table's resolution."""
        from scipy.interpolate import PchipInterpolator  # slow to load

        table = PchipInterpolator(np.arcsinh(self.snr), self.logarithm)
        upper = np.exp(table(np.arcsinh(np.minimum(np.abs(snr), self.snr[-1]))))
        return np.asarray(np.where(snr >= 0, upper, 1 - upper))


@cache
def laplace_tail(noise: int) -> Tail:
    """The table for `noise` ≥ 3 apertures; the same at every call, and made but once."""
    mean, spread = _directions(noise)
    logarithm = []
    for t in _KNOTS:
        h = mean + np.float32(t * np.sqrt(1 + 1 / noise)) * spread
        half = 0.5 * np.exp(-noise * np.log1p(np.abs(h)))
        pairs = np.where(h >= 0, half, 1 - half).mean(axis=0, dtype=np.float64)
        fraction = pairs.mean()
        if pairs.std() > _RESOLVED * fraction * np.sqrt(pairs.size):
            break
        logarithm.append(np.log(fraction))
    return Tail(_KNOTS[: len(logarithm)], np.array(logarithm))


def _directions(noise: int) -> tuple[Floats, Floats]:
    """Mean (sign, direction) and standard deviation (direction,) of directions and opposites."""
    rng = np.random.default_rng([_SEED, noise])
    size = rng.standard_exponential((_DIRECTIONS, noise), dtype=np.float32)
    size /= size.sum(axis=1, keepdims=True)
    direction = np.where(rng.integers(0, 2, size.shape, dtype=np.int8) > 0, size, -size)
    mean = direction.mean(axis=1)
    return np.stack([mean, -mean]), direction.std(axis=1, ddof=1)
