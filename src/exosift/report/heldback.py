"""Figure of a model's card: ROC curves and calibration of patches that taught nothing."""

from collections.abc import Mapping

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from exosift.learn.heldback import HeldBack
from exosift.report.lines import legend, styles


def held_back_figure(rings: Mapping[str, HeldBack], title: str) -> Figure:
    """Companions found against false alarms, and how often a probability is true: a line a ring."""
    drawn = styles(list(rings))
    figure = Figure(figsize=(9.4, 3.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{title}: patches that taught nothing", fontsize=9, parse_math=False)
    found, true = figure.subplots(1, 2)
    for name, ring in rings.items():
        found.step(*ring.roc(), where="post", lw=1, **drawn[name])
        true.plot(*ring.reliability(), marker=".", ms=4, lw=1, **drawn[name])
    least = min((1 / (~ring.labels).sum() for ring in rings.values()), default=1e-3)
    found.set(xscale="log", xlim=(least, 1), ylim=(0, 1))
    found.set(xlabel="share of nulls above the margin", ylabel="share of companions")
    true.plot([0, 1], [0, 1], color="0.5", lw=0.8, zorder=0)
    true.set(xlabel="probability by the margin", ylabel="share with a companion")
    for axes in (found, true):
        axes.grid(alpha=0.25)
    legend(figure)
    return figure
