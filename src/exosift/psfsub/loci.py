"""LOCI, the locally optimised combination of images, in Gram space.

The star in a target T is the combination of its references that is nearest to it on an optimisation
zone, c = argmin ‖T − c R‖² (Lafrenière et al. 2007, ApJ 660, 770). With G = R Rᵀ of that zone this
is G c = R Tᵀ: the normal equations are all there is to know. The weights then serve on the zone
from which the star is subtracted, which may be smaller.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from exosift.errors import BadInput, Failed
from exosift.psfsub.gram import Centring, Gram
from exosift.psfsub.linear import Coefficients
from exosift.types import Bools, Floats, Ints

Solver = Literal["lstsq", "damped", "nnls"]

# Normal equations solved in one batch: at most 8 MB of float64.
_BATCH = 1_000_000

# What keeps a division of nothing by nothing at nothing.
_TINY = np.finfo(np.float64).tiny

# Entries of references into a non-negative solution, in library sizes; a few tenths are usual.
_ENTRIES = 10


@dataclass(frozen=True)
class Loci:
    """Least-squares combination of the references (Lafrenière et al. 2007, ApJ 660, 770).

    solver: "lstsq", without the weakest singular vectors; "damped", drawn to equal weights (both
    by `rcond`); "nnls", non-negative. rcond: singular values below this share of the largest count
    for nothing, or for little. centring: "none" (as VIP), "temporal" (weights that add to one),
    "spatial" (a free constant). optimisation: how many times wider in radius the optimisation zone
    is than the region.
    """

    solver: Solver = "lstsq"
    rcond: float = 1e-2
    centring: Centring = "temporal"
    optimisation: float = 2.0
    kind: Literal["loci"] = "loci"

    variants: ClassVar[tuple[int, ...]] = (0,)  # no ranks
    minimum: ClassVar[int] = 2  # references that it needs, of which the target may be one
    keeps_noise: ClassVar[bool] = True  # residuals of noise are noise

    def __post_init__(self) -> None:
        if not 0 <= self.rcond < 1:
            raise BadInput(f"loci rcond is {self.rcond:g}, expected 0 or more and less than 1")
        if self.optimisation < 1:
            raise BadInput(f"loci optimisation is {self.optimisation:g}, expected 1 or more")
        if self.solver == "nnls" and self.centring == "temporal":
            raise BadInput(
                "loci nnls with temporal centring: a sign means nothing about a mean; give "
                "centring none or spatial"
            )

    def coefficients(self, gram: Gram, usable: Bools) -> Coefficients:
        """usable (target, reference), targets first among the frames → weights (1, ·, ·).

        A target is never its own reference. `gram` is that of the optimisation zone.
        """
        kernel = gram.kernel(self.centring)
        libraries = usable & ~np.eye(*usable.shape, dtype=np.bool_)
        if self.solver == "nnls":
            weights = _non_negative(kernel, np.diag(gram.kernel("none")), libraries)
        else:
            weights = np.zeros(usable.shape)
            for targets, index in _same_size(libraries):
                products = kernel.take(index[:, :, None] * len(kernel) + index[:, None, :])
                cross = kernel[targets[:, None], index]
                weights[targets[:, None], index] = self._weights(products, cross)
        offset = np.zeros(len(usable))
        if self.centring == "spatial":
            mean = gram.sums / gram.pixels
            offset = mean[: len(usable)] - weights @ mean
        return Coefficients(weights[None], offset[None])

    def _weights(self, products: Floats, cross: Floats) -> Floats:
        """R Rᵀ (b, m, m) and R Tᵀ (t, m) → weights (t, m); b is t, or 1 for a shared library."""
        if self.centring == "temporal":
            products, cross = _about_mean(products, cross)
        # What is weaker than rounding is no mode of the library, whatever rcond says.
        weak = max(self.rcond**2, cross.shape[1] * np.finfo(cross.dtype).eps)
        solve = _damped if self.solver == "damped" else _truncated
        weights = solve(products, cross, weak)
        if self.centring == "temporal":
            weights += (1.0 - weights.sum(axis=1, keepdims=True)) / weights.shape[1]
        return weights


def _same_size(libraries: Bools) -> Iterator[tuple[Ints, Ints]]:
    """Targets (t,) whose libraries are of one size, with their frame numbers (t, m).

    Frame numbers are (1, m) where all targets share one library, which is then solved but once.
    """
    if (libraries == libraries[0]).all():
        yield np.arange(len(libraries)), np.flatnonzero(libraries[0])[None]
        return
    sizes = libraries.sum(axis=1)
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes == size)
        batch = max(1, _BATCH // size**2)
        for start in range(0, len(alike), batch):
            targets = alike[start : start + batch]
            yield targets, np.nonzero(libraries[targets])[1].reshape(len(targets), size)


def _about_mean(products: Floats, cross: Floats) -> tuple[Floats, Floats]:
    """R Rᵀ (b, m, m) and R Tᵀ (t, m) about the mean μ of each library's references.

    (Rᵢ − μ)·(Rⱼ − μ) = Rᵢ·Rⱼ − Rᵢ·μ − Rⱼ·μ + μ·μ, and likewise for the target.
    """
    on_mean = products.mean(axis=2)
    beyond = on_mean - on_mean.mean(axis=1, keepdims=True)
    products = products - on_mean[:, :, None]
    products -= beyond[:, None, :]
    return products, cross - cross.mean(axis=1, keepdims=True) - beyond


def _truncated(products: Floats, cross: Floats, weak: float) -> Floats:
    """Least squares without the singular vectors whose power S² is below `weak` of the largest.

    c = U S⁻² Uᵀ R Tᵀ over the others, with the eigenpairs U, S² of R Rᵀ.
    """
    power, modes = np.linalg.eigh(products)
    inverse = np.zeros_like(power)
    np.divide(1.0, power, out=inverse, where=power > weak * power[:, -1:])
    scores = (cross[:, None, :] @ modes)[:, 0] * inverse
    return np.asarray((modes @ scores[..., None])[..., 0])


def _damped(products: Floats, cross: Floats, weak: float) -> Floats:
    """Least squares drawn to the mean of the m references: min ‖T − c R‖² + Λ‖c − 1/m‖².

    Λ is `weak` of the library's power, tr R Rᵀ; with c = 1/m + d this is (R Rᵀ + Λ) d = R (T − μ)ᵀ.
    """
    size = products.shape[1]
    damping = weak * np.trace(products, axis1=1, axis2=2) + _TINY
    damped = products + damping[:, None, None] * np.eye(size)
    left_to_mean = cross - products.mean(axis=2)
    return np.asarray(1.0 / size + np.linalg.solve(damped, left_to_mean[..., None])[..., 0])


def _non_negative(kernel: Floats, power: Floats, libraries: Bools) -> Floats:
    """Least squares with c ≥ 0 (Lawson & Hanson 1974, Solving Least Squares Problems, ch. 23).

    References enter one at a time, that with the largest correlation with what is left; whichever
    a fit would make negative leave. All targets (target, reference) go at once: their gradients
    are one product. Raises Failed when that does not end.
    """
    count, size = libraries.shape
    precision = 4 * size * np.finfo(kernel.dtype).eps
    wanted, norm = kernel[:count], np.sqrt(power)
    free = libraries & (np.diag(kernel) > precision * power)
    # Copies of a frame would make the system singular.
    regular = kernel + precision * np.diag(np.diag(kernel))
    weights, passive = np.zeros(libraries.shape), np.zeros_like(libraries)
    rows = np.arange(count)
    for _ in range(_ENTRIES * size):
        gradient = wanted[rows] - weights[rows] @ kernel
        rounding = 4 * precision * (norm[rows] + weights[rows] @ norm)[:, None] * norm
        enters = free[rows] & ~passive[rows] & (gradient > rounding)
        rows, best = rows[enters.any(axis=1)], np.where(enters, gradient, 0.0).argmax(axis=1)
        if not rows.size:
            return weights
        passive[rows, best[enters.any(axis=1)]] = True
        _refit(rows, regular, weights, passive, free)
    raise Failed(f"loci nnls: no solution for frame {rows[0]} after {_ENTRIES * size} steps")


def _refit(rows: Ints, kernel: Floats, weights: Floats, passive: Bools, free: Bools) -> None:
    """Fit weights of the targets `rows` to their passive references, in place, until all are > 0.

    On the way from the last weights to the fit, references that reach 0 leave; one that leaves as
    soon as it came, by rounding, is kept out for good.
    """
    while rows.size:
        fit = _least_squares(kernel, rows, passive[rows])
        negative = passive[rows] & (fit <= 0)
        stopped = negative.any(axis=1)
        weights[rows[~stopped]] = fit[~stopped]
        rows, fit, negative = rows[stopped], fit[stopped], negative[stopped]
        last = weights[rows]
        way = np.full(fit.shape, np.inf)
        np.divide(last, np.maximum(last - fit, _TINY), out=way, where=negative)
        step = way.min(axis=1, keepdims=True)
        leaving = way == step
        weights[rows] = np.where(leaving, 0.0, last + step * (fit - last))
        passive[rows] &= ~leaving
        free[rows] &= ~(leaving & (last == 0))


def _least_squares(kernel: Floats, rows: Ints, passive: Bools) -> Floats:
    """Weights (row, reference) of each target on its passive references, 0 on the others."""
    count = passive.sum(axis=1, keepdims=True)
    index = np.argsort(~passive, axis=1, kind="stable")[:, : count.max()]
    real = np.arange(index.shape[1]) < count
    products = kernel[index[:, :, None], index[:, None, :]]
    both = real[:, :, None] & real[:, None, :]
    system = np.where(both, products, np.eye(index.shape[1]))
    cross = np.where(real, kernel[rows[:, None], index], 0.0)
    fit = np.zeros(passive.shape)
    np.put_along_axis(fit, index, np.linalg.solve(system, cross[..., None])[..., 0], axis=1)
    return fit
