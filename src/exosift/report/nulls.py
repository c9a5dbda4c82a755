"""The figure of null frames: what each score is told as, and whether stars are alike."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from exosift.learn.conformal import NullScores
from exosift.limits.nulls import effective_number
from exosift.report.calibration import band
from exosift.types import Floats


def nulls_figure(
    nulls: Mapping[str, NullScores],
    own: Mapping[str, Floats],
    others: Mapping[str, Floats],
    reached: Sequence[float],
    title: str,
) -> Figure:
    """A row a kind of null frames: p by score, and where there are other stars, their own p-values.

    nulls: what tells; own and others: scores (frame,) of the star's null frames and of other
    stars', the latter empty where there are none; reached: the candidates' scores.
    """
    columns = 2 if any(values.size for values in others.values()) else 1
    size = 4.2 * columns, 0.7 + 2.6 * len(own)
    figure = Figure(figsize=size, dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9, parse_math=False)
    grid = figure.subplots(len(own), columns, squeeze=False)
    for row, (kind, scores) in zip(grid, own.items(), strict=True):
        _told(row[0], nulls[kind], reached)
        if columns == 2:
            _alike(row[1], scores, others[kind])
    return figure


def _told(axes: Axes, nulls: NullScores, reached: Sequence[float]) -> None:
    """p by score, the least that is told, and the candidates."""
    ends = np.append(nulls.maxima, np.asarray(reached))
    score = np.linspace(ends.min() - 0.2, ends.max() + 0.2, 500)
    label = f"{nulls.maxima.size} {nulls.kind} null frames"
    axes.plot(score, nulls.p(score), lw=1, label=label)
    least = f"least told: {nulls.effective:.1f} independent"
    axes.axhline(nulls.least, color="0.5", lw=0.8, ls=":", label=least)
    for place in reached:
        axes.axvline(place, color="C3", lw=0.8, ls="--")
    axes.set(yscale="log", ylim=(0.5 * nulls.resolution, 1.3), xlabel="score", ylabel="p")
    axes.legend(frameon=False, fontsize=7)


def _alike(axes: Axes, scores: Floats, others: Floats) -> None:
    """The star's null frames told by other stars'; the band is that of independent ones."""
    if not others.size:
        axes.set_axis_off()
        return
    p = np.sort(NullScores("others", others, others.size).p(scores))
    band(axes, max(2, int(effective_number(scores))))
    axes.step(p, np.arange(1, p.size + 1) / p.size, where="post", lw=1)
    axes.set(xlabel="p, told by other stars", ylabel="share of this star's null frames")
