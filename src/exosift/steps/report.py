"""`exosift report`: one page about a run, from whatever it left; says what is missing and why."""

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from exosift.config import Config, Survey
from exosift.errors import ExosiftError
from exosift.io.atomic import whole
from exosift.io.companions import read_companions
from exosift.io.limits import nearest_limit
from exosift.io.sequences import read_header
from exosift.io.tables import read_candidates
from exosift.learn.card import PROTOCOLS
from exosift.observations import Row
from exosift.report.certified import CertifiedSummary
from exosift.report.pages import render, render_target
from exosift.report.status import Status
from exosift.report.summary import (
    CandidateRow,
    CompanionRow,
    CompanionsSummary,
    LearntSummary,
    LimitsSummary,
    ObservationSummary,
    ReductionSummary,
    RocSummary,
    RunSummary,
)
from exosift.settings import plain
from exosift.steps import catalogue, targets
from exosift.steps.certified import SurveyNulls, certified, discoveries
from exosift.steps.limits import settings_of as limits_settings
from exosift.steps.nulls import Scored
from exosift.steps.outcome import ended, measured, registered, searched
from exosift.steps.roc import settings_of as roc_settings

# Where a curve is quoted in one number [mas].
_HALF_ARCSECOND = 500.0

_PACKAGES = ("exosift", "numpy", "scipy", "astropy", "zarr", "snakemake")


def run(survey: Survey, results: Path, page: Path) -> RunSummary:
    """Write the page about the run of `survey` whose products lie under `results`.

    Every target has a page beside it; the catalogue is made anew from the same products.
    """
    config = survey.config
    nulls = {
        name: SurveyNulls.of(name, survey.rows, config, results) for name in config.certify.methods
    }
    observations = tuple(
        _observation(row, survey, results, page.parent, nulls) for row in survey.rows
    )
    summary = RunSummary(
        title=config.title,
        observations=observations,
        config=yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True),
        versions={"python": sys.version.split()[0]} | {name: version(name) for name in _PACKAGES},
        command=f"snakemake --directory {results.resolve().parent}",
        finished=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        discoveries=discoveries(observations, nulls, config),
    )
    beside = catalogue.run(survey, results)
    told = targets.summarised(summary, beside, results, page.parent)
    pages = {page: render(summary, told)}
    pages |= {page.parent / one.page: render_target(one, summary) for one in told}
    for path, text in pages.items():
        with whole(path) as partial:
            partial.write_text(text)
    return summary


def _observation(
    row: Row, survey: Survey, results: Path, base: Path, nulls: Mapping[str, SurveyNulls]
) -> ObservationSummary:
    """One observation, as far as it came."""
    config = survey.config
    folder = results / row.target / row.epoch
    status, line = registered(row, config, results)
    header: Mapping[str, Any] = {}
    angle = np.array([])
    if status == "done":
        try:
            header, angle = read_header(folder / "sequence.zarr")
        except ExosiftError as error:
            status, line = "failed", str(error)
    flux = header.get("star_flux")
    note = "no star flux in the data: none, or an assumed one" if flux is None else ""
    done = status == "done"
    return ObservationSummary(
        target=row.target,
        epoch=row.epoch,
        instrument=header.get("instrument", row.instrument),
        filter=row.filter,
        status=status,
        line=line,
        frames=angle.size,
        rotation=float(np.ptp(np.unwrap(angle, period=360))) if angle.size else nan,
        pixel_scale=header.get("pixel_scale", nan),
        fwhm=header["fwhm"][0] if header else nan,
        star=tuple(header["raw_star"]) if header else (nan, nan),
        contrast_note=note if header else "",
        history=header.get("history", {}),
        figure=_relative(folder / "registration.png", base) if done else None,
        reductions=_reductions(row, survey, (folder, base), nulls, done),
        selection=_relative(folder / "selection.png", base) if done else None,
        roc=_roc(row, config, folder, base) if done else None,
    )


def _reductions(
    row: Row,
    survey: Survey,
    places: tuple[Path, Path],
    nulls: Mapping[str, SurveyNulls],
    registered: bool,
) -> tuple[ReductionSummary, ...]:
    """All that an observation goes through; nothing of a reference star's."""
    folder, base = places
    found = []
    for name in survey.config.searched if row.role == "science" else ():
        one = _reduction(name, row, survey, folder / name, base, registered)
        told = nulls.get(name) if registered else None
        found.append(_certified(one, row, survey.config, (folder / name, base), told))
    return tuple(found)


def _reduction(
    name: str, row: Row, survey: Survey, folder: Path, base: Path, registered: bool
) -> ReductionSummary:
    """One reduction, inversion or classifier of one observation, as far as it came."""
    config = survey.config
    reduction = plain(config.searched[name])
    status: Status = "missing"
    line = ""
    if registered:
        status, line = searched(name, row, survey, folder)
    rows: list[dict[str, Any]] = []
    if status == "done":
        try:
            rows = read_candidates(folder / "candidates.ecsv")
        except ExosiftError as error:
            status, line = "missing", str(error)
    return ReductionSummary(
        name=name,
        status=status,
        line=line,
        candidates=tuple(_candidate(row) for row in rows),
        figure=_relative(folder / "detection.png", base) if status == "done" else None,
        settings=yaml.safe_dump(reduction, sort_keys=False),
        limits=_limits(name, row, config, folder, base) if registered else None,
        companions=_companions(name, row, config, folder, base) if registered else None,
        learnt=_learnt(name, config, folder, base),
    )


def _learnt(name: str, config: Config, folder: Path, base: Path) -> LearntSummary | None:
    """What is told of a classifier's teaching, its card where it ended well."""
    if name not in config.classifiers:
        return None
    protocol = PROTOCOLS[config.classifiers[name].protocol]
    if ended(folder, "learn")[0] != "done":
        return LearntSummary(protocol)
    files = [_relative(folder / f, base) for f in ("card.md", "training.png")]
    return LearntSummary(protocol, *files)


def _certified(
    reduction: ReductionSummary,
    row: Row,
    config: Config,
    places: tuple[Path, Path],
    nulls: SurveyNulls | None,
) -> ReductionSummary:
    """A reduction with the false alarms of its candidates, where they were asked for."""
    if nulls is None:
        return reduction
    folder, base = places
    name = reduction.name
    learnt = config.classifiers.get(name)
    scored = Scored(
        learnt.taught if learnt else config.methods[name],
        config.search,
        config.certify.of_each,
        config.known_of(row),
    )
    status, line = ended(folder, "nulls", scored.settings)
    if status == "done":
        status, line = ended(folder, "certify", plain(config.certify.of_each))
    if status != "done":
        return replace(reduction, certified=CertifiedSummary(status, line))
    return replace(reduction, certified=certified(row, config, nulls, folder, base))


def _limits(name: str, row: Row, config: Config, folder: Path, base: Path) -> LimitsSummary | None:
    """The limits of one reduction, where they were asked for."""
    if name not in config.limits.reductions:
        return None
    asked = limits_settings(config.reductions[name], config.limits, config.known_of(row))
    status, line = ended(folder, "limits", asked)
    if status != "done":
        return LimitsSummary(status, line)
    try:
        nearest, star = nearest_limit(folder / "contrast.ecsv", _HALF_ARCSECOND)
    except ExosiftError as error:
        return LimitsSummary("missing", str(error))
    figures = [_relative(folder / f"{n}.png", base) for n in ("contrast", "completeness")]
    return LimitsSummary(status, line, tuple(f for f in figures if f), nearest, star)


def _roc(row: Row, config: Config, folder: Path, base: Path) -> RocSummary | None:
    """The ROC curves of an observation, where they were asked for."""
    if not config.roc.methods or row.role != "science":
        return None
    known = {row.label: config.known_of(row)}
    status, line = ended(folder, "roc", roc_settings(config.judged, config.roc, known))
    figure = _relative(folder / "roc.png", base) if status == "done" else None
    return RocSummary(status, line, figure)


def _companions(
    name: str, row: Row, config: Config, folder: Path, base: Path
) -> CompanionsSummary | None:
    """The companions measured in one reduction, where they were asked for."""
    asked, known = config.characterise, config.known_of(row)
    if name not in asked.reductions or (asked.which == "known" and not known):
        return None
    status, line = measured(name, row, config, folder)
    if status != "done":
        return CompanionsSummary(status, line)
    try:
        found = read_companions(folder / "companions.ecsv")
    except ExosiftError as error:
        return CompanionsSummary("missing", str(error))
    rows = tuple(
        CompanionRow(
            separation=(one["separation"], one["separation_total"]),
            position_angle=(one["position_angle"], one["position_angle_total"]),
            flux=(one["flux"], one["flux_total"]),
            contrast=one.get("contrast", math.nan),
        )
        for one in found
    )
    figures = [_relative(folder / f"{n}.png", base) for n in ("companions", "corner")]
    return CompanionsSummary(status, line, tuple(f for f in figures if f), rows)


def _candidate(row: dict[str, Any]) -> CandidateRow:
    """A line of the candidates table as the page wants it."""
    names = ["x", "y", "separation", "position_angle", "snr", "fpf", "false_alarm"]
    names += ["known", "stim", "matched"]
    return CandidateRow(**{name: row[name] for name in names}, rank=row["rank"] or None)


def _relative(path: Path, base: Path) -> str | None:
    """A figure's path as the page in folder `base` names it; None when there is no figure."""
    return os.path.relpath(path, base) if path.exists() else None
