"""Decision trees as plain arrays: what a forest, or boosted trees, have learned.

Scikit-learn grows the trees; what they say is computed here, before and after a model was saved, so
that a saved model says the same to the last bit and loads without running anything from its file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.types import Floats, Ints

# Samples that go down the trees together.
_TOGETHER = 2048


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees one behind another, as arrays over their nodes; leaves lead to themselves.

    root (tree,): where each begins; depth (tree,): its longest way down. feature (node,): which is
    asked; threshold (node,): up to it the way goes left. left, right (node,): where the ways lead.
    value (node,): what is added at a leaf. base: what the sum over trees begins with.
    """

    root: Ints
    depth: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats
    base: float = 0.0

    def __post_init__(self) -> None:
        nodes = len(self.feature)
        arrays = (self.threshold, self.left, self.right, self.value)
        inside = all(
            ((index >= 0) & (index < nodes)).all() for index in (self.root, self.left, self.right)
        )
        if any(len(array) != nodes for array in arrays) or not inside:
            raise BadInput("trees: nodes lead nowhere; the model is damaged, train it anew")

    def summed(self, features: Floats) -> Floats:
        """Base and leaves' values (sample,), summed tree after tree, of features (sample, feature).

        Features count in single precision, as scikit-learn's forests take them.
        """
        asked = np.asarray(features, dtype=np.float32)
        if not np.isfinite(asked).all():
            raise BadInput("trees: a feature is not finite; leave out masked places")
        if self.feature.size and asked.shape[1] <= self.feature.max():
            raise BadInput(
                f"trees: {asked.shape[1]} features, and they ask for the {self.feature.max() + 1}th"
            )
        pieces = threads.blocks(len(asked), _TOGETHER)
        found = threads.over(lambda piece: self._of(asked[piece]), pieces, products=False)
        return np.concatenate([np.zeros(0), *found])

    def _of(self, features: Floats) -> Floats:
        sample = np.arange(len(features))
        total = np.full(len(features), self.base)
        for root, depth in zip(self.root, self.depth, strict=True):
            node = np.full(len(features), root)
            for _ in range(depth):
                left = features[sample, self.feature[node]] <= self.threshold[node]
                node = np.where(left, self.left[node], self.right[node])
            total += self.value[node]
        return total


def of_forest(forest: Any) -> Trees:
    """Trees of a fitted RandomForestClassifier of two classes: log-odds of the second, to average.

    Those of a leaf are of its samples and half a one more of either class: of leaves where all are
    of one class the larger says more, so that trees of one mind still tell the brighter from the
    bright.
    """
    grown = (one.tree_ for one in forest.estimators_)
    return _joined(
        ((t.feature, t.threshold, t.children_left, t.children_right, _log_odds(t)) for t in grown),
        0.0,
    )


def _log_odds(tree: Any) -> Floats:
    """Log-odds (node,) of the second class."""
    share, count = tree.value[:, 0, 1], tree.weighted_n_node_samples
    return np.asarray(np.log((share * count + 0.5) / ((1 - share) * count + 0.5)))


def of_boosting(boosted: Any) -> Trees:
    """Trees of a fitted HistGradientBoostingClassifier of two classes: `summed` are log-odds.

    Where its trees are is not part of scikit-learn's public interface; a test holds this reading
    against `decision_function`.
    """
    nodes = (stage[0].nodes for stage in boosted._predictors)
    base = float(np.ravel(boosted._baseline_prediction)[0])
    return _joined(
        (
            (
                np.where(n["is_leaf"], -1, n["feature_idx"]),
                n["num_threshold"],
                np.where(n["is_leaf"], -1, n["left"].astype(np.int64)),
                np.where(n["is_leaf"], -1, n["right"].astype(np.int64)),
                n["value"],
            )
            for n in nodes
        ),
        base,
    )


def _joined(grown: Iterable[tuple[Any, Any, Any, Any, Any]], base: float) -> Trees:
    """Trees, each (feature, threshold, left, right, value) over its nodes, one behind another.

    Children are numbered within their tree, and negative at leaves.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    root, depth, first = [], [], 0
    for feature, threshold, left, right, value in grown:
        leaf = left < 0
        itself = np.arange(len(leaf))
        below = [np.where(leaf, itself, child) for child in (left, right)]
        root.append(first)
        depth.append(_depth(*below))
        parts.append(
            (
                np.where(leaf, 0, feature),
                np.where(leaf, np.inf, threshold),
                first + below[0],
                first + below[1],
                value,
            )
        )
        first += len(leaf)
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return Trees(
        np.array(root, dtype=np.int32),
        np.array(depth, dtype=np.int32),
        joined[0].astype(np.int32),
        joined[1].astype(np.float64),
        joined[2].astype(np.int32),
        joined[3].astype(np.int32),
        joined[4].astype(np.float64),
        base,
    )


def _depth(left: Ints, right: Ints) -> int:
    """Steps from the root to the farthest leaf."""
    level, steps = np.zeros(1, dtype=int), -1
    while level.size:
        inner = level[left[level] != level]
        level, steps = np.concatenate([left[inner], right[inner]]), steps + 1
    return steps
