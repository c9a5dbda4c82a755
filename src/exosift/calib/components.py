"""Principal components of a library of skies, fitted to a frame where it shows nothing but sky.

With the library's frames, less their mean, as rows of S, and S_b, T_b what they and a target are on
the background b alone, the first k components of S_b Sᵀ_b = U Λ Uᵀ explain T_b best as
T_b Sᵀ_b U_k Λ_k⁻¹ Uᵀ_k S_b. The same weights on whole frames give the sky under the star (Hunziker
et al. 2018, A&A 611, A23; data imputation, Ren 2023, A&A 679, A18). Only inner products are needed,
so leaving a frame out of its own library is leaving out a row and a column.
"""

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.types import Bools, Floats

_PIXELS = 1 << 13  # of one product


def products(frames: Floats, others: Floats, mean: Floats) -> Floats:
    """Inner products (frame, other) of frames (·, pixel) less a float64 `mean` (pixel,).

    A pixel that a frame has no value for counts as the mean.
    """

    def about_mean(rows: Floats, span: slice) -> Floats:
        beyond = rows[:, span] - mean[span]
        np.copyto(beyond, 0, where=np.isnan(beyond))
        return beyond

    def work(span: slice) -> Floats:
        left = about_mean(frames, span)
        right = left if others is frames else about_mean(others, span)
        return np.asarray(left @ right.T)

    return np.asarray(np.sum(threads.over(work, threads.blocks(mean.size, _PIXELS)), axis=0))


def component_weights(product: Floats, cross: Floats, usable: Bools, components: int) -> Floats:
    """Weights (target, frame) of the library's frames that make the sky of each target.

    product (frame, frame) and cross (target, frame) are inner products over the background, about
    any one frame; usable[target, frame] says which frames make which target's library. They sum to
    1: the library's mean, and components about it. Raises BadInput when a library has too few.
    """
    weights = np.zeros(usable.shape)
    libraries, which = np.unique(usable, axis=0, return_inverse=True)
    for number, library in enumerate(libraries):
        targets, members = np.flatnonzero(which.ravel() == number), np.flatnonzero(library)
        if len(members) <= components:
            raise BadInput(
                f"frame {targets[0]}: {len(members)} sky frames may serve it, {components} "
                f"components need {components + 1} or more; lower components or add sky frames"
            )
        inner = product[np.ix_(members, members)]
        with_mean = inner.mean(axis=0)
        inner = inner - with_mean - with_mean[:, None] + with_mean.mean()
        outer = cross[np.ix_(targets, members)]
        outer = outer - with_mean - outer.mean(axis=1)[:, None] + with_mean.mean()
        power, modes = np.linalg.eigh(inner)
        real = power > power[-1] * len(members) * np.finfo(float).eps
        real[:-components] = False
        modes = modes[:, real]
        about = (outer @ modes / power[real]) @ modes.T
        about += (1 - about.sum(axis=1, keepdims=True)) / len(members)
        weights[np.ix_(targets, members)] = about
    return weights
