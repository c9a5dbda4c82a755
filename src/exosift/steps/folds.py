"""Models of folds, for `exosift judge` and `roc`: each is taught once, and kept as a file."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path

from exosift.io.sequences import Stored
from exosift.learn.folds import folds
from exosift.learn.learning import Learning
from exosift.limits.comparison import Comparison
from exosift.photometry.known import KnownCompanions
from exosift.steps import learn

Files = Mapping[str, tuple[Path, ...]]
"""Files of the models that other stars have taught, by the classifier's name."""

NONE: Files = {}
"""Where none are given."""


def taught(
    stores: Several[Path],
    classifiers: Mapping[str, Learning],
    asked: Comparison,
    known: KnownCompanions,
    folder: Path,
) -> Files:
    """Teach a model of each classifier for each fold by the others' stars, in `folder`/NAME-FOLD.

    Raises BadInput for fewer stars than folds.
    """
    label = {Stored.open(store).outline.label: store for store in stores}
    found: dict[str, list[Path]] = {name: [] for name in classifiers}
    for number, own in enumerate(folds(label, asked.folds, asked.seed), 1):
        others = [store for name, store in label.items() if name not in own]
        for name, one in classifiers.items():
            place = folder / f"{name}-{number}"
            learn.run(label[own[0]], others, one, known, place)
            found[name].append(place / "model.npz")
    return {name: tuple(paths) for name, paths in found.items()}
