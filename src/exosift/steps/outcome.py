"""How far an observation came: only what ended well with the settings at hand is believed."""

from pathlib import Path
from typing import Any

from exosift.config import Config, Survey
from exosift.observations import Row, as_registered, makers
from exosift.report.status import Status
from exosift.settings import plain
from exosift.steps.characterise import settings_of as companions_settings
from exosift.steps.detect import settings_of
from exosift.steps.learn import settings_of as learning_settings
from exosift.steps.recording import read_status


def ended(folder: Path, step: str, settings: Any = None) -> tuple[Status, str]:
    """How a step ended; one with other `settings` than these has not run yet."""
    found = read_status(folder, step)
    if not found:
        return "missing", f"{step} did not run"
    if settings is not None and found["settings"] != settings:
        return "missing", f"{step} did not run with these settings; what is there is older"
    if found["status"] == "started":
        return "failed", f"{step} was interrupted (killed, or out of memory or time); see its log"
    if found["status"] == "transient":
        return "failed", found["line"]
    return found["status"], found["line"]


def registered(row: Row, config: Config, results: Path) -> tuple[Status, str]:
    """How an observation came to its sequence; where it did not, the first step that failed."""
    for place, step in makers(row):
        status, line = ended(results.parent / place, step)
        if status != "done":
            return status, line
    folder = results / row.target / row.epoch
    return ended(
        folder,
        "register",
        {"row": plain(as_registered(row)), "registration": plain(config.register)},
    )


def searched(name: str, row: Row, survey: Survey, folder: Path) -> tuple[Status, str]:
    """How a registered observation came to the candidates of what it went through by that name."""
    config = survey.config
    for step, settings in _steps(name, row, survey):
        status, line = ended(folder, step, settings)
        if status != "done":
            return _undrawn(name, row, survey, folder.parents[2]) or (status, line)
    return ended(folder, "detect", settings_of(config.search, config.known_of(row)))


def _steps(name: str, row: Row, survey: Survey) -> list[tuple[str, Any]]:
    """The steps before its maps are searched, and their settings."""
    config = survey.config
    if name in config.classifiers:
        known = survey.known_to(name, row)
        return [("learn", learning_settings(config.classifiers[name], known)), ("predict", {})]
    step = "subtract" if name in config.reductions else "invert"
    return [(step, plain(config.methods[name]))]


def _undrawn(name: str, row: Row, survey: Survey, results: Path) -> tuple[Status, str] | None:
    """How the first of its teachers failed of which no samples were drawn, if there is one."""
    learnt = survey.config.classifiers.get(name)
    if learnt and learnt.by_others:
        for star in survey.taught_by(name, row):
            folder = results / star.target / star.epoch / survey.drawn_for(name)
            status, line = ended(folder, "sample")
            if status not in ("done", "missing"):
                return status, line if star == row else f"{star.label}, which teaches it: {line}"
    return None


def measured(name: str, row: Row, config: Config, folder: Path) -> tuple[Status, str]:
    """How the companions of one reduction were measured."""
    if name not in config.characterise.reductions:
        return "missing", "not asked for"
    reduction, known = config.reductions[name], config.known_of(row)
    return ended(folder, "characterise", companions_settings(reduction, config.characterise, known))
