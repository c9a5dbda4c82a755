"""Trees as arrays: they say what scikit-learn's say, to the last bit."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from exosift import threads
from exosift.errors import BadInput
from exosift.learn.trees import Trees, of_boosting, of_forest


def learned_from(count, seed):
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.5
    features = rng.standard_normal((count, 12)).astype(np.float32)
    features[labels, :3] += 0.8
    return features, labels


@pytest.fixture(scope="module")
def forest():
    return RandomForestClassifier(20, random_state=1).fit(*learned_from(600, 1))


@pytest.fixture(scope="module")
def boosted():
    return HistGradientBoostingClassifier(max_iter=30, random_state=1).fit(*learned_from(600, 1))


def odds(forest, features):
    """Log-odds summed over scikit-learn's trees, half a sample added to either class of a leaf."""
    total = np.zeros(len(features))
    for one in forest.estimators_:
        leaf, tree = one.apply(features), one.tree_
        count = tree.weighted_n_node_samples[leaf]
        kinds = tree.value[leaf, 0] * count[:, None] + 0.5
        total += np.log(kinds[:, 1] / kinds[:, 0])
    return total


def test_forest_says_what_scikit_learns_trees_say(forest):
    features, _ = learned_from(5000, 2)
    trees = of_forest(forest)
    np.testing.assert_allclose(trees.summed(features), odds(forest, features), rtol=1e-12)
    chance = forest.predict_proba(features)[:, 1]
    assert np.corrcoef(trees.summed(features), chance)[0, 1] > 0.98
    assert chance.std() > 0.1  # and it says something


def test_trees_of_one_mind_tell_by_how_much():
    features, labels = learned_from(2000, 7)
    features[labels, 0] += 6.0
    grown = RandomForestClassifier(20, max_features=None, random_state=1).fit(features, labels)
    trees, bright = of_forest(grown), features[labels]
    assert (grown.predict_proba(bright)[:, 1] == 1).mean() > 0.9
    assert np.ptp(trees.summed(bright)) > 0.1


def test_boosted_trees_say_what_scikit_learn_says(boosted):
    features, _ = learned_from(5000, 2)
    trees = of_boosting(boosted)
    np.testing.assert_array_equal(trees.summed(features), boosted.decision_function(features))


def test_values_at_thresholds_go_the_same_way(forest):
    features, _ = learned_from(2000, 3)
    trees = of_forest(forest)
    inner = np.flatnonzero(np.isfinite(trees.threshold))[:2000]
    features[np.arange(len(inner)), trees.feature[inner]] = trees.threshold[inner]
    np.testing.assert_allclose(trees.summed(features), odds(forest, features), rtol=1e-12)


def test_a_forest_of_stumps_and_of_leaves():
    features, labels = learned_from(50, 4)
    leaf = RandomForestClassifier(3, min_samples_split=1000, random_state=1).fit(features, labels)
    trees = of_forest(leaf)
    assert list(trees.depth) == [0, 0, 0]
    np.testing.assert_allclose(trees.summed(features), odds(leaf, features), rtol=1e-12)
    stump = RandomForestClassifier(3, max_depth=1, random_state=1).fit(features, labels)
    assert list(of_forest(stump).depth) == [1, 1, 1]


def test_number_of_threads_does_not_matter(forest):
    features, _ = learned_from(5000, 5)
    trees = of_forest(forest)
    with threads.limit(1):
        alone = trees.summed(features)
    with threads.limit(3):
        np.testing.assert_array_equal(trees.summed(features), alone)


def test_features_that_do_not_fit_are_refused(forest):
    features, _ = learned_from(10, 6)
    trees = of_forest(forest)
    with pytest.raises(BadInput, match="5 features, and they ask for the 12th"):
        trees.summed(features[:, :5])
    features[3, 2] = np.nan
    with pytest.raises(BadInput, match="a feature is not finite"):
        trees.summed(features)


def test_nodes_that_lead_nowhere_are_refused():
    node = np.zeros(1, dtype=np.int32)
    with pytest.raises(BadInput, match="nodes lead nowhere"):
        Trees(node, node, node, np.ones(1), node + 1, node, np.ones(1))
