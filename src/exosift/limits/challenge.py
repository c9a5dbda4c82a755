"""Scores of the Exoplanet Imaging Data Challenge: blobs of detection maps against injections.

Cantalloube et al. 2020, Proc. SPIE 11448, 114485A. A map is cut at a threshold. A connected *blob*
finds an injection when the pixels that it shares with the aperture around it, one FWHM in radius,
are more than 0.7 of the smaller of the two. Blobs larger than two apertures find nothing, and
count as so many false positives as apertures fit into them. Where the first scorer's code departs
from its own definitions, the definitions are kept:

- an injection counts once. A second blob on it was another detection there, so that TPR could pass
  one; here it is neither found nor false;
- a map without injections counts by its false positives. There it repeated the numbers of the map
  before it.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.types import Bools, Floats, Ints

# Areas under curves are over thresholds from nought to so many times the one submitted.
_TWICE = 2.0


@dataclass(frozen=True)
class Rules:
    """What counts: overlap of blob and aperture, over the smaller; fewest pixels of a blob; its
    largest area, in apertures."""

    overlap: float = 0.7
    pixels: int = 2
    largest: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < 1:
            raise BadInput(f"overlap is {self.overlap:g}, expected from 0 to less than 1")
        if self.pixels < 1 or self.largest <= 0:
            raise BadInput(
                f"pixels is {self.pixels} and largest {self.largest:g} apertures, expected 1 or "
                "more, and more than 0"
            )


@dataclass(frozen=True, eq=False)
class DetectionMap:
    """A map (y, x), the places (injection, 2) = (x, y) [px] of what was injected, and its FWHM."""

    values: Floats
    injections: Floats
    fwhm: float

    def __post_init__(self) -> None:
        height, width = self.values.shape
        for x, y in self.injections:
            if not (0 <= x < width and 0 <= y < height):
                raise BadInput(
                    f"an injection at x={x:g}, y={y:g} is outside the map of {width}×{height} px"
                )

    @property
    def aperture(self) -> float:
        """Area [px] of an aperture, the challenge's resolution element: pixels whose middles are
        less than one FWHM from that of another."""
        reach = int(np.ceil(self.fwhm))
        y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
        return float((np.hypot(x, y) < self.fwhm).sum())


@dataclass(frozen=True)
class Score:
    """Counts at one threshold, of one map or pooled over several.

    found of `injections`; false positives; elements: resolution elements where nothing was put.
    """

    found: int = 0
    injections: int = 0
    false: int = 0
    elements: float = 0.0

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.found + other.found,
            self.injections + other.injections,
            self.false + other.false,
            self.elements + other.elements,
        )

    @property
    def tpr(self) -> float:
        """True positive rate: found over injections; NaN where there are none."""
        return self.found / self.injections if self.injections else float("nan")

    @property
    def fpr(self) -> float:
        """False positive rate: of resolution elements where nothing was put."""
        return self.false / self.elements

    @property
    def fdr(self) -> float:
        """False discovery rate: false positives over all detections; 0 where there are none."""
        return self.false / max(self.false + self.found, 1)

    @property
    def f1(self) -> float:
        """F1: 2 found / (found + false + injections), the harmonic mean of TPR and 1 − FDR."""
        every = self.found + self.false + self.injections
        return 2 * self.found / every if every else float("nan")


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas under TPR, FPR and FDR over thresholds, each over the range: 1, 0 and 0 at best."""

    tpr: float
    fpr: float
    fdr: float


def score(one: DetectionMap, threshold: float, rules: Rules | None = None) -> Score:
    """Counts of one map, whose blobs are connected by edges and lie above `threshold`."""
    from scipy import ndimage  # slow to load

    rules = rules or Rules()
    values = np.where(np.isnan(one.values), -np.inf, one.values)
    labels, _ = ndimage.label(values > threshold)
    blobs = [labels == label for label in _highest_first(values, labels)]
    found: set[int] = set()
    false = 0.0
    for blob in blobs:
        area = blob.sum()
        if area < rules.pixels:
            continue
        if area > rules.largest * one.aperture:
            false += area / one.aperture
            continue
        under = _under(one, blob, rules.overlap)
        if not under:
            false += 1
        found.update([i for i in under if i not in found][:1])
    elements = np.isfinite(one.values).sum() / one.aperture - len(one.injections)
    return Score(len(found), len(one.injections), round(false), float(elements))


def pooled(
    maps: Several[DetectionMap], thresholds: Floats, rules: Rules | None = None
) -> list[Score]:
    """Counts of all maps together, at each threshold."""
    return [sum((score(one, float(t), rules) for one in maps), Score()) for t in thresholds]


def thresholds_about(threshold: float, count: int = 41) -> Floats:
    """Thresholds from nought to twice the one submitted, over which areas are told."""
    if not 0 < threshold < np.inf:
        raise BadInput(f"threshold is {threshold:g}, expected more than 0")
    return np.linspace(0, _TWICE * threshold, count)


def areas(thresholds: Floats, scores: Several[Score]) -> Areas:
    """Areas under the curves of `pooled`, by trapezoids; TPR's is NaN without any injection."""
    span = float(thresholds[-1] - thresholds[0])
    each = [np.array([getattr(one, name) for one in scores]) for name in ("tpr", "fpr", "fdr")]
    return Areas(*(float(np.trapezoid(values, thresholds) / span) for values in each))


def _highest_first(values: Floats, labels: Ints) -> Ints:
    """Labels of blobs, the highest first: it is the first to find what it lies on."""
    order = np.argsort(-values, axis=None, kind="stable")
    met = labels.ravel()[order]
    met = met[met > 0]
    _, first = np.unique(met, return_index=True)
    return np.asarray(met[np.sort(first)])


def _under(one: DetectionMap, blob: Bools, overlap: float) -> list[int]:
    """Injections whose apertures a blob (y, x) shares more than `overlap` with, nearest first."""
    y, x = np.nonzero(blob)
    near: list[tuple[float, int]] = []
    rows, columns = np.ogrid[: blob.shape[0], : blob.shape[1]]
    for i, (x0, y0) in enumerate(one.injections):
        aperture = int((np.hypot(columns - x0, rows - y0) < one.fwhm).sum())
        distance = np.hypot(x - x0, y - y0)
        shared = int((distance < one.fwhm).sum())
        if shared > overlap * min(blob.sum(), aperture):
            near.append((float(distance.mean()), i))
    return [i for _, i in sorted(near)]
