"""Principal component analysis (KLIP) in Gram space.

With G = R Rᵀ of the library and its eigenpairs U_k, S_k², the projection of a target T on the first
k principal components is T Rᵀ U_k S_k⁻² U_kᵀ R (Soummer, Pueyo & Larkin 2012, ApJ 755, L28;
Amara & Quanz 2012, MNRAS 427, 948). One eigendecomposition serves all ranks: they are nested. A
target that is in its own library is row t of U_k U_kᵀ, with nothing to divide by.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.psfsub.downdate import Whole
from exosift.psfsub.gram import Centring, Gram
from exosift.psfsub.linear import Coefficients
from exosift.types import Bools, Floats, Ints

# Libraries decomposed in one batch: at most so many, and at most 8 MB of float64.
_LIBRARIES = 16
_BATCH = 1_000_000

# Libraries of so many frames are cheaper to find from their neighbours' (see `downdate`), in runs
# of so many targets.
_LARGE, _NEIGHBOURS = 300, 64


@dataclass(frozen=True)
class Pca:
    """Principal components of the library, at one or several ranks.

    ranks: numbers of components, ascending; one below 1 is a share of the library's variance, and
    takes as many components as explain it. centring: what is taken off first: "none" (as VIP),
    "temporal" (the library's mean frame, as PynPoint), "spatial" (each frame's mean, as pyKLIP).
    """

    ranks: tuple[int | float, ...] = (5, 10, 20)
    centring: Centring = "temporal"
    kind: Literal["pca"] = "pca"

    keeps_noise: ClassVar[bool] = True  # residuals of noise are noise

    def __post_init__(self) -> None:
        known = all(0 < rank < 1 or (rank >= 1 and rank == int(rank)) for rank in self.ranks)
        if not self.ranks or not known or list(self.ranks) != sorted(set(self.ranks)):
            raise BadInput(
                f"pca ranks {self.ranks}: give different numbers from 1, ascending, before them "
                "shares of variance below 1"
            )

    @property
    def variants(self) -> tuple[int | float, ...]:
        """The ranks."""
        return self.ranks

    @property
    def minimum(self) -> int:
        """Fewest references that it needs: one a component, one more to centre in time."""
        return max(1, int(max(self.ranks))) + (self.centring == "temporal")

    def coefficients(self, gram: Gram, usable: Bools) -> Coefficients:
        """usable (target, reference), targets first among the frames → weights (rank, ·, ·).

        Targets that share a library share one eigendecomposition.
        """
        kernel = gram.kernel(self.centring)
        if usable.all():
            weights = self._of_all(kernel, len(usable))
        else:
            weights = self._of_libraries(kernel, usable)
        offset = np.zeros(weights.shape[:2])
        if self.centring == "spatial":
            mean = gram.sums / gram.pixels
            offset = mean[: len(usable)] - weights @ mean
        return Coefficients(weights, offset)

    def _of_all(self, kernel: Floats, targets: int) -> Floats:
        """Weights (rank, target, reference) where all frames are everyone's library: U_k U_kᵀ."""
        if self.centring == "temporal":
            on_mean = kernel.mean(axis=1)
            kernel = kernel - on_mean[:, None] - on_mean + on_mean.mean()
        power, modes = np.linalg.eigh(kernel)
        power, modes = power[None, ::-1], modes[:, ::-1] * (_inverse(power[None, ::-1])[0] > 0)
        weights = np.empty((len(self.ranks), targets, len(kernel)))
        for rank, out in zip(self.ranks, weights, strict=True):
            kept = modes[:, : int(_components(power, rank)[0])]
            np.matmul(kept[:targets], kept.T, out=out)
        if self.centring == "temporal":
            weights += (1.0 - weights.sum(axis=2, keepdims=True)) / len(kernel)
        return weights

    def _of_libraries(self, kernel: Floats, usable: Bools) -> Floats:
        """Weights (rank, target, reference) where targets have libraries of their own."""
        weights = np.zeros((len(self.ranks), *usable.shape))
        done = self._many(kernel, usable, weights)
        for libraries, targets in _batches(usable, np.flatnonzero(~done)):
            own = self._weights(kernel, libraries, targets)
            weights[:, targets.ravel()] = own.reshape(len(own), -1, len(kernel))
        return weights

    def _many(self, kernel: Floats, usable: Bools, weights: Floats) -> Bools:
        """Fill weights (rank, target, reference) where libraries are large; which were done."""
        done = np.zeros(len(usable), dtype=bool)
        large = usable.sum(axis=1) >= _LARGE
        if not large.any() or (usable == usable[0]).all() or min(self.ranks) < 1:
            return done
        whole, most = Whole.of(kernel), int(max(self.ranks))
        centred = self.centring == "temporal"

        def work(block: slice) -> None:
            start = whole.start(most)
            for target in block.start + np.flatnonzero(large[block]):
                library = usable[target]
                if (found := whole.leading(library, most, centred, start)) is None:
                    continue
                shares, start = found
                for rank, out in zip(self.ranks, weights[:, target], strict=True):
                    star = shares[library, : int(rank)] @ shares[target, : int(rank)]
                    out[library] = star + centred * (1.0 - star.sum()) / library.sum()
                done[target] = True

        threads.over(work, threads.blocks(len(usable), _NEIGHBOURS))
        return done

    def _weights(self, kernel: Floats, libraries: Bools, targets: Ints) -> Floats:
        """Libraries (b, n), the targets of each (b, q) → weights (rank, b, q, n)."""
        index, present = _padded(libraries)
        products = kernel[index[:, :, None], index[:, None, :]]
        cross = kernel[targets[:, :, None], index[:, None, :]]
        count = present.sum(axis=1)[:, None]
        if self.centring == "temporal":
            products, cross = _about_library_mean(products, cross, present, count)
        products *= present[:, :, None] & present[:, None, :]
        cross *= present[:, None, :]

        power, modes = np.linalg.eigh(products)
        power = power[:, ::-1]
        limits = [_components(power, rank) for rank in self.ranks]
        most = max(int(limit.max()) for limit in limits)
        modes = modes[:, :, : -most - 1 : -1]
        scores = (cross @ modes) * _inverse(power[:, :most])[:, None, :]
        itself = (index[:, None, :] == targets[:, :, None]) & present[:, None, :]
        inside = itself.any(axis=2)
        if inside.any():
            scores = np.where(inside[..., None], itself @ modes, scores)
        weights = np.zeros((len(self.ranks), *targets.shape, len(kernel)))
        library, position = np.nonzero(present)
        for limit, out in zip(limits, weights, strict=True):
            rank = int(limit.max())
            kept = scores[..., :rank] * (np.arange(rank) < limit[:, None])[:, None, :]
            star = kept @ modes[..., :rank].transpose(0, 2, 1)
            if self.centring == "temporal":
                # The star is μ + Σ sᵢ (Rᵢ − μ), and modes without power may add to Σ s.
                left_to_mean = 1.0 - (star * present[:, None, :]).sum(axis=2, keepdims=True)
                star += left_to_mean * (present / count)[:, None, :]
            out[library, :, index[library, position]] = star[library, :, position]
        return weights


def _batches(usable: Bools, targets: Ints) -> Iterator[tuple[Bools, Ints]]:
    """Different libraries (b, n) of similar size, and as many targets of each (b, q), in turn."""
    if targets.size and (usable[targets] == usable[targets[0]]).all():
        yield usable[targets[:1]], targets[None]
        return
    libraries, which = np.unique(usable[targets], axis=0, return_inverse=True)
    order = targets[np.argsort(which.ravel(), kind="stable")]
    sharing = np.bincount(which.ravel())
    first = np.cumsum(sharing) - sharing
    sizes = libraries.sum(axis=1)
    batch = max(1, min(_LIBRARIES, _BATCH // usable.shape[1] ** 2))
    for count in np.unique(sharing):
        alike = np.flatnonzero(sharing == count)
        alike = alike[np.argsort(sizes[alike], kind="stable")]
        for block in threads.blocks(len(alike), batch):
            chosen = alike[block]
            yield libraries[chosen], order[first[chosen][:, None] + np.arange(count)]


def _components(power: Floats, rank: int | float) -> Ints:
    """How many components of each library (b,) a rank stands for; power (b, m), descending."""
    if rank >= 1:
        return np.full(len(power), int(rank))
    explained = np.cumsum(np.maximum(power, 0.0), axis=1)
    return np.asarray(1 + (explained < rank * explained[:, -1:]).sum(axis=1))


def _padded(libraries: Bools) -> tuple[Ints, Bools]:
    """Libraries (b, n) as frame numbers (b, m), the shorter ones padded; which places are real."""
    count = libraries.sum(axis=1)
    present = np.arange(count.max()) < count[:, None]
    index = np.argsort(~libraries, axis=1, kind="stable")[:, : count.max()]
    return np.where(present, index, 0), present


def _about_library_mean(
    products: Floats, cross: Floats, present: Bools, count: Ints
) -> tuple[Floats, Floats]:
    """Re-centre products (b, m, m) and cross (b, q, m) on the mean μ of each library's frames.

    (Rᵢ − μ)·(Rⱼ − μ) = Rᵢ·Rⱼ − Rᵢ·μ − Rⱼ·μ + μ·μ, and likewise for a target.
    """
    weight = present / count
    on_mean = (products @ weight[:, :, None])[..., 0]
    mean_norm = (on_mean * weight).sum(axis=1)[:, None, None]
    target_on_mean = cross @ weight[:, :, None]
    products = products - on_mean[:, :, None] - on_mean[:, None, :] + mean_norm
    cross = cross - target_on_mean - on_mean[:, None, :] + mean_norm
    return products, cross


def _inverse(power: Floats) -> Floats:
    """1/S², or 0 for modes that are nothing but rounding: fewer modes exist than were asked for."""
    noise = power[:, :1] * power.shape[1] * np.finfo(power.dtype).eps
    real = power > np.maximum(noise, 0.0)
    return np.divide(1.0, power, out=np.zeros_like(power), where=real)
