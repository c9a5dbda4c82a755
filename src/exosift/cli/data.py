"""Commands that get, make up and sort data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from exosift.cli.options import PATH, YAML, on_threads, option


@click.command()
@click.argument("name")
@option("--output", type=PATH, help="Where to put it.")
def fetch(name: str, output: Path) -> None:
    """Get a public file, checked by its SHA-256."""
    from exosift.steps import fetch as step

    step.run(name, output)


@click.command()
@option("--scene", type=YAML, default="{}", help="Telescope, sky and noise.")
@option("--companions", type=YAML, default="[]", help="List of companions.")
@option("--name", default="simulated/1", help="target/epoch; each has its own speckles.")
@option("--archive", type=YAML, default="", help="Targets, cameras, nights: raw files instead.")
@option("--population", type=YAML, default="", help="Many stars as sequences, not files.")
@option("--fold", type=YAML, default="{}", help="Some of them alone: number, of so many folds.")
@option("--seed", type=int, default=0, help="Of everything random.")
@option("--output", type=PATH, help="Folder for FITS files and truth; or raw files; or stars.")
@on_threads
def simulate(
    archive: Any,
    population: Any,
    fold: Any,
    seed: int,
    output: Path,
    threads: int,
    **observation: Any,
) -> None:
    """Simulate an observation, an archive of raw files, or many stars, by Fourier optics."""
    from exosift import threads as budget

    # The step is loaded before the limit, which holds for the BLAS that is there by then.
    if population:
        step = _population(population, fold)
    else:
        step = _archive(archive) if archive else _observation(**observation)
    with budget.limit(threads):
        step(seed, output)


def _archive(archive: Any) -> Callable[[int, Path], None]:
    """What makes a survey of raw files, from a seed into a folder."""
    from exosift.settings import parse
    from exosift.simulate.archive import Archive
    from exosift.steps import archive as step

    survey = parse(Archive, archive, "archive")
    return lambda seed, output: step.run(survey, seed, output)


def _population(population: Any, fold: Any) -> Callable[[int, Path], None]:
    """What makes the sequences of many stars, from a seed into a folder."""
    from exosift.settings import parse
    from exosift.simulate.population import Fold, Population
    from exosift.steps import population as step

    stars = parse(Population, population, "population")
    some = parse(Fold, fold, "fold")
    return lambda seed, output: step.run(stars, some, seed, output)


def _observation(scene: Any, companions: Any, name: str) -> Callable[[int, Path], None]:
    """What makes a calibrated sequence, from a seed into a folder."""
    from exosift.settings import parse
    from exosift.simulate.scene import InjectedCompanion, Simulation
    from exosift.steps import simulate as step

    made = parse(tuple[InjectedCompanion, ...], companions, "companions")
    sky = parse(Simulation, scene, "scene")
    return lambda seed, output: step.run(sky, made, seed, name, output)


@click.command()
@click.argument("folders", type=PATH, nargs=-1, required=True)
@option("--instruments", type=YAML, default="{}", help="Your own, by name, as in the config.")
@option("--output", type=PATH, help="The table to write, such as frames.ecsv.")
@option("--observations", type=PATH, default=None, help="Write the workflow's table, too.")
@on_threads
def ingest(
    folders: tuple[Path, ...],
    instruments: Any,
    output: Path,
    observations: Path | None,
    threads: int,
) -> None:
    """Sort raw FITS files by their headers: what each is for, and its calibrations."""
    from exosift import threads as budget
    from exosift.instruments.description import Description
    from exosift.settings import parse
    from exosift.steps import ingest as step

    given = parse(dict[str, Description], instruments, "instruments")
    with budget.limit(threads):
        archive = step.run(folders, given, output, observations)
    for problem in archive.problems:
        click.echo(problem.line, err=True)
    for seen in archive.observations:
        files = ", ".join(f"{count} {kind}" for kind, count in seen.files.items())
        click.echo(
            f"{seen.label}: {seen.instrument} {seen.camera} {seen.filter}: {files} files; "
            f"{seen.seconds:.0f} s of science, {seen.rotation:.1f}° of rotation"
        )
