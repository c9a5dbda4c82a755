"""frames.ecsv: a row for every raw file, with units, and what is wrong in the table's own words."""

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from astropy.table import Table

from exosift import __version__
from exosift.errors import BadInput
from exosift.ingest.archive import Archive
from exosift.ingest.frame import Frame, Problem
from exosift.ingest.grouping import Observation
from exosift.io.atomic import whole

_UNITS = {
    "size": "byte",
    "modified": "s",
    "exposure_time": "s",
    "mjd_first": "d",
    "mjd_last": "d",
    "ra": "deg",
    "dec": "deg",
    "angle_first": "deg",
    "angle_last": "deg",
    "angle_offset": "deg",
    "pixel_scale": "mas",
}
_DECIMALS = {
    "mjd_first": 9,
    "mjd_last": 9,
    "ra": 7,
    "dec": 7,
    "angle_first": 5,
    "angle_last": 5,
    "angle_offset": 5,
}
_PLAIN = {"str": str, "int": int, "float": float, "bool": bool}


def write_frames(path: Path, archive: Archive, meta: Mapping[str, object]) -> None:
    """Write an archive, its observations and problems in the table's head."""
    columns = fields(Frame)
    told = {
        "exosift": __version__,
        **meta,
        "observations": [asdict(observation) for observation in archive.observations],
        "problems": [asdict(problem) for problem in archive.problems],
    }
    table = Table(
        rows=[[getattr(frame, c.name) for c in columns] for frame in archive.frames],
        names=[c.name for c in columns],
        dtype=[_PLAIN.get(getattr(c.type, "__name__", ""), str) for c in columns],
        meta=told,
    )
    for name, decimals in _DECIMALS.items():
        table[name] = table[name].round(decimals)
    for name, unit in _UNITS.items():
        table[name].unit = unit
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)


def read_frames(path: Path) -> Archive:
    """Read what `write_frames` wrote. Raises BadInput when the file is something else."""
    if not path.exists():
        raise BadInput(f"{path}: no such table; run `exosift ingest` on the raw files first")
    try:
        table = Table.read(path, format="ascii.ecsv", fill_values=None)
        rows: list[dict[str, Any]] = [
            {name: _plain(row[name]) for name in table.colnames} for row in table
        ]
        return Archive(
            tuple(Frame(**row) for row in rows),
            tuple(Observation(**told) for told in table.meta["observations"]),
            tuple(Problem(**told) for told in table.meta["problems"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path}: not a table of `exosift ingest` ({error}); run it again"
        ) from error


def _plain(cell: object) -> object:
    """A cell as Python has it."""
    found = cell.item() if hasattr(cell, "item") else cell
    return math.nan if found is None else found
