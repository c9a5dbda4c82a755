"""The typed configuration: science only. Parameters are declared once, by the dataclasses used.

Algorithms bring their own frozen dataclasses (`Reduction`, `Centring`, `Search`, …); this module
joins them with the observations table, checks everything before any work, and exports the schema.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from exosift import instruments
from exosift.calib.centring import Centring
from exosift.detect.candidates import Search
from exosift.errors import BadInput
from exosift.psfsub.catalogue import Reduction
from exosift.settings import Row, parse
from exosift.simulate.scene import InjectedCompanion, Simulation

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.+-]*"


@dataclass(frozen=True)
class SimulatedData:
    """Data to simulate: the scene, a seed, and the companions of each `target/epoch`."""

    seed: int = 0
    scene: Simulation = field(default_factory=Simulation)
    companions: Mapping[str, tuple[InjectedCompanion, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """A survey: which observations, how they are registered, reduced and searched.

    observations: table of observations, relative to this file. reductions: name → reduction; every
    observation goes through each. simulate: data made up for observations marked `simulated`.
    """

    title: str
    observations: str
    register: Centring = field(default_factory=Centring)
    reductions: Mapping[str, Reduction] = field(default_factory=dict)
    search: Search = field(default_factory=Search)
    simulate: SimulatedData = field(default_factory=SimulatedData)


@dataclass(frozen=True)
class Survey:
    """A checked configuration with its observations, files resolved."""

    config: Config
    rows: tuple[Row, ...]


def load(path: Path) -> Survey:
    """Read and check a configuration file and its observations table."""
    if not path.exists():
        raise BadInput(f"{path}: no such configuration")
    try:
        given = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    return check(given, path.parent, path.name)


def check(given: Any, folder: Path, where: str = "config") -> Survey:
    """Check plain configuration values, with paths relative to `folder`."""
    config = parse(Config, given, where)
    if not config.reductions:
        raise BadInput(f"{where}.reductions: none given; name at least one")
    for name in config.reductions:
        _refuse_name(name, f"{where}.reductions")
    return Survey(config, _rows(folder / config.observations))


def _rows(path: Path) -> tuple[Row, ...]:
    """Read the observations table (tab-separated) and check every line."""
    if not path.exists():
        raise BadInput(f"{path}: no such observations table")
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    rows: dict[tuple[str, str], Row] = {}
    for number, line in enumerate(csv.DictReader(lines, delimiter="\t"), 1):
        where = f"{path.name} row {number}"
        cells = {k: v for k, v in line.items() if k is not None and v not in (None, "")}
        row = parse(Row, cells, where)
        for name in (row.target, row.epoch):
            _refuse_name(name, where)
        instruments.load(row.instrument).wavelength(row.filter)
        if (row.target, row.epoch) in rows:
            raise BadInput(
                f"{where}: {row.target} at epoch {row.epoch} is listed twice; remove one"
            )
        files = {f: _resolve(getattr(row, f), path.parent) for f in ("cube", "angles", "psf")}
        rows[row.target, row.epoch] = Row(**asdict(row) | files)
    if not rows:
        raise BadInput(f"{path}: no observations in it")
    return tuple(rows.values())


def _resolve(cell: str, folder: Path) -> str:
    """A cell of the table as an absolute path, or as the name that it is."""
    named = cell.startswith("public:") or cell == "simulated"
    return cell if named else str((folder / cell).resolve())


def _refuse_name(name: str, where: str) -> None:
    """Names become folders: letters, digits and _ . + - only."""
    if not re.fullmatch(_NAME, name):
        raise BadInput(f"{where}: name {name!r} must be of letters, digits and _ . + - alone")


def schema() -> dict[str, Any]:
    """JSON schema of a configuration file; unknown keys are refused."""
    exported = TypeAdapter(Config).json_schema()
    for definition in [exported, *exported.get("$defs", {}).values()]:
        if definition.get("type") == "object":
            definition["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | exported
