"""The table of companions as ECSV: place, flux and contrast, with errors of each kind."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from exosift.characterise.request import Characterised
from exosift.errors import BadInput
from exosift.io.atomic import whole

_UNITS = {"separation": "mas", "position_angle": "deg", "dx": "mas", "dy": "mas", "flux": ""}
_TOLD = {
    "separation": "from the star",
    "position_angle": "from North through East",
    "dx": "to the East",
    "dy": "to the North",
    "flux": "units of the frames in the aperture of 1 FWHM, mean over wavelengths",
}
_KINDS = {
    "speckles": "spread of companions injected at other azimuths",
    "centring": "of the star",
    "scale": "of the pixels",
    "north": "of true North",
    "total": "all kinds in quadrature",
}


def write_companions(
    path: Path, found: Several[Characterised], star: float | None, meta: Mapping[str, object]
) -> None:
    """Write one row a companion; star: its flux, if there is one to compare with."""
    rows = [_row(one, star) for one in found]
    table = Table(rows=rows, meta=dict(meta)) if rows else _empty(meta)
    for name, unit in _UNITS.items():
        table[name].unit = unit or None
        table[name].description = _TOLD[name]
        for kind, told in _KINDS.items():
            column = f"{name}_{kind}"
            if column in table.colnames:
                table[column].unit = unit or None
                table[column].description = f"standard error: {told}"
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)


def _empty(meta: Mapping[str, object]) -> Table:
    """The table of no companions."""
    return Table(names=list(_UNITS), dtype=[float] * len(_UNITS), meta=dict(meta))


def _row(one: Characterised, star: float | None) -> dict[str, Any]:
    """A companion's columns."""
    told = one.astrometry
    row: dict[str, Any] = {}
    for name in _UNITS:
        row[name] = getattr(told, name)
        row |= {f"{name}_{kind}": error for kind, error in told.errors[name].items()}
    if star is not None:
        row["contrast"] = told.flux / star
        row["contrast_total"] = told.errors["flux"]["total"] / star
    bias = one.speckles.bias
    row |= {"bias_radial": bias[0], "bias_tangential": bias[1], "bias_flux": bias[2]}
    row |= {"injections": len(one.speckles.offsets), "lost": one.speckles.lost}
    row["merit"] = one.best.merit
    drawn = one.posterior
    row["autocorrelation_time"] = drawn.time if drawn else np.nan
    row["draws"] = len(drawn.draws) if drawn else 0
    if one.spectrum is not None:
        for number, (flux, error) in enumerate(
            zip(one.spectrum.flux, one.spectrum.error, strict=True)
        ):
            row |= {f"flux_{number}": flux, f"flux_{number}_error": error}
    return row


def read_companions(path: Path) -> list[dict[str, Any]]:
    """Rows of a table of companions."""
    try:
        table = Table.read(path, format="ascii.ecsv")
        return [{name: row[name].item() for name in table.colnames} for row in table]
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(
            f"{path}: not a table of companions ({error}); run `exosift characterise`"
        ) from error
