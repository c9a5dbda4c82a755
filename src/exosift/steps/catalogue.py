"""`exosift catalogue`: every candidate of every epoch, and which of them move with their star."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exosift.config import Config, Survey
from exosift.errors import BadInput, ExosiftError
from exosift.io.catalogue import read_astrometry, read_peaks, write_catalogue
from exosift.io.horizon import earth
from exosift.io.sequences import read_header, read_times
from exosift.io.store import manifest_of
from exosift.observations import Row
from exosift.settings import plain
from exosift.simulate.dates import mjd_of
from exosift.steps.outcome import measured, registered, searched
from exosift.steps.recording import recorded
from exosift.survey.catalogue import Epoch, Source, sources_of
from exosift.survey.linking import Linking
from exosift.survey.motion import Star
from exosift.survey.verdict import Linked, linked


@dataclass(frozen=True)
class Beside:
    """A star, its epochs that were searched, in the order of time, and the objects beside it."""

    star: Star
    epochs: tuple[Epoch, ...]
    objects: tuple[Linked, ...]


def run(survey: Survey, results: Path) -> Mapping[str, Beside]:
    """Write catalogue.ecsv of the products under `results`; what it holds, by target.

    Only what ended well with the settings of `survey` is read.
    """
    done = {row.label: _done(row, survey, results) for row in survey.rows}
    files = [path for row in survey.rows for path in _files(row, done[row.label], results)]
    stars = {row.target: star_of(row.target, survey.rows) for row in survey.rows}
    settings = {"linking": plain(survey.config.linking), "stars": plain(stars)}
    settings |= {"searched": {label: list(names) for label, names in done.items()}}
    with recorded("catalogue", results, files, settings):
        found = {}
        for target, star in stars.items():
            rows = [row for row in survey.rows if row.target == target and done[row.label]]
            read = [_seen(row, done[row.label], survey.config, results) for row in rows]
            seen = [one for one in read if one is not None]
            if seen:
                found[target] = _beside(star, seen, survey.config.linking)
        objects = {target: one.objects for target, one in found.items()}
        meta = {"title": survey.config.title, "linking": plain(survey.config.linking)}
        write_catalogue(results / "catalogue.ecsv", objects, meta)
    return found


def star_of(target: str, rows: tuple[Row, ...]) -> Star:
    """What the table says of a star, in whichever of its rows."""
    told: dict[str, float] = {}
    for row in rows:
        if row.target == target:
            told |= row.star
    motion, place = (
        (told[a], told[b]) if a in told else None for a, b in (("pmra", "pmdec"), ("ra", "dec"))
    )
    return Star(motion, told.get("parallax"), place, told.get("mass"))


def _done(row: Row, survey: Survey, results: Path) -> tuple[str, ...]:
    """The names of what an observation went through to the end."""
    if row.role != "science" or registered(row, survey.config, results)[0] != "done":
        return ()
    folder = results / row.target / row.epoch
    return tuple(
        name
        for name in survey.config.searched
        if searched(name, row, survey, folder / name)[0] == "done"
        and (folder / name / "candidates.ecsv").exists()
    )


def _files(row: Row, names: tuple[str, ...], results: Path) -> list[Path]:
    """What the catalogue is made of, of one observation."""
    folder = results / row.target / row.epoch
    tables = [folder / name / f"{table}.ecsv" for name in names for table in _TABLES]
    sequence = [manifest_of(folder / "sequence.zarr")] if names else []
    return [*sequence, *(path for path in tables if path.exists())]


_TABLES = ("candidates", "companions")


def _seen(
    row: Row, names: tuple[str, ...], config: Config, results: Path
) -> tuple[Epoch, tuple[Source, ...]] | None:
    """An observation's sources; None where its products are damaged, which the report says."""
    folder = results / row.target / row.epoch
    try:
        header, _ = read_header(folder / "sequence.zarr")
        peaks = [p for name in names for p in read_peaks(folder / name / "candidates.ecsv", name)]
        told = [
            one
            for name in names
            if measured(name, row, config, folder / name)[0] == "done"
            for one in read_astrometry(folder / name / "companions.ecsv", name)
        ]
        middle = _middle(row, folder / "sequence.zarr")
    except ExosiftError:
        return None
    scale = header["pixel_scale"]
    epoch = Epoch(
        name=row.epoch,
        mjd=middle,
        fwhm=float(np.mean(header["fwhm"])) * scale,
        reach=header["star"][0] * scale,
        reductions=names,
    )
    return epoch, sources_of(epoch, peaks, told, config.linking.error)


def _middle(row: Row, store: Path) -> float:
    """When an observation was made (MJD): as its frames say, or else its name; NaN if neither."""
    times = read_times(store)
    if np.isfinite(times).any():
        return float(np.nanmean(times))
    try:
        return mjd_of(row.epoch, "epoch")
    except BadInput:
        return math.nan


def _beside(star: Star, seen: list[tuple[Epoch, tuple[Source, ...]]], how: Linking) -> Beside:
    """The objects beside a star, from its epochs."""
    seen.sort(key=lambda one: one[0].mjd)
    mjd = np.array([epoch.mjd for epoch, _ in seen])
    dated = np.isfinite(mjd).all()
    place = earth(mjd) if dated and star.parallax else np.zeros((len(mjd), 3))
    objects = linked(star, [sources for _, sources in seen], mjd, place, how)
    return Beside(star, tuple(epoch for epoch, _ in seen), objects)
