"""Commands from raw frames, or cubes, to a registered sequence."""

from pathlib import Path
from typing import Any

import click

from exosift.cli.options import PATH, YAML, on_threads, option


@click.command()
@click.argument("frames", type=PATH)
@option("--observation", help="Which one of the table's: target/epoch.")
@option("--recipe", type=YAML, default="{}", help="What is done to the frames.")
@option("--instruments", type=YAML, default="{}", help="Your own, by name, as in the config.")
@option("--output", type=PATH, help="The Zarr store to write.")
@on_threads
def calibrate(
    frames: Path, observation: str, recipe: Any, instruments: Any, output: Path, threads: int
) -> None:
    """Dark, flat, sky and bad pixels: raw files of a table of ingest become frames."""
    from exosift import threads as budget
    from exosift.calib.recipe import Recipe
    from exosift.instruments.description import Description
    from exosift.settings import parse
    from exosift.steps import calibrate as step

    given = parse(dict[str, Description], instruments, "instruments")
    with budget.limit(threads):
        step.run(frames, observation, parse(Recipe, recipe, "recipe"), given, output)


@click.command()
@option("--observation", type=YAML, help="A row of the observations table.")
@option("--registration", type=YAML, default="{}", help="How the star is found, what is kept.")
@option("--calibrated", type=PATH, default=None, help="Frames of `exosift calibrate`, if raw.")
@option("--instruments", type=YAML, default="{}", help="Your own, by name, as in the config.")
@option("--output", type=PATH, help="The Zarr store to write.")
@on_threads
def register(
    observation: Any,
    registration: Any,
    calibrated: Path | None,
    instruments: Any,
    output: Path,
    threads: int,
) -> None:
    """Centre the frames of an observation, drop bad ones, and store them as a sequence."""
    from exosift import threads as budget
    from exosift.calib.registration import Registration
    from exosift.instruments.description import Description
    from exosift.observations import Row
    from exosift.settings import parse
    from exosift.steps import register as step

    row = parse(Row, observation, "observation")
    given = parse(dict[str, Description], instruments, "instruments")
    how = parse(Registration, registration, "registration")
    with budget.limit(threads):
        step.run(row, how, calibrated, given, output)
