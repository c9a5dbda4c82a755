"""The convolutional LSTM cell (Shi et al. 2015, arXiv:1506.04214), without peepholes, as in Keras.

    i, f, o = σ(W_x * x_t + W_h * h_{t-1} + b),   g = tanh(likewise)
    c_t = f c_{t-1} + i g,   h_t = o tanh(c_t)

where * convolves within the patch, zero outside. What does not wait for h is done for all levels at
once: forward the convolution of the input, backward the gradients of all kernels.
"""

from typing import Any

import torch
from torch import Tensor, autograd
from torch.nn.functional import conv2d, pad

# Of each kernel the gradient by (input, kernel, bias), as PyTorch's backward convolution takes it.
_INPUT, _KERNEL, _ALL = (True, False, False), (False, True, False), (True, True, True)


def convlstm(levels: Tensor, inner: Tensor, recurrent: Tensor, bias: Tensor) -> Any:
    """Levels (level, sample, y, x, channel) → hidden states (level, sample, y, x, filter).

    inner: kernels W_x (4 filters, channel, ky, kx), gates in the order i, f, o, g; recurrent: W_h
    (4 filters, filter, ky, kx); bias (4 filters). In mixed precision all of the cell is in the
    lower one.
    """
    given, where = (levels, inner, recurrent, bias), levels.device.type
    if torch.is_autocast_enabled(where):
        lower = torch.get_autocast_dtype(where)
        given = tuple(one.to(lower) for one in given)
    with torch.autocast(where, enabled=False):
        return _Cell.apply(*given)


class _Cell(autograd.Function):  # type: ignore[misc]  # mypy does not follow torch
    """The cell over all levels, and its gradient by hand (backpropagation through time)."""

    @staticmethod
    def forward(ctx: Any, levels: Tensor, inner: Tensor, recurrent: Tensor, bias: Tensor) -> Any:
        filters = bias.numel() // 4
        kernels = recurrent.contiguous(memory_format=torch.channels_last)
        gates = _same(levels.flatten(0, 1), inner, bias).unflatten(0, levels.shape[:2])
        hidden = torch.empty_like(gates[..., :filters].contiguous())
        cells, tanhs = torch.empty_like(hidden), torch.empty_like(hidden)
        for t, gate in enumerate(gates):
            if t:
                gate.add_(_same(hidden[t - 1], kernels))
            gate[..., : 3 * filters].sigmoid_()
            gate[..., 3 * filters :].tanh_()
            entry, forget, out, new = gate.split(filters, dim=-1)
            torch.mul(entry, new, out=cells[t])
            if t:
                cells[t].addcmul_(forget, cells[t - 1])
            torch.tanh(cells[t], out=tanhs[t])
            torch.mul(out, tanhs[t], out=hidden[t])
        ctx.save_for_backward(levels, inner, recurrent, gates, cells, tanhs, hidden)
        return hidden

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> Any:
        levels, inner, recurrent, gates, cells, tanhs, hidden = ctx.saved_tensors
        filters = hidden.shape[-1]
        kernels = recurrent.contiguous(memory_format=torch.channels_last)
        by_gate = torch.empty_like(gates)
        by_hidden, by_cell = torch.zeros_like(hidden[0]), torch.zeros_like(hidden[0])
        for t in range(len(gates) - 1, -1, -1):
            entry, forget, out, new = gates[t].split(filters, dim=-1)
            entries, forgets, outs, news = by_gate[t].split(filters, dim=-1)
            by_hidden = by_hidden + slopes[t]
            by_cell = by_cell + torch.ops.aten.tanh_backward(by_hidden * out, tanhs[t])
            torch.mul(by_cell, new, out=entries)
            torch.mul(by_cell, cells[t - 1], out=forgets) if t else forgets.zero_()
            torch.mul(by_hidden, tanhs[t], out=outs)
            torch.mul(by_cell, entry, out=news)
            sigmoids = slice(3 * filters)
            by_gate[t, ..., sigmoids] = torch.ops.aten.sigmoid_backward(
                by_gate[t, ..., sigmoids], gates[t, ..., sigmoids]
            )
            by_gate[t, ..., 3 * filters :] = torch.ops.aten.tanh_backward(news, new)
            if t:
                by_hidden = _backward(by_gate[t], hidden[t - 1], kernels, _INPUT)[0]
                by_cell = by_cell * forget
        by_levels, by_inner, by_bias = _backward(
            by_gate.flatten(0, 1), levels.flatten(0, 1), inner, _ALL
        )
        by_recurrent = _backward(
            by_gate[1:].flatten(0, 1), hidden[:-1].flatten(0, 1), recurrent, _KERNEL
        )[1]
        return by_levels.unflatten(0, levels.shape[:2]), by_inner, by_recurrent, by_bias


def _same(images: Tensor, kernels: Tensor, bias: Tensor | None = None) -> Any:
    """Convolution (n, y, x, channel) that keeps the size; even kernels look one further on."""
    first, padded = _bordered(images, kernels)
    return conv2d(first, kernels, bias, padding=padded).permute(0, 2, 3, 1)


def _backward(
    slopes: Tensor, images: Tensor, kernels: Tensor, of: tuple[bool, bool, bool]
) -> tuple[Any, Any, Any]:
    """Gradients of `_same` by images, kernels and bias, those that are asked for."""
    first, padded = _bordered(images, kernels)
    by_images, by_kernels, by_bias = torch.ops.aten.convolution_backward(
        slopes.permute(0, 3, 1, 2),
        first,
        kernels,
        [len(kernels)],
        [1, 1],
        list(padded),
        [1, 1],
        False,
        [0, 0],
        1,
        list(of),
    )
    if by_images is not None:
        by_images = by_images.permute(0, 2, 3, 1)[:, : images.shape[1], : images.shape[2]]
    return by_images, by_kernels, by_bias


def _bordered(images: Tensor, kernels: Tensor) -> tuple[Any, tuple[int, int]]:
    """Images as (n, channel, y, x), channels last in memory, and the border still to be added."""
    high, wide = kernels.shape[2:]
    if high % 2 and wide % 2:
        return images.permute(0, 3, 1, 2), (high // 2, wide // 2)
    return pad(images, (0, 0, 0, 1, 0, 1)).permute(0, 3, 1, 2), (0, 0)
