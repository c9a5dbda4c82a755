"""Which frames were kept and why not the others: every measure, and where the star was."""

import textwrap
from dataclasses import fields

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exosift.calib.selection import Measures
from exosift.compute.registration import Placed
from exosift.report.annotations import INK
from exosift.report.figures import dark_figure

_KEPT, _DROPPED, _MUTED = "#8fb8ff", "#ff7a59", "#b9bdc6"
_LINES, _WIDE = 8, 60  # of the reasons
_NAMES = {"core": "core / halo", "fwhm": "FWHM [px]", "flux": "flux", "position": "position [px]"}


def selection_figure(placed: Placed, title: str) -> Figure:
    """Measures of every frame in their order, those dropped marked, and the star's places."""
    names = [] if placed.selected is None else [field.name for field in fields(Measures)]
    panels = [*names, "star", *(["dropped"] if names and not placed.kept.all() else [])]
    columns = 2 if len(panels) > 1 else 1
    rows = -(-len(panels) // columns)
    height = 0.8 + 1.7 * rows
    figure = dark_figure((9.0, height), title)
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=0.09, right=0.98, top=1 - 0.55 / height, bottom=0.5 / height, wspace=0.22, hspace=0.45
    )
    for axes, name in zip(grid.ravel(), panels, strict=False):
        _ground(axes)
        if name == "star":
            _places(axes, placed)
        elif name == "dropped":
            _dropped(axes, placed)
        else:
            values = np.full(placed.kept.size, np.nan)
            assert placed.selected is not None  # or there were no names
            values[placed.judged] = getattr(placed.selected.measures, name)
            _series(axes, values, placed)
            axes.set_ylabel(_NAMES.get(name, name), color=INK, fontsize=9)
    for axes in grid.ravel()[len(panels) :]:
        axes.set_visible(False)
    return figure


def _dropped(axes: Axes, placed: Placed) -> None:
    """Which frames were dropped and why, as many as there is room for."""
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel("frames dropped, and why", color=_MUTED, fontsize=8)
    numbers = np.flatnonzero(~placed.kept)
    lines = [
        textwrap.shorten(f"{n}: {placed.reasons[n]}", _WIDE, placeholder=" …") for n in numbers
    ]
    if len(lines) > _LINES:
        more = f"… and {len(lines) - _LINES + 1} more: selection.ecsv"
        lines = [*lines[: _LINES - 1], more]
    for row, line in enumerate(lines):
        place = (0.025, 1 - (row + 0.5) / _LINES)
        axes.text(*place, line, transform=axes.transAxes, color=INK, fontsize=7.5, va="center")


def _ground(axes: Axes) -> None:
    """The dark ground of the report's figures."""
    axes.set_facecolor("#171b24")
    axes.tick_params(colors=_MUTED, labelsize=8)
    for spine in axes.spines.values():
        spine.set_color("#3a404d")


def _series(axes: Axes, values: np.ndarray, placed: Placed) -> None:
    """One measure, frame by frame."""
    frame = np.arange(values.size)
    for chosen, colour, marker in ((placed.kept, _KEPT, "."), (~placed.kept, _DROPPED, "x")):
        axes.plot(frame[chosen], values[chosen], marker, color=colour, markersize=5)
    axes.set_xlabel("frame", color=_MUTED, fontsize=8)


def _places(axes: Axes, placed: Placed) -> None:
    """Where the star was in the frames as they came, about its median."""
    off = placed.star - np.nanmedian(placed.star, axis=0)
    for chosen, colour, marker in ((placed.kept, _KEPT, "."), (~placed.kept, _DROPPED, "x")):
        axes.plot(*off[chosen].T, marker, color=colour, markersize=5)
    axes.set_xlabel("star, x [px] from its median", color=_MUTED, fontsize=8)
    axes.set_ylabel("y [px]", color=INK, fontsize=9)
    axes.set_aspect("equal", adjustable="datalim")
