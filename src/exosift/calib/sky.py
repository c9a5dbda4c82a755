"""The sky and thermal background of each frame, made of other frames, never of itself.

The library holds exposures of blank sky, or of the target with the star somewhere else on the
detector (nods, dithers). Its patterns, each less its own level, give the pattern of a frame's sky:
that nearest in time, one interpolated between before and after, their median, or the combination of
their principal components that fits best away from the star. Then the frame's level is taken off.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from exosift import threads
from exosift.calib.calibration import Exposures
from exosift.calib.components import component_weights, products
from exosift.calib.medians import take_medians, temporal_median
from exosift.errors import BadInput
from exosift.types import Bools, Floats, Ints

_VALUES = 1 << 18  # of a library in one piece of work: they stay in the core's cache


@dataclass(frozen=True)
class Sky:
    """How a sky is made of its library.

    method: "nearest" in time, "interpolated" in time, the "median", or principal components
    ("pca"). level: what is taken off each frame first, its own sky level: an "offset", the median
    of its background (for "pca", which is linear, the mean); a "scale", where the pattern grows
    with the sky's brightness; or "none". nearest: of the usable frames at most this many, those
    nearest in time; null for all. components: of "pca".
    """

    method: Literal["nearest", "interpolated", "median", "pca"] = "median"
    level: Literal["offset", "scale", "none"] = "offset"
    nearest: int | None = None
    components: int = 5

    def __post_init__(self) -> None:
        for name in ("nearest", "components"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise BadInput(f"{name} is {count}, expected 1 or more")
        if self.method == "pca" and self.nearest is not None and self.nearest <= self.components:
            raise BadInput(
                f"{self.components} components of the {self.nearest} nearest frames: give more "
                "frames than components"
            )


@dataclass(frozen=True, eq=False)
class SkyLibrary:
    """Patterns of the sky, ready to be taken off any number of exposures.

    patterns (frame, y, x): the library less its levels, NaN where a frame shows no sky; mjd
    (frame,) [d]. background (y, x): pixels where levels are measured and components fitted.
    mean (y, x) and product (frame, frame): of the patterns over the background, for "pca" only.
    variance (y, x): of one of the patterns, or None.
    """

    patterns: Floats
    mjd: Floats
    background: Bools
    mean: Floats
    product: Floats
    variance: Floats | None
    sky: Sky

    @classmethod
    def of(cls, exposures: Exposures, background: Bools, sky: Sky) -> "SkyLibrary":
        """The library of exposures with NaN where there are stars; `background` has none anywhere.

        Pixels of the background that are NaN in one of the exposures are left out of it.
        """
        background = background & np.isfinite(exposures.frames).all(axis=0)
        if not background.any():
            raise BadInput(
                f"no pixel of the background has a value in all {len(exposures.frames)} sky "
                "frames; leave out those that have none, or mark more background"
            )
        levels = _levels(exposures.frames, background, sky)
        patterns = _levelled(exposures.frames, levels, sky)
        spread = patterns[:, background] if sky.method == "pca" else patterns[:, :0, 0]
        mean = spread.mean(axis=0, dtype=np.float64)
        variance = exposures.variance
        if variance is not None:
            scale = levels[:, None, None] ** 2 if sky.level == "scale" else 1
            variance = np.ma.masked_invalid(variance / scale).mean(axis=0).filled(np.inf)
        product = products(spread, spread, mean)
        return cls(patterns, exposures.mjd, background, mean, product, variance, sky)

    def median(self, usable: Bools) -> "SkyLibrary":
        """A library of one frame: the median of those usable (frame,), for targets to share."""
        if not usable.any():
            raise BadInput(_unserved(0, len(usable)))
        middle = temporal_median(self.patterns[usable])[None]
        variance = self.variance
        if variance is not None:
            variance = variance * _median_share(usable.sum()).astype(variance.dtype)
        return replace(self, patterns=middle, mjd=self.mjd[:1], variance=variance)


def apart_from(star: Floats, others: Floats, distance: float) -> Bools:
    """usable[target, frame]: where stars (·, 2) [px] lie at least `distance` [px] from each other.

    A frame is then never its own sky, nor that of one with the star in the same place.
    """
    offset = star[:, None] - others[None]
    return np.asarray(np.hypot(offset[..., 0], offset[..., 1]) >= distance)


def without_stars(exposures: Exposures, star: Floats, radius: float) -> Exposures:
    """The exposures with NaN within `radius` [px] of the star (time, 2), to be a sky library."""
    frames = exposures.frames.copy()
    y, x = np.ogrid[: frames.shape[1], : frames.shape[2]]
    for frame, (x0, y0) in zip(frames, star, strict=True):
        frame[(x - x0) ** 2 + (y - y0) ** 2 <= radius**2] = np.nan
    return replace(exposures, frames=frames)


def subtract_sky(exposures: Exposures, library: SkyLibrary, usable: Bools) -> Exposures:
    """Frames less their sky; usable[target, frame] says which of the library may serve which frame.

    Where none of those has a value the result is NaN, and masked. The variance grows by the sky's:
    Σw² of a library frame's for weights w, about π/(2n + π − 2) for the median of n. Raises
    BadInput naming a frame that no sky frame may serve.
    """
    sky, frames = library.sky, exposures.frames
    if not usable.any(axis=1).all():
        raise BadInput(_unserved(int(np.argmin(usable.any(axis=1))), usable.shape[1]))
    usable = _nearest(usable, exposures.mjd, library)
    levels = _levels(frames, library.background, sky)
    left = _levelled(frames, levels, sky)
    if sky.method == "median":
        share = _median_share(usable.sum(axis=1))
        take_medians(left, library.patterns, usable)
    else:
        weights = _weights(left, exposures.mjd, library, usable)
        share = (weights**2).sum(axis=1)
        _take_weighted(left, library.patterns, weights, usable)
    if sky.level == "scale":
        left *= levels[:, None, None]
        share = share * levels**2
    variance = exposures.variance
    if variance is not None and library.variance is not None:
        variance = variance + (share[:, None, None] * library.variance).astype(variance.dtype)
    return replace(exposures, frames=left, mask=exposures.mask | np.isnan(left), variance=variance)


def _unserved(frame: int, skies: int) -> str:
    """What is wrong when a frame has no sky."""
    return (
        f"frame {frame}: none of the {skies} sky frames may serve it; give sky frames, or dithers "
        "with the star farther away"
    )


def _median_share(count: Ints) -> Floats:
    """Variance of the median of `count` values over that of one: about π/(2n + π − 2)."""
    return np.asarray(np.pi / (2 * count + np.pi - 2))


def _levels(frames: Floats, background: Bools, sky: Sky) -> Floats:
    """Sky level (time,) of each frame: the median, or mean, over its background."""
    if sky.level == "none":
        return np.zeros(len(frames), frames.dtype)

    def work(frame: Floats) -> float:
        values = frame[background]
        values = values[np.isfinite(values)]
        return float(values.mean(dtype=float) if sky.method == "pca" else np.median(values))

    return np.array(threads.over(work, frames, products=False), frames.dtype)


def _levelled(frames: Floats, levels: Floats, sky: Sky) -> Floats:
    """Frames (time, y, x) less their levels (time,), or over them."""
    by = levels[:, None, None]
    return np.asarray(frames / by if sky.level == "scale" else frames - by)


def _nearest(usable: Bools, mjd: Floats, library: SkyLibrary) -> Bools:
    """The usable frames that are among the nearest in time, if only so many are wanted."""
    count = library.sky.nearest
    if count is None or count >= usable.shape[1]:
        return usable
    away = np.where(usable, np.abs(mjd[:, None] - library.mjd), np.inf)
    kept = np.zeros_like(usable)
    np.put_along_axis(kept, np.argsort(away, axis=1, kind="stable")[:, :count], True, axis=1)
    return kept & usable


def _weights(left: Floats, mjd: Floats, library: SkyLibrary, usable: Bools) -> Floats:
    """Weights (target, frame), each row's sum 1, that make the sky of the targets `left`."""
    if library.sky.method == "pca":
        spread = library.patterns[:, library.background]
        cross = products(left[:, library.background], spread, library.mean)
        return component_weights(library.product, cross, usable, library.sky.components)
    later = library.mjd - mjd[:, None]
    each = np.arange(len(mjd))
    weights = np.zeros(usable.shape)
    if library.sky.method == "nearest":
        weights[each, np.where(usable, np.abs(later), np.inf).argmin(axis=1)] = 1
        return weights
    since, until = (np.where(usable & (gap >= 0), gap, np.inf) for gap in (-later, later))
    before, after = since.argmin(axis=1), until.argmin(axis=1)
    since, until = since.min(axis=1), until.min(axis=1)
    # At an end of the night there is one side only, and it gets all the weight.
    gap = np.where(np.isfinite(since + until), since + until, 0)
    share = np.where(gap > 0, since / np.where(gap > 0, gap, 1), np.isinf(since))
    weights[each, before] += 1 - share
    weights[each, after] += share
    return weights


def _take_weighted(left: Floats, patterns: Floats, weights: Floats, usable: Bools) -> None:
    """Take weighted sums of the patterns (frame, y, x) off `left` (target, y, x), in place.

    At a pixel where a frame has no value, that target's usable frames' mean stands in for it.
    """
    rows, skies = left.reshape(len(left), -1), patterns.reshape(len(patterns), -1)
    weight, votes = weights.astype(left.dtype), usable.astype(left.dtype)

    def work(span: slice) -> None:
        here = skies[:, span]
        seen = np.isfinite(here)
        if seen.all():
            rows[:, span] -= weight @ here
            return
        here, seen = np.where(seen, here, 0), seen.astype(here.dtype)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (votes @ here) / (votes @ seen)
        absent = weight @ (1 - seen)
        rows[:, span] -= weight @ here + np.where(votes @ seen > 0, absent * mean, np.nan)

    threads.over(work, threads.blocks(rows.shape[1], max(1, _VALUES // len(skies))))
