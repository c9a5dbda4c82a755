"""The survey's catalogue as ECSV, and the tables of single reductions that it is made of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from astropy.table import Table

from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.io.companions import read_companions
from exosift.io.nulls import read_certified
from exosift.survey.catalogue import Astrometry, Peak, Source
from exosift.survey.verdict import Linked, Verdict

# Column → (unit, description), in the order of the table.
_COLUMNS = {
    "target": ("", ""),
    "epoch": ("", ""),
    "mjd": ("d", "middle of the exposures"),
    "track": ("", "number of the object beside its star, over epochs, the surest first"),
    "class": ("", "companion, background, undecided, or single epoch"),
    "reason": ("", "the number that decides the class"),
    "separation": ("mas", "from the star"),
    "separation_error": ("mas", "standard error"),
    "position_angle": ("deg", "from North through East"),
    "position_angle_error": ("deg", "standard error"),
    "east": ("mas", "offset from the star"),
    "north": ("mas", "offset from the star"),
    "measured": (
        "",
        "reduction in which negative companions measured it; else placed by its light",
    ),
    "reduction": ("", "that shows it best"),
    "rank": ("", "rank of its PSF model there; 0 without"),
    "snr": ("", "signal-to-noise ratio there"),
    "fpf": ("", "false-positive fraction of a resolution element there, all ranks tried"),
    "false_alarm": ("", "chance of such a peak from noise anywhere in the frame, there"),
    "false_alarm_conformal": ("", "the same, calibrated on null frames; NaN: was not"),
    "false_alarm_any": ("", "chance of one as unlikely in any of the reductions searched"),
    "reductions": ("", "how many of them saw it"),
    "searched": ("", "how many were searched"),
    "seen_by": ("", "which saw it"),
    "known": ("", "lies on a companion that is known"),
    "edge": ("", "touches pixels that were not measured"),
    "epochs": ("", "in how many the track was seen"),
    "observed": ("", "how many of the target were searched"),
    "false_alarm_joint": ("", "chance that noise makes such a track"),
    "log_odds": ("", "of companion against background, alike beforehand"),
    "chi2_companion": ("", "of the track, bound to the star"),
    "chi2_background": ("", "of the track, far behind the star"),
    "free": ("", "degrees of freedom of both"),
}
_WORDS = ("target", "epoch", "class", "reason", "measured", "reduction", "seen_by")
_COUNTS = ("track", "reductions", "searched", "epochs", "observed", "free")
_FLAGS = ("known", "edge")


def write_catalogue(
    path: Path, targets: Mapping[str, Sequence[Linked]], meta: Mapping[str, object]
) -> None:
    """Write one row a source and epoch, by target and track, in the order of time."""
    rows = [
        _row(target, number, one.verdict, source, len(one.sources))
        for target, found in targets.items()
        for number, one in enumerate(found, 1)
        for source in one.sources
    ]
    kinds = [
        str if n in _WORDS else int if n in _COUNTS else bool if n in _FLAGS else float
        for n in _COLUMNS
    ]
    table = Table(rows=rows or None, names=list(_COLUMNS), dtype=kinds, meta=dict(meta))
    for name, (unit, description) in _COLUMNS.items():
        table[name].unit = unit or None
        table[name].description = description or None
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)


def _row(target: str, track: int, verdict: Verdict, source: Source, epochs: int) -> dict[str, Any]:
    """A source's columns."""
    best, (separation, angle) = source.best, (source.separation, source.position_angle)
    return {
        "target": target,
        "epoch": source.epoch.name,
        "mjd": source.epoch.mjd,
        "track": track,
        "class": verdict.kind,
        "reason": verdict.reason,
        "separation": separation[0],
        "separation_error": separation[1],
        "position_angle": angle[0],
        "position_angle_error": angle[1],
        "east": float(source.offset[0]),
        "north": float(source.offset[1]),
        "measured": source.measured.reduction if source.measured else "",
        "reduction": best.reduction,
        "rank": best.rank,
        "snr": best.snr,
        "fpf": best.fpf,
        "false_alarm": best.false_alarm,
        "false_alarm_conformal": best.conformal,
        "false_alarm_any": source.false_alarm,
        "reductions": len(source.reductions),
        "searched": len(source.epoch.reductions),
        "seen_by": " ".join(source.reductions),
        "known": best.known,
        "edge": best.edge,
        "epochs": epochs,
        "observed": verdict.observed,
        "false_alarm_joint": verdict.joint,
        "log_odds": verdict.log_odds,
        "chi2_companion": verdict.companion,
        "chi2_background": verdict.background,
        "free": verdict.free,
    }


def read_catalogue(path: Path) -> list[dict[str, Any]]:
    """Rows of a catalogue."""
    try:
        table = Table.read(path, format="ascii.ecsv", fill_values=None)
        return [{name: row[name].item() for name in _COLUMNS} for row in table]
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: not a catalogue ({error}); run `exosift catalogue`") from error


def read_peaks(path: Path, reduction: str) -> list[Peak]:
    """The candidates of a reduction, with the chance that null frames tell where that was asked."""
    try:
        table = Table.read(path, format="ascii.ecsv")
        peaks = [
            Peak(
                reduction=reduction,
                **{name: float(row[name]) for name in ("separation", "position_angle", "snr")},
                **{name: float(row[name]) for name in ("fpf", "false_alarm", "rank")},
                known=bool(row["known"]),
                edge=bool(row["edge"]),
            )
            for row in table
        ]
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: not a candidates table ({error}); run `exosift detect`") from error
    certified = path.with_name("certified.ecsv")
    counted = _counted(certified) if certified.exists() else {}
    return [replace(peak, conformal=counted.get(i, math.nan)) for i, peak in enumerate(peaks)]


def _counted(path: Path) -> dict[int, float]:
    """Conformal false-alarm probability by candidate, by the kind of nulls that tells most."""
    rows = sorted(read_certified(path)[0], key=lambda row: -row["false_alarm_least"])
    return {row["candidate"]: row["false_alarm_conformal"] for row in rows}


def read_astrometry(path: Path, reduction: str) -> list[Astrometry]:
    """The companions measured in a reduction whose errors are known."""
    found = [
        Astrometry(
            reduction,
            row["separation"],
            row["position_angle"],
            row.get("separation_total", math.nan),
            row.get("position_angle_total", math.nan),
        )
        for row in read_companions(path)
    ]
    return [one for one in found if one.separation_error > 0 and one.position_angle_error > 0]
