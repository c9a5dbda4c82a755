"""Tables as ECSV, with units: candidates, and which frames were kept."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
from astropy.table import Table

from exosift.calib.selection import Measures
from exosift.compute.registration import Placed
from exosift.detect.candidates import Candidate
from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.types import Floats

# Column → (unit, description), in the order of the table.
_COLUMNS = {
    "x": ("pix", "place in the image, 0-based"),
    "y": ("pix", "place in the image, 0-based"),
    "separation": ("mas", "from the star"),
    "position_angle": ("deg", "from North through East"),
    "snr": ("", "signal-to-noise ratio; its noise is under meta `noise`"),
    "fpf": ("", "false-positive fraction of a resolution element, all ranks tried"),
    "false_alarm": ("", "chance of such a peak from Gaussian noise anywhere in the frame"),
    "rank": ("", "rank of the PSF model, below 1 a share of variance; 0 without"),
    "known": ("", "lies within one FWHM of a companion that is known"),
    "edge": ("", "touches pixels that were not measured: may be the flank of something"),
    "stim": ("", "STIM over its threshold at this place; NaN: no such map"),
    "stim_fpf": ("", "share of the inverse STIM map that does as well"),
    "matched": ("", "S/N of the matched filter at this place; NaN: no such map"),
    "matched_fpf": ("", "its false-positive fraction, this rank alone"),
}


def write_candidates(
    path: Path, candidates: list[Candidate], pixel_scale: float, meta: Mapping[str, object]
) -> None:
    """Write candidates, strongest first; separations in mas with `pixel_scale` [mas/px]."""
    rows = [_row(candidate, pixel_scale) for candidate in candidates]
    rank = int if all(float(c.rank).is_integer() for c in candidates) else float
    kinds = [{"rank": rank, "known": bool, "edge": bool}.get(name, float) for name in _COLUMNS]
    table = Table(rows=rows or None, names=list(_COLUMNS), dtype=kinds, meta=dict(meta))
    for name, (unit, description) in _COLUMNS.items():
        table[name].unit = unit or None
        table[name].description = description
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)


def _row(candidate: Candidate, pixel_scale: float) -> dict[str, object]:
    """A candidate's columns."""
    others = dict.fromkeys(("stim", "stim_fpf", "matched", "matched_fpf"), np.nan)
    for name, (value, fpf) in candidate.others.items():
        others |= {name: value, f"{name}_fpf": fpf}
    own = {name: getattr(candidate, name) for name in _COLUMNS if name not in others}
    return own | others | {"separation": candidate.separation * pixel_scale}


def write_selection(path: Path, placed: Placed, mjd: Floats, angle: Floats) -> None:
    """A row for every frame: its time and angle, where the star was, what it was judged by."""
    count = placed.kept.size
    columns: dict[str, np.ndarray] = {
        "frame": np.arange(count),
        "mjd": mjd,
        "angle": angle,
        "x": placed.star[:, 0],
        "y": placed.star[:, 1],
        "kept": placed.kept,
        "reason": np.array(placed.reasons, dtype=str),
    }
    if placed.selected is not None:
        for field in fields(Measures):
            for prefix, source in (("", "measures"), ("mads_", "deviations")):
                values = np.full(count, np.nan)
                values[placed.judged] = getattr(getattr(placed.selected, source), field.name)
                columns[prefix + field.name] = values
    table = Table(columns)
    for name, unit in {"mjd": "d", "angle": "deg", "x": "pix", "y": "pix"}.items():
        table[name].unit = unit
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)


def read_candidates(path: Path) -> list[dict[str, float]]:
    """Rows of a candidates table."""
    try:
        table = Table.read(path, format="ascii.ecsv")
        return [{name: row[name].item() for name in _COLUMNS} for row in table]
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: not a candidates table ({error}); run `exosift detect`") from error
