"""The figure of null frames: how high their scores are, and whether stars' are alike."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from exosift.limits.nulls import effective_number
from exosift.report.calibration import band
from exosift.types import Floats


def nulls_figure(
    own: Mapping[str, Floats], others: Mapping[str, Floats], reached: Sequence[float], title: str
) -> Figure:
    """A row a kind of null frames: shares above each score, and own p-values told by the others.

    own and others: scores (frame,) of the star's and of other stars' null frames, the latter empty
    where there are none; reached: the candidates' scores. The band is that of as many independent
    frames as the star's own count as.
    """
    size = 7.4, 0.7 + 2.8 * len(own)
    figure = Figure(figsize=size, dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9, parse_math=False)
    grid = figure.subplots(len(own), 2, squeeze=False)
    for (left, right), (kind, scores) in zip(grid, own.items(), strict=True):
        for values, name in ((scores, "this star"), (others[kind], "others")):
            if values.size:
                rising = np.sort(values)
                share = 1 - np.arange(values.size) / values.size
                left.step(rising, share, where="pre", lw=1, label=f"{name}, {values.size}")
        for score in reached:
            left.axvline(score, color="C3", lw=0.8, ls="--")
        left.set(yscale="log", xlabel="score", ylabel=f"share of {kind} nulls")
        left.legend(frameon=False, fontsize=7)
        if not others[kind].size:
            right.set_axis_off()
            right.text(0.5, 0.5, "no other stars' nulls", ha="center", transform=right.transAxes)
            continue
        rising = np.sort(others[kind])
        above = rising.size - np.searchsorted(rising, scores, side="left")
        p = np.sort((1 + above) / (rising.size + 1))
        band(right, max(2, int(effective_number(scores))))
        right.step(p, np.arange(1, p.size + 1) / p.size, where="post", lw=1)
        right.set(xlabel="p, told by the others", ylabel="share of this star's nulls ≤ p")
    return figure
