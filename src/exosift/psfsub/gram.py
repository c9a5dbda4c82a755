"""The Gram matrix of a region's frames: all that a linear PSF model needs to know of the pixels.

Frames are rows of R (frame, pixel). Products are formed about a fixed frame m (their temporal mean)
and in float64, because R Rᵀ squares the condition number: a thermal background of 10⁴ counts would
otherwise leave nothing of the speckles. The terms of m are kept aside and put back, exactly, for
models that do not centre.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift import threads
from exosift.types import Floats

Centring = Literal["none", "temporal", "spatial"]

# Pixels of one product: a float64 block of this width and some hundred rows stays in cache. The
# blocks, rather than BLAS, are what the threads share: each is too small for BLAS to share well.
BLOCK = 2048


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
    pixels = centred.fixed.size
    fixed = centred.fixed.astype(np.float64)

    def work(span: slice) -> tuple[Floats, Floats, Floats]:
        block = centred.frames[:, span].astype(np.float64)
        return block @ block.T, block @ fixed[span], block.sum(axis=1)

    parts = threads.over(work, threads.blocks(pixels, BLOCK))
    product, along, sums = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
    return Gram(product, along, float(fixed @ fixed), sums + fixed.sum(), pixels)
