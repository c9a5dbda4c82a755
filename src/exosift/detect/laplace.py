"""The small-sample S/N of Laplace noise: what it follows (Bonse et al. 2023, AJ 166, 71).

Speckles have longer tails than a Gaussian, close to those of a Laplace distribution. The S/N does
not change with level and scale of the noise, so what it follows depends on nothing but the number n
of noise apertures, and samples of unit scale tell it (a parametric bootstrap).

A sample of n values is a shape a, of mean 0 and standard deviation 1, moved by v and scaled by s:
s (a + v). Given the shape, Laplace noise has sizes s with density ∝ sⁿ⁻¹ exp(−s A), where
A(v) = Σ|aᵢ + v|, so v has density ∝ A⁻ⁿ. An S/N above t means a value above s (v + t c),
c = √(1 + 1/n); the mean over s is a closed form, with h = (v + t c) / A,

    P(S/N > t | a, v) = ½ (1 + h)⁻ⁿ where h ≥ 0, else 1 − ½ (1 − h)⁻ⁿ.

The mean over v is a sum on a grid, and only shapes are left to draw: some 10³ of them tell the tail
to 2 % however far out, where as many bootstrapped samples end at fractions of 10⁻³.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from exosift.types import Floats

_SHAPES = 1024
_SEED = 20230812

# Places v √n on the grid, dense where samples lie; far ones make the largest S/N.
_MOVED = np.linspace(-10.0, 10.0, 65)

# S/N at which a table is made, dense where the fraction bends; its smallest fraction.
_KNOTS = np.sinh(np.linspace(0.0, np.arcsinh(300.0), 33))
_LEAST = 1e-30


@dataclass(frozen=True, eq=False)
class Tail:
    """False-positive fractions of S/N values: their logarithms at a table's knots (knot,)."""

    snr: Floats
    logarithm: Floats

    @property
    def least(self) -> float:
        """The smallest fraction that the table tells; what is rarer is given as this."""
        return float(np.exp(self.logarithm[-1]))

    def fraction(self, snr: Floats) -> Floats:
        """Chance (…) that Laplace noise exceeds `snr` (…), and never below the table's least."""
        from scipy.interpolate import PchipInterpolator  # slow to load

        table = PchipInterpolator(np.arcsinh(self.snr), self.logarithm)
        upper = np.exp(table(np.arcsinh(np.minimum(np.abs(snr), self.snr[-1]))))
        return np.asarray(np.where(snr >= 0, upper, 1 - upper))


@cache
def laplace_tail(noise: int) -> Tail:
    """The table for `noise` ≥ 3 apertures; the same at every call, and made but once."""
    moved, size, weight = _samples(noise)
    logarithm = [np.log(0.5)]
    for t in _KNOTS[1:]:
        h = (moved + np.float32(t * np.sqrt(1 + 1 / noise))) / size
        half = 0.5 * np.exp(-noise * np.log1p(np.abs(h)))
        fraction = np.sum(weight * np.where(h >= 0, half, 1 - half), dtype=np.float64)
        if fraction < _LEAST:
            break
        logarithm.append(np.log(fraction))
    return Tail(_KNOTS[: len(logarithm)], np.array(logarithm))


def _samples(noise: int) -> tuple[Floats, Floats, Floats]:
    """v (1, place), A (shape, place), and their share (shape, place) of all samples.

    Half of the shapes are the others' opposites, as likely as they are.
    """
    rng = np.random.default_rng([_SEED, noise])
    drawn = rng.laplace(size=(_SHAPES // 2, noise)).astype(np.float32)
    drawn -= drawn.mean(axis=1, keepdims=True)
    drawn /= drawn.std(axis=1, ddof=1, keepdims=True)
    moved = (np.sinh(_MOVED) / np.sqrt(noise)).astype(np.float32)
    size = np.stack([np.abs(drawn + v).sum(axis=1) for v in moved], axis=1)
    size = np.concatenate([size, size[:, ::-1]])
    density = np.cosh(_MOVED) * (size.min(axis=1, keepdims=True) / size) ** float(noise)
    weight = density / density.sum(axis=1, keepdims=True) / _SHAPES
    return moved[None], size, weight.astype(np.float32)
