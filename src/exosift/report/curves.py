"""Figures of limits: contrast curves, and maps of completeness."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from exosift.limits.request import Answer

Scales = tuple[float, float | None]
"""Pixel scale [mas/px], and the star's flux [cube units], if there is one to compare with."""


def contrast_figure(answers: Sequence[Answer], scales: Scales, title: str) -> Figure:
    """Curves of each rank, and where half and 95 % of the injected companions are recovered."""
    figure, axes = _axes(title)
    scale, star = scales
    for number, answer in enumerate(answers):
        colour = f"C{number}"
        separation = answer.curve.separation * scale
        name = f"rank {answer.rank:g}" if answer.rank else "limit"
        limit = np.where(np.isfinite(answer.curve.flux), answer.curve.flux, np.nan)
        axes.plot(separation, limit / (star or 1.0), ".-", color=colour, label=name)
        if answer.completeness is None:
            continue
        for share, marker in ((0.5, "o"), (0.95, "^")):
            flux = answer.completeness.flux(share)
            flux = np.where(np.isfinite(flux) & (flux > 0), flux, np.nan)
            label = f"{100 * share:.0f} % recovered" if not number else None
            axes.plot(separation, flux / (star or 1.0), marker, color=colour, ms=4, label=label)
    axes.set(yscale="log", ylabel="contrast" if star else "flux [cube units]")
    axes.legend(frameon=False, fontsize=8)
    return figure


def completeness_figure(answers: Sequence[Answer], scales: Scales, title: str) -> Figure:
    """Share of companions recovered by separation and flux, at the rank that reaches furthest."""
    figure, axes = _axes(title)
    scale, star = scales
    best = min(answers, key=lambda answer: float(np.median(answer.curve.flux)))
    if best.completeness is None:
        axes.text(0.5, 0.5, "completeness was not asked for", ha="center", transform=axes.transAxes)
        return figure
    least = best.completeness.least
    finite = least[np.isfinite(least) & (least > 0)]
    low, high = (finite.min(), finite.max()) if finite.size else (1.0, 10.0)
    flux = np.geomspace(low / 1.2, 1.2 * high, 60)
    separation = best.curve.separation * scale
    shown = axes.pcolormesh(
        separation,
        flux / (star or 1.0),
        best.completeness.fraction(flux).T,
        shading="nearest",
        cmap="cividis",
        vmin=0,
        vmax=1,
    )
    figure.colorbar(shown, ax=axes, label="completeness")
    limit = np.where(np.isfinite(best.curve.flux), best.curve.flux, np.nan) / (star or 1.0)
    name = f"limit, rank {best.rank:g}" if best.rank else "limit"
    axes.plot(separation, limit, "-", color="w", lw=1.5, label=name)
    axes.set(yscale="log", ylabel="contrast" if star else "flux [cube units]")
    axes.legend(fontsize=8)
    return figure


def _axes(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.0, 4.4), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=9, loc="left", parse_math=False)
    axes.set_xlabel("separation [mas]")
    axes.grid(alpha=0.25)
    return figure, axes
