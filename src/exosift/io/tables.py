"""Tables: candidates as ECSV, with units."""

from collections.abc import Mapping
from pathlib import Path

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
}


def write_candidates(
    path: Path, candidates: list[Candidate], pixel_scale: float, meta: Mapping[str, object]
) -> None:
    """Write candidates, strongest first; separations in mas with `pixel_scale` [mas/px]."""
    rows = [
        {name: getattr(c, name) for name in _COLUMNS} | {"separation": c.separation * pixel_scale}
        for c in candidates
    ]
    rank = int if all(float(c.rank).is_integer() for c in candidates) else float
    kinds = [rank if name == "rank" else float for name in _COLUMNS]
    table = Table(rows=rows or None, names=list(_COLUMNS), dtype=kinds, meta=dict(meta))
    for name, (unit, description) in _COLUMNS.items():
        table[name].unit = unit or None
        table[name].description = description
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)


def read_candidates(path: Path) -> list[dict[str, float]]:
    """Rows of a candidates table."""
    try:
        table = Table.read(path, format="ascii.ecsv")
        return [{name: row[name].item() for name in _COLUMNS} for row in table]
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: not a candidates table ({error}); run `exosift detect`") from error
