"""A few pixels of the image, measured again and again: what the residuals weigh in them, kept.

Derotation W is linear, and so are the residuals in the frames once their coefficients C are known:
light a P, after which they are C + ΔC, changes the derotated residuals of target t by

    a W_t (P_t − Σ_r (C + ΔC)_tr P_r) − Σ_r ΔC_tr W_t (R_r − m) − ΔΣ_r C_tr W_t m − Δoffset_t W_t 1

in which W_t (R − m), W_t m and W_t 1 are a number each a wanted pixel. Only the track is met.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.turning import Box, Turn
from exosift.psfsub.linear import Coefficients
from exosift.psfsub.refit import Fitted
from exosift.types import Floats, Ints

# Weights kept at most, in bytes.
_MOST = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Patch:
    """Pixels (pixel,) of the image, and what each region weighs in them.

    weights (time, pixel of the region, pixel): W of the kept ones. turned (time,
    row + 2, pixel): the frames R − m, the fixed frame m and a frame of ones, each derotated by
    every target's angle.
    """

    pixels: Ints
    weights: tuple[Floats, ...]
    turned: tuple[Floats, ...]

    @classmethod
    def of(
        cls,
        regions: Several[Fitted],
        angle: Floats,
        size: int,
        pixels: Ints,
        kept: Several[Ints],
    ) -> "Patch":
        """For `pixels` in frames of size × size, derotated by Fourier shears.

        kept: numbers of each region's pixels whose weights are kept. Raises BadInput when those
        would not fit in memory.
        """
        dtype = regions[0].left.dtype
        every = np.concatenate([region.part.pixels for region in regions])
        needed = len(angle) * len(pixels) * sum(map(len, kept)) * dtype.itemsize
        if needed > _MOST:
            raise BadInput(
                f"a patch of {len(pixels)} px needs {needed / 1e9:.1f} GB of weights; measure "
                "fewer pixels, or fewer frames"
            )
        seen, wanted = Box.centred(every, size), Box.around(pixels, size)
        place, columns = wanted.within(pixels, size), seen.within(every, size)
        ends = np.cumsum([len(region.part.pixels) for region in regions])[:-1]
        frames = [_with_fixed(region) for region in regions]
        weights = [np.empty((len(angle), len(of), len(pixels)), dtype) for of in kept]
        turned = [np.empty((len(angle), of.shape[0], len(pixels)), dtype) for of in frames]

        def work(frame: int) -> None:
            turn = Turn.by(angle[frame], size, seen, wanted, dtype)
            rows = turn.weights(place).reshape(len(pixels), -1).T[columns]
            for number, own in enumerate(np.split(rows, ends)):
                weights[number][frame] = own[kept[number]]
                turned[number][frame] = frames[number] @ own

        threads.over(work, range(len(angle)))
        return cls(pixels, tuple(weights), tuple(turned))

    def reweighed(self, number: int, before: Coefficients, now: Coefficients) -> Floats:
        """What other coefficients alone change of a region: (variant, time, pixel)."""
        more = now.weights - before.weights
        rest = np.stack([more.sum(axis=2), now.offset - before.offset], axis=2)
        turned = self.turned[number]
        share = np.concatenate([more, rest], axis=2).astype(turned.dtype)
        return np.asarray(-np.matmul(share[:, :, None], turned)[:, :, 0])


def _with_fixed(region: Fitted) -> Floats:
    """The frames R − m, the fixed frame m and a frame of ones (row + 2, pixel)."""
    fixed = region.frames.fixed
    return np.vstack([region.frames.frames, fixed, np.ones_like(fixed)])
