"""A few pixels of the image, measured again and again: their weights in the residuals, kept.

Derotation is linear, so a pixel of a derotated frame is one weight for each pixel of the residual.
Kept for the pixels around a companion, they make a likelihood of its place and flux cheap.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.turning import Box, Turn
from exosift.psfsub.refit import Fitted, Light
from exosift.types import Floats, Ints

# Weights kept at most, in bytes.
_MOST = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Patch:
    """Pixels (pixel,) of the image; their weights (time, pixel, pixel of the region) by region."""

    pixels: Ints
    weights: tuple[Floats, ...]

    @classmethod
    def of(cls, regions: Several[Fitted], angle: Floats, size: int, pixels: Ints) -> "Patch":
        """Weights of `pixels` in frames of size × size, derotated by Fourier shears.

        Raises BadInput when they would not fit in memory.
        """
        dtype = regions[0].left.dtype
        every = np.concatenate([region.part.pixels for region in regions])
        needed = len(angle) * len(pixels) * len(every) * dtype.itemsize
        if needed > _MOST:
            raise BadInput(
                f"a patch of {len(pixels)} px needs {needed / 1e9:.1f} GB of weights; measure "
                "fewer pixels, or take them without a patch"
            )
        seen, wanted = Box.centred(every, size), Box.around(pixels, size)
        place, columns = wanted.within(pixels, size), seen.within(every, size)
        ends = np.cumsum([len(region.part.pixels) for region in regions])[:-1]
        weights = [
            np.empty((len(angle), len(pixels), len(region.part.pixels)), dtype)
            for region in regions
        ]

        def work(frame: int) -> None:
            turn = Turn.by(angle[frame], size, seen, wanted, dtype)
            rows = turn.weights(place).reshape(len(pixels), -1)[:, columns]
            for kept, own in zip(weights, np.split(rows, ends, axis=1), strict=True):
                kept[frame] = own

        threads.over(work, range(len(angle)))
        return cls(pixels, tuple(weights))

    def change(
        self, regions: Several[Fitted], light: Several[Light | None], times: float
    ) -> Floats:
        """What `times` the light changes in the derotated frames: (variant, time, pixel)."""
        variants, frames = regions[0].left.shape[:2]
        total = np.zeros((frames, len(self.pixels), variants), self.weights[0].dtype)
        for region, one, weights in zip(regions, light, self.weights, strict=True):
            if one is None:
                continue
            left = region.change(one, times).transpose(1, 2, 0)

            def work(span: slice, w: Floats = weights, x: Floats = left) -> None:
                total[span] += w[span] @ x[span]

            threads.over(work, threads.spans(frames))
        return np.asarray(total.transpose(2, 0, 1))
