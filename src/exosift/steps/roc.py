"""`exosift roc`: methods judged by companions put into sequences and by null frames of them."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

from exosift.errors import BadInput
from exosift.io.store import manifest_of
from exosift.io.trials import read_trials
from exosift.learn.calibration import Calibrated, calibrations
from exosift.limits.comparison import Comparison
from exosift.limits.stars import Told, Trials, at_rates, together, verdicts
from exosift.photometry.known import KnownCompanions
from exosift.settings import plain
from exosift.steps.folds import NONE
from exosift.steps.judge import Settings, chosen, every_model, judged, reference_of
from exosift.steps.judge import settings_of as trials_settings
from exosift.steps.recording import recorded


def settings_of(methods: Settings, asked: Comparison, known: KnownCompanions) -> dict[str, Any]:
    """What decides the curves, as the status file keeps it."""
    return {"methods": plain(dict(methods)), "roc": plain(asked), "known": plain(dict(known))}


def run(
    sources: tuple[Path, ...],
    methods: Settings,
    asked: Comparison,
    known: KnownCompanions,
    folder: Path,
) -> list[Told]:
    """Write roc.ecsv, tpr.ecsv and roc.png into `folder`, from all sequences together.

    Sources are sequences, or trials of them by `exosift judge`. Where true angles are among the
    null frames of several, calibration.ecsv and calibration.png, too. Returns what tpr.ecsv tells.
    """
    settings = settings_of(methods, asked, known)
    inputs = [path if _kept(path) else manifest_of(path) for path in sources]
    stores = [path for path in sources if not _kept(path)]
    files = every_model(stores, methods, asked, known, NONE, folder / "models")
    with recorded("roc", folder, inputs, settings):
        chosen(methods, asked, files), reference_of(methods, asked)  # before anything is read
        expected = trials_settings(methods, asked, known)
        kept = [_read(path, expected) for path in sources if _kept(path)]
        if stores:
            kept.append(judged(stores, methods, asked, known, files))
        trials = together(kept)
        told = at_rates(trials, asked)
        _write(trials, told, asked, folder)
        return told


def _kept(path: Path) -> bool:
    return path.suffix == ".npz"


def _read(path: Path, expected: Mapping[str, Any]) -> Trials:
    """Trials of a file. Raises BadInput where other settings made them."""
    trials, settings = read_trials(path)
    for name, value in expected.items():
        if settings.get(name) != value:
            raise BadInput(f"{path}: judged with other settings under `{name}`; judge it anew")
    return trials


def _write(trials: Trials, told: Several[Told], asked: Comparison, folder: Path) -> None:
    """The tables and figures; all are slow to load, and not needed before."""
    from exosift.io.roc import write_roc, write_told
    from exosift.report.figures import save
    from exosift.report.roc import roc_figure

    ends = asked.contrast or asked.snr
    unit = "contrast" if asked.contrast else "S/N"
    if asked.reference and not asked.contrast:
        unit += f" of {asked.reference.name}"
    flux = f"{ends[0]:g} to {ends[1]:g} in {unit}"
    meta = {
        "sequences": list(trials.stars),
        "flux": flux,
        "level": asked.intervals.level,
        "seed": asked.seed,
        "planet_free": asked.nulls.planet_free,
    }
    curves = verdicts(trials, asked)
    write_roc(folder / "roc.ecsv", curves, meta)
    write_told(folder / "tpr.ecsv", told, meta)
    name = trials.stars[0] if len(trials.stars) == 1 else f"{len(trials.stars)} sequences"
    save(roc_figure(curves, f"{name}: companions of {flux}"), folder / "roc.png")
    if "true" in asked.nulls.kinds and len(trials.stars) > 3:
        _write_calibration(calibrations(trials), meta, name, folder)


def _write_calibration(
    found: list[Calibrated], meta: Mapping[str, object], name: str, folder: Path
) -> None:
    """The table and the figure of calibration."""
    from exosift.io.calibration import write_calibrations
    from exosift.report.calibration import calibration_figure
    from exosift.report.figures import save

    write_calibrations(folder / "calibration.ecsv", found, meta)
    figure = calibration_figure(found, f"{name}: p-values of stars without a companion")
    save(figure, folder / "calibration.png")
