"""Commands about a whole run: its page, catalogue, checks and export."""

from pathlib import Path

import click

from exosift.cli.options import PATH, option

LICENSE = "https://spdx.org/licenses/CC-BY-4.0"


@click.command()
@click.argument("config", type=PATH)
@option("--results", type=PATH, default="results", help="Where the products lie.")
@option("--output", type=PATH, default="report/index.html", help="The page.")
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


@click.command()
@click.argument("config", type=PATH)
@option("--results", type=PATH, default="results", help="Where the products lie.")
def catalogue(config: Path, results: Path) -> None:
    """List all candidates of a run, and tell which move with their stars: catalogue.ecsv."""
    from exosift.config import load
    from exosift.steps import catalogue as step

    for target, beside in step.run(load(config), results).items():
        for number, one in enumerate(beside.objects, 1):
            if len(one.sources) > 1:
                click.echo(f"{target} {number}: {one.verdict.kind}: {one.verdict.reason}")
    click.echo(f"catalogue: {(results / 'catalogue.ecsv').resolve()}")


@click.command()
@click.argument("results", type=PATH)
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


@click.command()
@click.argument("results", type=PATH)
@option("--output", type=PATH, help="Folder, or file ending in .zip.")
@option("--license", default=LICENSE, show_default=True, help="Of the data, as an address.")
def crate(results: Path, output: Path, license: str) -> None:
    """Export a run and how it was made as a Workflow Run RO-Crate."""
    from exosift.steps import crate as step

    click.echo(f"{output}: {step.run(results, output, license)} files")


@click.command()
@option("--output", type=PATH, default="workflow/schemas/config.schema.json", help="File.")
def schema(output: Path) -> None:
    """Export the JSON schema of the configuration."""
    import json

    from exosift.config import schema as exported
    from exosift.io.atomic import whole

    with whole(output) as partial:
        partial.write_text(json.dumps(exported(), indent=2) + "\n")
