"""Commands of supervised detection: to teach, to predict."""

from pathlib import Path
from typing import Any

import click

from exosift.cli.options import PATH, YAML, memory_given, on_threads, option


@click.command()
@click.argument("sequence", type=PATH)
@click.option("--star", "stars", type=PATH, multiple=True, help="Sequence that teaches, too.")
@option("--learning", type=YAML, default="{}", help="Classifier, protocol, patches, samples.")
@option("--known", type=YAML, default="{}", help="Known companions, by target or target/epoch.")
@option("--output", type=PATH, help="Folder for model.npz and its card.")
@click.option(
    "--samples", type=PATH, default=None, help="Folder for the labelled patches, a store a ring."
)
@memory_given
@on_threads
def learn(
    sequence: Path,
    stars: tuple[Path, ...],
    learning: Any,
    known: Any,
    output: Path,
    samples: Path | None,
    memory: float | None,
    threads: int,
) -> None:
    """Teach a classifier to tell companions from speckles (SODIRF, SODINN)."""
    from exosift import threads as budget
    from exosift.learn.learning import Learning
    from exosift.photometry.known import KnownCompanion
    from exosift.settings import parse
    from exosift.steps import learn as step

    there = parse(dict[str, tuple[KnownCompanion, ...]], known, "known")
    with budget.limit(threads):
        asked = parse(Learning, learning, "learning")
        step.run(sequence, stars, asked, there, output, memory, samples)


@click.command()
@click.argument("sequence", type=PATH)
@option("--model", type=PATH, help="model.npz, as `exosift learn` wrote it.")
@option("--output", type=PATH, help="Folder for margin.fits and probability.fits.")
@memory_given
@on_threads
def predict(sequence: Path, model: Path, output: Path, memory: float | None, threads: int) -> None:
    """Map what a taught classifier says of every place of a sequence."""
    from exosift import threads as budget
    from exosift.steps import predict as step

    with budget.limit(threads):
        step.run(sequence, model, output, memory)
