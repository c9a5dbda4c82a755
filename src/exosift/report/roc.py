"""Figures of ROC curves, and of the Data Challenge's scores by threshold."""

from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from exosift.limits.challenge import Areas, Score
from exosift.limits.roc import Verdict
from exosift.report.lines import legend, styles
from exosift.types import Floats


def roc_figure(verdicts: Sequence[Verdict], title: str) -> Figure:
    """TPR against false positives a frame: a row a kind of null, a column a bin, a line a method.

    Bands are the intervals from resampled azimuth blocks; curves begin at the rarest rate that the
    nulls tell.
    """
    kinds = list(dict.fromkeys(one.kind for one in verdicts))
    bins = list(dict.fromkeys(one.bounds for one in verdicts))
    drawn = styles(list(dict.fromkeys(one.method for one in verdicts)))
    faint = min(0.2, 0.8 / len(drawn))  # bands of many methods lie upon each other
    size = 1.8 + 3.2 * len(bins), 0.6 + 2.8 * len(kinds)
    figure = Figure(figsize=size, dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9, parse_math=False)
    axes = figure.subplots(len(kinds), len(bins), squeeze=False, sharex=True, sharey=True)
    for one in verdicts:
        here = axes[kinds.index(one.kind), bins.index(one.bounds)]
        style, curve = drawn[one.method], one.roc
        here.fill_between(
            curve.rate, curve.block_low, curve.block_high, color=style["color"], alpha=faint, lw=0
        )
        here.plot(curve.rate, curve.tpr, marker=".", ms=3, lw=1, **style)
    for row, kind in zip(axes, kinds, strict=True):
        row[0].set_ylabel(f"TPR ({kind} nulls)", fontsize=8)
        for here, bounds in zip(row, bins, strict=True):
            here.set(xscale="log", ylim=(-0.03, 1.03))
            here.set_title(f"{bounds[0]:g}–{bounds[1]:g} FWHM", fontsize=8)
            here.grid(alpha=0.25)
    for here in axes[-1]:
        here.set_xlabel("false positives a frame", fontsize=8)
    legend(figure)
    return figure


def scores_figure(
    thresholds: Floats, scores: Sequence[Score], areas: Areas, submitted: float, title: str
) -> Figure:
    """TPR, FPR and FDR against the threshold, with the one submitted, and the areas below them."""
    figure = Figure(figsize=(7.0, 4.0), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name in ("tpr", "fpr", "fdr"):
        values = np.array([getattr(one, name) for one in scores])
        label = f"{name.upper()}, area {getattr(areas, name):.3f}"
        axes.plot(thresholds, values, ".-", ms=3, label=label)
    axes.axvline(submitted, color="0.4", lw=1, ls="--", label="threshold submitted")
    axes.set(xlabel="threshold", ylim=(0, 1.05))
    axes.set_yscale("symlog", linthresh=1e-3)
    axes.set_title(title, fontsize=9, loc="left", parse_math=False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)
    return figure
