"""`exosift learn`: a classifier taught by labelled patches of sequences, its model and its card."""

import json
import sys
from collections.abc import Sequence as Several
from pathlib import Path

from tqdm import tqdm

from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.io.models import write_model
from exosift.io.sequences import read_sequence
from exosift.io.store import manifest_of
from exosift.learn.card import card_of
from exosift.learn.learning import Learning
from exosift.learn.model import Model, Provenance
from exosift.learn.network import Trained
from exosift.learn.supervised import teach
from exosift.limits.recovery import trimmed
from exosift.report.card import card_data, card_markdown
from exosift.settings import plain
from exosift.steps.recording import recorded


def run(store: Path, stars: Several[Path], asked: Learning, folder: Path) -> None:
    """Write model.npz, card.md and card.json, and training.png of a network, into `folder`.

    store: the sequence that the model is meant for; stars: those of other stars.
    """
    teachers = [*([store] if asked.by_itself else []), *(stars if asked.by_others else [])]
    with recorded("learn", folder, [manifest_of(one) for one in teachers], plain(asked)):
        if asked.by_others and not stars:
            raise BadInput(f"protocol {asked.protocol} learns from other stars: name them (--star)")
        write(_model(teachers, asked, folder.name), folder)


def _model(teachers: Several[Path], asked: Learning, name: str) -> Model:
    """What the sequences in the stores teach."""
    sequences = [trimmed(read_sequence(one), asked.template) for one in teachers]
    bands = {one.observation.filter for one in sequences}
    if len(bands) > 1:
        raise BadInput(
            f"{len(sequences)} sequences in filters {', '.join(sorted(bands))}: learn from one"
        )
    with tqdm(desc=f"{name} rings", file=sys.stderr, leave=False) as bar:

        def told(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        what = (asked.classifier, asked.mlar, asked.sampling, asked.rings)
        taught = teach(sequences, *what, asked.seed, told)
    hashes = [json.loads(manifest_of(one).read_text())["sha256"] for one in teachers]
    labels = [one.label for one in sequences]
    made = Provenance(
        tuple(zip(labels, hashes, strict=True)), asked.protocol, bands.pop(), asked.seed
    )
    side = asked.mlar.side(sequences[0].observation.fwhm[0])
    return Model(asked.classifier, asked.mlar, side, asked.sampling, taught.taught, made)


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
