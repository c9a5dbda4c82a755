"""How the objects beside a star move: separation and position angle by time, and the background."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from exosift.survey.motion import Sky
from exosift.survey.verdict import Linked
from exosift.types import Floats

# So many objects are told apart by colour.
_SHOWN = 8


def motion_figure(objects: Sequence[Linked], mjd: Floats, sky: Sky, title: str) -> Figure:
    """Places of every object with their errors, and where each would have gone from the first of
    them as a background star (dashed).

    sky: of the times mjd (time,), which should be many and cover the epochs.
    """
    figure = Figure(figsize=(9.0, 3.9), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9, x=0.01, ha="left", parse_math=False)
    for column, name in enumerate(("separation [mas]", "position angle [deg]")):
        axes = figure.add_subplot(1, 2, column + 1)
        axes.set(xlabel="year", ylabel=name)
        axes.grid(alpha=0.25)
        for number, one in enumerate(objects[:_SHOWN], 1):
            _draw(axes, column, number, one, (mjd, sky))
        for one in objects[_SHOWN:]:
            _points(axes, column, one, "0.6")
        if not column:
            axes.legend(frameon=False, fontsize=8)
    return figure


def _draw(axes: Axes, column: int, number: int, one: Linked, curve: tuple[Floats, Sky]) -> None:
    """One object's points, and its track as a background star from where it was first."""
    colour = f"C{number - 1}"
    kind = one.verdict.kind
    label = f"{number}: {kind}"
    _points(axes, column, one, colour, label)
    mjd, sky = curve
    if sky.passed is None or len(one.sources) < 2:
        return
    first = one.sources[0]
    passed = [np.interp(first.epoch.mjd, mjd, axis) for axis in sky.passed.T]
    track = first.offset + sky.passed - passed
    values = np.hypot(*track.T)
    if column:
        angle = np.degrees(np.arctan2(track[:, 0], track[:, 1]))
        values = _near(angle, first.position_angle[0])
    axes.plot(years(mjd), values, "--", color=colour, lw=1, alpha=0.8)


def _points(axes: Axes, column: int, one: Linked, colour: str, label: str = "") -> None:
    pairs = [(s.separation, s.position_angle)[column] for s in one.sources]
    value, error = np.array(pairs).T
    if column:
        value = _near(value, float(value[0]))
    time = years(np.array([s.epoch.mjd for s in one.sources]))
    axes.errorbar(time, value, error, fmt="o", ms=4, capsize=2, lw=1, color=colour, label=label)


def _near(angle: Floats, middle: float) -> Floats:
    """Angles [deg] within half a turn of one in the middle."""
    return np.asarray((angle - middle + 180) % 360 - 180 + middle)


def years(mjd: Floats) -> Floats:
    """Julian epochs of times (MJD)."""
    return np.asarray(2000 + (mjd - 51544.5) / 365.25)
