"""The table of simulated stars, as ECSV: what is drawn for each."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

from astropy.table import Table

from exosift.io.atomic import whole


def write_stars(path: Path, rows: Several[Mapping[str, Any]], meta: Mapping[str, Any]) -> None:
    """Write one row a star: its name, rotation [deg], FWHM [px], and its scene's parameters."""
    table = Table(rows=[dict(row) for row in rows], meta=dict(meta))
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)
