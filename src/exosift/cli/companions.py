"""The command that measures companions."""

from pathlib import Path
from typing import Any

import click

from exosift.cli.options import PATH, YAML, on_threads, option


@click.command("characterise")
@click.argument("sequence", type=PATH)
@option("--reduction", type=YAML, help="PSF model, regions, references.")
@click.option("--star", "stars", type=PATH, multiple=True, help="A reference star's sequence.")
@option("--companion", "known", type=YAML, default="[]", help="One place, or a list of them.")
@option("--candidates", type=PATH, default=None, help="Table whose strong ones are measured.")
@option("--characterise", "asked", type=YAML, default="{}", help="Merit, sampling, errors, …")
@option("--output", type=PATH, help="Folder for the table and figures.")
@on_threads
def measure_companions(
    sequence: Path,
    stars: tuple[Path, ...],
    candidates: Path | None,
    output: Path,
    threads: int,
    **given: Any,
) -> None:
    """Tell place, flux and errors of companions, by negative ones put into the frames."""
    from exosift import threads as budget
    from exosift.characterise.request import Characterise
    from exosift.photometry.known import KnownCompanion
    from exosift.psfsub.catalogue import Reduction
    from exosift.settings import parse
    from exosift.steps import characterise as step

    with budget.limit(threads):
        tried = parse(Reduction, given["reduction"], "reduction")
        places = given["known"] if isinstance(given["known"], list) else [given["known"]]
        there = parse(tuple[KnownCompanion, ...], places, "companion")
        wish = {"which": "candidates"} if candidates else {}
        asked = parse(Characterise, wish | given["asked"], "characterise")
        step.run((sequence, *stars), tried, asked, there, candidates, output)
