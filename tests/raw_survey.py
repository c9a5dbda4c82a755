"""A small made-up archive of raw files, and the steps that make sequences of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exosift import threads
from exosift.calib.recipe import Recipe
from exosift.calib.registration import Registration
from exosift.ingest.archive import Archive as Sorted
from exosift.instruments import descriptions as described
from exosift.io.calibrated import Calibrated
from exosift.io.sequences import read_sequence
from exosift.observations import Row
from exosift.sequence import Sequence
from exosift.settings import parse
from exosift.simulate.archive import Archive
from exosift.steps import archive, calibrate, ingest, register
from exosift.types import Bools, Floats

__all__ = ["Recipe", "calibrated", "chain", "described", "make", "registered"]

_SCENE = {"pupil_pixels": 32, "psf_size": 21, "residual_screens": 6, "leakage": 0.08}
_NACO = {
    "size": 96,
    "scene": _SCENE | {"static_rms": 60.0, "drifting_rms": 30.0, "residual_rms": 120.0},
    "background": {"pattern_drift": 0.002},
}
_NIRC2 = {
    "size": 96,
    "scene": _SCENE
    | {"diameter": 10.0, "obstruction": 0.24, "residual_rms": 120.0, "static_rms": 50.0}
    | {"drifting_rms": 30.0, "control_radius": 9.0},
    "detector": {"gain": 4.0, "bias": 600.0, "bias_pattern": 6.0, "read_noise": 38.0}
    | {"dark_current": 0.1, "saturation": 18000.0, "hot_current": 200.0, "cosmic_rays": 1e-6},
    "background": {"level": 12.0, "pattern": 0.08},
}
_PLANET = {"orbit": {"semi_major": 9.8, "node": 211.0}, "contrast": 6e-3}
_STAR = {"separation": 260.0, "position_angle": 100.0, "contrast": 6e-3}

SURVEY: dict[str, Any] = {
    "targets": {
        "A": {"ra": 86.8212, "dec": -51.0665, "date": "2013-02-01", "parallax": 50.0}
        | {"motion": [5.0, 80.0], "planets": {"b": _PLANET}},
        "B": {"ra": 3.9889, "dec": 4.2511, "date": "2015-09-21", "background": {"bg": _STAR}},
    },
    "cameras": {"naco": _NACO, "nirc2": _NIRC2},
    "nights": [
        {"target": "A", "instrument": "naco", "start": "2013-02-01T00:40:00", "electrons": 5e7}
        | {"place": [49.3, 46.8], "flux_place": [30.0, 66.0], "drift": [0.3, -0.2]}
        | {"files": 9, "exposures": 5, "interval": 850.0, "flux_time": 0.03},
        {"target": "B", "instrument": "nirc2", "start": "2015-09-21T09:30:00", "electrons": 1.5e6}
        | {"place": [46.6, 49.2], "flux_place": [66.0, 30.0], "drift": [0.2, 0.1]}
        | {"files": 32, "exposures": 2, "exposure_time": 10.0, "interval": 260.0}
        | {"sky_every": 8, "flux_time": 0.2, "flat_time": 2.0},
    ],
}
"""A planet beside A, a background star beside B; NACO cubes, and NIRC2's coadds."""

ROWS = {
    "A/2013-02-01": Row("A", "2013-02-01", "naco-l27", "L_prime", "raw"),
    "B/2015-09-21": Row("B", "2015-09-21", "nirc2-narrow", "Ks", "raw"),
}
RECIPE = {"star": 8.0}
REGISTRATION = {"method": "gaussian", "select": {}}
THREADS = 2


@dataclass(frozen=True)
class Survey:
    """An archive in a folder: its truth, and the table that ingest made of it."""

    folder: Path
    truth: dict[str, Any]
    sorted: Sorted

    @property
    def table(self) -> Path:
        return self.folder / "frames.ecsv"

    def observation(self, label: str) -> dict[str, Any]:
        """The truth of one: `target/epoch`."""
        (found,) = (o for o in self.truth["observations"] if f"{o['target']}/{o['epoch']}" == label)
        return found

    def science(self, label: str) -> list[dict[str, Any]]:
        """The truth of its science frames, in order of time."""
        frames = self.observation(label)["frames"]
        return [one for one in frames if one["kind"] == "science"]

    def good(self, label: str) -> Bools:
        """Which of these nothing is wrong with."""
        return np.array([not one["wrong"] for one in self.science(label)])

    def detector(self, instrument: str) -> dict[str, float]:
        """What its detector was made like."""
        return dict(self.truth["archive"]["cameras"][instrument]["detector"])

    def pattern(self, instrument: str) -> dict[str, Floats]:
        """The detector's maps (y, x)."""
        found = (self.folder / "truth").glob(f"{instrument}-*.npy")
        return {path.stem.split("-")[1]: np.load(path) for path in found}


def make(folder: Path, survey: dict[str, Any] | None = None) -> Survey:
    """Simulate an archive and sort it."""
    with threads.limit(2):
        archive.run(parse(Archive, survey or SURVEY, "archive"), 11, folder)
        found = ingest.run((folder / "raw",), {}, folder / "frames.ecsv")
    return Survey(folder, json.loads((folder / "truth.json").read_text()), found)


def chain(
    table: Path,
    row: Row,
    output: Path,
    recipe: dict[str, Any] | None = None,
    registration: dict[str, Any] | None = None,
    given: Any = None,
) -> Sequence:
    """Calibrate and register one observation of a table of ingest."""
    calibrated(table, row, output, recipe, given)
    return registered(row, output, registration, given)


def calibrated(
    table: Path, row: Row, output: Path, recipe: dict[str, Any] | None = None, given: Any = None
) -> Calibrated:
    """Calibrate one observation of a table of ingest."""
    with threads.limit(THREADS):
        made = parse(Recipe, RECIPE | (recipe or {}), "recipe")
        calibrate.run(table, row.label, made, given or {}, output / "calibrated.zarr")
    return Calibrated.open(output / "calibrated.zarr")


def registered(
    row: Row, output: Path, registration: dict[str, Any] | None = None, given: Any = None
) -> Sequence:
    """Register the calibrated frames in a folder."""
    how = parse(Registration, REGISTRATION | (registration or {}), "registration")
    with threads.limit(THREADS):
        register.run(row, how, output / "calibrated.zarr", given or {}, output / "sequence.zarr")
    return read_sequence(output / "sequence.zarr")
