"""Which frames may model which: the library of every target frame."""

from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.types import Bools, Floats


@dataclass(frozen=True)
class References:
    """Frames of the same sequence (ADI), far enough in rotation, near enough in time.

    rotation: how far [FWHM] a companion at the region's radius must have moved between the target
    frame and a reference, so that it does not subtract itself; 0 lets every frame in, the target
    too. nearest: at most this many references, those nearest to the target in angle; null for all.
    """

    rotation: float = 0.0
    nearest: int | None = None

    def __post_init__(self) -> None:
        if self.rotation < 0 or (self.nearest is not None and self.nearest < 1):
            raise BadInput(
                f"rotation is {self.rotation:g} FWHM and nearest {self.nearest}, expected 0 or "
                "more, and 1 or more"
            )

    def usable(self, angle: Floats, radius: float, fwhm: float) -> Bools:
        """usable[target, reference] for frames at `angle` (time,) [deg], a region at `radius` [px].

        The displacement between two frames is the chord 2 r sin(Δ/2); angles need not be monotonic.
        """
        apart = np.abs((angle[:, None] - angle[None, :] + 180.0) % 360.0 - 180.0)
        moved = 2.0 * radius * np.sin(np.radians(apart) / 2.0)
        usable = moved >= self.rotation * fwhm
        if self.nearest is None:
            return np.asarray(usable)
        distance = np.where(usable, apart, np.inf)
        order = np.argsort(distance, axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(len(angle))[None, :], axis=1)
        return np.asarray(usable & (rank < self.nearest))
