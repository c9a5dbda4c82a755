"""`exosift challenge`: a folder of the Exoplanet Imaging Data Challenge, run and scored."""

import sys
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import numpy as np
from tqdm import tqdm

from exosift.inverse.andromeda import Andromeda
from exosift.io.challenge import (
    DataSet,
    data_sets,
    detection_map,
    read_data_set,
    read_fwhm,
    read_truth,
    write_map,
)
from exosift.io.fits import write_array
from exosift.limits.challenge import DetectionMap, Score, areas, pooled, thresholds_about
from exosift.limits.comparison import Contestant
from exosift.limits.methods import Method, method_of
from exosift.limits.recovery import fwhm_of
from exosift.psfsub.catalogue import Reduction
from exosift.settings import plain
from exosift.steps.recording import recorded

_ALL = "all"


def run(
    folder: Path,
    reduction: Reduction | Andromeda,
    how: Contestant,
    threshold: float,
    truth: Path | None,
    output: Path,
) -> dict[str, Score]:
    """Write a detection map a data set into `output`; with their `truth`, the scores, too.

    how: which map, of which rank. Returns the scores at the threshold, by instrument and in all.
    """
    sets = data_sets(folder)
    settings = {"reduction": plain(reduction), "how": plain(how), "threshold": threshold}
    settings |= {"truth": str(truth) if truth else None}
    with recorded("challenge", output, [path for one in sets for path in one.files], settings):
        thresholds_about(threshold)  # refuses one that none can be told about, before the work
        method = method_of(reduction, how.map, how.rank)
        maps = {}
        for one in tqdm(sets, desc="challenge", file=sys.stderr, leave=False):
            maps[one] = _mapped(one, method, truth)
            write_map(one, maps[one].values, output)
        write_array(output / "detection_threshold.fits", np.array([threshold]))
        return _scored(maps, threshold, output) if truth else {}


def _mapped(one: DataSet, method: Method, truth: Path | None) -> DetectionMap:
    """The detection map of a data set, in the shape of its files, with what was put into it."""
    sequence = read_data_set(one)
    values = detection_map(one, method.map(sequence))
    if truth is None:
        return DetectionMap(values, np.empty((0, 2)), fwhm_of(sequence))
    return DetectionMap(values, read_truth(one, truth), read_fwhm(one, truth, fwhm_of(sequence)))


def _scored(maps: dict[DataSet, DetectionMap], threshold: float, output: Path) -> dict[str, Score]:
    """Write scores at the threshold, and by threshold with their areas; give the former."""
    from exosift.io.roc import write_scores
    from exosift.report.figures import save
    from exosift.report.roc import scores_figure

    thresholds = thresholds_about(threshold)
    groups = {
        name: [maps[one] for one in some]
        for name, some in groupby(maps, lambda one: one.instrument)
    }
    groups[_ALL] = list(maps.values())
    each = {one.name: [values] for one, values in maps.items()} | groups
    found = {name: pooled(some, np.array([threshold]))[0] for name, some in each.items()}
    rows = [(name, threshold, one) for name, one in found.items()]
    write_scores(output / "scores.ecsv", rows, {"threshold": threshold})
    curves = {name: pooled(some, thresholds) for name, some in groups.items()}
    under = {name: areas(thresholds, some) for name, some in curves.items()}
    rows = [
        (name, float(t), one)
        for name, some in curves.items()
        for t, one in zip(thresholds, some, strict=True)
    ]
    told = {name: asdict(one) for name, one in under.items()}
    write_scores(output / "curves.ecsv", rows, {"threshold": threshold, "areas": told})
    title = f"{len(maps)} data sets, threshold {threshold:g}"
    figure = scores_figure(thresholds, curves[_ALL], under[_ALL], threshold, title)
    save(figure, output / "challenge.png")
    return {name: found[name] for name in groups}
