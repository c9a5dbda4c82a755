"""Figures of calibration: how often p-values are below each level, against what they say."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import binom

from exosift.learn.calibration import Calibrated
from exosift.report.lines import legend, styles
from exosift.types import Floats


def calibration_figure(found: Sequence[Calibrated], title: str) -> Figure:
    """Share of stars below p against p: a row whose nulls tell, a column a bin, a line a method.

    The band holds 95 % of binomial shares of so many stars.
    """
    kinds = list(dict.fromkeys((one.kind, one.whose) for one in found))
    bins = list(dict.fromkeys(one.bounds for one in found))
    drawn = styles(list(dict.fromkeys(one.method for one in found)))
    size = 1.8 + 3.0 * len(bins), 0.6 + 2.6 * len(kinds)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9, parse_math=False)
    axes = figure.subplots(len(kinds), len(bins), squeeze=False, sharex=True, sharey=True)
    for one in found:
        here = axes[kinds.index((one.kind, one.whose)), bins.index(one.bounds)]
        p = np.sort(one.found.p)
        share = np.arange(1, p.size + 1) / p.size
        here.step(p, share, where="post", lw=1, **drawn[one.method])
    for row, (kind, whose) in zip(axes, kinds, strict=True):
        row[0].set_ylabel(f"share of stars ≤ p\n({kind}, {whose})", fontsize=8)
        for here, bounds in zip(row, bins, strict=True):
            stars = next(
                o.found.p.size
                for o in found
                if (o.kind, o.whose, o.bounds) == (kind, whose, bounds)
            )
            band(here, stars)
            here.set_title(f"{bounds[0]:g}–{bounds[1]:g} FWHM", fontsize=8)
    for here in axes[-1]:
        here.set_xlabel("p", fontsize=8)
    legend(figure)
    return figure


def band(axes: Axes, count: int) -> None:
    """Where 95 % of the shares of so many independent p-values lie, on logarithmic axes."""
    level = np.geomspace(0.5 / count, 1, 200)
    low, high = (_quantile(tail, count, level) for tail in (0.025, 0.975))
    axes.fill_between(level, low, high, step="post", color="0.88", lw=0, zorder=0)
    axes.plot(level, level, color="0.5", lw=0.8, zorder=0)
    axes.set(xscale="log", yscale="log", xlim=(0.5 / count, 1), ylim=(0.5 / count, 1.1))
    axes.grid(alpha=0.25)
    axes.tick_params(which="both", labelsize=7)


def _quantile(tail: float, count: int, level: Floats) -> Floats:
    """Shares (level,), those of none drawn below the axis."""
    return np.maximum(np.asarray(binom.ppf(tail, count, level)) / count, 1e-6)
