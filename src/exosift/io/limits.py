"""Tables of limits: contrast curves, and completeness at every flux, as ECSV."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.limits.completeness import binomial_interval
from exosift.limits.request import Answer, Limits

Scales = tuple[float, float | None]
"""Pixel scale [mas/px], and the star's flux [cube units], if there is one to compare with."""

# Column → (unit, description); those of completeness are added for each share asked for.
_CURVE = {
    "rank": ("", "rank of the PSF model; 0 without"),
    "separation": ("mas", "from the star"),
    "throughput": ("", "share of a companion's flux that the reduction leaves"),
    "throughput_error": ("", "standard error of its mean over azimuths"),
    "noise": ("", "standard deviation in an aperture of 1 FWHM, units of the frames"),
    "elements": ("", "apertures that the noise is told from"),
    "threshold": ("", "signal-to-noise ratio of the false-positive fraction"),
    "counts": ("", "flux that reaches it, units of the frames in the aperture"),
    "contrast": ("", "that flux over the star's"),
    "fpf": ("", "false-positive fraction of one place"),
}
_GRID = {
    "rank": _CURVE["rank"],
    "separation": _CURVE["separation"],
    "counts": ("", "flux injected, units of the frames in the aperture of 1 FWHM"),
    "contrast": ("", "that flux over the star's"),
    "found": ("", "companions recovered"),
    "places": ("", "companions injected, one at a time"),
    "fraction": ("", "completeness"),
    "fraction_low": ("", "68 % interval, Clopper and Pearson"),
    "fraction_high": ("", "68 % interval, Clopper and Pearson"),
}


def fluxes_of(answer: Answer) -> Any:
    """Fluxes (flux,) at which completeness is told: over all that matter, 24 a decade."""
    least = answer.completeness.least if answer.completeness else answer.curve.flux
    finite = least[np.isfinite(least) & (least > 0)]
    low, high = (finite.min(), finite.max()) if finite.size else (1.0, 10.0)
    count = 2 + int(24 * np.log10(1.3 * high / low))
    return np.geomspace(low / 1.1, 1.2 * high, count)


def write_contrast(
    path: Path,
    answers: Several[Answer],
    asked: Limits,
    scales: Scales,
    meta: Mapping[str, object],
) -> None:
    """Write the curves, one row a rank and separation; no contrast without a star's flux."""
    scale, star = scales
    rows, columns = [], dict(_CURVE)
    if star is None:
        del columns["contrast"]
    for answer in answers:
        curve = answer.curve
        table: dict[str, Any] = {
            name: getattr(curve, name) for name in columns if hasattr(curve, name)
        }
        table |= {"rank": answer.rank, "separation": curve.separation * scale}
        table |= {"counts": curve.flux, "contrast": curve.flux / (star or np.nan)}
        for share in asked.completeness if answer.completeness else ():
            name, low, high = (f"counts_{100 * share:g}{end}" for end in ("", "_low", "_high"))
            table[name] = answer.completeness.flux(share) if answer.completeness else np.nan
            ends = answer.completeness.interval(share) if answer.completeness else (0, 0)
            table |= {low: ends[0], high: ends[1]}
            columns[name] = ("", f"flux at {100 * share:g} % completeness; inf: none")
            columns[low] = columns[high] = ("", f"68 % interval of {name}")
        rows.append(table)
    _write(path, rows, columns, meta)


def write_completeness(
    path: Path, answers: Several[Answer], scales: Scales, meta: Mapping[str, object]
) -> None:
    """Write completeness, one row a rank, separation and flux."""
    scale, star = scales
    columns = {name: told for name, told in _GRID.items() if name != "contrast" or star}
    rows = []
    for answer in answers:
        if answer.completeness is None:
            continue
        flux = fluxes_of(answer)
        share = answer.completeness.fraction(flux)
        places = np.broadcast_to(answer.completeness.places[:, None], share.shape)
        low, high = binomial_interval(np.rint(share * places), places)
        separation = np.broadcast_to(answer.curve.separation[:, None] * scale, share.shape)
        counts = np.broadcast_to(flux, share.shape)
        table: dict[str, Any] = {"separation": separation, "counts": counts}
        table |= {
            "rank": np.full(share.shape, answer.rank),
            "contrast": counts / (star or np.nan),
            "found": np.rint(share * places),
        }
        table |= {"places": places, "fraction": share, "fraction_low": low, "fraction_high": high}
        rows.append({name: np.ravel(value) for name, value in table.items()})
    _write(path, rows, columns, meta)


def nearest_limit(path: Path, separation: float) -> tuple[tuple[float, float], str]:
    """The faintest limit of any rank at the separation nearest to `separation` [mas].

    That separation and its contrast, or flux where there is none; and what is said of the star.
    """
    try:
        table = Table.read(path, format="ascii.ecsv")
        places, star = table["separation"], str(table.meta["star_flux"])
        limit = table["contrast"] if "contrast" in table.colnames else table["counts"]
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: not a table of limits ({error}); run `exosift limits`") from error
    nearest = float(places[np.argmin(np.abs(places - separation))])
    return (nearest, float(np.min(limit[places == nearest]))), star


def _write(
    path: Path,
    rows: list[dict[str, Any]],
    columns: Mapping[str, tuple[str, str]],
    meta: Mapping[str, object],
) -> None:
    """Write columns of several tables one after another."""
    each: dict[str, Any] = {}
    for name in columns:
        parts = [np.broadcast_to(row[name], np.shape(row["separation"])) for row in rows]
        each[name] = np.concatenate(parts) if parts else np.empty(0)
    table = Table(each, names=list(columns), meta=dict(meta))
    for name, (unit, description) in columns.items():
        table[name].unit = unit or None
        table[name].description = description
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)
