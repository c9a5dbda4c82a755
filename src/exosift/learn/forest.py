"""Forests: SODIRF's, on the patches' pixels, and boosted trees on compact features.

SODIRF is a random forest of 100 trees, each split among √p of the p pixels (Gomez Gonzalez, Absil &
Van Droogenbroeck 2018, §3.3). Boosted trees start from Fisher's discriminant of all levels; their
margin is the mean of its log-odds, which never saturate, and of the trees' (see `features`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.learn.classifier import Told
from exosift.learn.features import Features
from exosift.learn.room import Readable
from exosift.learn.trees import Trees, of_boosting, of_forest
from exosift.types import Bools, Floats, Ints, Shape


@dataclass(frozen=True)
class Forest:
    """A random forest on the pixels of all levels, as in the paper.

    trees: how many. leaf: samples of a leaf, at least; their shares are the forest's probability.
    """

    trees: int = 100
    leaf: int = 5
    kind: Literal["forest"] = "forest"

    def __post_init__(self) -> None:
        if self.trees < 1 or self.leaf < 1:
            raise BadInput(f"trees is {self.trees} and leaf {self.leaf}, expected 1 or more each")

    def fit(
        self, patches: Readable, labels: Bools, blocks: Ints, seed: int, told: Told | None = None
    ) -> "GrownForest":
        """See `classifier.Classifier`; nothing is held back, and all pixels are in memory."""
        from sklearn.ensemble import RandomForestClassifier  # slow to load

        del blocks, told
        forest = RandomForestClassifier(
            self.trees,
            max_features="sqrt",
            min_samples_leaf=self.leaf,
            class_weight="balanced",
            n_jobs=threads.budget(),
            random_state=seed,
        )
        forest.fit(patches[:].reshape(len(patches), -1), labels)
        return GrownForest(of_forest(forest), patches.shape[1:])


@dataclass(frozen=True, eq=False)
class GrownForest:
    """A forest that has learnt, and the shape of the patches that it takes."""

    trees: Trees
    shape: Shape

    def margin(self, patches: Floats) -> Floats:
        """Log-odds (sample,), the mean of its trees'."""
        _check(patches, self.shape)
        return self.trees.summed(patches.reshape(len(patches), -1)) / len(self.trees.root)


@dataclass(frozen=True)
class Boosted:
    """Gradient-boosted trees on compact features.

    trees: how many, each of `leaves` leaves of `leaf` samples or more. rate: by how much each
    corrects those before it.
    """

    trees: int = 100
    leaves: int = 8
    leaf: int = 60
    rate: float = 0.08
    kind: Literal["boosted"] = "boosted"

    def __post_init__(self) -> None:
        if self.trees < 1 or self.leaf < 1 or self.leaves < 2:
            raise BadInput(
                f"trees is {self.trees}, leaves {self.leaves} and leaf {self.leaf}, expected 1, 2 "
                "and 1 or more"
            )
        if not 0 < self.rate <= 1:
            raise BadInput(f"rate is {self.rate:g}, expected more than 0, to 1")

    def fit(
        self, patches: Readable, labels: Bools, blocks: Ints, seed: int, told: Told | None = None
    ) -> "GrownBoosted":
        """See `classifier.Classifier`; nothing is held back for validation."""
        from sklearn.ensemble import HistGradientBoostingClassifier  # slow to load
        from sklearn.linear_model import LogisticRegression

        del blocks, told
        features = Features.of(patches, labels)
        measured = features.of_all(patches)
        start = LogisticRegression(class_weight="balanced").fit(measured[:, 1:2], labels)
        # Weights change nothing where both kinds are as many, and take scikit-learn seconds.
        even = 2 * int(labels.sum()) == len(labels)
        trees = HistGradientBoostingClassifier(
            learning_rate=self.rate,
            max_iter=self.trees,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.leaf,
            l2_regularization=5.0,
            class_weight=None if even else "balanced",
            early_stopping=False,
            random_state=seed,
        )
        with threads.limit(1):  # some thousand samples are not worth waiting for each other
            trees.fit(measured, labels)
        line = float(start.coef_[0, 0]), float(start.intercept_[0])
        return GrownBoosted(features, line, of_boosting(trees))


@dataclass(frozen=True, eq=False)
class GrownBoosted:
    """Boosted trees that have learnt; line: slope and offset of the discriminant's log-odds."""

    features: Features
    line: tuple[float, float]
    trees: Trees

    def margin(self, patches: Floats) -> Floats:
        """Log-odds (sample,): the mean of the discriminant's and the trees'."""
        _check(patches, self.features.shape)
        measured = self.features.every(patches)
        linear = self.line[0] * measured[:, 1] + self.line[1]
        return np.asarray((linear + self.trees.summed(measured)) / 2)


def _check(patches: Floats, shape: Shape) -> None:
    """Refuse patches of another shape (level, y, x)."""
    if patches.shape[1:] != shape:
        found, learnt = ("×".join(map(str, one)) for one in (patches.shape[1:], shape))
        raise BadInput(
            f"patches of {found} (level, y, x), and the forest has learnt from {learnt}: train it "
            "anew, or sample as it was trained"
        )
