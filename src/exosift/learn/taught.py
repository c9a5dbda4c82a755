"""Learned methods as they are judged: by whom the method of each star was taught.

By "sequence", a star's method learns from its own frames under angles of the other sign. Null
frames at those angles are what it has learnt by heart, and can set no threshold for it. By
"survey", it learns from other stars, in folds (see `folds`), and every null frame is new to it.
"""

from collections.abc import Sequence as Several
from dataclasses import fields

from exosift.errors import BadInput
from exosift.learn.folds import target_of
from exosift.learn.learning import Learning, Taught
from exosift.learn.model import Model
from exosift.learn.request import taught_by
from exosift.learn.supervised import Supervised, teach
from exosift.limits.comparison import Contestant
from exosift.limits.methods import Method, MethodFor
from exosift.limits.nulls import NullKind
from exosift.limits.recovery import trimmed
from exosift.sequence import Sequence
from exosift.types import Point


def learned(
    asked: Learning, how: Contestant, kinds: Several[NullKind], models: Several[Model] = ()
) -> MethodFor:
    """The method of every star. models: those of the folds, where other stars teach.

    Raises BadInput for null frames that have taught it, maps that it has not, models that were
    taught otherwise, and the protocol "pooled", which would want a model for each star.
    """
    if how.map != "snr" or how.rank is not None:
        raise BadInput("a classifier has one map, its margin, and no ranks")
    if asked.protocol == "pooled":
        raise BadInput("protocol pooled cannot be judged; take sequence or survey")
    if asked.protocol == "survey":
        for model in models:
            _refuse_other(model, asked)
        return _by_others(models)
    if models:
        raise BadInput("protocol sequence: each star's own frames teach; give no model")
    if taught := taught_by(kinds):
        raise BadInput(
            f"the sequence's own frames at negated angles teach it, so that {taught[0]} nulls tell "
            "nothing of its false alarms: take `shifted` ones, of data without a planet, or "
            "protocol survey"
        )
    return lambda sequence, known: _by_itself(sequence, known, asked)


def _by_itself(sequence: Sequence, known: Several[Point], asked: Learning) -> Method:
    """What the sequence's own frames teach."""
    given = [trimmed(sequence, asked.template)]
    return teach(given, asked.classifier, asked.drawing, known=[known])


def _by_others(models: Several[Model]) -> MethodFor:
    """Of each star, the first model that has not learnt from it, in any epoch."""
    teachers = [{target_of(label) for label, _ in model.provenance.sequences} for model in models]

    def method_for(sequence: Sequence, _: Several[Point]) -> Method:
        star = target_of(sequence.label)
        for model, own in zip(models, teachers, strict=True):
            if star not in own:
                model.require(sequence)
                return Supervised(model.mlar, model.zones)
        raise BadInput(
            f"{sequence.label}: all {len(models)} models have learnt from this star: teach one "
            "without it, and give it (--model)"
        )

    return method_for


def _refuse_other(model: Model, asked: Learning) -> None:
    """Raise BadInput for a model that was taught in another way than is asked for."""
    own, expected = Taught.of(model), asked.taught
    for one in fields(Taught):
        if getattr(own, one.name) != getattr(expected, one.name):
            raise BadInput(f"a model was taught with another {one.name} than its settings say")
