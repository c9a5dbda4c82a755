"""Pairwise differencing: each frame minus the frame most like it, in Gram space.

Between two frames ‖T − R‖² = T·T + R·R − 2 T·R, so the search for the nearest needs no pixel.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from exosift.errors import BadInput
from exosift.psfsub.gram import Gram
from exosift.psfsub.linear import Coefficients
from exosift.types import Bools, Floats


@dataclass(frozen=True)
class Pairwise:
    """The usable reference most like the target, or the mean of several (as VIP's `frame_diff`).

    similar: how many. percentile: pairs farther apart than this percentile of all usable pairs of
    the region do not count; a frame left without any is left out of the image there.
    """

    similar: int = 1
    percentile: float = 100.0
    kind: Literal["pairwise"] = "pairwise"

    variants: ClassVar[tuple[int, ...]] = (0,)  # no ranks
    keeps_noise: ClassVar[bool] = True  # residuals of noise are noise

    def __post_init__(self) -> None:
        if self.similar < 1 or not 0 < self.percentile <= 100:
            raise BadInput(
                f"pairwise similar is {self.similar} and percentile {self.percentile:g}, expected "
                "1 or more, and more than 0 up to 100"
            )

    @property
    def minimum(self) -> int:
        """Fewest references that it needs, of which the target may be one."""
        return self.similar + 1

    def coefficients(self, gram: Gram, usable: Bools) -> Coefficients:
        """usable (target, reference), targets first among the frames → weights (1, ·, ·).

        A target is never its own reference. A target without a pair has the offset NaN.
        """
        distance = _distances(gram, len(usable))
        distance[~usable | np.eye(*usable.shape, dtype=np.bool_)] = np.inf
        limit = np.percentile(distance[np.isfinite(distance)], self.percentile)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, : self.similar]
        chosen = np.zeros(usable.shape, dtype=bool)
        np.put_along_axis(chosen, nearest, True, axis=1)
        chosen &= distance <= limit
        count = chosen.sum(axis=1)
        weights = chosen / np.maximum(count, 1)[:, None]
        return Coefficients(weights[None], np.where(count > 0, 0.0, np.nan)[None])


def _distances(gram: Gram, targets: int) -> Floats:
    """‖T − R‖ (target, frame). The products about the fixed frame serve: it cancels."""
    power = np.diag(gram.product)
    squared = power[:targets, None] + power - 2 * gram.product[:targets]
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))
