"""The three networks as functions of their weights: patches (sample, level, y, x) → log-odds.

What is common: two convolutional layers with pooling, a dense layer (ReLU), one unit whose sigmoid
is the probability. Dropout acts on the dense layer's units, by masks that are given.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, channels_last, channels_last_3d, maximum
from torch.nn import functional

from exosift.learn.network import AnyNetwork, Cnn2d, Cnn3d, ConvLstm
from exosift.learn.networks.convlstm import convlstm


def log_odds(
    network: AnyNetwork,
    weights: Mapping[str, Tensor],
    patches: Tensor,
    kept: Tensor | None = None,
) -> Any:
    """Log-odds (sample,) of patches (sample, level, y, x).

    kept (sample, dense): the dense units left after dropout, over the share that is; None: all.
    """
    w = weights
    match network:
        case ConvLstm():
            levels = patches.transpose(0, 1).unsqueeze(-1).contiguous()
            levels = _halved(convlstm(levels, w["inner1"], w["recurrent1"], w["bias1"]))
            levels = _halved(convlstm(levels, w["inner2"], w["recurrent2"], w["bias2"]))
            seen = levels.transpose(0, 1)
        case Cnn3d():
            cubes = patches.unsqueeze(1).contiguous(memory_format=channels_last_3d)
            cubes = functional.conv3d(cubes, w["kernel1"], w["bias1"], padding=1).relu()
            cubes = functional.max_pool3d(cubes, 2)
            cubes = functional.conv3d(cubes, w["kernel2"], w["bias2"], padding=1).relu()
            seen = functional.max_pool3d(cubes, 2)
        case Cnn2d():
            images = patches.contiguous(memory_format=channels_last)
            images = functional.conv2d(images, w["kernel1"], w["bias1"], padding=1).relu()
            images = functional.max_pool2d(images, 2)
            images = functional.conv2d(images, w["kernel2"], w["bias2"], padding=1).relu()
            seen = functional.max_pool2d(images, 2)
    units = functional.linear(seen.flatten(1), w["dense"], w["dense_bias"]).relu()
    if kept is not None:
        units = units * kept
    return functional.linear(units, w["last"], w["last_bias"]).squeeze(1)


def _halved(levels: Tensor) -> Any:
    """Max pooling 2×2×2 of (level, sample, y, x, filter); what is left over falls away."""
    pairs = levels[: levels.shape[0] // 2 * 2]
    larger = maximum(pairs[::2], pairs[1::2])
    images = larger.flatten(0, 1).permute(0, 3, 1, 2)
    pooled = functional.max_pool2d(images, 2).permute(0, 2, 3, 1)
    return pooled.unflatten(0, larger.shape[:2])
