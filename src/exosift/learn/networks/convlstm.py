"""The convolutional LSTM cell (Shi et al. 2015, arXiv:1506.04214), without peepholes, as in Keras.

    i, f, g, o = W_x * x_t + W_h * h_{t-1} + b
    c_t = σ(f) c_{t-1} + σ(i) tanh(g),   h_t = σ(o) tanh(c_t)

where * convolves within the patch, zero outside. What does not wait for h, the convolution of the
input, is done for all levels at once.
"""

from typing import Any

from torch import Tensor, sigmoid, stack, tanh
from torch.nn import functional


def convlstm(levels: Tensor, inner: Tensor, recurrent: Tensor, bias: Tensor) -> Any:
    """Levels (level, sample, channel, y, x) → hidden states (level, sample, filter, y, x).

    inner: kernels W_x (4 filters, channel, ky, kx), gates in the order i, f, g, o; recurrent: W_h
    (4 filters, filter, ky, kx); bias (4 filters).
    """
    driven = same(levels.flatten(0, 1), inner, bias).unflatten(0, levels.shape[:2])
    hidden, cell = None, None
    states = []
    for drive in driven:
        gates = drive if hidden is None else drive + same(hidden, recurrent)
        entry, forget, new, out = gates.chunk(4, dim=1)
        kept = sigmoid(entry) * tanh(new)
        cell = kept if cell is None else kept + sigmoid(forget) * cell
        hidden = sigmoid(out) * tanh(cell)
        states.append(hidden)
    return stack(states)


def same(images: Tensor, kernels: Tensor, bias: Tensor | None = None) -> Any:
    """Convolution (n, channel, y, x) that keeps the size; even kernels look one further on."""
    high, wide = kernels.shape[2:]
    if high % 2 and wide % 2:
        return functional.conv2d(images, kernels, bias, padding=(high // 2, wide // 2))
    ends = ((wide - 1) // 2, wide // 2, (high - 1) // 2, high // 2)
    return functional.conv2d(functional.pad(images, ends), kernels, bias)
