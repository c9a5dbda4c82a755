"""The median of the usable references: classical ADI."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from exosift.psfsub.combine import median
from exosift.types import Bools, Floats


@dataclass(frozen=True)
class Median:
    """Median PSF, pixel by pixel, of the usable references (Marois et al. 2006, ApJ 641, 556)."""

    kind: Literal["median"] = "median"

    variants: ClassVar[tuple[int, ...]] = (0,)  # no ranks
    minimum: ClassVar[int] = 1  # reference that it needs
    keeps_noise: ClassVar[bool] = True  # residuals of noise are noise

    def predict(self, frames: Floats, usable: Bools) -> Floats:
        """Frames (frame, pixel), usable (target, reference) → PSF (1, target, pixel).

        Targets that share a library share one median.
        """
        libraries, which = np.unique(usable, axis=0, return_inverse=True)
        models = np.stack([median(frames[library]) for library in libraries])
        return np.asarray(models[which.ravel()][None])
