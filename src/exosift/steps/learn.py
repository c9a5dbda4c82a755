"""`exosift learn`: a classifier taught by labelled patches of sequences, its model and its card."""

import json
from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

from exosift import threads
from exosift.compute.lessons import Lesson, fit_need, learn_need
from exosift.compute.room import roomy
from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.io.models import write_model
from exosift.io.samples import KeptSamples
from exosift.io.sequences import Stored
from exosift.io.store import manifest_of
from exosift.learn.card import card_of
from exosift.learn.drawing import Drawn
from exosift.learn.folds import target_of
from exosift.learn.heldback import HeldBack, held_back
from exosift.learn.learning import Learning
from exosift.learn.model import Model, Provenance, Zone
from exosift.learn.network import Trained
from exosift.learn.supervised import fitted
from exosift.photometry.known import KnownCompanions, known_in
from exosift.report.card import card_data, card_markdown
from exosift.settings import plain
from exosift.steps.progress import progress
from exosift.steps.recording import recorded
from exosift.steps.sample import drawn, hashes_of, shapes_of
from exosift.steps.training import resumable


def settings_of(asked: Learning, known: KnownCompanions) -> dict[str, Any]:
    """What is recorded of how a classifier was taught."""
    return {"learning": plain(asked), "known": plain(dict(known))}


def run(
    store: Path,
    stars: Several[Path],
    asked: Learning,
    known: KnownCompanions,
    folder: Path,
    memory: float | None = None,
) -> None:
    """Write model.npz, its card (.md, .json, .png), and training.png of a network, into `folder`.

    store: the sequence that the model is meant for; stars: those of other stars; known: companions
    in the frames of either. memory: MB that may be used, or what the job has; what needs more goes
    to disk. A network's training that was interrupted goes on where it was.
    """
    teachers = [*([store] if asked.by_itself else []), *(stars if asked.by_others else [])]
    inputs, settings = list(map(manifest_of, teachers)), settings_of(asked, known)
    with recorded("learn", folder, inputs, settings):
        if asked.by_others and not stars:
            raise BadInput(f"protocol {asked.protocol} learns from other stars: name them (--star)")
        need = learn_need(Lesson(asked, shapes_of(teachers)), threads.budget())
        with roomy(need, memory) as room, progress(f"{folder.name} sequences") as told:
            given = drawn(teachers, asked, known, room, told)
            _learn(given, asked, folder, [settings, hashes_of(teachers)])


def run_from(
    store: Path,
    samples: Several[Path],
    asked: Learning,
    known: KnownCompanions,
    folder: Path,
    memory: float | None = None,
) -> None:
    """As `run`, from stores of samples that `exosift sample` has drawn.

    Raises BadInput for samples drawn in another way than is asked for, with other known companions,
    or of others' frames than the protocol says.
    """
    inputs, settings = list(map(manifest_of, samples)), settings_of(asked, known)
    with recorded("learn", folder, inputs, settings):
        kept = KeptSamples.open(samples)
        _refuse_others(kept, asked, known, Stored.open(store).outline.label)
        with roomy(fit_need(asked, kept.shape), memory) as room:
            _learn(kept.read(room.samples), asked, folder, [settings, hashes_of(samples)])


def _refuse_others(kept: KeptSamples, asked: Learning, known: KnownCompanions, label: str) -> None:
    """Raise BadInput where samples are not those that are asked for, for a sequence's model."""
    own, expected = plain(kept.asked), plain(asked.drawing)
    if differ := [name for name in expected if own[name] != expected[name]]:
        raise BadInput(
            f"{kept.stores[0]}: drawn with another {differ[0]} than is asked for; draw anew, or "
            "ask for what was drawn"
        )
    for one, _ in kept.sequences:
        if kept.known.get(one, ()) != known_in(one, known):
            raise BadInput(
                f"{one}: its samples were drawn with other known companions than are given; draw "
                "anew, or give those (--known)"
            )
    mine = {one for one, _ in kept.sequences if target_of(one) == target_of(label)}
    others = len(kept.sequences) - len(mine)
    wanting = label not in mine if asked.by_itself else bool(mine)
    if wanting or (others > 0) != asked.by_others:
        raise BadInput(
            f"{label}: the samples are of {len(mine)} of its own sequences and {others} of other "
            f"stars, and protocol {asked.protocol} learns from "
            + {"sequence": "it alone", "survey": "others alone", "pooled": "both"}[asked.protocol]
        )


def _learn(given: Drawn, asked: Learning, folder: Path, of: Several[Any]) -> None:
    """Write what samples teach; of: all that it depends on."""
    with resumable(asked, folder, of) as classifier:
        with progress(f"{folder.name} rings") as told:
            zones = fitted(given.samples, classifier, asked.drawing, told)
        made = Provenance(given.sequences, asked.protocol, given.filter, asked.seed)
        model = Model(asked.classifier, asked.mlar, given.side, asked.sampling, zones, made)
        held = {}
        with progress(f"{folder.name} rings judged") as told:
            for done, (zone, some) in enumerate(zip(zones, given.samples, strict=True), 1):
                if judged := held_back(asked.classifier, zone.fitted, some, asked.seed):
                    held[_name(zone)] = judged
                told(done, len(zones))
        write(model, held, folder)


def _name(zone: Zone) -> str:
    """A ring's name."""
    return "{:g}–{:g} FWHM".format(*zone.edges)


def write(model: Model, held: Mapping[str, HeldBack], folder: Path) -> None:
    """The model and its card; held: what the card tells of patches held back, by their rings."""
    from exosift.report.figures import save  # slow to load
    from exosift.report.heldback import held_back_figure
    from exosift.report.training import training_figure

    write_model(folder / "model.npz", model)
    save(held_back_figure(held, folder.name), folder / "card.png")
    figures = {"ROC curves and calibration, of patches": "card.png"}
    curves = {
        _name(zone): zone.fitted.curve for zone in model.zones if isinstance(zone.fitted, Trained)
    }
    if curves:
        save(training_figure(curves, folder.name), folder / "training.png")
        figures["training"] = "training.png"
    card = card_of(folder.name, model, figures)
    texts = {"card.md": card_markdown(card), "card.json": json.dumps(card_data(card), indent=1)}
    for name, text in texts.items():
        with whole(folder / name) as partial:
            partial.write_text(text)
