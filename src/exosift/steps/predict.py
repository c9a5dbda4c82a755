"""`exosift predict`: maps of a taught classifier's margins and probabilities on a sequence."""

from pathlib import Path

import numpy as np

from exosift.errors import BadInput
from exosift.io.models import read_model
from exosift.io.sequences import Stored
from exosift.io.store import manifest_of
from exosift.learn.middle import framed
from exosift.learn.model import Model
from exosift.learn.supervised import Supervised
from exosift.sequence import Sequence
from exosift.steps.middle import read_middle, room_of
from exosift.steps.recording import recorded


def run(store: Path, path: Path, folder: Path, memory: float | None = None) -> None:
    """Write margin.fits and probability.fits of the sequence in `store` into `folder`.

    path: the model's file. memory: MB that may be used, or what the job has; turned frames that
    need more go to disk.
    """
    with recorded("predict", folder, [manifest_of(store), path], {}):
        model, outline = read_model(path), Stored.open(store).outline
        model.require(outline)
        _refuse_itself(model, outline)
        sequence = read_middle(store, model.mlar, model.outermost)
        with room_of(model, outline, memory) as room:
            middle = Supervised(model.mlar, model.zones, room.turned).map(sequence)
        margins = framed(middle, outline.cube.shape[-2:])
        from exosift.io.fits import write_images  # astropy is slow to load, and not needed before

        made = model.provenance
        cards: dict[str, tuple[str | float | int | bool, str]] = {
            "REDUCTIO": (folder.name, "name of the classifier"),
            "MODEL": (model.classifier.kind, "classifier"),
            "PROTOCOL": (made.protocol, f"learnt from {len(made.sequences)} sequence(s)"),
            "KEEPNOIS": (False, "a margin has no false-positive fraction"),
            "NRANKS": (1, "maps"),
            "RANK1": (0, "a method without ranks"),
        }
        with np.errstate(over="ignore"):
            probability = 1 / (1 + np.exp(-margins))
        maps = {
            "margin": (margins, "log-odds of a companion"),
            "probability": (probability, "not calibrated"),
        }
        for name, (image, meaning) in maps.items():
            own = cards | {"QUANTITY": (name, meaning)}
            write_images(folder / f"{name}.fits", image[None], outline.observation, own)


def _refuse_itself(model: Model, sequence: Sequence) -> None:
    """Refuse a model of other stars that this one, in whatever epoch, was among."""
    star = sequence.observation.target
    own = [label for label, _ in model.provenance.sequences if label.rsplit("/", 1)[0] == star]
    if model.provenance.protocol == "survey" and own:
        raise BadInput(
            f"{sequence.label}: the model has learnt from {own[0]}, the same star, and its "
            "protocol says from others: teach one without it"
        )
