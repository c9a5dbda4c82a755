"""The typed configuration: science only. Parameters are declared once, by the dataclasses used.

Algorithms bring their own frozen dataclasses (`Reduction`, `Recipe`, `Search`, …); this module
joins them with the observations table, checks everything before any work, and exports the schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from exosift import instruments
from exosift.calib.recipe import Recipe
from exosift.calib.registration import Registration
from exosift.characterise.request import Characterise
from exosift.detect.search import Search
from exosift.errors import BadInput
from exosift.instruments.description import Description
from exosift.inverse.andromeda import Andromeda
from exosift.learn.learning import Learning
from exosift.learn.request import Certify, taught_by
from exosift.learn.taught import learned
from exosift.limits.comparison import Comparison
from exosift.limits.methods import method_of, of_rank
from exosift.limits.request import Limits
from exosift.observations import RAW, SIMULATED, Row, read_table, reference_stars, refuse_name
from exosift.photometry.known import KnownCompanion, KnownCompanions, known_in
from exosift.psfsub.catalogue import Reduction
from exosift.settings import parse
from exosift.simulate.archive import Archive
from exosift.simulate.scene import InjectedCompanion, Simulation
from exosift.simulate.spectra import contrasts
from exosift.survey.linking import Linking


@dataclass(frozen=True)
class SimulatedData:
    """Data to simulate: the scene, a seed, and the companions of each `target/epoch`.

    Every observation is of this scene, with its own speckles; what they share is the scene's
    `common`. archive: a survey of raw files instead, for `exosift simulate --archive`.
    """

    seed: int = 0
    scene: Simulation = field(default_factory=Simulation)
    companions: Mapping[str, tuple[InjectedCompanion, ...]] = field(default_factory=dict)
    archive: Archive | None = None


@dataclass(frozen=True)
class Config:
    """A survey: which observations, how they are registered, reduced and searched.

    observations: table of observations, relative to this file. raw: folders of raw files for those
    marked `raw`, relative to this file, or `simulated`. calibrate: what is done to their frames.
    reductions: name → reduction, inversions: name → inverse method, and classifiers: name → how one
    is taught; every observation goes through each. known: `target` or `target/epoch` → companions
    that are known there, flagged and kept from the noise of others. limits: which reductions'
    limits are asked for, and how. roc: which methods are compared by their ROC curves, and how.
    certify: whose candidates' false alarms are counted on null frames, and which. characterise: in
    which reductions companions are measured, which of them, and how. linking: how sources of
    several epochs are. simulate: data made up for observations marked `simulated`, and raw files.
    instruments: name → description of instruments whose raw files are to be sorted, besides those
    known; tried before these.
    """

    title: str
    observations: str
    raw: tuple[str, ...] = ()
    calibrate: Recipe = field(default_factory=Recipe)
    register: Registration = field(default_factory=Registration)
    reductions: Mapping[str, Reduction] = field(default_factory=dict)
    inversions: Mapping[str, Andromeda] = field(default_factory=dict)
    classifiers: Mapping[str, Learning] = field(default_factory=dict)
    search: Search = field(default_factory=Search)
    known: KnownCompanions = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    roc: Comparison = field(default_factory=Comparison)
    certify: Certify = field(default_factory=Certify)
    characterise: Characterise = field(default_factory=Characterise)
    linking: Linking = field(default_factory=Linking)
    simulate: SimulatedData = field(default_factory=SimulatedData)
    instruments: Mapping[str, Description] = field(default_factory=dict)

    @property
    def methods(self) -> Mapping[str, Reduction | Andromeda]:
        """The reductions and inversions, by name."""
        return {**self.reductions, **self.inversions}

    @property
    def searched(self) -> Mapping[str, Reduction | Andromeda | Learning]:
        """All that every observation goes through, by name."""
        return {**self.methods, **self.classifiers}

    def known_of(self, row: Row) -> tuple[KnownCompanion, ...]:
        """The companions known in an observation: of its epoch, if given, or of its target."""
        return known_in(row.label, self.known)

    @property
    def judged(self) -> Mapping[str, Reduction | Andromeda | Learning]:
        """The settings of the methods whose ROC curves are asked for, and of their reference."""
        named = [*self.roc.methods, *([self.roc.reference] if self.roc.reference else [])]
        return {one.method: self.searched[one.method] for one in named}


@dataclass(frozen=True)
class Survey:
    """A checked configuration with its observations, files resolved."""

    config: Config
    rows: tuple[Row, ...]

    def teachers(self, name: str, row: Row) -> list[Row]:
        """The observations of other stars that teach a classifier for one: none by "sequence".

        Raises BadInput when none is left.
        """
        patterns = self.config.classifiers[name].stars
        try:
            others = reference_stars(row, patterns, self.rows)
        except BadInput as error:
            raise BadInput(str(error).removeprefix("references.")) from None
        alike = [other for other in others if other.filter == row.filter]
        if others and not alike:
            found = ", ".join(sorted({other.filter for other in others}))
            raise BadInput(
                f"stars: {row.label} was taken in {row.filter}, and {' or '.join(patterns)} in "
                f"{found}: only sequences of one filter can teach; name some"
            )
        return alike

    def taught_by(self, name: str, row: Row) -> list[Row]:
        """The observations that teach a classifier for one: itself, others, or both."""
        own = [row] if self.config.classifiers[name].by_itself else []
        return [*own, *self.teachers(name, row)]

    def known_to(self, name: str, row: Row) -> dict[str, tuple[KnownCompanion, ...]]:
        """The companions known in the observations that teach a classifier for one, by label."""
        every = {one.label: self.config.known_of(one) for one in self.taught_by(name, row)}
        return {label: known for label, known in every.items() if known}

    def drawn_for(self, name: str) -> str:
        """The first classifier whose samples of other stars are those of this one, too."""
        mine, *every = (
            (asked.drawing, asked.protocol, asked.stars)
            for asked in (self.config.classifiers[name], *self.config.classifiers.values())
        )
        return list(self.config.classifiers)[every.index(mine)]

    @cached_property
    def among(self) -> Mapping[tuple[str, str], int]:
        """The fewest observations that teach a classifier together, by its name and a filter."""
        found: dict[tuple[str, str], int] = {}
        for name, asked in self.config.classifiers.items():
            for row in self.rows if asked.by_others else ():
                count = len(self.taught_by(name, row))
                found[name, row.filter] = min(count, found.get((name, row.filter), count))
        return found


def load(path: Path) -> Survey:
    """Read and check a configuration file and its observations table."""
    if not path.exists():
        raise BadInput(f"{path}: no such configuration")
    try:
        given = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    return check(given, path.parent, path.name)


def check(given: Any, folder: Path, where: str = "config") -> Survey:
    """Check plain configuration values, with paths relative to `folder`."""
    config = parse(Config, given, where)
    if not config.searched:
        raise BadInput(f"{where}.reductions: none given; name at least one")
    for name in config.searched:
        refuse_name(name)
    for name in config.inversions:
        if name in config.reductions:
            raise BadInput(f"{where}.inversions.{name}: a reduction has that name; choose another")
    for name in config.classifiers:
        if name in config.methods:
            what = "a reduction" if name in config.reductions else "an inversion"
            raise BadInput(f"{where}.classifiers.{name}: {what} has that name; choose another")
    rows = read_table(folder / config.observations, config.instruments)
    raw = next((row for row in rows if row.cube == RAW), None)
    if raw and not config.raw:
        raise BadInput(f"{where}.raw: no folders, and {raw.label} comes from raw files; name them")
    for name in config.raw:
        if name != SIMULATED and not (folder / name).exists():
            raise BadInput(f"{where}.raw: {folder / name}: no such folder; correct it")
    if SIMULATED in config.raw and config.simulate.archive is None:
        raise BadInput(f"{where}.simulate.archive: none, and raw is to be simulated; give it")
    _check_stars(config.reductions, rows, f"{where}.reductions")
    _check_simulation(config.simulate, rows, f"{where}.simulate")
    for name in config.known:
        if name not in {label for row in rows for label in (row.target, row.label)}:
            raise BadInput(f"{where}.known.{name}: no target, nor target/epoch, of that name")
    _check_names(config, f"{where}")
    _check_roc(config, f"{where}.roc")
    survey = Survey(config, rows)
    _check_learning(survey, where)
    return survey


def _check_stars(reductions: Mapping[str, Reduction], rows: tuple[Row, ...], where: str) -> None:
    """Refuse reference stars that are not in the table."""
    for name, reduction in reductions.items():
        for row in rows:
            if row.role == "science":
                try:
                    reference_stars(row, reduction.stars, rows)
                except BadInput as error:
                    raise BadInput(f"{where}.{name}.{error}") from None


def _check_learning(survey: Survey, where: str) -> None:
    """Refuse classifiers that nobody teaches, and null frames that have taught them."""
    config = survey.config
    for name, asked in config.classifiers.items():
        place = f"{where}.classifiers.{name}"
        if asked.by_others and not asked.stars:
            raise BadInput(
                f"{place}.stars: protocol {asked.protocol} learns from others; name some"
            )
        for row in survey.rows:
            if row.role == "science":
                try:
                    survey.teachers(name, row)
                except BadInput as error:
                    raise BadInput(f"{place}.{error}") from None
        taught = taught_by(config.certify.nulls.kinds) if asked.by_itself else ()
        if name in config.certify.methods and taught:
            raise BadInput(
                f"{where}.certify.methods: {name} learns from each sequence's own frames, which "
                f"{taught[0]} nulls are: take `permuted` or `shifted` ones, or protocol survey"
            )


def _check_simulation(simulate: SimulatedData, rows: tuple[Row, ...], where: str) -> None:
    """Refuse companions that cannot be, and a scene unlike the instrument that it is to be of."""
    scene = simulate.scene
    simulated = {row.label: row for row in rows if row.cube == SIMULATED}
    for name, companions in simulate.companions.items():
        if name not in simulated:
            raise BadInput(f"{where}.companions.{name}: no simulated observation of that name")
        for number, companion in enumerate(companions):
            try:
                contrasts(companion, scene.wavelengths)
            except BadInput as error:
                raise BadInput(f"{where}.companions.{name}[{number}].spectrum: {error}") from None
    for name, row in simulated.items():
        instrument = instruments.load(row.instrument)
        told = (instrument.pixel_scale, instrument.wavelength(row.filter))
        if (scene.pixel_scale, scene.wavelength) != told:
            raise BadInput(
                f"{where}.scene: pixel_scale and wavelength must be those of the instrument "
                f"`{row.instrument}`, {told[0]:g} mas and {told[1]:g} µm"
            )
        if scene.channels > 1 and not row.wavelengths:
            raise BadInput(
                f"{where}.scene: {scene.channels} channels; write `simulated` in the column "
                f"wavelengths of {name}, too"
            )


def _check_names(config: Config, where: str) -> None:
    """Refuse limits, companions or false alarms of reductions, or methods, that there are not."""
    for what in ("limits", "characterise"):
        for name in getattr(config, what).reductions:
            if name not in config.reductions:
                known = ", ".join(config.reductions) or "none"
                raise BadInput(
                    f"{where}.{what}.reductions: no reduction is called {name}; there are {known}"
                )
    for name in config.certify.methods:
        if name not in config.searched:
            known = ", ".join(config.searched)
            raise BadInput(f"{where}.certify.methods: none is called {name}; there are {known}")


def _check_roc(config: Config, where: str) -> None:
    """Refuse curves of methods that there are not, or that cannot be judged."""
    every = config.searched
    for one in config.roc.methods:
        if one.method not in every:
            known = ", ".join(every)
            raise BadInput(f"{where}.methods: none is called {one.method}; there are {known}")
        settings = every[one.method]
        try:
            if not isinstance(settings, Learning):
                method_of(settings, one.map, one.rank)
            elif settings.protocol != "sequence":
                raise BadInput("other stars teach it, and here each is judged alone; leave it out")
            else:
                learned(settings, one, config.roc.nulls.kinds)
        except BadInput as error:
            raise BadInput(f"{where}.methods: {one.name}: {error}") from None
    if config.roc.reference:
        name = config.roc.reference.method
        if name not in config.reductions:
            raise BadInput(f"{where}.reference: no reduction is called {name}; name one")
        try:
            of_rank(config.reductions[name], config.roc.reference.rank)
        except BadInput as error:
            raise BadInput(f"{where}.reference: {error}") from None


def schema() -> dict[str, Any]:
    """JSON schema of a configuration file; unknown keys are refused."""
    exported = TypeAdapter(Config).json_schema()
    for definition in [exported, *exported.get("$defs", {}).values()]:
        if definition.get("type") == "object":
            definition["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | exported
