"""Commands from a sequence to images, their S/N and candidates."""

from pathlib import Path
from typing import Any

import click

from exosift.cli.options import PATH, YAML, memory_given, on_threads, option


@click.command()
@click.argument("sequence", type=PATH)
@option("--reduction", type=YAML, help="PSF model, regions, references.")
@click.option("--star", "stars", type=PATH, multiple=True, help="A reference star's sequence.")
@option("--output", type=PATH, help="Folder for residuals and image.")
@memory_given
@click.option(
    "--cluster",
    type=click.Choice(["threads", "processes", "srun"]),
    default="threads",
    show_default=True,
    help="Who works, frames on disk: processes, or the tasks of srun on several nodes.",
)
@on_threads
def subtract(
    sequence: Path,
    reduction: Any,
    stars: tuple[Path, ...],
    output: Path,
    memory: float | None,
    cluster: Any,
    threads: int,
) -> None:
    """Subtract the star from a sequence; derotate and combine."""
    from exosift import threads as budget
    from exosift.psfsub.catalogue import Reduction
    from exosift.settings import parse
    from exosift.steps import subtract as step

    with budget.limit(threads):
        asked = parse(Reduction, reduction, "reduction")
        step.run(sequence, stars, asked, output, memory, cluster)


@click.command()
@click.argument("sequence", type=PATH)
@option("--reduction", type=YAML, help="PSF model, with the ranks to try.")
@click.option("--star", "stars", type=PATH, multiple=True, help="A reference star's sequence.")
@option("--place", type=YAML, help="separation [mas]; position_angle [deg], or flux and count.")
@on_threads
def ranks(
    sequence: Path, reduction: Any, stars: tuple[Path, ...], place: Any, threads: int
) -> None:
    """Tell which rank serves best: S/N of a place, or of injected companions, by rank."""
    from exosift import threads as budget
    from exosift.psfsub.catalogue import Reduction
    from exosift.settings import parse
    from exosift.steps import ranks as step

    with budget.limit(threads):
        tried = parse(Reduction, reduction, "reduction")
        table = step.run(sequence, stars, tried, parse(step.Place, place, "place"))
    best = max(table, key=lambda row: row[1])
    click.echo("  rank     S/N   error")
    for row in table:
        click.echo(f"{row[0]:6g}{row[1]:8.2f}{row[2]:8.2f}{'  best' if row == best else ''}")


@click.command()
@click.argument("sequence", type=PATH)
@option("--inversion", type=YAML, help="Inverse method.")
@option("--output", type=PATH, help="Folder for maps of flux, error and S/N.")
@on_threads
def invert(sequence: Path, inversion: Any, output: Path, threads: int) -> None:
    """Map the flux of a companion at every place of a sequence, with its error."""
    from exosift import threads as budget
    from exosift.inverse.andromeda import Andromeda
    from exosift.settings import parse
    from exosift.steps import invert as step

    with budget.limit(threads):
        step.run(sequence, parse(Andromeda, inversion, "inversion"), output)


@click.command()
@click.argument("image", type=PATH)
@option("--search", type=YAML, default="{}", help="What counts as a candidate.")
@option("--snr", type=PATH, default=None, help="S/N map to search, of standard normal noise.")
@option("--sequence", type=PATH, default=None, help="Its store, for the maps that need it.")
@option("--residuals", type=PATH, default=None, help="Their store, for the map stim.")
@option("--known", type=YAML, default="[]", help="Known companions: separation, position_angle.")
@option("--output", type=PATH, help="Folder for maps, candidates and picture.")
@on_threads
def detect(
    image: Path,
    search: Any,
    snr: Path | None,
    sequence: Path | None,
    residuals: Path | None,
    known: Any,
    output: Path,
    threads: int,
) -> None:
    """Map the S/N of an image, unless it is given, and list its candidates."""
    from exosift import threads as budget
    from exosift.detect.search import Search
    from exosift.photometry.known import KnownCompanion
    from exosift.settings import parse
    from exosift.steps import detect as step
    from exosift.steps.searching import Products

    there = parse(tuple[KnownCompanion, ...], known, "known")
    with budget.limit(threads):
        products = Products(image, snr, sequence, residuals)
        step.run(products, parse(Search, search, "search"), there, output)
