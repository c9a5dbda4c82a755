"""What a linear PSF model says: how much of each reference makes up the star in each target.

A linear model sees inner products only, never a pixel: its `coefficients` take a Gram matrix and
usable[target, reference].
"""

from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.psfsub.gram import BLOCK, CentredFrames
from exosift.types import Floats


@dataclass(frozen=True, eq=False)
class Coefficients:
    """The star in target t is Σ_r weights[v, t, r] R_r + offset[v, t], for each rank v."""

    weights: Floats
    offset: Floats


def residuals(
    centred: CentredFrames, coefficients: Coefficients, level: float | None = None
) -> Floats:
    """T − C R (variant, target, pixel); the targets are the first of the frames.

    Formed without the fixed frame m, so that the data's own precision suffices:
    T − C R = (T − m) − C (R − m) + (1 − Σ C) m: the last term vanishes for models centred in time.
    The level of m, which those centred in space take off again, goes into the offset in float64.
    level: the mean of m over the whole region, of which the frames are a part; else their own.
    """
    weights = coefficients.weights
    frames = centred.frames
    unexplained = 1.0 - weights.sum(axis=2)
    uncentred = not np.allclose(unexplained, 0.0, atol=1e-12)
    if level is None:
        level = float(centred.fixed.mean(dtype=np.float64))
    level = level if uncentred else 0.0
    pattern = (centred.fixed - level).astype(frames.dtype)
    unexplained, offset = (
        each[..., None].astype(frames.dtype)
        for each in (unexplained, coefficients.offset - unexplained * level)
    )
    weights = weights.astype(frames.dtype)
    left = np.empty((*offset.shape[:2], frames.shape[1]), frames.dtype)

    def work(span: slice) -> None:
        here = left[..., span]
        np.subtract(frames[: offset.shape[1], span], weights @ frames[:, span], out=here)
        if uncentred:
            here += unexplained * pattern[span]
        if offset.any():
            here -= offset

    threads.over(work, threads.blocks(frames.shape[1], BLOCK))
    return left
