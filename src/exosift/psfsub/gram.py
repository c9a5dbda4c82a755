"""The Gram matrix of a region's frames: all that a linear PSF model needs to know of the pixels.

Frames are rows of R (frame, pixel). Products are formed about a fixed frame m (their temporal mean)
and in float64, because R Rᵀ squares the condition number: a thermal background of 10⁴ counts would
otherwise leave nothing of the speckles. The terms of m are kept aside and put back, exactly, for
models that do not centre.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

import numpy as np

from exosift import threads
from exosift.types import Floats

Centring = Literal["none", "temporal", "spatial"]

# Pixels of one product: a float64 block of this width and some hundred rows stays in cache. The
# blocks, rather than BLAS, are what the threads share: each is too small for BLAS to share well.
BLOCK = 2048

# A region's blocks are summed in at most so many runs, wherever they are formed: the order of a sum
# decides its last bits.
_RUNS = 64


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

    def part(self, span: slice) -> "CentredFrames":
        """Some of the pixels."""
        return CentredFrames(self.frames[:, span], self.fixed[span])


@dataclass(frozen=True, eq=False)
class Products:
    """What some pixels add to a Gram matrix: (R − m)(R − m)ᵀ, (R − m)·m, Σ(R − m)."""

    product: Floats
    along: Floats
    sums: Floats

    def __add__(self, other: "Products") -> "Products":
        """Those of the pixels of both."""
        return Products(
            self.product + other.product, self.along + other.along, self.sums + other.sums
        )

    def gram(self, fixed: Floats) -> Gram:
        """The Gram matrix of a region whose products these are, about its fixed frame (pixel,)."""
        level = fixed.astype(np.float64)
        norm = float(level @ level)
        return Gram(self.product, self.along, norm, self.sums + level.sum(), level.size)


def runs(pixels: int) -> list[slice]:
    """The runs of blocks in which a region's pixels are summed."""
    return threads.blocks(pixels, BLOCK * max(1, -(-pixels // (BLOCK * _RUNS))))


def products(parts: Iterable[CentredFrames], count: int) -> Products:
    """What a run of `count` frames adds, summed block by block in float64.

    The run may come in parts, all of which but the last are whole blocks.
    """
    total = Products(np.zeros((count, count)), np.zeros(count), np.zeros(count))
    for part in parts:
        fixed = part.fixed.astype(np.float64)
        for span in threads.blocks(fixed.size, BLOCK):
            block = part.frames[:, span].astype(np.float64)
            np.add(total.product, block @ block.T, out=total.product)
            np.add(total.along, block @ fixed[span], out=total.along)
            np.add(total.sums, block.sum(axis=1), out=total.sums)
    return total


def gram(centred: CentredFrames) -> Gram:
    """Sum the products over runs of pixels (a blockwise sum of B Bᵀ)."""

    def work(run: slice) -> Products:
        return products([centred.part(run)], len(centred.frames))

    return reduce(add, threads.over(work, runs(centred.fixed.size))).gram(centred.fixed)
