"""Commands that count false alarms on null frames."""

from pathlib import Path
from typing import Any

import click

from exosift.cli.options import PATH, YAML, memory_given, on_threads, option


@click.command("nulls")
@click.argument("sequence", type=PATH)
@option("--method", type=YAML, default=None, help="Reduction, or inversion with its kind.")
@option("--model", type=PATH, default=None, help="Of a classifier instead: its model.npz.")
@click.option("--star", "stars", type=PATH, multiple=True, help="A reference star's sequence.")
@option("--search", type=YAML, default="{}", help="What counts as a candidate.")
@option("--certify", "asked", type=YAML, default="{}", help="Kinds and count of null frames, …")
@option("--known", type=YAML, default="[]", help="Known companions; with their flux, taken out.")
@option("--output", type=PATH, help="Folder for nulls.ecsv.")
@memory_given
@on_threads
def score_nulls(
    sequence: Path,
    stars: tuple[Path, ...],
    model: Path | None,
    output: Path,
    memory: float | None,
    threads: int,
    **given: Any,
) -> None:
    """Score null frames, at angles where no companion adds up, as candidates are scored."""
    from exosift import threads as budget
    from exosift.detect.search import Search
    from exosift.errors import BadInput
    from exosift.learn.request import Certify
    from exosift.photometry.known import KnownCompanion
    from exosift.settings import parse
    from exosift.steps import nulls as step
    from exosift.steps.judge import parsed

    if (given["method"] is None) == (model is None):
        raise BadInput(
            "give either --method, of a reduction or inversion, or a classifier's --model"
        )
    scored = step.Scored(
        step.taught_in(model) if model else parsed(given["method"], "method"),
        parse(Search, given["search"], "search"),
        parse(Certify, given["asked"], "certify"),
        parse(tuple[KnownCompanion, ...], given["known"], "known"),
    )
    with budget.limit(threads):
        step.run(sequence, stars, scored, output, model, memory)


@click.command()
@click.argument("candidates", type=PATH)
@option("--nulls", type=PATH, help="Scores of null frames of the same star, nulls.ecsv.")
@click.option("--other", "others", type=PATH, multiple=True, help="nulls.ecsv of another star.")
@option("--certify", "asked", type=YAML, default="{}", help="Kinds of null frames, pool, …")
@option("--output", type=PATH, help="Folder for table and figure.")
def certify(
    candidates: Path, nulls: Path, others: tuple[Path, ...], asked: Any, output: Path
) -> None:
    """Count the false alarms of candidates: conformal p-values from null frames."""
    from exosift.learn.request import Certify
    from exosift.settings import parse
    from exosift.steps import certify as step

    for row in step.run(candidates, nulls, others, parse(Certify, asked, "certify"), output):
        place = f"{row['separation']:.0f} mas, {row['position_angle']:.1f}°"
        click.echo(f"{place}: false alarm {row['said']} ({row['nulls']})")
