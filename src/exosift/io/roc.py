"""The table of ROC curves, and those of the Data Challenge's scores, as ECSV."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from exosift.io.atomic import whole
from exosift.limits.challenge import Score
from exosift.limits.roc import Verdict
from exosift.limits.stars import Told

# Column → description.
_ROC = {
    "method": "",
    "inner": "of the separation bin [FWHM]",
    "outer": "of the separation bin [FWHM]",
    "nulls": "kind of null frames",
    "false_positives": "mean a null frame: peaks above the threshold, merged within 1 FWHM",
    "false_positives_bound": "upper bound at the level of the header",
    "fpr": "false positives a resolution element",
    "threshold": "of the method's map",
    "found": "companions with a peak above it within FWHM/2",
    "injections": "companions put in, one at a time",
    "tpr": "share found",
    "tpr_low": "binomial interval, Clopper and Pearson",
    "tpr_high": "binomial interval, Clopper and Pearson",
    "tpr_block_low": "interval by resampling azimuth blocks, and sequences",
    "tpr_block_high": "interval by resampling azimuth blocks, and sequences",
    "null_frames": "of that kind",
    "effective_frames": "what they count as, from the autocorrelation of their maxima",
}
_TOLD = {
    "method": "",
    "best": "of the ranks of a reduction, the one that finds most at this rate",
    "inner": "of the separation bin [FWHM]",
    "outer": "of the separation bin [FWHM]",
    "nulls": "kind of null frames",
    "false_positives": "mean a null frame",
    "threshold": "of the method's map",
    "found": "companions with a peak above it within FWHM/2",
    "injections": "companions put in, one at a time",
    "tpr": "share found",
    "tpr_low": "interval by resampling azimuth blocks, and sequences",
    "tpr_high": "interval by resampling azimuth blocks, and sequences",
    "gain": "TPR over that of the best rank of the reference reduction",
    "gain_low": "its interval, of the same draws",
    "gain_high": "its interval, of the same draws",
    "effective_frames": "null frames, as the autocorrelation of their maxima counts them",
    "line": "why nothing is told",
}
_SCORES = {
    "data_set": "instrument and number; all of an instrument, or all there are",
    "threshold": "of the detection map",
    "injections": "companions that there are",
    "found": "each counts once",
    "false_positives": "blobs on none; large ones count as so many apertures",
    "tpr": "found over injections",
    "fpr": "false positives a resolution element where nothing was put",
    "fdr": "false positives over all detections",
    "f1": "2 found / (found + false positives + injections)",
}


def write_roc(path: Path, verdicts: Several[Verdict], meta: Mapping[str, object]) -> None:
    """Write the curves, one row a method, bin, kind of null and rate."""
    rows: list[tuple[Any, ...]] = []
    for one in verdicts:
        curve, where = one.roc, (one.method, *one.bounds, one.kind)
        columns = (curve.rate, curve.bound, curve.fpr, curve.threshold, curve.found)
        rest = (curve.tpr, curve.low, curve.high, curve.block_low, curve.block_high)
        ends = (curve.frames, curve.effective)
        for i in range(curve.rate.size):
            told = [column[i] for column in columns], [column[i] for column in rest]
            rows.append((*where, *told[0], curve.injections, *told[1], *ends))
    write_rows(path, rows, _ROC, meta)


def write_told(path: Path, told: Several[Told], meta: Mapping[str, object]) -> None:
    """Write what each method finds at each rate of false positives, one row a bin and kind."""
    rows: list[tuple[Any, ...]] = []
    for one in told:
        where = (one.method, one.best, *one.bounds, one.kind, one.rate)
        curve = one.roc
        if curve is None:
            rows.append((*where, np.nan, 0, 0, *[np.nan] * 6, np.nan, one.line))
            continue
        found = (curve.threshold[0], curve.found[0], curve.injections, curve.tpr[0])
        ends = (curve.block_low[0], curve.block_high[0], *one.gain, curve.effective)
        rows.append((*where, *found, *ends, one.line))
    write_rows(path, rows, _TOLD, meta)


def write_scores(
    path: Path, scores: Several[tuple[str, float, Score]], meta: Mapping[str, object]
) -> None:
    """Write scores, one row a data set and threshold."""
    rows = [
        (name, threshold, s.injections, s.found, s.false, s.tpr, s.fpr, s.fdr, s.f1)
        for name, threshold, s in scores
    ]
    write_rows(path, rows, _SCORES, meta)


def write_rows(
    path: Path,
    rows: Several[tuple[Any, ...]],
    columns: Mapping[str, str],
    meta: Mapping[str, object],
) -> None:
    """Write a table of rows, with what each column is."""
    table = Table(rows=list(rows), names=list(columns), meta=dict(meta))
    for name, description in columns.items():
        table[name].description = description
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)
