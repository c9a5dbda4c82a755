"""Figures of trainings: how the loss fell, annulus by annulus."""

from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from exosift.learn.network import Curve

_COLUMNS = 4


def training_figure(curves: Mapping[str, Curve], title: str) -> Figure:
    """Losses by epoch, a panel a curve under its name; the epoch that was kept is marked.

    Where the loss on azimuths left out rises while that on the samples falls, the network learns
    its samples by heart: that is where training ends.
    """
    columns = min(_COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    size = 0.8 + 2.4 * columns, 0.6 + 2.0 * rows
    figure = Figure(figsize=size, dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9, parse_math=False)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, (name, curve) in zip(panels.ravel(), curves.items(), strict=False):
        epoch = 1 + np.arange(curve.training.size)
        axes.plot(epoch, curve.training, ".-", ms=3, lw=1, label="learned from")
        axes.plot(epoch, curve.validation, ".-", ms=3, lw=1, label="azimuths left out")
        axes.axvline(1 + curve.kept, color="0.4", lw=1, ls="--", label="kept")
        axes.set_title(name, fontsize=8, parse_math=False)
        axes.grid(alpha=0.25)
        axes.tick_params(labelsize=7)
    for axes in panels.ravel()[len(curves) :]:
        axes.set_visible(False)
    for row in panels:
        row[0].set_ylabel("cross-entropy", fontsize=8)
    for axes in panels[-1]:
        axes.set_xlabel("epoch", fontsize=8)
    panels[0, 0].legend(frameon=False, fontsize=7)
    return figure
