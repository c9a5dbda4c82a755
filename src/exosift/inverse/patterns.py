"""What a companion leaves in differences of frames, p = h⁺ − γ h⁻, and its best flux and error.

With weights w = 1/σ² and differences D = P F the flux is Σ p w D / Σ p w p over pairs and pixels,
its error 1/√(Σ p w p) (Mugnier et al. 2009). Written by frames rather than by pairs, the numerator
at the place r is Σ_i (h ⋆ w E_i)(r_i), with E = PᵀP F, r_i the companion's place in frame i and ⋆
the match with the PSF h: the frames, matched once, are mixed, and read where the companion is in
each. The denominator is

    Σ_i (PᵀP)_ii (h² ⋆ w)(r_i) − 2 Σ_k γ_k Σ_u h(u − r⁺) h(u − r⁻) w(u) .
"""

from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.inverse.matching import Splines
from exosift.inverse.overlap import Overlap
from exosift.inverse.pairs import Pairs
from exosift.types import Floats

# Share of a companion's light that must fall on pixels with a weight.
_SEEN = 0.5

# Readings of one piece of work: what it needs of them stays in a core's cache.
_READINGS = 1 << 15


@dataclass(frozen=True, eq=False)
class Matched:
    """Weighted frames matched with the PSF, h ⋆ wF, and weighted products of two PSFs.

    seen is the share of h² that falls on pixels with a weight.
    """

    frames: Splines
    overlap: Overlap
    seen: Splines

    @classmethod
    def of(
        cls,
        frames: Floats,
        weight: Floats,
        template: Floats,
        fwhm: float,
        distances: tuple[float, float],
    ) -> "Matched":
        """Frames (time, y, x), weight (y, x), the PSF (y, x), odd and on its middle, its FWHM.

        Companions move between two `distances` [px] from one frame of a pair to the other.
        """
        overlap = Overlap.of(weight, template, fwhm, distances)
        light = template[None] ** 2 / np.sum(template**2, dtype=np.float64)
        seen = Splines.matched((weight[None] > 0).astype(weight.dtype), light, degree=1)
        return cls(Splines.matched(frames * weight, template[None]), overlap, seen)

    def sums(self, x: Floats, y: Floats, pairs: Pairs, angle: Floats) -> tuple[Floats, Floats]:
        """Σ p w D and Σ p w p of companions at places x, y (place,) [px] from the star, North up.

        The places lie on one annulus, whose `pairs` these are of the frames at `angle` [deg]. NaN
        where more than half of the light would fall on pixels without weight.
        """
        normal = pairs.normal(len(angle))
        radius = np.hypot(x, y)
        mixed = self.frames.mixed(normal, radius.min(), radius.max())
        own = self.overlap.own
        frame = np.arange(len(angle))[:, None]
        turn = np.radians(angle)[:, None]
        cos, sin = np.cos(turn).astype(x.dtype), np.sin(turn).astype(x.dtype)
        numerator, denominator = np.empty(x.size), np.empty(x.size)
        for part in threads.blocks(x.size, max(1, _READINGS // len(angle))):
            in_x, in_y = cos * x[part] + sin * y[part], cos * y[part] - sin * x[part]
            places = mixed.located(in_x, in_y)
            numerator[part] = mixed.read(places, frame).sum(axis=0, dtype=np.float64)
            plus, minus = ((in_x[i], in_y[i]) for i in (pairs.plus, pairs.minus))
            denominator[part] = np.diag(normal) @ own.read(places)
            denominator[part] -= 2 * pairs.gamma @ self.overlap.between(plus, minus)
            seen = np.diag(normal) @ self.seen.read(self.seen.located(in_x, in_y))
            denominator[part][seen < _SEEN * np.trace(normal)] = np.nan
        return numerator, denominator
