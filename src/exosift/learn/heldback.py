"""How a classifier does on azimuths, or stars, that taught it nothing: what its model's card shows.

Of patches, not of frames: where each is looked at alone, and half of all have a companion. False
alarms of whole frames are counted on null frames (`conformal`).
"""

from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.learn.catalogue import AnyClassifier
from exosift.learn.classifier import Fitted
from exosift.learn.labelled import Labelled
from exosift.learn.network import Training
from exosift.learn.networks.samples import Samples
from exosift.learn.room import Readable
from exosift.types import Bools, Floats, Ints, Shape

# Share of the azimuth blocks, or stars, that are held back from trees.
_SHARE = 0.2

# Patches looked at together.
_SPAN = 4096


@dataclass(frozen=True, eq=False)
class HeldBack:
    """Margins (sample,) of patches that taught nothing, and their labels (sample,)."""

    margin: Floats
    labels: Bools

    def roc(self) -> tuple[Floats, Floats]:
        """Share of nulls, and of companions, at or above each margin, from the highest down."""
        labels = self.labels[np.argsort(-self.margin, kind="stable")]
        return np.cumsum(~labels) / (~labels).sum(), np.cumsum(labels) / labels.sum()

    def reliability(self, bins: int = 10) -> tuple[Floats, Floats]:
        """Mean probability (bin,), and share of companions (bin,), of as many patches each."""
        parts = np.array_split(np.argsort(self.margin, kind="stable"), min(bins, self.labels.size))
        probability = 0.5 * (1 + np.tanh(self.margin / 2))
        means = [(probability[part].mean(), self.labels[part].mean()) for part in parts]
        told, true = np.array(means).T
        return told, true


def held_back(
    classifier: AnyClassifier, learnt: Fitted, samples: Labelled, seed: int
) -> HeldBack | None:
    """What a ring's classifier says of samples that taught it nothing; None where all had to.

    A network has held some back, by which its epoch was chosen. Trees have learnt from all, and
    others are grown alike of those not held back, as many with a companion as without.
    """
    every = Samples(samples.patches, samples.labels, samples.blocks)
    share = classifier.validation if isinstance(classifier, Training) else _SHARE
    try:
        teach, rest = every.split(share, seed)
    except BadInput:
        return None
    if not isinstance(classifier, Training):
        teach = _even(teach, samples.labels, seed)
        labels, blocks = samples.labels[teach], samples.blocks[teach]
        learnt = classifier.fit(_Some(samples.patches, teach), labels, blocks, seed)
    some = (samples.patches[rest[span]] for span in threads.blocks(len(rest), _SPAN))
    return HeldBack(np.concatenate([learnt.margin(one) for one in some]), samples.labels[rest])


def _even(some: Ints, labels: Bools, seed: int) -> Ints:
    """Of some samples, all of the kind that there are fewer of, and as many of the other, drawn."""
    kinds = some[labels[some]], some[~labels[some]]
    rng, count = np.random.default_rng(seed), min(map(len, kinds))
    return np.sort(np.concatenate([rng.choice(kind, count, replace=False) for kind in kinds]))


@dataclass(frozen=True, eq=False)
class _Some:
    """Some of the patches, read when they are asked for."""

    patches: Readable
    index: Ints

    @property
    def shape(self) -> Shape:
        return len(self.index), *self.patches.shape[1:]

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, some: slice | Ints, /) -> Floats:
        return self.patches[self.index[some]]
