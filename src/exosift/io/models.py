"""Model files: everything needed to predict, nothing that runs (see docs/decisions/models.md).

Weights and trees are arrays, settings are JSON; what may be restored is listed here, by its kind.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exosift.errors import BadInput
from exosift.io.sealed import read_sealed, write_sealed
from exosift.learn.model import Fitted, Model, Provenance, Zone
from exosift.learn.network import AnyNetwork, Curve, State, Trained
from exosift.settings import parse, plain

_FORMAT = "exosift model 1"

Content = tuple[dict[str, np.ndarray], dict[str, Any]]
"""What is kept of a classifier: arrays by name, and what JSON holds."""


def write_model(path: Path, model: Model) -> None:
    """Write a model to `path`, a `.npz`, whole or not at all."""
    arrays, zones = {}, []
    for number, zone in enumerate(model.zones):
        own, header = _content(zone.fitted)
        arrays |= {f"{number}/{name}": values for name, values in own.items()}
        told = {name: getattr(zone, name) for name in ("inner", "outer", "companions", "nulls")}
        zones.append({**told, **header})
    header = {"format": _FORMAT, "sampling": dict(model.sampling), "zones": zones}
    write_sealed(path, arrays, plain(header | {"provenance": asdict(model.provenance)}))


def read_model(path: Path) -> Model:
    """Read a model. Raises BadInput where the file is none, is damaged or of another format."""
    arrays, header = read_sealed(path, "a model file", "train the model anew")
    if header.get("format") != _FORMAT:
        raise BadInput(f"{path}: its format is {header.get('format')}, expected {_FORMAT}")
    try:
        zones = []
        for number, told in enumerate(header["zones"]):
            first = f"{number}/"
            own = {n[len(first) :]: a for n, a in arrays.items() if n.startswith(first)}
            bounds = float(told["inner"]), float(told["outer"])
            fitted = _restored(own, told, f"{path}: zone {number}")
            zones.append(Zone(*bounds, fitted, int(told["companions"]), int(told["nulls"])))
        provenance = parse(Provenance, header["provenance"], f"{path}: provenance")
        return Model(header["sampling"], tuple(zones), provenance)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path}: not a model file ({error}); train the model anew") from error


def _content(fitted: Fitted) -> Content:
    match fitted:
        case Trained():
            curve = {"curve/training": fitted.curve.training}
            arrays = curve | {"curve/validation": fitted.curve.validation}
            arrays |= {f"weights/{name}": values for name, values in fitted.weights.items()}
            settings = {"settings": plain(fitted.network), "patch": list(fitted.patch)}
            return arrays, {"kind": "network", "kept": fitted.curve.kept, **settings}
        case _:
            raise TypeError(f"{type(fitted).__name__} has no form in a model file")


def _restored(arrays: Mapping[str, np.ndarray], told: Mapping[str, Any], where: str) -> Fitted:
    match told["kind"]:
        case "network":
            weights = {n[8:]: a for n, a in arrays.items() if n.startswith("weights/")}
            curve = Curve(arrays["curve/training"], arrays["curve/validation"], int(told["kept"]))
            network: AnyNetwork = parse(AnyNetwork, told["settings"], where)  # type: ignore[arg-type]
            levels, high, wide = (int(n) for n in told["patch"])
            return Trained(network, (levels, high, wide), weights, curve)
        case other:
            raise BadInput(f"{where} is of kind {other}, which this version does not know")


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
