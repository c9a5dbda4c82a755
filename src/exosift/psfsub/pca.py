"""Principal component analysis (KLIP) in Gram space.

With G = R Rᵀ of the library and its eigenpairs U_k, S_k², the projection of a target T on the first
k principal components is T Rᵀ U_k S_k⁻² U_kᵀ R (Soummer, Pueyo & Larkin 2012, ApJ 755, L28;
Amara & Quanz 2012, MNRAS 427, 948). One eigendecomposition serves all ranks: they are nested. A
target that is in its own library is row t of U_k U_kᵀ, with nothing to divide by.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.errors import BadInput
from exosift.psfsub.gram import Centring, Gram
from exosift.psfsub.linear import Coefficients
from exosift.types import Bools, Floats, Ints

# Libraries decomposed in one batch: at most so many, and at most 8 MB of float64.
_LIBRARIES = 16
_BATCH = 1_000_000


@dataclass(frozen=True)
class Pca:
    """Principal components of the library, at one or several ranks.

    ranks: numbers of components, ascending. centring: what is taken off first: "none" (as VIP),
    "temporal" (the library's mean frame, as PynPoint), "spatial" (each frame's mean, as pyKLIP).
    """

    ranks: tuple[int, ...] = (5, 10, 20)
    centring: Centring = "temporal"
    kind: Literal["pca"] = "pca"

    def __post_init__(self) -> None:
        if not self.ranks or list(self.ranks) != sorted(set(self.ranks)) or self.ranks[0] < 1:
            raise BadInput(f"pca ranks {self.ranks}: give different numbers from 1, ascending")

    @property
    def variants(self) -> tuple[int, ...]:
        """The ranks."""
        return self.ranks

    @property
    def minimum(self) -> int:
        """Fewest references that it needs: one a component, one more to centre in time."""
        return max(self.ranks) + (self.centring == "temporal")

    def coefficients(self, gram: Gram, usable: Bools) -> Coefficients:
        """usable (target, reference), targets first among the frames → weights (rank, ·, ·).

        Targets that share a library share one eigendecomposition; the rest go in batches of
        similar size.
        """
        kernel = gram.kernel(self.centring)
        weights = np.zeros((len(self.ranks), *usable.shape))
        if (usable == usable[0]).all():
            weights[:] = self._weights(kernel, usable[:1], np.arange(len(usable))[None])[:, 0]
        else:
            order = np.argsort(usable.sum(axis=1), kind="stable")
            batch = max(1, min(_LIBRARIES, _BATCH // len(kernel) ** 2))
            for start in range(0, len(order), batch):
                targets = order[start : start + batch]
                own = self._weights(kernel, usable[targets], targets[:, None])
                weights[:, targets] = own[:, :, 0]
        offset = np.zeros(weights.shape[:2])
        if self.centring == "spatial":
            mean = gram.sums / gram.pixels
            offset = mean[: len(usable)] - weights @ mean
        return Coefficients(weights, offset)

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

        power, modes = _leading(products, max(self.ranks))
        scores = (cross @ modes) * _inverse(power)[:, None, :]
        itself = (index[:, None, :] == targets[:, :, None]) & present[:, None, :]
        inside = itself.any(axis=2)
        if inside.any():
            scores = np.where(inside[..., None], itself @ modes, scores)
        weights = np.zeros((len(self.ranks), *targets.shape, len(kernel)))
        library, position = np.nonzero(present)
        for rank, out in zip(self.ranks, weights, strict=True):
            star = scores[..., :rank] @ modes[..., :rank].transpose(0, 2, 1)
            if self.centring == "temporal":
                # The star is μ + Σ sᵢ (Rᵢ − μ), and modes without power may add to Σ s.
                left_to_mean = 1.0 - (star * present[:, None, :]).sum(axis=2, keepdims=True)
                star += left_to_mean * (present / count)[:, None, :]
            out[library, :, index[library, position]] = star[library, :, position]
        return weights


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


def _leading(products: Floats, count: int) -> tuple[Floats, Floats]:
    """The `count` largest eigenvalues (b, k), descending, and their eigenvectors (b, m, k)."""
    power, modes = np.linalg.eigh(products)
    return power[:, : -count - 1 : -1], modes[:, :, : -count - 1 : -1]


def _inverse(power: Floats) -> Floats:
    """1/S², or 0 for modes that are nothing but rounding: fewer modes exist than were asked for."""
    noise = power[:, :1] * power.shape[1] * np.finfo(power.dtype).eps
    real = power > np.maximum(noise, 0.0)
    return np.divide(1.0, power, out=np.zeros_like(power), where=real)
