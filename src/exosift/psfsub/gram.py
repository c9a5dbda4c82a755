"""The Gram matrix of a region's frames: all that a linear PSF model needs to know of the pixels.

Frames are rows of R (frame, pixel). Products are formed about a fixed frame m (their temporal mean)
and in float64, because R Rᵀ squares the condition number: a thermal background of 10⁴ counts would
otherwise leave nothing of the speckles. The terms of m are kept aside and put back, exactly, for
models that do not centre.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.types import Floats

Centring = Literal["none", "temporal", "spatial"]

# Pixels of one product: a float64 block of this width and some hundred rows stays in cache.
_BLOCK = 8192


@dataclass(frozen=True, eq=False)
class Gram:
    """Inner products of n frames over `pixels` pixels, about the fixed frame m.

    product: (R − m)(R − m)ᵀ, (n, n). along: (R − m)·m, (n,). norm: m·m. sums: row sums of R, (n,).
    """

    product: Floats
    along: Floats
    norm: float
    sums: Floats
    pixels: int

    def kernel(self, centring: Centring) -> Floats:
        """R Rᵀ (n, n) as a model sees it.

        "none": as the frames are. "temporal": about the fixed frame; a model re-centres it on its
        library. "spatial": with each frame's own mean over the region taken off.
        """
        if centring == "temporal":
            return self.product
        plain = self.product + self.along[:, None] + self.along[None, :] + self.norm
        if centring == "spatial":
            return np.asarray(plain - np.outer(self.sums, self.sums) / self.pixels)
        return np.asarray(plain)


@dataclass(frozen=True, eq=False)
class CentredFrames:
    """A region's frames without their fixed frame: R − m (frame, pixel), and m (pixel,)."""

    frames: Floats
    fixed: Floats

    @classmethod
    def of(cls, frames: Floats) -> "CentredFrames":
        """Take the temporal mean off frames (frame, pixel); precision is kept."""
        fixed = frames.mean(axis=0, dtype=np.float64).astype(frames.dtype)
        return cls(frames - fixed, fixed)


def gram(centred: CentredFrames) -> Gram:
    """Sum the products over blocks of pixels, in float64 (a blockwise sum of B Bᵀ)."""
    count, pixels = centred.frames.shape
    product = np.zeros((count, count))
    along, sums = np.zeros(count), np.zeros(count)
    fixed = centred.fixed.astype(np.float64)
    for start in range(0, pixels, _BLOCK):
        block = centred.frames[:, start : start + _BLOCK].astype(np.float64)
        product += block @ block.T
        along += block @ fixed[start : start + _BLOCK]
        sums += block.sum(axis=1)
    return Gram(product, along, float(fixed @ fixed), sums + fixed.sum(), pixels)
