"""The networks' weights: their shapes, and what they are before anything is learned.

He's variance (He et al. 2015, arXiv:1502.01852) keeps a signal's power through ReLU layers,
Glorot's (Glorot & Bengio 2010) through LSTM gates. The bias of the forget gates begins at one, so
that no level is forgotten before it is learned which matter, and the last unit at zero: undecided.
"""

from math import prod, sqrt

import numpy as np

from exosift.errors import BadInput
from exosift.learn.network import AnyNetwork, Cnn2d, Cnn3d, ConvLstm, Weights
from exosift.types import Floats, Shape

# Poolings by two of every axis that is pooled: so long must it be.
_LEAST = 4


def shapes(network: AnyNetwork, patch: tuple[int, int, int]) -> dict[str, Shape]:
    """Shapes of all weights for patches (level, y, x); kernels are (out, in, …).

    Raises BadInput for a patch too small to be pooled twice.
    """
    levels, high, wide = patch
    pooled = patch[1:] if isinstance(network, Cnn2d) else patch
    if min(pooled) < _LEAST:
        raise BadInput(
            f"{network.kind}: patches of {levels} levels and {high}×{wide} px are too small: "
            f"expected {_LEAST} or more along each axis that is pooled twice"
        )
    first, second = network.filters
    kernels: dict[str, Shape]
    match network:
        case ConvLstm():
            kernels = {
                "inner1": (4 * first, 1, 3, 3),
                "recurrent1": (4 * first, first, 3, 3),
                "bias1": (4 * first,),
                "inner2": (4 * second, first, 2, 2),
                "recurrent2": (4 * second, second, 2, 2),
                "bias2": (4 * second,),
            }
        case Cnn3d():
            kernels = {
                "kernel1": (first, 1, 3, 3, 3),
                "bias1": (first,),
                "kernel2": (second, first, 3, 3, 3),
                "bias2": (second,),
            }
        case Cnn2d():
            kernels = {
                "kernel1": (first, levels, 3, 3),
                "bias1": (first,),
                "kernel2": (second, first, 3, 3),
                "bias2": (second,),
            }
    seen = second * prod(n // 4 for n in pooled)
    ends = {"dense": (network.dense, seen), "dense_bias": (network.dense,)}
    return kernels | ends | {"last": (1, network.dense), "last_bias": (1,)}


def initial(network: AnyNetwork, patch: tuple[int, int, int], rng: np.random.Generator) -> Weights:
    """Weights to begin with, for patches (level, y, x)."""
    weights = {name: _drawn(name, shape, rng) for name, shape in shapes(network, patch).items()}
    if isinstance(network, ConvLstm):
        for name, filters in zip(("bias1", "bias2"), network.filters, strict=True):
            weights[name][filters : 2 * filters] = 1.0
    return weights


def _drawn(name: str, shape: Shape, rng: np.random.Generator) -> Floats:
    """One weight; biases and the last unit are zero."""
    values = np.zeros(shape)
    if len(shape) > 1 and name != "last":
        place = prod(shape[2:])
        inward, outward = shape[1] * place, shape[0] // 4 * place
        if name.startswith(("inner", "recurrent")):
            limit = sqrt(6.0 / (inward + outward))
            values = rng.uniform(-limit, limit, shape)
        else:
            values = sqrt(2.0 / inward) * rng.standard_normal(shape)
    return values.astype(np.float32)
