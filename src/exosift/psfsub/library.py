"""Which frames may model which: the library of every target frame."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.errors import BadInput
from exosift.psfsub.gram import Gram
from exosift.psfsub.stack import Rows
from exosift.types import Bools, Floats, Ints


@dataclass(frozen=True)
class References:
    """Frames far enough from the target's that a companion does not subtract itself.

    movement: how far [FWHM] a companion at the region's radius must have moved between the target
    frame and a reference, by rotation or with wavelength; 0 lets every frame in, the target too.
    nearest: of the sequence's own frames at most this many, those where it moved least; null for
    all. correlated: at most this many frames, those most like the target; null for all.

    own: which frames of the sequence itself: "all", those of the same "exposure" at other
    wavelengths, "none". wavelengths: those of the "same" wavelength (ADI), or "all" of them, scaled
    so that speckles coincide (SDI). stars: other observations, as target/epoch or a pattern such as
    "*/2024-*", whose frames are references too (RDI); those of the target itself are left out.
    """

    movement: float = 0.0
    nearest: int | None = None
    correlated: int | None = None
    own: Literal["all", "exposure", "none"] = "all"
    wavelengths: Literal["same", "all"] = "same"
    stars: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.movement < 0:
            raise BadInput(f"movement is {self.movement:g} FWHM, expected 0 or more")
        for name in ("nearest", "correlated"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise BadInput(f"{name} is {count}, expected 1 or more")
        if self.own == "none" and not self.stars:
            raise BadInput("own is none, and no stars are named: no reference is left")
        if self.own == "exposure" and self.wavelengths == "same":
            raise BadInput("own is exposure: its other wavelengths need `wavelengths: all`")

    def usable(self, rows: Rows, radius: float, fwhm: float) -> Bools:
        """usable[target, reference] of the rows of a stack, for a region at `radius` [px]."""
        moved = displacement(rows, radius)
        own = rows.own[None, :] & (moved >= self.movement * fwhm)
        if self.own == "none":
            own[:] = False
        elif self.own == "exposure":
            own &= rows.exposure[: rows.targets, None] == rows.exposure[None, :]
        if self.nearest is not None:
            own &= _rank(np.where(own, moved, np.inf)) < self.nearest
        return np.asarray(own | ~rows.own[None, :])

    def most_correlated(self, gram: Gram, usable: Bools) -> Bools:
        """Of the usable (target, reference) those `correlated` best with the target, or all.

        The correlation is that of the pixels about each frame's own mean.
        """
        if self.correlated is None:
            return usable
        kernel = gram.kernel("spatial")
        norm = np.sqrt(np.diag(kernel))
        unlike = -kernel[: len(usable)] / np.maximum(norm, np.finfo(float).tiny)
        return np.asarray(usable & (_rank(np.where(usable, unlike, np.inf)) < self.correlated))


def displacement(rows: Rows, radius: float) -> Floats:
    """How far [px] a companion at `radius` of each target lies from its place in each row.

    With Δ the rotation between the two and s the target's wavelength over the reference's, in
    frames scaled so that speckles coincide: r √((s − 1)² + 4 s sin²(Δ/2)), which is the chord for
    s = 1 (Wang et al. 2015, pyKLIP, ASCL 1506.001). Angles need not be monotonic.
    """
    half = np.radians(rows.angle[: rows.targets, None] - rows.angle[None, :]) / 2
    scale = rows.wavelength[: rows.targets, None] / rows.wavelength[None, :]
    return np.asarray(radius * np.sqrt((scale - 1) ** 2 + 4 * scale * np.sin(half) ** 2))


def _rank(values: Floats) -> Ints:
    """Place of each value in the order of its row, the first among equals first."""
    order = np.argsort(values, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(values.shape[1])[None, :], axis=1)
    return rank
