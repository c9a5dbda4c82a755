"""Trials of methods on stars, as a NumPy archive: judged star by star, and joined afterwards.

One row a trial (method, star, bin), its hits and its null frames' peaks in long arrays that say
which trial, and which kind of null frames, each value belongs to.
"""

import json
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.limits.stars import Trials
from exosift.limits.trials import Alarms, Trial

_VALUES = ("hit", "block", "score", "alarm_block", "maxima")


def write_trials(path: Path, trials: Trials, settings: Any) -> None:
    """Write trials with the `settings` that they were made with, so that others can be compared."""
    every = [one for some in trials.of.values() for star in some for one in star]
    kinds = list(every[0].alarms)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in _VALUES}
    counts: dict[str, list[int]] = {name: [] for name in _VALUES}
    for one in every:
        found = [one.alarms[kind] for kind in kinds]
        parts: dict[str, list[np.ndarray]] = {
            "hit": [one.hit],
            "block": [one.block],
            "score": [each.score for each in found],
            "alarm_block": [each.block for each in found],
            "maxima": [each.maxima for each in found],
        }
        for name, some in parts.items():
            columns[name] += some
            counts[name] += [array.size for array in some]
    told = {
        "stars": trials.stars,
        "bins": trials.bins,
        "methods": list(trials.of),
        "kinds": kinds,
        "settings": settings,
    }
    arrays: dict[str, Any] = {name: np.concatenate(each) for name, each in columns.items()}
    arrays |= {f"{name}_count": np.array(each) for name, each in counts.items()}
    with whole(path) as partial:
        np.savez_compressed(
            partial,
            told=np.array(json.dumps(told)),
            blocks=np.array([one.blocks for one in every]),
            elements=np.array([one.elements for one in every]),
            **arrays,
        )


def read_trials(path: Path) -> tuple[Trials, Any]:
    """Trials, and the settings that they were made with. Raises BadInput for another file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            told = json.loads(str(file["told"]))
            parts = {
                name: iter(np.split(file[name], np.cumsum(file[f"{name}_count"])[:-1]))
                for name in _VALUES
            }
            shapes = zip(file["blocks"].tolist(), file["elements"].tolist(), strict=True)
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise BadInput(f"{path}: no trials ({error}); make them by `exosift judge`") from error
    every = [
        Trial(
            next(parts["hit"]),
            next(parts["block"]),
            blocks,
            elements,
            {
                kind: Alarms(
                    next(parts["score"]), next(parts["alarm_block"]), next(parts["maxima"])
                )
                for kind in told["kinds"]
            },
        )
        for blocks, elements in shapes
    ]
    return _arranged(every, told), told["settings"]


def _arranged(every: Several[Trial], told: Any) -> Trials:
    """Trials in a row as they were: by method, star and bin."""
    bins, stars = len(told["bins"]), len(told["stars"])
    rows = [tuple(every[i : i + bins]) for i in range(0, len(every), bins)]
    of = {name: tuple(rows[i * stars : (i + 1) * stars]) for i, name in enumerate(told["methods"])}
    bounds = tuple((float(inner), float(outer)) for inner, outer in told["bins"])
    return Trials(tuple(told["stars"]), bounds, of)
