"""Model files: everything needed to predict, nothing that runs (see docs/decisions/models.md).

Weights and trees are arrays, settings are JSON; what may come out of a file is listed here.
"""

from dataclasses import dataclass
from pathlib import Path

from exosift.errors import BadInput
from exosift.io.packing import Arrays, packed, unpacked
from exosift.io.sealed import read_sealed, write_sealed
from exosift.learn.features import Features
from exosift.learn.forest import Boosted, Forest, GrownBoosted, GrownForest
from exosift.learn.labelled import Sampling
from exosift.learn.mlar import Mlar
from exosift.learn.model import Model, Provenance, Zone
from exosift.learn.network import Cnn2d, Cnn3d, ConvLstm, Curve, State, Trained
from exosift.learn.trees import Trees

_FORMAT = "exosift model 2"

_KNOWN = {
    one.__name__: one
    for one in (
        *(Model, Mlar, Sampling, Zone, Provenance),
        *(Trained, Curve, ConvLstm, Cnn3d, Cnn2d),
        *(Forest, GrownForest, Boosted, GrownBoosted, Features, Trees),
    )
}


def write_model(path: Path, model: Model) -> None:
    """Write a model to `path`, a `.npz`, whole or not at all."""
    arrays: Arrays = {}
    told = packed(model, arrays, "model")
    write_sealed(path, arrays, {"format": _FORMAT, "model": told})


def read_model(path: Path) -> Model:
    """Read a model. Raises BadInput where the file is none, is damaged or of another format."""
    arrays, header = read_sealed(path, "a model file", "train the model anew")
    if header.get("format") != _FORMAT:
        raise BadInput(f"{path}: its format is {header.get('format')}, expected {_FORMAT}")
    try:
        model = unpacked(header["model"], arrays, _KNOWN)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise BadInput(f"{path}: not a model ({error}); train the model anew") from error
    if not isinstance(model, Model):
        raise BadInput(f"{path}: it holds a {type(model).__name__}, expected a model")
    return model


@dataclass(frozen=True)
class CheckpointFile:
    """A training put aside in a file, a `.npz` that is replaced whole."""

    path: Path

    def read(self) -> State | None:
        """What was put aside. Raises BadInput for a file that is damaged."""
        if not self.path.exists():
            return None
        return read_sealed(self.path, "a checkpoint", "remove it to begin anew")

    def write(self, state: State) -> None:
        """Put aside, in place of what was there."""
        write_sealed(self.path, *state)
