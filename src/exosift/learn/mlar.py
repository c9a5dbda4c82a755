"""Multi-level approximation residuals (MLAR), in Gram space.

What PCA of rank k leaves of an annulus, turned North up and combined over time, at several ranks k
("levels"): a companion shows in how its light fades as k grows, speckles otherwise (Gomez Gonzalez,
Absil & Van Droogenbroeck 2018, A&A 613, A71, §3.1). With X the frames about their mean (frame ×
pixel), U the eigenvectors of X Xᵀ and J = 1 − 11ᵀ/n, the residuals are W_k X, W_k = J − U_k U_kᵀ:
they need inner products only, and a companion's light a P adds a(B + Bᵀ) + a²D to those.
"""

from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.grid import radius_map
from exosift.learn.room import Values
from exosift.learn.turned import Gathering, Turned
from exosift.photometry.injection import Companion, track
from exosift.psfsub.combine import Combination
from exosift.psfsub.engine import Part
from exosift.psfsub.gram import Gram
from exosift.psfsub.library import References
from exosift.psfsub.pca import Pca
from exosift.psfsub.refit import Fitted
from exosift.types import Floats, Ints

TOGETHER = 4_000_000
"""Values (pixel, turn, time) that become images together."""


@dataclass(frozen=True)
class Mlar:
    """Which levels, and how the frames are turned and combined.

    levels: how many ranks. share: of the variance, explained by the highest rank. zone [FWHM]: how
    far beyond a ring's edges its frames are modelled. patch: side [FWHM] of the samples, made odd
    in pixels. combination over time, the same in training and prediction. interpolation: how
    frames are turned.
    """

    levels: int = 20
    share: float = 0.99
    zone: float = 1.0
    patch: float = 2.0
    combination: Combination = "mean"
    interpolation: Gathering = "fourier"

    def __post_init__(self) -> None:
        if self.levels < 2:
            raise BadInput(f"levels is {self.levels}, expected 2 or more")
        if not 0 < self.share < 1:
            raise BadInput(f"share is {self.share:g} of the variance, expected between 0 and 1")
        if self.zone < 0 or self.patch < 1:
            raise BadInput(
                f"zone is {self.zone:g} and patch {self.patch:g} FWHM, expected 0 or more, and 1 "
                "or more"
            )

    def side(self, fwhm: float) -> int:
        """Side [px] of a patch."""
        return (int(np.ceil(self.patch * fwhm)) - 1) // 2 * 2 + 1


@dataclass(frozen=True, eq=False)
class Levels:
    """A zone's frames, its inner products and the ranks of its levels.

    plain (time, mode): its eigenvectors without a companion, as many as the highest rank takes.
    """

    turned: Turned
    asked: Mlar
    region: Fitted
    ranks: Ints
    plain: Floats

    @classmethod
    def of(cls, turned: Turned, bounds: tuple[float, float], asked: Mlar) -> "Levels":
        """Of the ring between `bounds` [px]. Raises BadInput for too few frames or pixels."""
        sequence, count = turned.sequence, len(turned.frames)
        if count < asked.levels + 2:
            raise BadInput(
                f"{sequence.label}: {asked.levels} levels of {count} frames: ask for "
                f"{max(count - 2, 2)} at most, or give more frames"
            )
        radius, margin = radius_map(turned.valued.shape), asked.zone * sequence.observation.fwhm[0]
        near = (radius >= bounds[0] - margin) & (radius < bounds[1] + margin)
        pixels = np.flatnonzero(near & turned.valued)
        if pixels.size < near.sum() / 2:
            raise BadInput(
                f"{sequence.label}: annulus {bounds[0]:.1f}–{bounds[1]:.1f} px: only "
                f"{pixels.size} of {near.sum()} pixels have a value in every frame"
            )
        flat = sequence.cube[0].reshape(count, -1)
        part = Part(pixels, pixels, np.ones((count, count), bool))
        region = Fitted.of(flat, part, Pca((1,)), References())
        power, modes = _decomposed(region.products)
        ranks = _ranks(power, asked)
        return cls(turned, asked, region, ranks, modes[:, : ranks[-1]])

    def lit(self, companion: Companion, order: Ints, fluxes: Floats) -> Floats:
        """Eigenvectors (flux, time, mode) with a companion in frames of the angles turns[order].

        It is `fluxes` times as bright.
        """
        path = track(self.turned.given(order), companion)
        light = self.region.lit(path, 0)
        if light is None:
            return np.broadcast_to(self.plain, (len(fluxes), *self.plain.shape))
        every = [_decomposed(self.region.brightened(light, float(a)))[1] for a in fluxes]
        return np.stack(every)[..., : self.ranks[-1]]

    def images(self, values: Values, pixels: slice, order: Ints) -> Floats:
        """Level images (level, pixel) without a companion, of some pixels of turned values."""
        _, turns, count = values.shape
        together = max(1, TOGETHER // (turns * count))
        parts = threads.blocks(pixels.stop - pixels.start, together)
        each = [slice(pixels.start + part.start, pixels.start + part.stop) for part in parts]
        return np.concatenate([self.combined(values[p], self.plain, order) for p in each], axis=1)

    def combined(self, values: Floats, modes: Floats, order: Ints) -> Floats:
        """Level images (level, pixel) from turned values (pixel, turn, time), by eigenvectors.

        Frame t turned is Y[u, t] − ⟨Y[u]⟩ − Σ_j U[t, j] (Y[u] · U_j), u being the turn that it has.
        Their mean is Σ W[u, t] Y[u, t], one product for all levels.
        """
        frame = np.argsort(order)  # that has each turn
        if self.asked.combination == "mean":
            weights = self._weights(modes, frame).reshape(1 + len(self.ranks), -1)
            steps = weights @ values.reshape(len(values), -1).T
            return np.asarray(steps[0] - steps[1:].cumsum(axis=0))
        used = modes.astype(np.float32)
        scores = (values.reshape(-1, values.shape[2]) @ used).reshape(*values.shape[:2], -1)
        own = values[:, np.arange(len(frame)), frame] - values.mean(axis=2)
        star = (scores * used[frame]).cumsum(axis=2)[..., self.ranks - 1]
        return np.asarray(np.median(own[..., None] - star, axis=1).T)

    def _weights(self, modes: Floats, frame: Ints) -> Floats:
        """W (1 + level, turn, time): of the mean of turned frames, and of the star in it.

        That is told in steps, by the modes that each level has more than the one before.
        """
        count = len(frame)
        used = np.ascontiguousarray(modes.T, np.float32)
        own = used[:, frame] / np.float32(count)
        weights = np.empty((1 + len(self.ranks), count, count), np.float32)
        weights[0] = (np.eye(count)[frame] - 1 / count) / count
        for step, low, high in zip(weights[1:], (0, *self.ranks), self.ranks, strict=False):
            if high - low == 1:  # an outer product is not worth asking BLAS for
                np.multiply(own[low][:, None], used[low], out=step)
            else:
                np.matmul(own[low:high].T, used[low:high], out=step)
        return weights


def _decomposed(products: Gram) -> tuple[Floats, Floats]:
    """Powers and eigenvectors (time, mode) about the mean frame, the strongest first."""
    kernel = products.product
    kernel = kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()
    power, modes = np.linalg.eigh(kernel)
    return power[::-1], modes[:, ::-1]


def _ranks(power: Floats, asked: Mlar) -> Ints:
    """Different ranks from 1 to that which explains the share of the variance, and its like.

    Where that is fewer than the levels, the first so many.
    """
    explained = np.cumsum(np.maximum(power, 0.0))
    most = 1 + int((explained < asked.share * explained[-1]).sum())
    most = min(max(most, asked.levels), len(power) - 2)
    ranks = np.unique(np.rint(np.geomspace(1, most, asked.levels)).astype(int))
    for more in range(1, most + 1):
        if len(ranks) == asked.levels:
            break
        ranks = np.union1d(ranks, [more])
    return ranks
