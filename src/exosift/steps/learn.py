"""`exosift learn`: a classifier taught by labelled patches of sequences, its model and its card."""

import json
import sys
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

from tqdm import tqdm

from exosift.compute.lessons import Lesson, learn_memory
from exosift.compute.turned import turned_room
from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.io.models import write_model
from exosift.io.sequences import Stored
from exosift.io.store import manifest_of
from exosift.learn.card import card_of
from exosift.learn.clear import Place
from exosift.learn.learning import Learning
from exosift.learn.model import Model, Provenance
from exosift.learn.network import Trained
from exosift.learn.supervised import teach
from exosift.learn.turned import Room
from exosift.limits.judging import without_known
from exosift.limits.recovery import trimmed
from exosift.photometry.known import KnownCompanions, known_in
from exosift.report.card import card_data, card_markdown
from exosift.sequence import Sequence
from exosift.settings import plain
from exosift.steps.middle import reaching, read_middle
from exosift.steps.recording import recorded
from exosift.steps.training import resumable
from exosift.types import Shape


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
    """Write model.npz, card.md and card.json, and training.png of a network, into `folder`.

    store: the sequence that the model is meant for; stars: those of other stars; known: companions
    in the frames of either. memory: MB that may be used, or what the job has; turned frames that
    need more go to disk. A network's training that was interrupted goes on where it was.
    """
    teachers = [*([store] if asked.by_itself else []), *(stars if asked.by_others else [])]
    inputs, settings = [manifest_of(one) for one in teachers], settings_of(asked, known)
    with recorded("learn", folder, inputs, settings):
        if asked.by_others and not stars:
            raise BadInput(f"protocol {asked.protocol} learns from other stars: name them (--star)")
        with resumable(asked, folder, [settings, hashes_of(teachers)]) as classifier:
            lesson = Lesson(asked, tuple(_seen(one) for one in teachers))
            with turned_room(lesson, learn_memory(lesson, 1), memory) as room:
                model = _model(teachers, (asked, classifier, room), known, folder.name)
            write(model, folder)


def _seen(store: Path) -> tuple[Shape, float]:
    """Shape and FWHM [px] of a sequence."""
    outline = Stored.open(store).outline
    return outline.cube.shape, outline.observation.fwhm[0]


def hashes_of(stores: Several[Path]) -> list[str]:
    """SHA-256 of sequences, as their manifests have them."""
    return [json.loads(manifest_of(one).read_text())["sha256"] for one in stores]


def _model(
    teachers: Several[Path], how: tuple[Learning, Any, Room], known: KnownCompanions, name: str
) -> Model:
    """What the sequences in the stores teach.

    how: what is asked for, the classifier, and the room for turned frames.
    """
    asked, classifier, room = how
    outer = asked.rings.outer
    every = [trimmed(read_middle(one, asked.mlar, outer), asked.template) for one in teachers]
    read = [_without_known(one, known) for one in every]
    sequences = [sequence for sequence, _ in read]
    bands = {one.observation.filter for one in sequences}
    if len(bands) > 1:
        raise BadInput(
            f"{len(sequences)} sequences in filters {', '.join(sorted(bands))}: learn from one"
        )
    with tqdm(desc=f"{name} rings", file=sys.stderr, leave=False) as bar:

        def told(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        what = (classifier, asked.mlar, asked.sampling, asked.rings)
        there = [places for _, places in read]
        taught = teach(sequences, *what, asked.seed, told, known=there, room=room)
    labels = [one.label for one in sequences]
    made = Provenance(
        tuple(zip(labels, hashes_of(teachers), strict=True)),
        asked.protocol,
        bands.pop(),
        asked.seed,
    )
    side = asked.mlar.side(sequences[0].observation.fwhm[0])
    return Model(asked.classifier, asked.mlar, side, asked.sampling, taught.taught, made)


def _without_known(sequence: Sequence, known: KnownCompanions) -> tuple[Sequence, Several[Place]]:
    """A sequence without its companions of known flux, and the places of the others."""
    return without_known(sequence, reaching(known_in(sequence.label, known), sequence))


def write(model: Model, folder: Path) -> None:
    """The model and its card."""
    write_model(folder / "model.npz", model)
    curves = {
        "{:g}–{:g} FWHM".format(*zone.edges): zone.fitted.curve
        for zone in model.zones
        if isinstance(zone.fitted, Trained)
    }
    figures = {}
    if curves:
        from exosift.report.figures import save  # slow to load
        from exosift.report.training import training_figure

        save(training_figure(curves, folder.name), folder / "training.png")
        figures["training"] = "training.png"
    card = card_of(folder.name, model, figures)
    texts = {"card.md": card_markdown(card), "card.json": json.dumps(card_data(card), indent=1)}
    for name, text in texts.items():
        with whole(folder / name) as partial:
            partial.write_text(text)
