"""A network's training that survives its job: put aside after every epoch, ring by ring.

What is put aside lies beside the products, in a folder named by all that the training depends on,
and goes when the model is whole. A retry finds it, and ends with the same weights.
"""

import shutil
import sys
from collections.abc import Iterator
from collections.abc import Sequence as Several
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from exosift import ALGORITHMS, __version__
from exosift.errors import BadInput
from exosift.io.models import CheckpointFile
from exosift.learn.classifier import Classifier, Told
from exosift.learn.learning import Learning
from exosift.learn.network import AnyNetwork, Trained, Training
from exosift.learn.room import Readable
from exosift.steps.recording import digest
from exosift.types import Bools, Ints


@contextmanager
def resumable(asked: Learning, folder: Path, of: Several[Any]) -> Iterator[Classifier]:
    """The classifier that is asked for; of a network, one that goes on where it was interrupted.

    folder: of the products; of: all that the training depends on. What trainings of anything else
    have left is removed, and when the block ends well, what this one has.
    """
    if not isinstance(asked.classifier, Training):
        yield asked.classifier
        return
    place = folder / f"training-{digest([__version__, ALGORITHMS, *of])[:16]}"
    for left in folder.glob("training-*"):
        if left.is_dir() and left != place:
            shutil.rmtree(left, ignore_errors=True)
    yield _Resumed(asked.classifier, place, iter(asked.rings.edges))
    shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class _Resumed:
    """A network that is taught ring after ring, each training kept in a file of its own."""

    network: AnyNetwork
    place: Path
    edges: Iterator[tuple[float, float]]

    def fit(
        self, patches: Readable, labels: Bools, blocks: Ints, seed: int, told: Told | None = None
    ) -> Trained:
        """See `classifier.Classifier`; says which epoch it is in."""
        del told
        inner, outer = next(self.edges)
        kept = CheckpointFile(self.place / f"{inner:g}-{outer:g}.npz")
        title = f"{self.place.parent.name} ring {inner:g}–{outer:g} FWHM, epochs"
        with tqdm(desc=title, total=self.network.epochs, file=sys.stderr, leave=False) as bar:

            def epochs(done: int, of: int) -> None:
                bar.update(done * self.network.epochs // of - bar.n)

            try:
                return self.network.fit(patches, labels, blocks, seed, epochs, kept)
            except BadInput:
                if not kept.path.exists():
                    raise
            # Damaged, or of samples that another kind of processor drew: they differ in last bits.
            kept.path.unlink()
            return self.network.fit(patches, labels, blocks, seed, epochs, kept)
