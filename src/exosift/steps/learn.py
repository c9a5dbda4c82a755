"""`exosift learn`: a classifier taught by labelled patches of sequences, its model and its card."""

import json
import sys
from collections.abc import Callable
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

from tqdm import tqdm

from exosift import threads
from exosift.compute.lessons import Lesson, learn_need
from exosift.compute.room import roomy
from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.io.models import write_model
from exosift.io.sequences import Stored
from exosift.io.store import manifest_of
from exosift.learn.card import card_of
from exosift.learn.classifier import Told
from exosift.learn.clear import Place
from exosift.learn.learning import Learning
from exosift.learn.model import Model, Provenance
from exosift.learn.network import Trained
from exosift.learn.supervised import Shown, Supervised, teach
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

Known = Several[Several[Place]]
"""Of each sequence the places of its companions."""


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
    samples: Path | None = None,
) -> None:
    """Write model.npz, card.md and card.json, and training.png of a network, into `folder`.

    store: the sequence that the model is meant for; stars: those of other stars; known: companions
    in the frames of either. memory: MB that may be used, or what the job has; what needs more goes
    to disk. samples: folder for the labelled patches, if they are to be kept. A network's training
    that was interrupted goes on where it was.
    """
    teachers = [*([store] if asked.by_itself else []), *(stars if asked.by_others else [])]
    inputs, settings = [manifest_of(one) for one in teachers], settings_of(asked, known)
    with recorded("learn", folder, inputs, settings):
        if asked.by_others and not stars:
            raise BadInput(f"protocol {asked.protocol} learns from other stars: name them (--star)")
        need = learn_need(Lesson(asked, tuple(map(_seen, teachers))), threads.budget())
        hashes = hashes_of(teachers)
        with (
            resumable(asked, folder, [settings, hashes]) as classifier,
            roomy(need, memory) as room,
        ):

            def taught_by(sequences: Several[Sequence], known: Known, told: Told) -> Supervised:
                what = (classifier, asked.mlar, asked.sampling, asked.rings)
                shown = _kept(samples, {"sha256": hashes, **settings})
                return teach(
                    sequences, *what, asked.seed, told, known=known, room=room, shown=shown
                )

            write(_model(teachers, asked, known, folder.name, taught_by), folder)


def _kept(folder: Path | None, told: dict[str, Any]) -> Shown | None:
    """What writes samples into a folder, where there is one."""
    if folder is None:
        return None
    from exosift.io.samples import store_of, write_samples

    return lambda edges, some: write_samples(store_of(folder, edges), some, told)


def _seen(store: Path) -> tuple[Shape, float]:
    """Shape and FWHM [px] of a sequence."""
    outline = Stored.open(store).outline
    return outline.cube.shape, outline.observation.fwhm[0]


def hashes_of(stores: Several[Path]) -> list[str]:
    """SHA-256 of sequences, as their manifests have them."""
    return [json.loads(manifest_of(one).read_text())["sha256"] for one in stores]


def _model(
    teachers: Several[Path],
    asked: Learning,
    known: KnownCompanions,
    name: str,
    taught_by: Callable[[Several[Sequence], Known, Told], Supervised],
) -> Model:
    """What the sequences in the stores teach."""
    outer = asked.rings.outer
    every = [trimmed(read_middle(one, asked.mlar, outer), asked.template) for one in teachers]
    sequences, there = zip(*(_without_known(one, known) for one in every), strict=True)
    bands = {one.observation.filter for one in sequences}
    if len(bands) > 1:
        raise BadInput(
            f"{len(sequences)} sequences in filters {', '.join(sorted(bands))}: learn from one"
        )
    with tqdm(desc=f"{name} rings", file=sys.stderr, leave=False) as bar:

        def told(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        taught = taught_by(sequences, there, told)
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
