"""Loss and gradient of a batch: the same bits on any number of threads.

A batch is cut into pieces of fixed size. Each piece is one thread's work from patches to gradient,
with PyTorch's own threads held to one, and the pieces' sums are added in order. On a CUDA device a
batch is one piece, computed in mixed precision.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, autograd
from torch.nn.functional import binary_cross_entropy_with_logits

from exosift import threads
from exosift.errors import BadInput
from exosift.learn.network import AnyNetwork, Training
from exosift.learn.networks.architectures import log_odds
from exosift.learn.networks.samples import Batch, Samples, turned
from exosift.types import Floats, Ints

Result = TypeVar("Result")

# Samples of a piece on the CPU: enough for full speed, few enough to keep several threads busy.
_LEARNT, _JUDGED = 32, 128

# Samples at once otherwise.
_SPAN = 4096


def device_of(settings: Training) -> torch.device:
    """Where a network computes. Raises BadInput for a CUDA device that there is not."""
    cuda = torch.cuda.is_available()
    if settings.device == "cuda" and not cuda:
        raise BadInput("device is cuda, and PyTorch finds none here: take auto or cpu")
    return torch.device("cuda" if cuda and settings.device != "cpu" else "cpu")


def gradient(
    network: AnyNetwork, weights: Mapping[str, Tensor], samples: Samples, batch: Batch
) -> tuple[float, list[Tensor]]:
    """Loss, summed over a batch, and its mean's gradient by each weight, in their order."""
    place = next(iter(weights.values())).device

    def work(part: slice) -> tuple[float, tuple[Tensor, ...]]:
        piece = batch[part]
        patches = turned(np.asarray(samples.patches[piece.index]), piece.symmetry)
        with _mixed(place):
            odds = log_odds(network, weights, _put(patches, place), _put(piece.kept, place))
        truth = _put(samples.labels[piece.index], place)
        loss = binary_cross_entropy_with_logits(odds.float(), truth, reduction="sum")
        return float(loss.detach()), autograd.grad(loss, list(weights.values()))

    count = len(batch.index)
    found = _each(work, threads.blocks(count, _LEARNT if place.type == "cpu" else count))
    gradients = zip(*(piece for _, piece in found), strict=True)
    return sum(loss for loss, _ in found), [sum(one[1:], one[0]) / count for one in gradients]


def odds_of(network: AnyNetwork, weights: Mapping[str, Tensor], patches: Floats) -> Floats:
    """Log-odds (sample,) of patches (sample, level, y, x)."""
    place = next(iter(weights.values())).device

    def work(part: slice) -> Floats:
        with torch.inference_mode(), _mixed(place):
            odds = log_odds(network, weights, _put(patches[part], place))
        found: Floats = odds.float().cpu().numpy()
        return found

    size = _JUDGED if place.type == "cpu" else _SPAN
    none = np.zeros(0, dtype=np.float32)
    return np.concatenate([none, *_each(work, threads.blocks(len(patches), size))])


def loss_of(
    network: AnyNetwork, weights: Mapping[str, Tensor], samples: Samples, index: Ints
) -> float:
    """Mean cross-entropy of the samples `index`."""
    total = 0.0
    for span in threads.blocks(len(index), _SPAN):
        chosen = index[span]
        odds = odds_of(network, weights, samples.patches[chosen]).astype(np.float64)
        wrong = np.where(samples.labels[chosen], -odds, odds)
        with np.errstate(invalid="ignore"):  # a loss that is lost is its caller's to tell
            total += float(np.logaddexp(0.0, wrong).sum())
    return total / len(index)


@contextmanager
def repeatable(place: torch.device) -> Iterator[None]:
    """PyTorch on one thread beside ours, and refusing, on the CPU, what differs from run to run.

    Its own threads would wait for each other after every small step, which takes longer than the
    step where other work is on the cores.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.use_deterministic_algorithms(place.type == "cpu")
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.set_num_threads(before[1])


def _each(work: Callable[[slice], Result], pieces: list[slice]) -> list[Result]:
    """Results of the pieces in order, each on one thread."""

    def alone(piece: slice) -> Result:
        torch.set_num_threads(1)  # counts for the thread that says so
        return work(piece)

    return threads.over(alone, pieces, products=False)


def _mixed(place: torch.device) -> Any:
    """Mixed precision where it is a CUDA device that computes."""
    return torch.autocast(place.type, torch.bfloat16, enabled=place.type == "cuda")


def _put(values: np.ndarray, place: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(place)
