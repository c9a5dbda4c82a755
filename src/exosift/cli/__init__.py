"""The command line: every sub-command is a step of the workflow, and works by hand.

Imports of the steps wait until one is called, so that `exosift --help` answers at once.
"""

import click

from exosift import __version__
from exosift.cli import alarms, companions, data, frames, images, judging, learning, survey
from exosift.cli.options import Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """From high-contrast-imaging sequences to exoplanet candidates.

    Snakemake calls these steps; each also works by hand. Options that take YAML accept text such
    as '{model: {kind: pca, ranks: [5, 10]}}', or @FILE.
    """


for _command in (
    data.fetch,
    data.simulate,
    data.ingest,
    frames.calibrate,
    frames.register,
    images.subtract,
    images.ranks,
    images.invert,
    images.detect,
    judging.find_limits,
    judging.judge,
    judging.find_roc,
    judging.challenge,
    alarms.score_nulls,
    alarms.certify,
    companions.measure_companions,
    learning.sample,
    learning.learn,
    learning.predict,
    survey.report,
    survey.catalogue,
    survey.verify,
    survey.crate,
    survey.schema,
):
    main.add_command(_command)
