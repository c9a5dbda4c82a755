"""Tables: candidates as ECSV, with units."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.table import Table

from exosift.detect.candidates import Candidate
from exosift.errors import BadInput
from exosift.io.atomic import whole

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


def read_candidates(path: Path) -> list[dict[str, float]]:
    """Rows of a candidates table."""
    try:
        table = Table.read(path, format="ascii.ecsv")
        return [{name: row[name].item() for name in _COLUMNS} for row in table]
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: not a candidates table ({error}); run `exosift detect`") from error
