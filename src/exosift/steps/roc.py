"""`exosift roc`: methods judged by companions put into sequences and by null frames of them."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from exosift.errors import BadInput
from exosift.inverse.andromeda import Andromeda
from exosift.io.sequences import read_sequence
from exosift.io.store import manifest_of
from exosift.limits.comparison import Comparison, Contestant
from exosift.limits.judging import Judged
from exosift.limits.methods import Method, method_of, of_rank
from exosift.limits.roc import Verdict, roc
from exosift.limits.trials import Trial
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.sequence import Sequence
from exosift.settings import parse, plain
from exosift.steps.recording import recorded

Settings = Mapping[str, Reduction | Andromeda]
"""Reductions and inversions by their names."""

Companions = Mapping[str, tuple[KnownCompanion, ...]]
"""Companions that are known, by `target/epoch` or target."""


def settings_of(methods: Settings, asked: Comparison, known: Companions) -> dict[str, Any]:
    """What decides the curves, as the status file keeps it."""
    return {"methods": plain(dict(methods)), "roc": plain(asked), "known": plain(dict(known))}


def parsed(given: Any, where: str) -> Reduction | Andromeda:
    """Settings of a reduction, or of an inversion where its kind says so."""
    inverse = isinstance(given, dict) and given.get("kind") == Andromeda().kind
    return parse(Andromeda, given, where) if inverse else parse(Reduction, given, where)


def chosen(methods: Settings, asked: Comparison) -> dict[str, Method]:
    """The methods to be judged, by what their curves are called: all, where none are named.

    Raises BadInput, naming it, for one that there is not or that cannot be judged.
    """
    every = asked.methods or tuple(Contestant(name) for name in methods)
    found = {}
    for one in every:
        if one.method not in methods:
            raise BadInput(f"methods: none is called {one.method}; there are {', '.join(methods)}")
        try:
            found[one.name] = method_of(methods[one.method], one.map, one.rank)
        except BadInput as error:
            raise BadInput(f"{one.name}: {error}") from None
    return found


def reference_of(methods: Settings, asked: Comparison) -> Reduction | None:
    """The reduction of one rank whose S/N fluxes are given in; None where none is named."""
    if asked.reference is None or asked.contrast is not None:
        return None
    found = methods.get(asked.reference.method)
    if not isinstance(found, Reduction):
        raise BadInput(f"reference: no reduction is called {asked.reference.method}; name one")
    return of_rank(found, asked.reference.rank)


def run(
    stores: tuple[Path, ...], methods: Settings, asked: Comparison, known: Companions, folder: Path
) -> None:
    """Write roc.ecsv and roc.png into `folder`, from all sequences together."""
    settings = settings_of(methods, asked, known)
    with recorded("roc", folder, [manifest_of(store) for store in stores], settings):
        judges, reference = chosen(methods, asked), reference_of(methods, asked)
        trials: dict[str, list[list[Trial]]] = {name: [] for name in judges}
        labels = []
        for store in stores:
            sequence = read_sequence(store)
            labels.append(sequence.label)
            for name, found in _trials(sequence, judges, asked, reference, known).items():
                trials[name].append(found)
        _write(_verdicts(trials, asked), labels, asked, folder)


def _trials(
    sequence: Sequence,
    judges: Mapping[str, Method],
    asked: Comparison,
    reference: Reduction | None,
    known: Companions,
) -> dict[str, list[Trial]]:
    """The trials (bin,) of every method on one sequence."""
    there = known.get(sequence.label, known.get(sequence.observation.target, ()))
    judged = Judged.of(sequence, asked, reference, there)
    for name, method in judges.items():
        judged.check(name, method)  # before hours are spent on the others
    total = judged.maps * len(judges)
    with tqdm(desc=f"{sequence.label} ROC", total=total, file=sys.stderr, leave=False) as bar:

        def told() -> None:
            bar.update(1)

        return {name: judged.trials(method, told) for name, method in judges.items()}


def _verdicts(trials: Mapping[str, list[list[Trial]]], asked: Comparison) -> list[Verdict]:
    """Curves of every method, bin and kind of null; all are resampled alike."""
    found = []
    for name, sequences in trials.items():
        for i, bounds in enumerate(asked.bins):
            for kind in asked.nulls.kinds:
                rng = np.random.default_rng(asked.seed)
                some = [of_each[i] for of_each in sequences]
                curve = roc(some, kind, rng, how=asked.intervals)
                found.append(Verdict(name, bounds, kind, curve))
    return found


def _write(verdicts: list[Verdict], labels: list[str], asked: Comparison, folder: Path) -> None:
    """The table and the figure; both are slow to load, and not needed before."""
    from exosift.io.roc import write_roc
    from exosift.report.figures import save
    from exosift.report.roc import roc_figure

    ends = asked.contrast or asked.snr
    unit = "contrast" if asked.contrast else "S/N"
    if asked.reference and not asked.contrast:
        unit += f" of {asked.reference.name}"
    flux = f"{ends[0]:g} to {ends[1]:g} in {unit}"
    meta = {
        "sequences": labels,
        "flux": flux,
        "level": asked.intervals.level,
        "seed": asked.seed,
        "planet_free": asked.nulls.planet_free,
    }
    write_roc(folder / "roc.ecsv", verdicts, meta)
    name = labels[0] if len(labels) == 1 else f"{len(labels)} sequences"
    save(roc_figure(verdicts, f"{name}: companions of {flux}"), folder / "roc.png")
