"""Figures of companions: their posterior as a corner plot, and the image without them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from exosift.characterise.request import Characterised
from exosift.report.figures import dark_figure
from exosift.types import Floats

_NAMES = ("separation [mas]", "position angle [deg]", "flux")


def corner_figure(found: Sequence[Characterised], scale: float, title: str) -> Figure:
    """Each companion's posterior, pair by pair, the least of the merit marked; scale [mas/px]."""
    count = len(found)
    if not found:
        return _nothing(title)
    figure = Figure(figsize=(6.0, 6.0 * count), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9, x=0.02, ha="left", parse_math=False)
    parts = figure.subfigures(count, 1, squeeze=False)[:, 0]
    for part, one in zip(parts, found, strict=True):
        axes = part.subplots(3, 3)
        if one.posterior is None:
            for each in axes.ravel():
                each.set_visible(False)
            axes[1, 1].set_visible(True)
            axes[1, 1].set_axis_off()
            axes[1, 1].text(0.5, 0.5, "no posterior was asked for", ha="center")
            continue
        units = np.array([scale, 1.0, 1.0])
        _corner(axes, one.posterior.draws * units, one.best.place * units)
    return figure


def _nothing(title: str) -> Figure:
    """A figure that says that there is nothing."""
    figure = dark_figure((6.0, 1.5), title)
    figure.text(0.5, 0.4, "no companion was measured", color="w", ha="center")
    return figure


def _corner(axes: np.ndarray, draws: Floats, best: Floats) -> None:
    """Histograms on the diagonal, densities below it."""
    ends = np.percentile(draws, [0.3, 99.7], axis=0)
    for row in range(3):
        for column in range(3):
            here: Axes = axes[row, column]
            if column > row:
                here.set_visible(False)
                continue
            here.axvline(best[column], color="C3", lw=0.8)
            if column == row:
                own = draws[:, row]
                here.hist(own, bins=40, range=tuple(ends[:, row]), histtype="step", color="C0")
                middle, spread = own.mean(), own.std()
                here.set_title(f"{middle:.5g} ± {spread:.2g}", fontsize=8)
            else:
                reach = [tuple(ends[:, column]), tuple(ends[:, row])]
                here.hist2d(draws[:, column], draws[:, row], bins=40, range=reach, cmap="Blues")
                here.axhline(best[row], color="C3", lw=0.8)
            here.tick_params(labelsize=6, rotation=30)
            here.set_yticks([] if column else here.get_yticks())
            here.set(xlim=ends[:, column])
            if column < row:
                here.set(ylim=ends[:, row])
            if row == 2:
                here.set_xlabel(_NAMES[column], fontsize=7)
            if column == 0 and row:
                here.set_ylabel(_NAMES[row], fontsize=7)


def before_and_after_figure(found: Sequence[Characterised], title: str) -> Figure:
    """The residual image with each companion, and once it is taken out of the frames."""
    count = len(found)
    if not found:
        return _nothing(title)
    figure = dark_figure((8.0, 4.2 * count), title)
    for number, one in enumerate(found):
        limit = float(np.nanpercentile(np.abs(one.field.image), 99.5)) or 1.0
        for column, image in enumerate((one.field.image, one.clean.image)):
            height = 0.94 / count
            box = (0.01 + 0.5 * column, 0.01 + height * (count - 1 - number), 0.48, height - 0.02)
            axes = figure.add_axes(box)
            axes.imshow(
                np.ma.masked_invalid(image),
                origin="lower",
                vmin=-limit,
                vmax=limit,
                cmap="viridis",
                interpolation="nearest",
            )
            axes.set(xticks=[], yticks=[])
            x, y = one.best.negative.corridor.place
            axes.plot(x, y, "o", ms=16, mfc="none", mec="w", mew=0.8)
    return figure
