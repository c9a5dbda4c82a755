"""SODINN: networks that tell a companion from speckles in an MLAR patch.

Supervised detection of exoplanets by a neural network (Gomez Gonzalez, Absil & Van Droogenbroeck
2018, A&A 613, A71): a patch (level, y, x) of residuals at falling rank goes in, the log-odds of a
companion at its middle come out. Here are the settings; PyTorch is loaded when they are put to use.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, Protocol, cast

import numpy as np

from exosift.errors import BadInput
from exosift.learn.room import Readable
from exosift.types import Bools, Floats, Ints

Weights = Mapping[str, Floats]
"""A network's weights by name, float32."""

State = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]
"""A training that was put aside: arrays by name, and what JSON can hold."""


Told = Callable[[int, int], None]
"""Is told (done, of) while a network learns: steps, of as many as there may be."""


class Checkpoint(Protocol):
    """Where a training is put aside after every epoch, to go on from after an interruption."""

    def read(self) -> State | None:
        """What was put aside last; None before the first time."""
        ...

    def write(self, state: State) -> None:
        """Put aside, in place of what was there."""
        ...


@dataclass(frozen=True)
class Training:
    """How a network learns: Adam on the cross-entropy, until azimuths left out stop gaining.

    learning_rate: of Adam. batch: samples a step. epochs: passes over the samples, at most.
    patience: epochs without a lower loss on the azimuth blocks left out before it stops; the
    weights of the lowest are kept. validation: share of the blocks left out. dropout: share of
    the dense layer's units silenced in a step. views: a margin is the mean of so many of the
    patch's eight symmetries (turned, mirrored). device: "auto" takes a CUDA device where there is
    one, and computes there in mixed precision; the CPU repeats itself bit for bit.
    """

    learning_rate: float = 1e-3
    batch: int = 128
    epochs: int = 30
    patience: int = 5
    validation: float = 0.2
    dropout: float = 0.25
    views: Literal[1, 4, 8] = 8
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        for name in ("batch", "epochs", "patience"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}, expected 1 or more")
        if not 0 < self.learning_rate < 1:
            raise BadInput(f"learning_rate is {self.learning_rate:g}, expected between 0 and 1")
        if not 0 < self.validation < 1:
            raise BadInput(f"validation is {self.validation:g}, expected between 0 and 1")
        if self.views not in (1, 4, 8):
            raise BadInput(f"views is {self.views}, expected 1, 4 or 8")
        if not 0 <= self.dropout < 1:
            raise BadInput(f"dropout is {self.dropout:g}, expected from 0 to below 1")


@dataclass(frozen=True)
class _Network(Training):
    """A network with two convolutional layers.

    filters: of the first and of the second. dense: units of the fully connected layer after them.
    """

    filters: tuple[int, int] = (32, 64)
    dense: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(*self.filters, self.dense) < 1:
            raise BadInput(f"filters {self.filters}, dense {self.dense}: expected 1 or more each")

    def fit(
        self,
        patches: Readable,
        labels: Bools,
        blocks: Ints,
        seed: int,
        told: Told | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> "Trained":
        """Learn from patches (sample, level, y, x), in units of each level's null std.

        labels (sample,): with a companion. blocks (sample,): where in azimuth, neighbours being
        numbered so; whole blocks are left out to tell when to stop. patches may be on disk.
        With a checkpoint, a training that was interrupted ends with the same weights as one that
        was not. Raises BadInput without PyTorch, and for samples that cannot teach.
        """
        _refuse_without_torch()
        from exosift.learn.networks.samples import Samples
        from exosift.learn.networks.training import train

        return train(
            cast("AnyNetwork", self), Samples(patches, labels, blocks), seed, told, checkpoint
        )


@dataclass(frozen=True)
class ConvLstm(_Network):
    """The paper's network: levels are read one after another by convolutional LSTM cells.

    The first cell's kernels are 3×3, the second's 2×2; 2×2×2 max pooling follows each.
    """

    filters: tuple[int, int] = (40, 80)
    views: Literal[1, 4, 8] = 1
    kind: Literal["convlstm"] = "convlstm"


@dataclass(frozen=True)
class Cnn3d(_Network):
    """Convolutions over level and place together, 3×3×3, each followed by 2×2×2 max pooling."""

    filters: tuple[int, int] = (16, 32)
    kind: Literal["cnn3d"] = "cnn3d"


@dataclass(frozen=True)
class Cnn2d(_Network):
    """Convolutions over place, 3×3, of all levels at once, each followed by 2×2 max pooling."""

    kind: Literal["cnn2d"] = "cnn2d"


AnyNetwork = ConvLstm | Cnn3d | Cnn2d
"""Every network."""


@dataclass(frozen=True, eq=False)
class Curve:
    """How the loss (cross-entropy a sample) fell: arrays (epoch,); and the epoch that was kept."""

    training: Floats
    validation: Floats
    kept: int


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that has learned: its settings, the patch (level, y, x) it takes, and weights."""

    network: AnyNetwork
    patch: tuple[int, int, int]
    weights: Weights
    curve: Curve

    def __post_init__(self) -> None:
        from exosift.learn.networks.weights import shapes  # which imports this module

        expected = shapes(self.network, self.patch)
        for name in {**expected, **self.weights}:
            found = self.weights[name].shape if name in self.weights else None
            if found != expected.get(name):
                raise BadInput(
                    f"{self.network.kind}: weight {name} is {found}, expected {expected.get(name)}"
                )

    def margin(self, patches: Floats) -> Floats:
        """Log-odds (sample,) of a companion in patches (sample, level, y, x).

        Raises BadInput without PyTorch, and for patches of another shape than it learned from.
        """
        if patches.shape[1:] != self.patch:
            raise BadInput(
                f"{self.network.kind}: patches are {_shape(patches.shape[1:])} (level, y, x), the "
                f"network learned from {_shape(self.patch)}: train one for this sampling"
            )
        _refuse_without_torch()
        from exosift.learn.networks.training import margins

        return margins(self, patches)


def _refuse_without_torch() -> None:
    if find_spec("torch") is None:
        raise BadInput("SODINN needs PyTorch, which is not installed: pip install 'exosift[nn]'")


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(str(n) for n in shape)
