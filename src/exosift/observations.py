"""The observations table: what was observed, where its files are, and whether it makes sense."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from exosift import instruments
from exosift.errors import BadInput
from exosift.instruments.description import Description
from exosift.io.public import FILES as PUBLIC
from exosift.settings import parse

NAME = r"[A-Za-z0-9][A-Za-z0-9_.+-]*"
"""Names of targets, epochs and reductions become folders."""

FILES = ("cube", "angles", "psf", "wavelengths")
"""Columns that name files."""

STAR = ("ra", "dec", "pmra", "pmdec", "parallax", "mass")
"""Columns that tell of the star, and not of the observation."""

RAW = "raw"
"""What stands in the column cube for an observation that comes from the survey's raw files."""

SIMULATED = "simulated"
"""What stands for a file of made-up data; its instrument's name begins with it."""


@dataclass(frozen=True)
class Row:
    """One line of the observations table: what was observed, and where its files are.

    cube, angles, psf: FITS files, absolute or relative to the table; `public:NAME` for public data,
    `simulated` (all three) to simulate them. cube may be `raw`: the frames come from the survey's
    raw files, which have angles, and a PSF unless one is named. wavelengths: FITS file [µm or nm],
    for cubes with several whose instrument's description lists none; `simulated`, too, when
    simulated.
    angle_offset [deg]: added to the angles as stored, besides the instrument's true North, where
    the instrument's derotator has no fixed one. star_flux: of the star in the 1-FWHM aperture, cube
    units; `psf` when the PSF file is in cube units; empty when unknown. exposure_time [s].
    ra, dec (ICRS) [deg], proper motion pmra (times cos dec), pmdec [mas/yr], parallax [mas], mass
    [solar masses]: of the star, for linking epochs; once for a target will do.
    role: a `reference` is registered, for reductions that name it among their stars, and not
    reduced itself.
    """

    target: str
    epoch: str
    instrument: str
    filter: str
    cube: str
    angles: str = ""
    psf: str = ""
    wavelengths: str = ""
    angle_offset: float | None = None
    star_flux: float | Literal["psf"] | None = None
    exposure_time: float | None = None
    transmission: float = 1.0
    ra: float | None = None
    dec: float | None = None
    pmra: float | None = None
    pmdec: float | None = None
    parallax: float | None = None
    mass: float | None = None
    role: Literal["science", "reference"] = "science"

    @property
    def label(self) -> str:
        """Target and epoch, as a configuration names them."""
        return f"{self.target}/{self.epoch}"

    @property
    def star(self) -> dict[str, float]:
        """What this line says of the star."""
        return {name: value for name in STAR if (value := getattr(self, name)) is not None}


def read_table(path: Path, given: Mapping[str, Description] | None = None) -> tuple[Row, ...]:
    """Read a tab-separated table and check every line; file names come out absolute.

    given: descriptions of instruments besides those known. Raises BadInput naming the row.
    """
    if not path.exists():
        raise BadInput(f"{path}: no such observations table")
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    rows: dict[tuple[str, str], Row] = {}
    for number, cells in enumerate(csv.DictReader(lines, delimiter="\t"), 1):
        where = f"{path.name} row {number}"
        if None in cells:
            raise BadInput(f"{where}: more cells than the header has columns")
        row = parse(Row, {name: cell for name, cell in cells.items() if cell}, where)
        try:
            _check(row, given)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from None
        if (row.target, row.epoch) in rows:
            raise BadInput(
                f"{where}: {row.target} at epoch {row.epoch} is listed twice; remove one"
            )
        rows[row.target, row.epoch] = replace(
            row,
            cube=_resolved(row.cube, path.parent),
            angles=_resolved(row.angles, path.parent),
            psf=_resolved(row.psf, path.parent),
            wavelengths=_resolved(row.wavelengths, path.parent),
        )
    if not rows:
        raise BadInput(f"{path}: no observations in it")
    _check_stars(path, tuple(rows.values()))
    return tuple(rows.values())


def _check_stars(path: Path, rows: tuple[Row, ...]) -> None:
    """Refuse what cannot be meant of a star, or is said twice differently."""
    stars: dict[str, dict[str, float]] = {}
    for row in rows:
        told = stars.setdefault(row.target, {})
        for name, value in row.star.items():
            if told.setdefault(name, value) != value:
                raise BadInput(
                    f"{path}: {name} of {row.target} is {told[name]:g} and {value:g}; its star is "
                    "one, give it once"
                )
    for target, told in stars.items():
        for name in ("parallax", "mass"):
            if told.get(name, 1.0) <= 0:
                raise BadInput(f"{path}: {name} of {target} is {told[name]:g}; leave it empty")
        for one, other in (("pmra", "pmdec"), ("ra", "dec")):
            if (one in told) != (other in told):
                raise BadInput(f"{path}: {target} has one of {one} and {other}; give both")
        if {"parallax", "pmra"} <= told.keys() and "ra" not in told:
            raise BadInput(
                f"{path}: {target} has a parallax, and no ra and dec [deg], without which nobody "
                "knows how it swings; give them"
            )


def _check(row: Row, given: Mapping[str, Description] | None) -> None:
    """Refuse what cannot be meant."""
    for name in (row.target, row.epoch):
        refuse_name(name)
    instrument = instruments.load(row.instrument, given)
    instrument.wavelength(row.filter)
    if row.cube == RAW:
        if row.angles or row.angle_offset is not None:
            raise BadInput("raw files bring their own angles; leave angles and angle_offset empty")
        return
    for name in ("angles", "psf"):
        if not getattr(row, name):
            raise BadInput(f"{name}: empty, and a cube needs angles and a psf; name its file")
    made = [getattr(row, name) == SIMULATED for name in FILES if getattr(row, name)]
    if any(made) and not (all(made) and row.instrument.startswith(SIMULATED)):
        raise BadInput(
            "cube, angles, psf, wavelengths if any, and instrument must all be `simulated`, or none"
        )
    if instrument.derotator_offset is None and row.angle_offset is None:
        raise BadInput(
            f"{instrument.name} has no fixed derotator offset; give the night's in a column "
            "angle_offset [deg]"
        )
    for name in FILES:
        cell = getattr(row, name)
        if cell.startswith("public:") and cell.removeprefix("public:") not in PUBLIC:
            raise BadInput(f"{cell}: no such public file; known are {', '.join(sorted(PUBLIC))}")


def refuse_name(name: str) -> None:
    """Raise BadInput for a name that cannot be a folder's."""
    if not re.fullmatch(NAME, name):
        raise BadInput(f"name {name!r} must be of letters, digits and _ . + - alone")


def _resolved(cell: str, folder: Path) -> str:
    """A cell of the table as an absolute path, or as the name that it is."""
    named = cell.startswith("public:") or cell in (SIMULATED, RAW, "")
    return cell if named else str((folder / cell).resolve())


def located(row: Row, name: str) -> str:
    """Where a file of an observation lies, seen from the run's folder; empty when it has none."""
    cell = str(getattr(row, name))
    if cell == RAW:
        return ""
    if cell == SIMULATED:
        return f"data/{row.target}/{row.epoch}/{name}.fits"
    return f"data/{cell.removeprefix('public:')}" if cell.startswith("public:") else cell


def as_registered(row: Row) -> Row:
    """What registration is told of an observation: its files as the run sees them, neither its role
    nor its star.
    """
    cube, angles, psf, wavelengths = (located(row, name) for name in FILES)
    bare = replace(row, ra=None, dec=None, pmra=None, pmdec=None, parallax=None, mass=None)
    return replace(bare, role="science", cube=cube, angles=angles, psf=psf, wavelengths=wavelengths)


def reference_stars(row: Row, patterns: Iterable[str], rows: Iterable[Row]) -> list[Row]:
    """The observations of other targets whose label is, or matches, one of `patterns`.

    Raises BadInput when none is left.
    """
    patterns = tuple(patterns)
    others = [
        other
        for other in rows
        if other.target != row.target and any(fnmatchcase(other.label, p) for p in patterns)
    ]
    if patterns and not others:
        raise BadInput(
            f"references.stars: no observation of another target than {row.target} is called "
            f"{' or '.join(patterns)}; name some of the observations table, as target/epoch"
        )
    return others


def makers(row: Row) -> list[tuple[str, str]]:
    """The steps that bring an observation's files, as (folder under the run's, step)."""
    if row.cube == RAW:
        return [("results", "ingest"), (f"results/{row.target}/{row.epoch}", "calibrate")]
    steps = []
    for name in FILES:
        path = Path(located(row, name))
        if getattr(row, name) == SIMULATED:
            steps.append((str(path.parent), "simulate"))
        elif getattr(row, name).startswith("public:"):
            steps.append((str(path.parent), f"fetch-{path.stem}"))
    return steps
