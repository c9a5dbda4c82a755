"""The command line: every sub-command is a step of the workflow, and works by hand.

Imports of the steps wait until one is called, so that `exosift --help` answers at once.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from exosift import __version__
from exosift.errors import ExosiftError


class _Group(click.Group):
    """Turns the four errors into one line and their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ExosiftError as error:
            click.echo(f"exosift {ctx.invoked_subcommand}: {error.status}: {error}", err=True)
            sys.exit(error.exit_code)


class _Yaml(click.ParamType[Any]):
    """YAML or JSON text, or @FILE."""

    name = "YAML"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        import yaml

        try:
            return yaml.safe_load(Path(value[1:]).read_text() if value[:1] == "@" else value)
        except OSError as error:
            self.fail(str(error), param, ctx)
        except yaml.YAMLError as error:
            self.fail(f"not YAML: {' '.join(str(error).split())}", param, ctx)


Function = TypeVar("Function", bound=Callable[..., Any])

_PATH = click.Path(path_type=Path)
_LICENSE = "https://spdx.org/licenses/CC-BY-4.0"
_YAML = _Yaml()


def _option(*declared: str, **more: Any) -> Callable[[Function], Function]:
    return click.option(*declared, required="default" not in more, **more)


_threads = click.option("--threads", default=1, show_default=True, help="Threads to use.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """From high-contrast-imaging sequences to exoplanet candidates.

    Snakemake calls these steps; each also works by hand. Options that take YAML accept text such
    as '{model: {kind: pca, ranks: [5, 10]}}', or @FILE.
    """


@main.command()
@click.argument("name")
@_option("--output", type=_PATH, help="Where to put it.")
def fetch(name: str, output: Path) -> None:
    """Get a public file, checked by its SHA-256."""
    from exosift.steps import fetch as step

    step.run(name, output)


@main.command()
@_option("--scene", type=_YAML, default="{}", help="Telescope, sky and noise.")
@_option("--companions", type=_YAML, default="[]", help="List of companions.")
@_option("--name", default="simulated/1", help="target/epoch; each has its own speckles.")
@_option("--archive", type=_YAML, default="", help="Targets, cameras, nights: raw files instead.")
@_option("--population", type=_YAML, default="", help="Many stars as sequences, not files.")
@_option("--fold", type=_YAML, default="{}", help="Some of them alone: number, of so many folds.")
@_option("--seed", type=int, default=0, help="Of everything random.")
@_option("--output", type=_PATH, help="Folder for FITS files and truth; or raw files; or stars.")
@_threads
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


@main.command()
@click.argument("folders", type=_PATH, nargs=-1, required=True)
@_option("--instruments", type=_YAML, default="{}", help="Your own, by name, as in the config.")
@_option("--output", type=_PATH, help="The table to write, such as frames.ecsv.")
@_option("--observations", type=_PATH, default=None, help="Write the workflow's table, too.")
@_threads
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


@main.command()
@click.argument("frames", type=_PATH)
@_option("--observation", help="Which one of the table's: target/epoch.")
@_option("--recipe", type=_YAML, default="{}", help="What is done to the frames.")
@_option("--instruments", type=_YAML, default="{}", help="Your own, by name, as in the config.")
@_option("--output", type=_PATH, help="The Zarr store to write.")
@_threads
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


@main.command()
@_option("--observation", type=_YAML, help="A row of the observations table.")
@_option("--registration", type=_YAML, default="{}", help="How the star is found, what is kept.")
@_option("--calibrated", type=_PATH, default=None, help="Frames of `exosift calibrate`, if raw.")
@_option("--instruments", type=_YAML, default="{}", help="Your own, by name, as in the config.")
@_option("--output", type=_PATH, help="The Zarr store to write.")
@_threads
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


@main.command()
@click.argument("sequence", type=_PATH)
@_option("--reduction", type=_YAML, help="PSF model, regions, references.")
@click.option("--star", "stars", type=_PATH, multiple=True, help="A reference star's sequence.")
@_option("--output", type=_PATH, help="Folder for residuals and image.")
@_option("--memory", type=float, default=None, help="MB to use; what needs more stays on disk.")
@_threads
def subtract(
    sequence: Path,
    reduction: Any,
    stars: tuple[Path, ...],
    output: Path,
    memory: float | None,
    threads: int,
) -> None:
    """Subtract the star from a sequence; derotate and combine."""
    from exosift import threads as budget
    from exosift.psfsub.catalogue import Reduction
    from exosift.settings import parse
    from exosift.steps import subtract as step

    with budget.limit(threads):
        step.run(sequence, stars, parse(Reduction, reduction, "reduction"), output, memory)


@main.command()
@click.argument("sequence", type=_PATH)
@_option("--reduction", type=_YAML, help="PSF model, with the ranks to try.")
@click.option("--star", "stars", type=_PATH, multiple=True, help="A reference star's sequence.")
@_option("--place", type=_YAML, help="separation [mas]; position_angle [deg], or flux and count.")
@_threads
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


@main.command()
@click.argument("sequence", type=_PATH)
@_option("--inversion", type=_YAML, help="Inverse method.")
@_option("--output", type=_PATH, help="Folder for maps of flux, error and S/N.")
@_threads
def invert(sequence: Path, inversion: Any, output: Path, threads: int) -> None:
    """Map the flux of a companion at every place of a sequence, with its error."""
    from exosift import threads as budget
    from exosift.inverse.andromeda import Andromeda
    from exosift.settings import parse
    from exosift.steps import invert as step

    with budget.limit(threads):
        step.run(sequence, parse(Andromeda, inversion, "inversion"), output)


@main.command("limits")
@click.argument("sequence", type=_PATH)
@_option("--reduction", type=_YAML, help="PSF model, regions, references.")
@click.option("--star", "stars", type=_PATH, multiple=True, help="A reference star's sequence.")
@_option("--limits", "asked", type=_YAML, default="{}", help="Separations, fpf, completeness, …")
@_option("--known", type=_YAML, default="[]", help="Companions that are known: list of places.")
@_option("--output", type=_PATH, help="Folder for tables and figures.")
@_threads
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
    from exosift.steps.judge import parsed

    given = parse(dict[str, dict[str, Any]], methods, "methods")
    tried = {name: parsed(one, f"methods.{name}") for name, one in given.items()}
    there = parse(dict[str, tuple[KnownCompanion, ...]], known, "known")
    return tried, parse(Comparison, asked, "roc"), there


@main.command()
@click.argument("sequences", type=_PATH, nargs=-1, required=True)
@_option("--methods", type=_YAML, help="Reductions, or inversions with their kind, by name.")
@_option("--roc", "asked", type=_YAML, default="{}", help="Bins, injections, nulls, reference, …")
@_option("--known", type=_YAML, default="{}", help="Known companions, by target or target/epoch.")
@_option("--output", type=_PATH, help="The file of trials to write, .npz.")
@_threads
def judge(
    sequences: tuple[Path, ...], methods: Any, asked: Any, known: Any, output: Path, threads: int
) -> None:
    """Map companions put into sequences, and null frames, by every method; roc joins the trials."""
    from exosift import threads as budget
    from exosift.steps import judge as step

    with budget.limit(threads):
        step.run(sequences, *_comparison(methods, asked, known), output)


@main.command("roc")
@click.argument("sources", type=_PATH, nargs=-1, required=True)
@_option("--methods", type=_YAML, help="Reductions, or inversions with their kind, by name.")
@_option("--roc", "asked", type=_YAML, default="{}", help="Bins, injections, nulls, reference, …")
@_option("--known", type=_YAML, default="{}", help="Known companions, by target or target/epoch.")
@_option("--output", type=_PATH, help="Folder for tables and figures.")
@_threads
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


@main.command()
@click.argument("folder", type=_PATH)
@_option("--reduction", type=_YAML, help="PSF model, regions, references; or an inversion.")
@_option("--map", "made", type=click.Choice(["snr", "matched", "stim"]), default="snr")
@_option("--rank", type=int, default=None, help="Which, of a reduction of several.")
@_option("--threshold", type=float, default=5.0, show_default=True, help="Of the detection map.")
@_option("--truth", type=_PATH, default=None, help="Folder with the positions of injections.")
@_option("--output", type=_PATH, help="Folder for detection maps and scores.")
@_threads
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


@main.command("characterise")
@click.argument("sequence", type=_PATH)
@_option("--reduction", type=_YAML, help="PSF model, regions, references.")
@click.option("--star", "stars", type=_PATH, multiple=True, help="A reference star's sequence.")
@_option("--companion", "known", type=_YAML, default="[]", help="One place, or a list of them.")
@_option("--candidates", type=_PATH, default=None, help="Table whose strong ones are measured.")
@_option("--characterise", "asked", type=_YAML, default="{}", help="Merit, sampling, errors, …")
@_option("--output", type=_PATH, help="Folder for the table and figures.")
@_threads
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


@main.command()
@click.argument("image", type=_PATH)
@_option("--search", type=_YAML, default="{}", help="What counts as a candidate.")
@_option("--snr", type=_PATH, default=None, help="S/N map to search, of standard normal noise.")
@_option("--sequence", type=_PATH, default=None, help="Its store, for the maps that need it.")
@_option("--residuals", type=_PATH, default=None, help="Their store, for the map stim.")
@_option("--known", type=_YAML, default="[]", help="Known companions: separation, position_angle.")
@_option("--output", type=_PATH, help="Folder for maps, candidates and picture.")
@_threads
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


@main.command("nulls")
@click.argument("sequence", type=_PATH)
@_option("--method", type=_YAML, help="Reduction, or inversion with its kind.")
@click.option("--star", "stars", type=_PATH, multiple=True, help="A reference star's sequence.")
@_option("--search", type=_YAML, default="{}", help="What counts as a candidate.")
@_option("--certify", "asked", type=_YAML, default="{}", help="Kinds and count of null frames, …")
@_option("--known", type=_YAML, default="[]", help="Known companions; with their flux, taken out.")
@_option("--output", type=_PATH, help="Folder for nulls.ecsv.")
@_threads
def score_nulls(
    sequence: Path, stars: tuple[Path, ...], output: Path, threads: int, **given: Any
) -> None:
    """Score null frames, at angles where no companion adds up, as candidates are scored."""
    from exosift import threads as budget
    from exosift.detect.search import Search
    from exosift.learn.request import Certify
    from exosift.photometry.known import KnownCompanion
    from exosift.settings import parse
    from exosift.steps import nulls as step
    from exosift.steps.judge import parsed

    scored = step.Scored(
        parsed(given["method"], "method"),
        parse(Search, given["search"], "search"),
        parse(Certify, given["asked"], "certify"),
        parse(tuple[KnownCompanion, ...], given["known"], "known"),
    )
    with budget.limit(threads):
        step.run(sequence, stars, scored, output)


@main.command()
@click.argument("candidates", type=_PATH)
@_option("--nulls", type=_PATH, help="Scores of null frames of the same star, nulls.ecsv.")
@click.option("--other", "others", type=_PATH, multiple=True, help="nulls.ecsv of another star.")
@_option("--certify", "asked", type=_YAML, default="{}", help="Kinds of null frames, pool, …")
@_option("--output", type=_PATH, help="Folder for table and figure.")
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


@main.command()
@click.argument("config", type=_PATH)
@_option("--results", type=_PATH, default="results", help="Where the products lie.")
@_option("--output", type=_PATH, default="report/index.html", help="The page.")
def report(config: Path, results: Path, output: Path) -> None:
    """Write the page about a run: what was found, what is missing and why."""
    from exosift.config import load
    from exosift.steps import report as step

    told = step.run(load(config), results, output)
    for problem in told.problems:
        part = f" {problem.reduction}" if problem.reduction else ""
        click.echo(f"{problem.observation.label}{part}: {problem.status}: {problem.line}")
    click.echo(
        f"{len(told.observations)} observations: {told.done} done, {told.failed} not finished, "
        f"{told.skipped} with nothing to do"
    )
    click.echo(f"report: {output.resolve()}")


@main.command()
@click.argument("config", type=_PATH)
@_option("--results", type=_PATH, default="results", help="Where the products lie.")
def catalogue(config: Path, results: Path) -> None:
    """List all candidates of a run, and tell which move with their stars: catalogue.ecsv."""
    from exosift.config import load
    from exosift.steps import catalogue as step

    for target, beside in step.run(load(config), results).items():
        for number, one in enumerate(beside.objects, 1):
            if len(one.sources) > 1:
                click.echo(f"{target} {number}: {one.verdict.kind}: {one.verdict.reason}")
    click.echo(f"catalogue: {(results / 'catalogue.ecsv').resolve()}")


@main.command()
@click.argument("results", type=_PATH)
def verify(results: Path) -> None:
    """Check that every product is there and as it was written; name what is not."""
    from exosift.errors import BadInput, Failed
    from exosift.steps import verify as step

    if not results.is_dir():
        raise BadInput(f"{results}: no such folder; give the results of a run")
    checked = step.run(results)
    for line in checked.unfinished:
        click.echo(f"not finished: {line}")
    for line in checked.faults:
        click.echo(line)
    if checked.faults:
        raise Failed(f"{results}: {len(checked.faults)} faults in {checked.products} products")
    click.echo(f"{results}: {checked.products} products are as they were written")


@main.command()
@click.argument("results", type=_PATH)
@_option("--output", type=_PATH, help="Folder, or file ending in .zip.")
@_option("--license", default=_LICENSE, show_default=True, help="Of the data, as an address.")
def crate(results: Path, output: Path, license: str) -> None:
    """Export a run and how it was made as a Workflow Run RO-Crate."""
    from exosift.steps import crate as step

    click.echo(f"{output}: {step.run(results, output, license)} files")


@main.command()
@click.argument("sequence", type=_PATH)
@click.option("--star", "stars", type=_PATH, multiple=True, help="Sequence that teaches, too.")
@_option("--learning", type=_YAML, default="{}", help="Classifier, protocol, patches, samples.")
@_option("--output", type=_PATH, help="Folder for model.npz and its card.")
@_threads
def learn(
    sequence: Path, stars: tuple[Path, ...], learning: Any, output: Path, threads: int
) -> None:
    """Teach a classifier to tell companions from speckles (SODIRF, SODINN)."""
    from exosift import threads as budget
    from exosift.learn.learning import Learning
    from exosift.settings import parse
    from exosift.steps import learn as step

    with budget.limit(threads):
        step.run(sequence, stars, parse(Learning, learning, "learning"), output)


@main.command()
@click.argument("sequence", type=_PATH)
@_option("--model", type=_PATH, help="model.npz, as `exosift learn` wrote it.")
@_option("--output", type=_PATH, help="Folder for margin.fits and probability.fits.")
@_threads
def predict(sequence: Path, model: Path, output: Path, threads: int) -> None:
    """Map what a taught classifier says of every place of a sequence."""
    from exosift import threads as budget
    from exosift.steps import predict as step

    with budget.limit(threads):
        step.run(sequence, model, output)


@main.command()
@_option("--output", type=_PATH, default="workflow/schemas/config.schema.json", help="File.")
def schema(output: Path) -> None:
    """Export the JSON schema of the configuration."""
    import json

    from exosift.config import schema as exported
    from exosift.io.atomic import whole

    with whole(output) as partial:
        partial.write_text(json.dumps(exported(), indent=2) + "\n")
