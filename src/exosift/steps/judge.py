"""`exosift judge`: companions put into sequences and null frames of them, mapped by every method.

What comes of it is kept star by star; `exosift roc` joins it and draws the curves.
"""

import sys
from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from exosift.errors import BadInput
from exosift.inverse.andromeda import Andromeda
from exosift.io.models import read_model
from exosift.io.sequences import read_sequence
from exosift.io.store import manifest_of
from exosift.io.trials import write_trials
from exosift.learn.learning import Learning
from exosift.learn.model import Model
from exosift.learn.taught import learned
from exosift.limits.comparison import Comparison, Contestant
from exosift.limits.judging import Judged
from exosift.limits.methods import MethodFor, always, method_of, of_rank
from exosift.limits.roc import Intervals
from exosift.limits.stars import Trials, together
from exosift.photometry.known import KnownCompanions, known_in
from exosift.psfsub.catalogue import Reduction
from exosift.sequence import Sequence
from exosift.settings import parse, plain
from exosift.steps.folds import NONE, Files, taught
from exosift.steps.recording import recorded

Asked = Reduction | Andromeda | Learning
"""The settings of a method."""

Settings = Mapping[str, Asked]
"""Reductions, inversions and classifiers by their names."""


def settings_of(methods: Settings, asked: Comparison, known: KnownCompanions) -> dict[str, Any]:
    """What decides the trials: all that is asked, but for how they are told."""
    trials = replace(asked, rates=(), intervals=Intervals())
    return {"methods": plain(dict(methods)), "roc": plain(trials), "known": plain(dict(known))}


def parsed(given: Any, where: str) -> Reduction | Andromeda:
    """Settings of a reduction, or of an inversion where its kind says so."""
    inverse = isinstance(given, dict) and given.get("kind") == Andromeda().kind
    return parse(Andromeda, given, where) if inverse else parse(Reduction, given, where)


def judgeable(given: Any, where: str) -> Asked:
    """As `parsed`, or of learning, where a classifier is named."""
    learns = isinstance(given, dict) and "classifier" in given
    return parse(Learning, given, where) if learns else parsed(given, where)


def chosen(methods: Settings, asked: Comparison, files: Files = NONE) -> dict[str, MethodFor]:
    """The methods to be judged, by what their curves are called: all, where none are named.

    files: of the models that other stars taught. Raises BadInput, naming it, for one that there is
    not or that cannot be judged.
    """
    for name in files:
        if not isinstance(methods.get(name), Learning):
            raise BadInput(f"--model: no classifier is called {name}; correct it")
    models = {name: [read_model(path) for path in some] for name, some in files.items()}
    every = asked.methods or tuple(Contestant(name) for name in methods)
    found = {}
    for one in every:
        if one.method not in methods:
            raise BadInput(f"methods: none is called {one.method}; there are {', '.join(methods)}")
        try:
            found[one.name] = _method_for(
                methods[one.method], one, asked, models.get(one.method, [])
            )
        except BadInput as error:
            raise BadInput(f"{one.name}: {error}") from None
    return found


def _method_for(
    settings: Asked, one: Contestant, asked: Comparison, models: Several[Model]
) -> MethodFor:
    """The method of every star."""
    if isinstance(settings, Learning):
        return learned(settings, one, asked.nulls.kinds, models)
    return always(method_of(settings, one.map, one.rank))


def reference_of(methods: Settings, asked: Comparison) -> Reduction | None:
    """The reduction of one rank whose S/N fluxes are given in; None where none is named."""
    if asked.reference is None or asked.contrast is not None:
        return None
    found = methods.get(asked.reference.method)
    if not isinstance(found, Reduction):
        raise BadInput(f"reference: no reduction is called {asked.reference.method}; name one")
    return of_rank(found, asked.reference.rank)


def run(
    stores: Several[Path],
    methods: Settings,
    asked: Comparison,
    known: KnownCompanions,
    files: Files,
    output: Path,
) -> None:
    """Write the trials of all methods on sequences into the file `output`.

    files: of models that other stars taught; those that are not given are taught by the sequences
    themselves, in folds, into a folder beside it.
    """
    settings = settings_of(methods, asked, known)
    files = every_model(stores, methods, asked, known, files, output.with_suffix(""))
    inputs = [manifest_of(store) for store in stores] + [
        one for some in files.values() for one in some
    ]
    with recorded(f"judge-{output.stem}", output.parent, inputs, settings):
        write_trials(output, judged(stores, methods, asked, known, files), settings)


def every_model(
    stores: Several[Path],
    methods: Settings,
    asked: Comparison,
    known: KnownCompanions,
    files: Files,
    folder: Path,
) -> Files:
    """The models given, and those that the sequences teach for each other's folds, in `folder`."""
    named = {one.method for one in asked.methods} or set(methods)
    left = {
        name: one
        for name, one in methods.items()
        if isinstance(one, Learning) and one.protocol == "survey" and name in named - files.keys()
    }
    if not left or not stores:
        return files
    chosen(methods, asked, files), reference_of(methods, asked)  # refused before anything is taught
    return {**files, **taught(stores, left, asked, known, folder)}


def judged(
    stores: Several[Path],
    methods: Settings,
    asked: Comparison,
    known: KnownCompanions,
    files: Files,
) -> Trials:
    """The trials of all methods on the sequences in `stores`."""
    judges, reference = chosen(methods, asked, files), reference_of(methods, asked)
    return together(
        [on_star(read_sequence(store), judges, asked, reference, known) for store in stores]
    )


def on_star(
    sequence: Sequence,
    judges: Mapping[str, MethodFor],
    asked: Comparison,
    reference: Reduction | None,
    known: KnownCompanions,
) -> Trials:
    """The trials of every method on one sequence; each method is the one for that star."""
    there = known_in(sequence.label, known)
    here = Judged.of(sequence, asked, reference, there)
    methods = {name: method_for(here.sequence, here.known) for name, method_for in judges.items()}
    for name, method in methods.items():
        here.check(name, method)  # before hours are spent on the others
    total = here.maps * len(judges)
    with tqdm(desc=f"{sequence.label} ROC", total=total, file=sys.stderr, leave=False) as bar:

        def told() -> None:
            bar.update(1)

        of = {name: (tuple(here.trials(method, told)),) for name, method in methods.items()}
    return Trials((sequence.label,), asked.bins, of)
