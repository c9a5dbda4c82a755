"""What a model's card tells of patches that taught nothing."""

import numpy as np
import pytest
from scipy.stats import norm

from exosift.learn.forest import Boosted, Forest
from exosift.learn.heldback import HeldBack, held_back
from exosift.learn.labelled import Labelled
from exosift.report.heldback import held_back_figure


def labelled(count=6000, blocks=20, bright=2.0, seed=1):
    """White patches, half of them with light in the middle of every level."""
    rng = np.random.default_rng(seed)
    patches = rng.normal(size=(count, 3, 5, 5)).astype(np.float32)
    labels = np.arange(count) % 2 == 0
    patches[labels, :, 2, 2] += bright / np.sqrt(3)
    return Labelled(patches, labels, rng.integers(blocks, size=count))


@pytest.mark.parametrize("classifier", [Boosted(trees=30), Forest(trees=30, leaf=20)])
def test_shares_and_probabilities_are_those_of_samples_that_taught_nothing(classifier):
    some = labelled()
    learnt = classifier.fit(some.patches, some.labels, some.blocks, 3)
    judged = held_back(classifier, learnt, some, 3)
    assert judged.labels.size < 0.4 * some.labels.size
    nulls, companions = judged.roc()
    found = companions[np.searchsorted(nulls, 0.1)]
    best = norm.sf(norm.isf(0.1) - 2.0)  # of the best linear filter
    assert 0.5 * best < found < best + 0.1
    if isinstance(classifier, Boosted):
        told, true = judged.reliability()
        np.testing.assert_allclose(told, true, atol=0.15)


def test_trees_grown_to_be_judged_learn_from_both_kinds_alike_and_from_none_held_back():
    some, seen = labelled(600), []

    class Noting(Boosted):
        def fit(self, patches, labels, blocks, *rest):
            seen.append((np.array(patches[:]), labels, blocks))
            return super().fit(patches, labels, blocks, *rest)

    classifier = Noting(trees=5)
    learnt = classifier.fit(some.patches, some.labels, some.blocks, 3)
    judged = held_back(classifier, learnt, some, 3)
    patches, labels, blocks = seen[1]
    assert 2 * labels.sum() == labels.size > 0.4 * some.labels.size
    places = {patch.tobytes(): place for place, patch in enumerate(some.patches)}
    taught = [places[patch.tobytes()] for patch in patches]
    assert len(set(taught)) == len(taught) <= some.labels.size - judged.labels.size
    np.testing.assert_array_equal(labels, some.labels[taught])
    np.testing.assert_array_equal(blocks, some.blocks[taught])


def test_trees_are_not_judged_by_what_they_know_by_heart():
    """Labels without any meaning are not found again."""
    some = labelled(2000, bright=0.0)
    forest = Forest(trees=30, leaf=1)
    learnt = forest.fit(some.patches, some.labels, some.blocks, 3)
    assert np.corrcoef(learnt.margin(some.patches), some.labels)[0, 1] > 0.8
    judged = held_back(forest, learnt, some, 3)
    assert abs(np.corrcoef(judged.margin, judged.labels)[0, 1]) < 0.15


def test_a_network_is_judged_by_what_it_held_back_itself():
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `nn`)")
    from exosift.learn.network import Cnn2d
    from exosift.learn.networks.samples import Samples

    some = labelled(400)
    network = Cnn2d(filters=(4, 4), dense=8, epochs=2, device="cpu", validation=0.3)
    learnt = network.fit(some.patches, some.labels, some.blocks, 3)
    judged = held_back(network, learnt, some, 3)
    rest = Samples(some.patches, some.labels, some.blocks).split(0.3, 3)[1]
    np.testing.assert_array_equal(judged.margin, learnt.margin(some.patches[rest]))
    np.testing.assert_array_equal(judged.labels, some.labels[rest])


def test_where_all_samples_had_to_teach_nothing_is_told():
    some = labelled(400, blocks=1)
    learnt = Boosted(trees=5).fit(some.patches, some.labels, some.blocks, 3)
    assert held_back(Boosted(trees=5), learnt, some, 3) is None
    held_back_figure({}, "none")


def test_shares_fall_in_order_and_probabilities_are_means():
    judged = HeldBack(np.array([3.0, -1.0, 1.0, 0.0]), np.array([True, False, False, True]))
    nulls, companions = judged.roc()
    np.testing.assert_array_equal(nulls, [0, 0.5, 0.5, 1])
    np.testing.assert_array_equal(companions, [0.5, 0.5, 1, 1])
    told, true = judged.reliability(2)
    np.testing.assert_allclose(
        told, [(0.5 + 1 / (1 + np.e)) / 2, (1 / (1 + np.exp(-3)) + 1 / (1 + np.exp(-1))) / 2]
    )
    np.testing.assert_array_equal(true, [0.5, 0.5])
    figure = held_back_figure({"2–3 FWHM": judged}, "boosted")
    assert [line.get_label() for line in figure.axes[0].get_lines()] == ["2–3 FWHM"]
