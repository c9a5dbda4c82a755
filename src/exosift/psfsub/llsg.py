"""Low rank, plus sparse, plus Gaussian noise: the companion is what is sparse.

A region's frames are split as M = L + S + G: the star L of low rank, the companion S sparse, the
noise G small everywhere (LLSG: Gomez Gonzalez et al. 2016, A&A 589, A54). Each iteration takes
for L the best approximation of rank r to M − S, and for S what of M − L exceeds a threshold, less
that threshold (GoDec: Zhou & Tao 2011, ICML, 33). The residual is S alone, without the noise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from exosift.errors import BadInput
from exosift.psfsub.gram import CentredFrames, gram
from exosift.types import Bools, Floats


@dataclass(frozen=True)
class Llsg:
    """Low-rank star of the frames of a region, best a segment of an annulus.

    rank: of the star. threshold: what counts as sparse, in median absolute deviations of the frames
    without their star. iterations: how often star and sparse part are estimated in turn.
    """

    rank: int = 10
    threshold: float = 1.0
    iterations: int = 10
    kind: Literal["llsg"] = "llsg"

    variants: ClassVar[tuple[int, ...]] = (0,)  # no ranks side by side
    joint: ClassVar[bool] = True  # all frames are decomposed together
    keeps_noise: ClassVar[bool] = False  # what is no companion is cut away

    def __post_init__(self) -> None:
        if self.rank < 1 or self.iterations < 1 or self.threshold < 0:
            raise BadInput(
                f"llsg rank is {self.rank}, iterations {self.iterations} and threshold "
                f"{self.threshold:g}, expected 1 or more, 1 or more, and 0 or more"
            )

    @property
    def minimum(self) -> int:
        """Fewest frames that it needs: with no more than the rank, all would be star."""
        return self.rank + 1

    def predict(self, frames: Floats, usable: Bools) -> Floats:
        """Frames (frame, pixel), usable (target, reference) → M − S (1, target, pixel).

        Raises BadInput when a frame is kept from the library of another.
        """
        if not usable.all():
            raise BadInput(
                "llsg decomposes all frames together, and here some are kept from others: leave "
                "the reduction's references at their defaults"
            )

        def threshold(left: Floats) -> float:
            return self.threshold * deviation(left)

        sparse = decompose(frames, self.rank, self.iterations, threshold)
        return np.asarray((frames - sparse)[None, : len(usable)])


def decompose(
    frames: Floats, rank: int, iterations: int, threshold: Callable[[Floats], float]
) -> Floats:
    """S of frames M (frame, pixel); `threshold` says from M − L what counts as sparse.

    L = U Uᵀ (M − S), with U the leading eigenvectors of (M − S)(M − S)ᵀ. The mean frame m is kept
    apart throughout, for the sake of precision: with D = M − m and X = D − S,
    M − L = D − U Uᵀ X + (1 − U Uᵀ 1) m.
    """
    centred = CentredFrames.of(frames)
    sparse = np.zeros_like(frames)
    for _ in range(iterations):
        rest = centred.frames - sparse
        modes = np.linalg.eigh(gram(CentredFrames(rest, centred.fixed)).kernel("none"))[1]
        modes = modes[:, -rank:]
        unexplained = 1.0 - modes @ modes.sum(axis=0)
        modes, unexplained = modes.astype(frames.dtype), unexplained.astype(frames.dtype)
        left = centred.frames - modes @ (modes.T @ rest) + np.outer(unexplained, centred.fixed)
        limit = frames.dtype.type(threshold(left))
        sparse = left - np.clip(left, -limit, limit)
    return sparse


def deviation(left: Floats) -> float:
    """Median absolute deviation from the median, of all values."""
    return _median(np.abs(left - _median(left)))


def _median(values: Floats) -> float:
    """Median of all values, by one partition: the lower middle one is the largest below it."""
    middle = values.size // 2
    parted = np.partition(values, middle, axis=None)
    upper = float(parted[middle])
    return upper if values.size % 2 else (float(parted[:middle].max()) + upper) / 2
