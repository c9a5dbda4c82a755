"""The table of calibrations, as ECSV."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path

from exosift.io.roc import write_rows
from exosift.learn.calibration import Calibrated

_COLUMNS = {
    "method": "",
    "inner": "of the separation bin [FWHM]",
    "outer": "of the separation bin [FWHM]",
    "nulls": "kind of null frames that tell",
    "whose": "all other stars', the star's own alone, or every second star's",
    "level": "p",
    "share": "of the stars with p at or below it, on their true angles",
    "expected": "that share, for p-values in such steps",
    "low": "of the interval that holds 95 % of binomial shares",
    "high": "of the interval that holds 95 % of binomial shares",
    "holds": "whether the share lies in it",
    "shared_low": "of the interval that allows for the scatter of the null frames, too",
    "shared_high": "of the interval that allows for the scatter of the null frames, too",
    "stars": "that are told",
    "null_frames": "that tell a star, in the mean",
}


def write_calibrations(path: Path, found: Several[Calibrated], meta: Mapping[str, object]) -> None:
    """Write one row a method, bin, kind of null frames and level."""
    rows = []
    for one in found:
        each = one.found
        (low, high), shared = each.interval, each.interval_shared
        for i, level in enumerate(each.level):
            told = (each.share[i], each.expected[i], low[i], high[i], bool(each.holds[i]))
            wide = (shared[0][i], shared[1][i])
            where = (one.method, *one.bounds, one.kind, one.whose, level)
            rows.append((*where, *told, *wide, each.p.size, float(each.frames.mean())))
    write_rows(path, rows, _COLUMNS, meta)
