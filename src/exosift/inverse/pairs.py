"""Pairs of frames between which a companion moves far enough, and their differences."""

from dataclasses import dataclass

import numpy as np

from exosift.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class Pairs:
    """The differences D_k = i⁺ − γ i⁻ of one annulus: frames `plus` and `minus`, γ, (pair,) each.

    As a matrix, D = P F for frames F (time, pixel): row k of P is 1 at i⁺ and −γ at i⁻.
    """

    plus: Ints
    minus: Ints
    gamma: Floats

    def differences(self, frames: Floats) -> Floats:
        """P F: frames (time, pixel) → differences (pair, pixel), in float64."""
        return np.asarray(frames[self.plus] - self.gamma[:, None] * frames[self.minus])

    def normal(self, count: int) -> Floats:
        """PᵀP (time, time) of `count` frames."""
        matrix = np.zeros((len(self.gamma), count))
        pair = np.arange(len(self.gamma))
        matrix[pair, self.plus] = 1.0
        matrix[pair, self.minus] = -self.gamma
        return np.asarray(matrix.T @ matrix)


def moving_pairs(angle: Floats, radius: float, least: float) -> tuple[Ints, Ints]:
    """Frames (plus, minus) between which a companion at `radius` moves by `least` [px] or more.

    The displacement is the chord 2 r sin(Δ/2) of the rotation Δ between their angles (time,) [deg]
    (Mugnier et al. 2009), which need not be monotonic. Each frame is the minus of the first
    later frame that has moved; one that is in no pair so far, of the last earlier one.
    """
    turned = np.radians(angle[:, None] - angle[None, :])
    moved = 2.0 * radius * np.abs(np.sin(turned / 2.0)) >= least
    later = np.triu(moved, 1)
    minus = np.flatnonzero(later.any(axis=1))
    plus = later[minus].argmax(axis=1)
    alone = np.ones(len(angle), bool)
    alone[minus] = alone[plus] = False
    earlier = np.tril(moved, -1)
    rest = np.flatnonzero(alone & earlier.any(axis=1))
    before = len(angle) - 1 - earlier[rest, ::-1].argmax(axis=1)
    return np.concatenate([plus, before]), np.concatenate([minus, rest])


def balanced(frames: Floats, plus: Ints, minus: Ints) -> Pairs:
    """Pairs with γ = Σ i⁺i⁻ / Σ i⁻² over frames (time, pixel) of the optimisation zone.

    Least squares (Cantalloube et al. 2015); 1 where i⁻ is nothing but zeros.
    """
    zone = frames.astype(np.float64)
    products = zone @ zone.T
    power = products[minus, minus]
    gamma = np.ones(len(plus))
    np.divide(products[plus, minus], power, out=gamma, where=power > 0)
    return Pairs(plus, minus, gamma)
