"""Weighted products of two PSFs, Σ_u h(u − r⁺) h(u − r⁻) w(u), for many places near each other.

Around the middle m of the two places, d apart, the product of the PSFs is the pattern
K_d(u) = h(u − d/2) h(u + d/2). For a Gaussian it is a(d) h(u)² whatever d, with a the
autocorrelation of h, 1 at zero. What other PSFs add to that is small and even in d, and as long as
|d| varies by no more than half an FWHM, close to a polynomial of fourth order in d with patterns B
for coefficients, so that the sum is

    a(d) (h² ⋆ w)(m) + Σ d_xⁱ d_yʲ (B_ij ⋆ w)(m),    ⋆ the match (correlation),

exact where w is even, and else within 1 % of the denominator that it is needed for (tested). The
PSF's faint wings count: near the star the noise falls so steeply that much is told by them.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from exosift import threads
from exosift.inverse.matching import Splines
from exosift.types import Floats

# Ranges of |d|, each with its own polynomial, half an FWHM wide; beyond the last there is none.
_RANGES = 6
_POWERS = [(i, order - i) for order in (0, 2, 4) for i in range(order + 1)]

# Where the polynomials are fitted: distances, in ranges (Chebyshev's), directions in a half-turn.
_DISTANCES = np.array([0.07, 0.5, 0.93])
_DIRECTIONS = 8


@dataclass(frozen=True, eq=False)
class Overlap:
    """Σ_u h(u − r⁺) h(u − r⁻) w(u) of one PSF h and one map of weights w.

    own is h² ⋆ w; together a, zero from `reach` [px] on along x or y; rest the B ⋆ w, (range ·
    power, y, x), of ranges `width` [px] wide from number `first` on.
    """

    own: Splines
    together: Splines
    rest: Splines
    reach: int
    width: float
    first: int

    @classmethod
    def of(
        cls, weight: Floats, template: Floats, fwhm: float, distances: tuple[float, float]
    ) -> "Overlap":
        """Weights (y, x), the PSF (y, x), odd and on its middle pixel, and its FWHM [px].

        Places will be between the two `distances` [px] apart.
        """
        power = np.sum(template**2, dtype=np.float64)
        side, width = len(template), fwhm / 2
        wide = np.pad(template, side // 2 + 1)
        ranges = range(int(distances[0] / width), min(int(distances[1] / width) + 1, _RANGES))
        fitted = threads.over(lambda k: _patterns(template, k, width), ranges)
        patterns = np.concatenate([*fitted, np.zeros((len(_POWERS), side, side))])
        return cls(
            Splines.matched(weight[None], template[None] ** 2),
            Splines.matched(wide[None], template[None] / power),
            Splines.matched(weight[None], patterns.astype(weight.dtype), degree=1),
            side,
            width,
            ranges.start,
        )

    def between(self, first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> Floats:
        """The sum for places (x, y) [px] from the centre, of any shape."""
        apart = [a - b for a, b in zip(first, second, strict=True)]
        middle = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
        near = [np.clip(d, -self.reach, self.reach) for d in apart]
        total = self.together.read(self.together.located(*near))
        total *= self.own.read(self.own.located(*middle))
        dx, dy = (d / self.width for d in apart)
        last = len(self.rest.coefficients) // len(_POWERS) - 1
        number = np.clip(np.hypot(dx, dy).astype(np.intp) - self.first, 0, last)
        places = self.rest.located(*middle)
        for i, term in enumerate(_terms(dx, dy)):
            total += term * self.rest.read(places, number * len(_POWERS) + i)
        return total


def _terms(dx: Floats, dy: Floats) -> list[Floats]:
    """The powers of a displacement."""
    return [dx**i * dy**j for i, j in _POWERS]


def _patterns(template: Floats, number: int, width: float) -> Floats:
    """Coefficients B (power, y, x) of K_d − a(d) h² by least squares, for |d| in one range."""
    turn = np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    distance = number + _DISTANCES[:, None]
    dx, dy = (distance * np.cos(turn)).ravel(), (distance * np.sin(turn)).ravel()
    side = len(template)
    length = fft.next_fast_len(side + int(width * distance.max()) + 1, real=True)
    frequency = fft.fftfreq(length)[:, None], fft.rfftfreq(length)
    cycles = width / 2 * (dy[:, None, None] * frequency[0] + dx[:, None, None] * frequency[1])
    spectrum, phase = fft.rfft2(template, (length, length)), np.exp(-2j * np.pi * cycles)
    there, back = (
        fft.irfft2(spectrum * p, (length, length))[:, :side, :side] for p in (phase, phase.conj())
    )
    product, own = (there * back).reshape(len(dx), -1), np.square(template, dtype=float).ravel()
    left = product - np.outer(product.sum(axis=1) / own.sum(), own)
    fit = np.linalg.lstsq(np.stack(_terms(dx, dy), axis=1), left)[0]
    return np.asarray(fit.reshape(-1, side, side))
