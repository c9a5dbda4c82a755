"""The report's figures: what was detected, and where the star was found.

Built on Figure and the Agg canvas, never pyplot, which keeps state between calls. The ground is
dark on purpose: one PNG then sits well on the light page and on the dark one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import AsinhNorm, Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from exosift.io.atomic import whole
from exosift.report.annotations import (
    INK,
    candidate_circles,
    circle,
    compass,
    cross_hair,
    scale_bar,
    star_mark,
)
from exosift.report.summary import CandidateRow
from exosift.types import Floats, Point

DPI = 140
"""Detection figures are 10 inches, so 1400 px, wide."""

_GROUND = "#10131a"
_MUTED = "#b9bdc6"
_NO_DATA = "#4f535b"


@dataclass(frozen=True)
class View:
    """How pixels lie on the sky: scale [mas/px], star (x, y) [px], FWHM [px]."""

    pixel_scale: float
    centre: Point
    fwhm: float


@dataclass(frozen=True)
class Shown:
    """What is drawn, and its ends; those of an image are symmetric, from its values, if None."""

    label: str
    ends: tuple[float, float] | None = None


FLUX = Shown("flux")
PROBABILITY = Shown("probability, not calibrated", (0.0, 1.0))


def snr_within(threshold: float) -> Shown:
    """An S/N map: its colours mean the same in every figure of one threshold."""
    return Shown("signal-to-noise ratio", (-threshold, threshold))


def margin_within(threshold: float) -> Shown:
    """A map of a classifier's margins."""
    return Shown("margin: log-odds of a companion", (-threshold, threshold))


def detection_figure(
    maps: tuple[Floats, Floats],
    shown: tuple[Shown, Shown],
    candidates: Sequence[CandidateRow],
    view: View,
    *,
    title: str,
) -> Figure:
    """Two maps (y, x), North up and East left, candidates circled alike on both.

    The final image and its S/N, or a classifier's probabilities and margins. Candidates come
    strongest first and are numbered in that order, as in the page's tables. An image is stretched
    symmetrically about zero to its 99.5th percentile of |flux|.
    """
    figure = dark_figure((10.0, 4.7), title)
    panels = [figure.add_axes((left, 0.03, 0.41, 0.41 * 10.0 / 4.7)) for left in (0.012, 0.508)]
    for axes, values, one, name in zip(panels, maps, shown, ("viridis", "berlin"), strict=True):
        limit = _limit(values)
        drawn = _show(axes, values, Normalize(*(one.ends or (-limit, limit))), _colours(name))
        _colour_bar(figure, axes, drawn, one.label)
        scale_bar(axes, values.shape[-1], view.pixel_scale)
        compass(axes)
        star_mark(axes, view.centre)
        candidate_circles(axes, candidates, view.fwhm)
    return figure


def registration_figure(image: Floats, star: Point, pixel_scale: float, title: str) -> Figure:
    """Median raw frame (y, x) on an asinh stretch, the found star (x, y) [px] under a cross-hair.

    An inset shows the star's surroundings enlarged, in the corner farthest from it.
    """
    figure = dark_figure((6.0, 6.4), title)
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.9))
    norm, colours = _asinh_norm(image), _colours("inferno")
    _show(axes, image, norm, colours)
    height, width = image.shape
    size = min(width, height)
    cross_hair(axes, star, 0.03 * size, 0.09 * size)
    scale_bar(axes, width, pixel_scale)
    left = 0.03 if star[0] > width / 2 else 0.61
    # A star in the middle leaves the lower left to the scale bar.
    low = 0.03 if star[1] > 0.55 * height and left > 0.5 else 0.61
    inset = axes.inset_axes((left, low, 0.36, 0.36))
    _show(inset, image, norm, colours)
    reach = max(6.0, 0.06 * size)
    inset.set(xlim=(star[0] - reach, star[0] + reach), ylim=(star[1] - reach, star[1] + reach))
    cross_hair(inset, star, 0.15 * reach, 0.55 * reach)
    inset.patch.set_facecolor(_NO_DATA)
    for spine in inset.spines.values():
        spine.set(visible=True, edgecolor=INK, linewidth=1.0)
    for leader in axes.indicate_inset_zoom(inset, edgecolor=INK, alpha=0.8).connectors or ():
        leader.set_visible(False)  # it would cross the star
    return figure


@dataclass(frozen=True, eq=False)
class Panel:
    """An image (y, x), North up, how it lies on the sky, and what is marked: (label, (x, y))."""

    title: str
    image: Floats
    view: View
    marked: tuple[tuple[str, Point], ...]


def epochs_figure(panels: Sequence[Panel], *, title: str) -> Figure:
    """Images of several epochs side by side, on one scale, the same objects marked alike.

    Each is stretched for itself, symmetrically about zero.
    """
    columns = min(len(panels), 4)
    rows = -(-len(panels) // columns)
    size = 3.4
    height = rows * (size + 0.35) + 0.35
    figure = dark_figure((columns * size, height), title)
    reach = max(panel.view.pixel_scale * panel.view.centre[0] for panel in panels)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        bottom = height - 0.35 - (row + 1) * (size + 0.35)
        axes = figure.add_axes(
            ((column + 0.02) / columns, bottom / height, 0.96 / columns, 0.96 * size / height)
        )
        limit = _limit(panel.image)
        _show(axes, panel.image, Normalize(-limit, limit), _colours("viridis"))
        half, (x, y) = reach / panel.view.pixel_scale, panel.view.centre
        axes.set(xlim=(x - half, x + half), ylim=(y - half, y + half))
        axes.set_title(panel.title, color=_MUTED, fontsize=9, parse_math=False)
        scale_bar(axes, round(2 * half), panel.view.pixel_scale)
        compass(axes)
        star_mark(axes, panel.view.centre)
        for label, place in panel.marked:
            circle(axes, place, panel.view.fwhm, label)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all; the same figure gives the same bytes."""
    with whole(path) as partial:
        figure.savefig(partial, format="png", dpi=DPI, metadata={"Software": "exosift"})


def dark_figure(size: tuple[float, float], title: str) -> Figure:
    """An empty figure on the dark ground, its size in inches."""
    figure = Figure(figsize=size, dpi=DPI, facecolor=_GROUND)
    FigureCanvasAgg(figure)
    figure.text(
        0.015, 1 - 0.18 / size[1], title, color=INK, fontsize=11, va="center", parse_math=False
    )
    return figure


def _show(axes: Axes, values: Floats, norm: Normalize, colours: Colormap) -> AxesImage:
    shown = axes.imshow(
        np.ma.masked_invalid(values),
        origin="lower",
        norm=norm,
        cmap=colours,
        interpolation="nearest",
    )
    axes.set(xticks=[], yticks=[])
    axes.autoscale(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return shown


def _colour_bar(figure: Figure, axes: Axes, shown: AxesImage, label: str) -> None:
    bar = figure.colorbar(
        shown, cax=axes.inset_axes((1.02, 0.0, 0.028, 1.0)), label=label, extend="both"
    )
    bar.outline.set_visible(False)
    bar.ax.yaxis.label.set(color=_MUTED, fontsize=10)
    bar.ax.tick_params(colors=_MUTED, labelsize=9, length=3)


def _colours(name: str) -> Colormap:
    return colormaps[name].with_extremes(bad=_NO_DATA)


def _limit(image: Floats) -> float:
    finite = np.abs(image[np.isfinite(image)])
    limit = float(np.percentile(finite, 99.5)) if finite.size else 0.0
    return limit or 1.0


def _asinh_norm(image: Floats) -> Normalize:
    finite = image[np.isfinite(image)]
    if not finite.size or finite.min() == finite.max():
        return Normalize(0.0, 1.0)
    low, middle, high = (float(v) for v in np.percentile(finite, [1.0, 50.0, 99.95]))
    # Linear through the background, logarithmic on the star.
    return AsinhNorm(linear_width=max(middle - low, 1e-3 * (high - low)), vmin=low, vmax=high)
