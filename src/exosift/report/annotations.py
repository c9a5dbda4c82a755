"""What is drawn over an image of the sky: scale bar, compass, the star, candidate circles.

Axes show an image (y, x) with `origin="lower"` in pixel coordinates, and keep their limits.
"""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Circle
from matplotlib.patheffects import AbstractPathEffect, withStroke

from exosift.report.summary import CandidateRow
from exosift.types import Point

INK = "#f4f1ea"
_OUTLINE: list[AbstractPathEffect] = [withStroke(linewidth=2.6, foreground="#10131a")]


def bar_length(field: float) -> float:
    """The largest 1, 2 or 5 × 10ⁿ not above a quarter of `field`, in the same unit."""
    power = 10.0 ** math.floor(math.log10(field / 4))
    steps = (1.0, 2.0, 5.0)
    return max(step * power for step in steps if step * power <= field / 4 * (1 + 1e-9))


def scale_bar(axes: Axes, width: int, pixel_scale: float) -> None:
    """A bar of a round angular length, lower left; `width` of the image in px, mas/px."""
    arcsec = bar_length(width * pixel_scale / 1000)
    x, y = _corner(axes, 0.06)
    length = arcsec * 1000 / pixel_scale
    axes.plot([x, x + length], [y, y], color=INK, lw=2.2, path_effects=_OUTLINE, gid="scale bar")
    axes.annotate(
        f"{arcsec:g}″",
        (x + length / 2, y),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=INK,
        path_effects=_OUTLINE,
    )


def compass(axes: Axes) -> None:
    """North up and East left, lower right, for an image already turned to the sky."""
    foot = (0.93, 0.06)
    tips = {"N": (foot[0], foot[1] + 0.13), "E": (foot[0] - 0.13, foot[1])}
    for name, tip in tips.items():
        # The head sits at the letter: the annotation's text end is the arrow's beginning.
        axes.annotate(
            name,
            foot,
            xytext=tip,
            xycoords="axes fraction",
            ha="center",
            va="center",
            color=INK,
            path_effects=_OUTLINE,
            gid=f"compass {name}",
            arrowprops={
                "arrowstyle": "<-",
                "color": INK,
                "lw": 1.4,
                "shrinkA": 2,
                "shrinkB": 0,
                "path_effects": _OUTLINE,
            },
        )


def star_mark(axes: Axes, star: Point) -> None:
    """A small star at (x, y) [px]."""
    axes.plot(*star, marker="*", ms=9, color=INK, mec="#10131a", mew=0.8, ls="none", gid="star")


def candidate_circles(axes: Axes, candidates: Sequence[CandidateRow], fwhm: float) -> None:
    """A numbered circle around every candidate, in the order given; `fwhm` in px."""
    for number, row in enumerate(candidates, start=1):
        circle(axes, (row.x, row.y), fwhm, str(number))


def circle(axes: Axes, place: Point, fwhm: float, label: str) -> None:
    """A circle with its label around a place (x, y) [px]; `fwhm` in px."""
    (x, y), (left, right) = place, axes.get_xlim()
    radius = max(1.3 * fwhm, 0.02 * (right - left))
    ring = Circle(place, radius, fill=False, ec=INK, lw=1.3, gid=f"candidate {label}")
    ring.set_path_effects(_OUTLINE)
    axes.add_patch(ring)
    side = -1 if x > left + 0.9 * (right - left) else 1
    axes.annotate(
        label,
        (x + side * 0.75 * radius, y + 0.75 * radius),
        xytext=(2 * side, 1),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="bottom",
        color=INK,
        weight="bold",
        path_effects=_OUTLINE,
    )


def cross_hair(axes: Axes, star: Point, inner: float, outer: float) -> None:
    """Four strokes pointing at (x, y), from `inner` to `outer` px away: the peak stays visible."""
    x, y = star
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        axes.plot(
            [x + dx * inner, x + dx * outer],
            [y + dy * inner, y + dy * outer],
            color=INK,
            lw=1.4,
            path_effects=_OUTLINE,
            gid="cross-hair",
        )


def _corner(axes: Axes, margin: float) -> Point:
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    return left + margin * (right - left), low + margin * (high - low)
