"""The report page: a run as one HTML file that needs nothing but the figures beside it."""

import math
from collections.abc import Sequence
from functools import cache
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from exosift.report import notation
from exosift.report.summary import RunSummary
from exosift.report.targets import TargetSummary

# So many observations are told on the page about the run itself; more are on their targets' alone.
_INLINE = 16


def render(run: RunSummary, targets: Sequence[TargetSummary] = ()) -> str:
    """The page `index.html` as text; figures stay files, named relative to it."""
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            run=run,
            targets=targets,
            linked=[target for target in targets if target.linked],
            pages={target.name: target.page for target in targets},
            inline=len(run.observations) <= _INLINE or not targets,
        )
    )


def render_target(target: TargetSummary, run: RunSummary) -> str:
    """The page of one target as text, to lie beside the index."""
    return environment().get_template("target.html.j2").render(target=target, run=run)


@cache
def environment() -> Environment:
    """The templates, with the names and units that they may use."""
    environment = Environment(
        loader=PackageLoader("exosift.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["finite"] = math.isfinite
    environment.filters.update(
        decimal=notation.decimal,
        separation=notation.separation,
        angle=notation.angle,
        position_angle=notation.position_angle,
        fraction=notation.fraction,
        address=_address,
        plural=_plural,
    )
    return environment


def _address(path: str) -> str:
    """A relative path as a URL: targets are called `HD 95086` and `2M1207#2`."""
    return quote(path, safe="/")


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
