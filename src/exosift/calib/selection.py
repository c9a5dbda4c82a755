"""Which frames are worth keeping: those that are like the others of their sequence.

Clouds take flux, poor adaptive optics widens and stretches the core and feeds the halo, a guiding
slip moves the star, and anything else shows as a low correlation with the median frame. A measure
is judged by its distance from the median of all frames, in median absolute deviations (MADs, 1.48
of which are a Gaussian's standard deviation): neither units nor a few wild frames matter.
"""

from dataclasses import dataclass, fields

import numpy as np

from exosift.calib.drift import drift
from exosift.calib.medians import temporal_median
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, radius_map
from exosift.types import Bools, Floats

_CORE = 1.0  # radius of the core [FWHM]
_HALO = (2.0, 4.0)  # the halo, from and to [FWHM]; all within is the flux
_ALIKE = 1e-9  # what correlations may lack of 1 by rounding
_SAME = 1e-5  # a scatter below this share of the median is as good as none


@dataclass(frozen=True)
class Selection:
    """How many MADs a frame may be off in each measure; null where that one does not count.

    flux: too little or too much within 4 FWHM of the star. core: too little of it within 1 FWHM
    over the halo's at 2 to 4. correlation: too unlike the median frame. fwhm and ellipticity of the
    core: too wide, too long. position: too far from the others' before registration.

    drift: frames on either side whose own drift stands for the median, where a measure changes over
    the sequence, as flux does with airmass; 0 for the median of all.
    """

    flux: float | None = 8.0
    core: float | None = 8.0
    correlation: float | None = 8.0
    fwhm: float | None = 8.0
    ellipticity: float | None = 8.0
    position: float | None = 8.0
    drift: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is not None and (limit < 0 or (limit == 0 and field.name != "drift")):
                raise BadInput(f"{field.name} is {limit:g}, expected more than 0, or null")


@dataclass(frozen=True, eq=False)
class Measures:
    """What is measured of every frame, each (time,).

    flux [counts] and core, the ratio of the core's brightness to the halo's, above the frame's
    edge; correlation with the median frame; fwhm [px] and ellipticity of the core by its second
    moments; position: distance of the star from its median place [px].
    """

    flux: Floats
    core: Floats
    correlation: Floats
    fwhm: Floats
    ellipticity: Floats
    position: Floats


@dataclass(frozen=True, eq=False)
class Selected:
    """The measures, their distances from the usual [MADs], which frames are kept (time,), and why
    each of the others is not (an empty string for those kept)."""

    measures: Measures
    deviations: Measures
    kept: Bools
    reasons: tuple[str, ...]


# Which side of the usual is bad: −1 below, +1 above, 0 both.
_BAD_SIDE = {"flux": 0, "core": -1, "correlation": -1, "fwhm": 1, "ellipticity": 1, "position": 1}


def measure(frames: Floats, star: Floats, fwhm: float) -> Measures:
    """Measures of registered frames (time, y, x); star (time, 2) [px] as it was before; fwhm [px].

    Pixels without a value count as those of the median frame.
    """
    radius = radius_map(frames.shape[1:]) / fwhm
    if radius.min(axis=0).max() < _HALO[1]:
        raise BadInput(
            f"frames of {frames.shape[2]}×{frames.shape[1]} px with a FWHM of {fwhm:.1f} px: "
            f"selection needs {_HALO[1]:g} FWHM around the star; give larger frames"
        )
    inside = radius <= _HALO[1]
    median = temporal_median(frames)
    edge = temporal_median(frames[:, radius >= 0.9 * radius[0].min()].T)
    values = frames[:, inside].astype(np.float64)
    values = np.where(np.isfinite(values), values, median[inside]) - edge[:, None]
    radius = radius[inside]
    core, halo = radius <= _CORE, radius >= _HALO[0]
    widths, ellipticity = _moments(values, radius, inside)
    return Measures(
        flux=values.sum(axis=1),
        core=values[:, core].mean(axis=1) / values[:, halo].mean(axis=1),
        correlation=_correlation(values, median[inside].astype(np.float64)),
        fwhm=widths,
        ellipticity=ellipticity,
        position=np.hypot(*(star - np.median(star, axis=0)).T),
    )


def select(measures: Measures, rule: Selection) -> Selected:
    """Which frames are off in no measure by more MADs than the rule allows."""
    deviations: dict[str, Floats] = {}
    reasons: list[list[str]] = [[] for _ in measures.flux]
    for name, side in _BAD_SIDE.items():
        values = getattr(measures, name)
        # What correlation lacks of 1 has a long tail in good frames: its logarithm has not.
        likeness = -np.log(np.maximum(1 - values, _ALIKE)) if name == "correlation" else values
        away = _deviation(likeness, rule.drift, 0.0 if name == "flux" else 1.0)
        deviations[name] = away
        limit = getattr(rule, name)
        if limit is None:
            continue
        bad = np.abs(away) if side == 0 else side * away
        for frame in np.flatnonzero(~(bad <= limit)):
            told = f"{abs(away[frame]):.1f} MADs {'high' if away[frame] > 0 else 'low'}"
            reasons[frame].append(f"{name} {told}" if np.isfinite(values[frame]) else f"no {name}")
    return Selected(
        measures,
        Measures(**deviations),
        np.array([not reason for reason in reasons]),
        tuple("; ".join(reason) for reason in reasons),
    )


def _deviation(values: Floats, window: int, unit: float) -> Floats:
    """Distance [MADs] of values (time,), of order `unit` or more, from their median or drift."""
    seen = np.isfinite(values)
    if not seen.any():
        return np.full(values.shape, np.nan)
    usual = drift(np.where(seen, values, np.nan), window) if window else np.median(values[seen])
    apart = values - usual
    scatter = np.median(np.abs(apart[np.isfinite(apart)]))
    floor = _SAME * max(float(np.median(np.abs(values[seen]))), unit)
    return np.asarray(apart / max(scatter, floor, np.finfo(float).tiny))


def _moments(values: Floats, radius: Floats, inside: Bools) -> tuple[Floats, Floats]:
    """FWHM [px] and ellipticity (time,) from second moments within 2 FWHM, above what is there."""
    near = radius <= _HALO[0]
    x0, y0 = centre_of(inside.shape)
    y, x = (axis[near] - middle for axis, middle in zip(np.nonzero(inside), (y0, x0), strict=True))
    light = values[:, near] - np.median(values[:, radius >= _HALO[0]], axis=1)[:, None]
    total = light.sum(axis=1)
    place = light @ np.stack([x, y], axis=1) / total[:, None]
    xx, yy, xy = (light @ np.stack([x * x, y * y, x * y], axis=1) / total[:, None]).T
    xx, yy = xx - place[:, 0] ** 2, yy - place[:, 1] ** 2
    xy = xy - place[:, 0] * place[:, 1]
    width = np.sqrt(np.maximum(xx + yy, 0) / 2) * 2 * np.sqrt(2 * np.log(2))
    return width, np.hypot(xx - yy, 2 * xy) / (xx + yy)


def _correlation(values: Floats, median: Floats) -> Floats:
    """Pearson's correlation of values (time, pixel) with the median frame (pixel,)."""
    known = np.isfinite(median)
    values, median = values[:, known], median[known]
    values = values - values.mean(axis=1, keepdims=True)
    median = median - median.mean()
    norm = np.sqrt((values**2).sum(axis=1) * (median**2).sum())
    return np.asarray(values @ median / np.where(norm > 0, norm, np.nan))
