"""Components of many large libraries, each the whole sequence less a few frames.

One eigendecomposition a library costs N³, and N⁴ when every target has its own. With the whole's
eigenpairs K = U S² Uᵀ and the frames Z = U S in its modes, a library's covariance is

    C = S² − Z_Eᵀ Z_E − n μ μᵀ    (E: the frames left out; μ: the library's mean, where centred)

So nearly diagonal a matrix gives up its leading eigenvectors to a few steps of block Davidson
(Davidson 1975, J. Comput. Phys. 17, 87), begun at those of the neighbouring target: a few times
N |E| k operations, to a tolerance.
"""

from dataclasses import dataclass

import numpy as np

from exosift.types import Bools, Floats

# |C w − λ w| / λ, of every component. Residuals change by about as much of their standard deviation
# (rms; up to three times that at single pixels), no more than float32 frames are rounded.
TOLERANCE = 1e-5

# Steps before giving up, and components carried along beyond those asked for.
_STEPS, _SPARE = 15, 10


@dataclass(frozen=True, eq=False)
class Whole:
    """S² (m,) of the kernel of all n frames, descending; the frames Z (n, m) and their sum."""

    power: Floats
    frames: Floats
    total: Floats

    @classmethod
    def of(cls, kernel: Floats) -> "Whole":
        """Kernel (n, n) → its modes, save those that are nothing but rounding."""
        power, modes = np.linalg.eigh(kernel)
        real = power > max(power[-1], 0.0) * len(power) * np.finfo(power.dtype).eps
        power, modes = power[real][::-1], modes[:, real][:, ::-1]
        frames = modes * np.sqrt(power)
        return cls(power, frames, frames.sum(axis=0))

    def start(self, count: int) -> Floats:
        """Where the first library begins: at the whole's own leading modes."""
        return np.eye(len(self.power), min(3 * count, len(self.power)))

    def leading(
        self, library: Bools, count: int, centred: bool, start: Floats
    ) -> tuple[Floats, Floats] | None:
        """Library (n,) → shares (n, k) of all frames in its `count` components, the next start.

        A share is the frame's product with the unit component over S: row t times row l is the
        weight of reference l in target t. None where the tolerance was not reached.
        """
        if len(self.power) < count:
            return None
        excluded = self.frames[~library]
        size, mean = library.sum(), np.zeros_like(self.power)
        if centred:
            mean = (self.total - excluded.sum(axis=0)) / size

        def covariance(vectors: Floats) -> Floats:
            kept = self.power[:, None] * vectors - excluded.T @ (excluded @ vectors)
            return np.asarray(kept - size * np.outer(mean, mean @ vectors))

        basis, image = start, covariance(start)
        for _ in range(_STEPS):
            power, turn = (each[..., ::-1] for each in np.linalg.eigh(basis.T @ image))
            found, power = basis @ turn[:, :count], power[:count]
            wrong = image @ turn[:, :count] - found * power
            left = np.linalg.norm(wrong, axis=0) > TOLERANCE * power
            if not left.any():
                shares = (self.frames @ found - mean @ found) / np.sqrt(power)
                return shares, basis @ turn[:, : count + _SPARE]
            if basis.shape[1] + left.sum() > len(self.power):
                return None
            # Each error over its distance from a diagonal C: Davidson's correction.
            gap = self.power[:, None] * (size / len(library)) - power[left]
            near = np.abs(gap) < 0.01 * np.abs(power[left])
            step = wrong[:, left] / np.where(near, -0.01 * power[left], gap)
            for _ in range(2):  # the second time for rounding
                step = np.linalg.qr(step - basis @ (basis.T @ step))[0]
            basis = np.hstack([basis, step])
            image = np.hstack([image, covariance(step)])
        return None
