"""Non-negative matrix factorisation: the star as a sum of patterns that only ever add light.

A library V (frame, pixel) is approximated by W H, weights W (frame, component) and components H
(component, pixel), both ≥ 0, of least ‖V − W H‖² (Lee & Seung 2001, NIPS 13, 556; Ren et al. 2018,
ApJ 852, 104); the star in a target is then its nearest non-negative sum of the components.

The two are improved in turn, one component after the other, each of which has its best value in
closed form: x_j ← max(0, x_j + ω (c_j − Σ_i D_ji x_i) / D_jj), with D = WᵀW and c = WᵀV for x = H,
and likewise for W (HALS: Cichocki & Phan 2009, IEICE Trans. E92-A, 708). Several sweeps share one
pair of products (Gillis & Glineur 2012, Neural Comput. 24, 1085), and each step goes a little too
far, 1 < ω < 2, which cannot raise the misfit either and settles sooner (projected over-relaxation:
Cryer 1971, SIAM J. Control 9, 385).
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.psfsub.gram import CentredFrames, gram
from exosift.types import Bools, Floats

Negative = Literal["keep", "shift", "zero"]

# Pixels of one block: few enough for its components to stay in cache, enough to outweigh the calls.
_BLOCK = 2400

# Sweeps for one pair of products, and ω.
_SWEEPS_COMPONENTS, _SWEEPS_WEIGHTS = 3, 4
_RELAXATION = 1.5


@dataclass(frozen=True)
class Nmf:
    """Non-negative components of the library, at one or several ranks.

    ranks: numbers of components, ascending; each is a factorisation of its own. negative: what
    becomes of pixels below zero: "keep" (fitted as they are), "shift" (the library's minimum is
    taken off every frame) or "zero". iterations: how often components and weights are improved.
    """

    ranks: tuple[int, ...] = (10, 20)
    negative: Negative = "keep"
    iterations: int = 30
    kind: Literal["nmf"] = "nmf"

    keeps_noise: ClassVar[bool] = True  # residuals of noise are noise

    def __post_init__(self) -> None:
        if not self.ranks or list(self.ranks) != sorted(set(self.ranks)) or self.ranks[0] < 1:
            raise BadInput(f"nmf ranks {self.ranks}: give different numbers from 1, ascending")
        if self.iterations < 1:
            raise BadInput(f"nmf iterations is {self.iterations}, expected 1 or more")

    @property
    def variants(self) -> tuple[int, ...]:
        """The ranks."""
        return self.ranks

    @property
    def minimum(self) -> int:
        """Fewest references that it needs: one a component."""
        return max(self.ranks)

    def predict(self, frames: Floats, usable: Bools) -> Floats:
        """Frames (frame, pixel), usable (target, reference) → PSF (rank, target, pixel).

        Targets that share a library share its components. Components know nothing of the frames
        outside their library, not even through where they start from.
        """
        libraries, which = np.unique(usable, axis=0, return_inverse=True)
        star = np.empty((len(self.ranks), len(usable), frames.shape[1]), frames.dtype)

        def work(number: int) -> None:
            targets = np.flatnonzero(which.ravel() == number)
            star[:, targets] = self._star(frames[libraries[number]], frames[targets])

        threads.over(work, range(len(libraries)))
        return star

    def _star(self, library: Floats, targets: Floats) -> Floats:
        """PSF (rank, target, pixel) of targets (target, pixel) with a library (frame, pixel)."""
        level = library.min() if self.negative == "shift" else library.dtype.type(0)
        library, targets = (
            np.maximum(each, 0) if self.negative == "zero" else each - level
            for each in (library, targets)
        )
        start = _start(library, max(self.ranks))
        star = np.empty((len(self.ranks), *targets.shape), targets.dtype)
        for number, rank in enumerate(self.ranks):
            weights, components = (each[:rank].copy() for each in start)
            for _ in range(self.iterations):
                _improve(weights, components, library)
            star[number] = _project(targets, components).T @ components + level
        return star


def _start(library: Floats, rank: int) -> tuple[Floats, Floats]:
    """Weights (component, frame) and components (component, pixel) to be improved, float64.

    The first component is the mean frame. The others are halves of the principal components about
    it: the positive parts of one and of its weights, or the negative parts of both, whichever have
    more power (Boutsidis & Gallopoulos 2008, Pattern Recognit. 41, 1350). Nothing is random.
    """
    centred = CentredFrames.of(library)
    modes = np.linalg.eigh(gram(centred).product)[1].T[::-1][: rank - 1]
    patterns = modes @ centred.frames
    positive, negative = (
        np.linalg.norm(np.maximum(sign * modes, 0), axis=1)
        * np.linalg.norm(np.maximum(sign * patterns, 0), axis=1)
        for sign in (1, -1)
    )
    sign = np.where(positive > negative, 1, -1)[:, None]
    weights = np.vstack([np.ones(len(library)), sign * modes])
    components = np.vstack([centred.fixed, sign * patterns])
    return np.maximum(weights, 0), np.maximum(components, 0)


def _improve(weights: Floats, components: Floats, library: Floats) -> None:
    """Lower ‖V − W H‖² by one step for both factors, in place; weights are (component, frame)."""
    among = weights @ weights.T

    def work(span: slice) -> tuple[Floats, Floats]:
        own, block = components[:, span], library[:, span].astype(np.float64)
        _sweep(own, weights @ block, among, _SWEEPS_COMPONENTS)
        return own @ block.T, own @ own.T

    parts = threads.over(work, threads.blocks(library.shape[1], _BLOCK))
    along, across = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
    _sweep(weights, along, across, _SWEEPS_WEIGHTS)


def _sweep(x: Floats, along: Floats, among: Floats, times: int) -> None:
    """Lower Σ (x·D x / 2 − c·x) over x ≥ 0 (component, item) in place; c is along, D among.

    A component without power, D_jj = 0, becomes nothing.
    """
    power = among.diagonal()
    step = np.divide(_RELAXATION, power, out=np.zeros_like(power), where=power > 0)[:, None]
    pull, mix = along * step, among * step
    np.fill_diagonal(mix, np.where(power > 0, _RELAXATION - 1.0, 0.0))
    new = np.empty_like(x[0])
    for _ in range(times):
        for own, others, out in zip(pull, mix, x, strict=True):
            np.matmul(others, x, out=new)
            np.subtract(own, new, out=new)
            np.maximum(new, 0, out=out)


def _project(targets: Floats, components: Floats) -> Floats:
    """Weights (component, target) ≥ 0 of the sum of components nearest to each target.

    Exact, by non-negative least squares (Lawson & Hanson 1974) in the components' own axes: with
    H Hᵀ = Q Λ Qᵀ, ‖t − w H‖² is ‖Λ^½ Qᵀ w − Λ^−½ Qᵀ H t‖² but for a constant.
    """
    from scipy.optimize import nnls

    along = components @ targets.astype(np.float64).T
    power, axes = np.linalg.eigh(components @ components.T)
    real = power > len(power) * np.finfo(np.float64).eps * power[-1]
    root, axes = np.sqrt(power[real])[:, None], axes[:, real]
    basis, wanted = root * axes.T, axes.T @ along / root
    return np.stack([nnls(basis, each)[0] for each in wanted.T], axis=1)
