"""Commands of supervised detection: to draw samples, to teach, to predict."""

from pathlib import Path
from typing import Any

import click

from exosift.cli.options import PATH, YAML, memory_given, on_threads, option
from exosift.errors import BadInput

_LEARNING = "Classifier, protocol, patches, samples."
_KNOWN = "Known companions, by target or target/epoch."


@click.command()
@click.argument("sequences", type=PATH, nargs=-1, required=True)
@option("--learning", type=YAML, default="{}", help=_LEARNING)
@option("--known", type=YAML, default="{}", help=_KNOWN)
@click.option("--among", type=click.IntRange(1), help="How many teach together, drawn elsewhere.")
@option("--output", type=PATH, help="Folder for samples.zarr, the labelled patches.")
@memory_given
@on_threads
def sample(
    sequences: tuple[Path, ...],
    learning: Any,
    known: Any,
    among: int | None,
    output: Path,
    memory: float | None,
    threads: int,
) -> None:
    """Draw labelled patches of sequences, for classifiers to learn from."""
    from exosift import threads as budget
    from exosift.learn.learning import Learning
    from exosift.photometry.known import KnownCompanion
    from exosift.settings import parse
    from exosift.steps import sample as step

    there = parse(dict[str, tuple[KnownCompanion, ...]], known, "known")
    with budget.limit(threads):
        asked = parse(Learning, learning, "learning")
        step.run(sequences, asked, there, output, among, memory)


@click.command()
@click.argument("sequence", type=PATH)
@click.option("--star", "stars", type=PATH, multiple=True, help="Sequence that teaches, too.")
@click.option(
    "--samples", type=PATH, multiple=True, help="Store of `exosift sample` that teaches instead."
)
@option("--learning", type=YAML, default="{}", help=_LEARNING)
@option("--known", type=YAML, default="{}", help=_KNOWN)
@option("--output", type=PATH, help="Folder for model.npz and its card.")
@memory_given
@on_threads
def learn(
    sequence: Path,
    stars: tuple[Path, ...],
    samples: tuple[Path, ...],
    learning: Any,
    known: Any,
    output: Path,
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
        if not samples:
            step.run(sequence, stars, asked, there, output, memory)
        elif stars:
            raise BadInput("--samples: they say whose they are, so give no --star")
        else:
            step.run_from(sequence, samples, asked, there, output, memory)


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
