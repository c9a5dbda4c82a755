"""What a linear PSF model says: how much of each reference makes up the star in each target."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from exosift.psfsub.gram import CentredFrames, Gram
from exosift.types import Bools, Floats


@dataclass(frozen=True, eq=False)
class Coefficients:
    """The star in target t is Σ_r weights[v, t, r] R_r + offset[v, t], for each variant v (rank)."""

    weights: Floats
    offset: Floats


class LinearModel(Protocol):
    """A model that sees inner products only, never a pixel."""

    @property
    def variants(self) -> tuple[int, ...]:
        """Ranks, or (0,) for a model without."""

    @property
    def minimum(self) -> int:
        """Fewest references that it needs."""

    def coefficients(self, gram: Gram, usable: Bools) -> Coefficients:
        """Gram matrix (n, n) and usable (target, reference) → coefficients."""


def residuals(centred: CentredFrames, coefficients: Coefficients) -> Floats:
    """T − C R (variant, target, pixel); the targets are the first of the frames.

    Formed without the fixed frame m, so that the data's own precision suffices:
    T − C R = (T − m) − C (R − m) + (1 − Σ C) m: the last term vanishes for models centred in time.
    The level of m, which those centred in space take off again, goes into the offset in float64.
    """
    weights = coefficients.weights
    variants, count, references = weights.shape
    frames = centred.frames
    star = weights.reshape(-1, references).astype(frames.dtype) @ frames
    left = frames[:count] - star.reshape(variants, count, -1)
    unexplained = 1.0 - weights.sum(axis=2)
    offset = coefficients.offset
    if not np.allclose(unexplained, 0.0, atol=1e-12):
        level = centred.fixed.mean(dtype=np.float64)
        pattern = (centred.fixed - level).astype(frames.dtype)
        left += unexplained[..., None].astype(frames.dtype) * pattern
        offset = offset - unexplained * level
    if offset.any():
        left -= offset[..., None].astype(frames.dtype)
    return np.asarray(left)
