"""Folds of stars, and whose null frames and models may judge what has learnt."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.learn.drawing import Rings
from exosift.learn.folds import folds
from exosift.learn.learning import Learning
from exosift.learn.model import Model, Provenance, Zone
from exosift.learn.taught import learned
from exosift.limits.comparison import Contestant
from exosift.types import Floats

LABELS = [f"S{number}/{epoch}" for number in range(11) for epoch in (1, 2)]
BOOSTED = Contestant("boosted")
SURVEY = Learning(protocol="survey", rings=Rings(2.0, 4.0, 2.0))


def test_every_star_is_in_one_fold_with_all_its_epochs():
    found = folds(LABELS, 4, 1)
    assert sorted(label for own in found for label in own) == sorted(LABELS)
    for own in found:
        assert {label[:-1] + "1" for label in own} | {label[:-1] + "2" for label in own} == set(own)
    assert {len(own) for own in found} == {4, 6}


def test_folds_follow_from_the_names_and_the_seed():
    found = folds(LABELS, 4, 1)
    assert folds(LABELS[::-1], 4, 1) == found
    assert folds(LABELS, 4, 2) != found
    stars = folds({label.split("/")[0] for label in LABELS}, 4, 1)
    assert [{label.split("/")[0] for label in own} for own in found] == list(map(set, stars))


def test_each_fold_needs_a_star():
    assert len(folds(LABELS, 11, 0)) == 11
    with pytest.raises(BadInput, match=r"11 stars in 12 folds: .* set roc.folds lower"):
        folds(LABELS, 12, 0)


class Nothing:
    """A classifier that has learnt nothing."""

    def margin(self, patches: Floats) -> Floats:
        return np.zeros(len(patches))


def model(*labels: str, asked: Learning = SURVEY) -> Model:
    """One that says it has learnt from these."""
    made = Provenance(tuple((one, "0") for one in labels), asked.protocol, "L'", asked.seed)
    zones = tuple(Zone(edges, Nothing(), 1, 1) for edges in asked.rings.edges)
    return Model(asked.classifier, asked.mlar, 7, asked.sampling, zones, made)


@pytest.fixture
def sequence(speckles, as_sequence):
    frames = speckles(np.random.default_rng(5), 24, 45, 4.0).astype(np.float32)
    found = as_sequence(frames, np.linspace(10, 85, 24), 4.0)
    seen = replace(found.observation, target="S3", epoch="2", filter="L'")
    return replace(found, observation=seen)


def test_a_star_is_judged_by_a_model_that_has_not_learnt_from_it(sequence):
    models = [model("S3/1", "S4/1"), model("S5/1", "S4/1"), model("S6/1")]
    found = learned(SURVEY, BOOSTED, ("negated",), models)(sequence, ())
    assert found.taught is models[1].zones
    with pytest.raises(BadInput, match="S3/2: all 1 models have learnt from this star"):
        learned(SURVEY, BOOSTED, ("negated",), models[:1])(sequence, ())


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"seed": 2}, "seed"),
        ({"rings": Rings(2.0, 4.0, 1.0)}, "rings"),
        ({"mlar": replace(SURVEY.mlar, levels=5)}, "mlar"),
        ({"protocol": "pooled"}, "protocol"),
    ],
)
def test_a_model_that_was_taught_otherwise_is_refused(other, what):
    with pytest.raises(BadInput, match=f"a model was taught with another {what} than"):
        learned(SURVEY, BOOSTED, ("negated",), [model("S4/1", asked=replace(SURVEY, **other))])


@pytest.mark.parametrize("kind", ["negated", "negated-shifted"])
def test_nulls_that_taught_are_refused(kind):
    with pytest.raises(BadInput, match=f"so that {kind} nulls tell nothing of its false alarms"):
        learned(Learning(), BOOSTED, ("shifted", kind))


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(BadInput, match="protocol pooled cannot be judged"):
        learned(Learning(protocol="pooled"), BOOSTED, ("shifted",))
    with pytest.raises(BadInput, match="one map, its margin, and no ranks"):
        learned(Learning(), Contestant("boosted", rank=3), ("shifted",))
    with pytest.raises(BadInput, match="own frames teach; give no model"):
        learned(Learning(), BOOSTED, ("shifted",), [model("S4/1")])
