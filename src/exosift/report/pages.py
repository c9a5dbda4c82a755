"""The report page: a run as one HTML file that needs nothing but the figures beside it."""

import math
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from exosift.report import notation
from exosift.report.summary import RunSummary


def render(run: RunSummary) -> str:
    """The page `index.html` as text; figures stay files, named relative to it."""
    return environment().get_template("index.html.j2").render(run=run)


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
