"""How a network learns: Adam (Kingma & Ba 2015, arXiv:1412.6980), early stopping, checkpoints.

After each epoch the loss on the azimuth blocks that were left out is taken; the weights of the
lowest are what the training ends with, and it stops when there was none lower for a while. What is
put aside then is all that the next epoch depends on.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from exosift import ALGORITHMS
from exosift.errors import BadInput, Failed
from exosift.learn.network import (
    AnyNetwork,
    Checkpoint,
    Curve,
    State,
    Told,
    Trained,
    Weights,
)
from exosift.learn.networks.gradient import device_of, gradient, loss_of, odds_of, repeatable
from exosift.learn.networks.samples import Samples, batches, turned
from exosift.learn.networks.weights import initial
from exosift.types import Floats, Ints


def train(
    network: AnyNetwork,
    samples: Samples,
    seed: int,
    told: Told | None = None,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """The network that has learned from samples; goes on from the checkpoint where there is one.

    Raises BadInput for samples that cannot teach, or a checkpoint of another training; Failed when
    the loss is lost.
    """
    levels, high, wide = samples.patches.shape[1:]
    learnt, left_out = samples.split(network.validation, seed)
    first = initial(network, (levels, high, wide), np.random.default_rng(seed))
    run = _Run.begun(network, first)
    of = _identity(network, samples, seed) if checkpoint else ""
    if checkpoint and (state := checkpoint.read()):
        run.go_on(state, of)
    with repeatable(device_of(network)):
        while not run.done(network):
            run.learn(network, samples, learnt, seed, told)
            run.judge(network, samples, left_out)
            if checkpoint:
                checkpoint.write(run.state(of))
    curve = Curve(np.array(run.training), np.array(run.validation), run.kept)
    return Trained(network, (levels, high, wide), run.best, curve)


def margins(trained: Trained, patches: Floats) -> Floats:
    """Log-odds (sample,) of patches (sample, level, y, x), the mean over the network's views."""
    place = device_of(trained.network)
    weights = {name: torch.tensor(w, device=place) for name, w in trained.weights.items()}
    views = [np.full(len(patches), view) for view in range(trained.network.views)]
    with repeatable(place):
        each = [odds_of(trained.network, weights, turned(patches, view)) for view in views]
    return np.asarray(np.mean(each, axis=0))


@dataclass(eq=False)
class _Run:
    """A training under way: weights now, Adam's moments, weights of the lowest loss, losses."""

    weights: dict[str, Tensor]
    adam: torch.optim.Adam
    best: Weights
    training: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)

    @classmethod
    def begun(cls, network: AnyNetwork, weights: Weights) -> "_Run":
        place = device_of(network)
        put = {n: torch.tensor(w, device=place, requires_grad=True) for n, w in weights.items()}
        adam = torch.optim.Adam(list(put.values()), lr=network.learning_rate, fused=True)
        return cls(put, adam, weights)

    @property
    def kept(self) -> int:
        """The epoch of the lowest loss."""
        return int(np.argmin(self.validation))

    def done(self, network: AnyNetwork) -> bool:
        """Whether all epochs are over, or too many since the lowest loss."""
        epochs = len(self.training)
        return epochs >= network.epochs or (epochs > 0 and epochs > self.kept + network.patience)

    def learn(
        self, network: AnyNetwork, samples: Samples, index: Ints, seed: int, told: Told | None
    ) -> None:
        """One epoch over the samples `index`; what is drawn depends on its number alone."""
        rng = np.random.default_rng([seed, 1 + len(self.training)])
        total, steps = 0.0, -(-len(index) // network.batch)
        for step, batch in enumerate(
            batches(index, network.batch, network.dense, network.dropout, rng)
        ):
            loss, gradients = gradient(network, self.weights, samples, batch)
            total += loss
            for weight, slope in zip(self.weights.values(), gradients, strict=True):
                weight.grad = slope
            self.adam.step()
            if told:
                told(len(self.training) * steps + step + 1, network.epochs * steps)
        self.training.append(total / len(index))

    def judge(self, network: AnyNetwork, samples: Samples, index: Ints) -> None:
        """The loss on samples that are not learned from; keep the weights if it is the lowest."""
        self.validation.append(loss_of(network, self.weights, samples, index))
        if not np.isfinite([self.training[-1], self.validation[-1]]).all():
            raise Failed(
                f"{network.kind}: the loss was lost in epoch {len(self.training)} (training "
                f"{self.training[-1]:g}, validation {self.validation[-1]:g}): lower learning_rate, "
                f"now {network.learning_rate:g}"
            )
        if self.kept == len(self.validation) - 1:
            self.best = {name: _array(weight) for name, weight in self.weights.items()}

    def state(self, of: str) -> State:
        """All that the next epoch depends on, and which training it is `of`."""
        arrays = {f"best/{name}": weight for name, weight in self.best.items()}
        for name, weight in self.weights.items():
            arrays[f"now/{name}"] = _array(weight)
            for moment in ("exp_avg", "exp_avg_sq", "step"):
                arrays[f"{moment}/{name}"] = _array(self.adam.state[weight][moment])
        losses = {"training": self.training, "validation": self.validation}
        return arrays, {"of": of, **losses}

    def go_on(self, state: State, of: str) -> None:
        """Take up what was put aside. Raises BadInput where it is of another training."""
        arrays, header = state
        if header["of"] != of:
            raise BadInput(
                "the checkpoint is of a training with other samples, settings or seed: "
                "remove it to begin anew"
            )
        self.training, self.validation = list(header["training"]), list(header["validation"])
        self.best = {name: arrays[f"best/{name}"] for name in self.weights}
        for name, weight in self.weights.items():
            weight.data.copy_(torch.from_numpy(arrays[f"now/{name}"]))
            self.adam.state[weight] = {
                moment: torch.tensor(arrays[f"{moment}/{name}"], device=weight.device)
                for moment in ("exp_avg", "exp_avg_sq")
            } | {"step": torch.tensor(arrays[f"step/{name}"])}


def _identity(network: AnyNetwork, samples: Samples, seed: int) -> str:
    """What a training depends on, as a hash: settings, seed and samples."""
    return hashlib.sha256(f"{ALGORITHMS} {network} {seed} {samples.digest()}".encode()).hexdigest()


def _array(tensor: Tensor) -> Floats:
    values: Floats = tensor.detach().cpu().numpy().copy()
    return values
