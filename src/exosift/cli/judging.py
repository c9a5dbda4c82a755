"""Commands that say what could have been seen, and how methods compare."""

from pathlib import Path
from typing import Any

import click

from exosift.cli.options import PATH, YAML, on_threads, option

_METHODS = "By name: reductions, inversions with their kind, learning with its classifier."


@click.command("limits")
@click.argument("sequence", type=PATH)
@option("--reduction", type=YAML, help="PSF model, regions, references.")
@click.option("--star", "stars", type=PATH, multiple=True, help="A reference star's sequence.")
@option("--limits", "asked", type=YAML, default="{}", help="Separations, fpf, completeness, …")
@option("--known", type=YAML, default="[]", help="Companions that are known: list of places.")
@option("--output", type=PATH, help="Folder for tables and figures.")
@on_threads
def find_limits(
    sequence: Path,
    reduction: Any,
    stars: tuple[Path, ...],
    asked: Any,
    known: Any,
    output: Path,
    threads: int,
) -> None:
    """Tell what a reduction could have seen: contrast curves and completeness, by injection."""
    from exosift import threads as budget
    from exosift.limits.request import Limits
    from exosift.photometry.known import KnownCompanion
    from exosift.psfsub.catalogue import Reduction
    from exosift.settings import parse
    from exosift.steps import limits as step

    with budget.limit(threads):
        tried = parse(Reduction, reduction, "reduction")
        there = parse(tuple[KnownCompanion, ...], known, "known")
        step.run(sequence, stars, tried, parse(Limits, asked, "limits"), there, output)


def _comparison(methods: Any, asked: Any, known: Any) -> tuple[Any, Any, Any]:
    """Methods by name, what is asked of them, and companions that are known."""
    from exosift.limits.comparison import Comparison
    from exosift.photometry.known import KnownCompanion
    from exosift.settings import parse
    from exosift.steps.judge import judgeable

    given = parse(dict[str, dict[str, Any]], methods, "methods")
    tried = {name: judgeable(one, f"methods.{name}") for name, one in given.items()}
    there = parse(dict[str, tuple[KnownCompanion, ...]], known, "known")
    return tried, parse(Comparison, asked, "roc"), there


@click.command()
@click.argument("sequences", type=PATH, nargs=-1, required=True)
@option("--methods", type=YAML, help=_METHODS)
@option("--roc", "asked", type=YAML, default="{}", help="Bins, injections, nulls, reference, …")
@option("--known", type=YAML, default="{}", help="Known companions, by target or target/epoch.")
@option(
    "--model",
    "models",
    metavar="NAME=FILE",
    multiple=True,
    default=(),
    help="Of a classifier, by other stars; each star has the first that has not learnt from it.",
)
@option("--output", type=PATH, help="The file of trials to write, .npz.")
@on_threads
def judge(
    sequences: tuple[Path, ...],
    methods: Any,
    asked: Any,
    known: Any,
    models: tuple[str, ...],
    output: Path,
    threads: int,
) -> None:
    """Map companions put into sequences, and null frames, by every method; roc joins the trials."""
    from exosift import threads as budget
    from exosift.steps import judge as step

    with budget.limit(threads):
        step.run(sequences, *_comparison(methods, asked, known), _files(models), output)


def _files(models: tuple[str, ...]) -> dict[str, tuple[Path, ...]]:
    """Files of models, by their classifiers' names."""
    found: dict[str, tuple[Path, ...]] = {}
    for one in models:
        name, equals, path = one.partition("=")
        if not equals:
            raise click.UsageError(f"--model {one}: expected NAME=FILE")
        found[name] = (*found.get(name, ()), Path(path))
    return found


@click.command("roc")
@click.argument("sources", type=PATH, nargs=-1, required=True)
@option("--methods", type=YAML, help=_METHODS)
@option("--roc", "asked", type=YAML, default="{}", help="Bins, injections, nulls, reference, …")
@option("--known", type=YAML, default="{}", help="Known companions, by target or target/epoch.")
@option("--output", type=PATH, help="Folder for tables and figures.")
@on_threads
def find_roc(
    sources: tuple[Path, ...], methods: Any, asked: Any, known: Any, output: Path, threads: int
) -> None:
    """Compare methods by ROC curves, from sequences, or from trials of them (.npz) by judge."""
    from exosift import threads as budget
    from exosift.steps import roc as step

    with budget.limit(threads):
        told = step.run(sources, *_comparison(methods, asked, known), output)
    for one in told:
        where = (
            f"{one.bounds[0]:g}–{one.bounds[1]:g} FWHM, {one.rate:g} false positives ({one.kind})"
        )
        if one.roc is None:
            click.echo(f"{where}: {one.method}: {one.line}")
        elif one.best:
            ends = f"{one.roc.block_low[0]:.2f}–{one.roc.block_high[0]:.2f}"
            click.echo(f"{where}: {one.method}: TPR {one.roc.tpr[0]:.2f} ({ends})")


@click.command()
@click.argument("folder", type=PATH)
@option("--reduction", type=YAML, help="PSF model, regions, references; or an inversion.")
@option("--map", "made", type=click.Choice(["snr", "matched", "stim"]), default="snr")
@option("--rank", type=int, default=None, help="Which, of a reduction of several.")
@option("--threshold", type=float, default=5.0, show_default=True, help="Of the detection map.")
@option("--truth", type=PATH, default=None, help="Folder with the positions of injections.")
@option("--output", type=PATH, help="Folder for detection maps and scores.")
@on_threads
def challenge(
    folder: Path,
    reduction: Any,
    made: Any,
    rank: int | None,
    threshold: float,
    truth: Path | None,
    output: Path,
    threads: int,
) -> None:
    """Run and score a folder of the Exoplanet Imaging Data Challenge."""
    from exosift import threads as budget
    from exosift.limits.comparison import Contestant
    from exosift.steps import challenge as step
    from exosift.steps.judge import parsed

    method, how = parsed(reduction, "reduction"), Contestant("reduction", made, rank)
    with budget.limit(threads):
        scores = step.run(folder, method, how, threshold, truth, output)
    for name, one in scores.items():
        click.echo(
            f"{name}: {one.found} of {one.injections} found, {one.false} false; TPR {one.tpr:.3f}, "
            f"FPR {one.fpr:.2g}, FDR {one.fdr:.3f}, F1 {one.f1:.3f}"
        )
