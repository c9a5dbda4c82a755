"""The mean of the usable references: the simplest linear PSF model."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from exosift.psfsub.gram import Gram
from exosift.psfsub.linear import Coefficients
from exosift.types import Bools


@dataclass(frozen=True)
class Mean:
    """Mean PSF: 1/n on each of the n usable references (Marois et al. 2006, ApJ 641, 556)."""

    kind: Literal["mean"] = "mean"

    variants: ClassVar[tuple[int, ...]] = (0,)  # no ranks
    minimum: ClassVar[int] = 1  # reference that it needs
    keeps_noise: ClassVar[bool] = True  # residuals of noise are noise

    def coefficients(self, gram: Gram, usable: Bools) -> Coefficients:
        """usable (target, reference) → weights (1, target, reference)."""
        del gram  # a mean does not look at the data
        weights = usable / usable.sum(axis=1, keepdims=True)
        return Coefficients(weights[None], np.zeros((1, len(usable))))
