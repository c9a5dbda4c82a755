"""STIM: the mean of derotated residuals over their spread in time (Pairet et al. 2019).

Speckles that come and go raise the spread of a pixel as well as its mean, a companion its mean
alone: the standardised trajectory intensity mean is mean/std over time (MNRAS 487, 2262). Frames
turned the other way (by −angle) smear companions and keep the speckles' statistics: the largest
value of that inverse map is the threshold, and its values are what noise follows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from exosift import threads
from exosift.errors import Failed
from exosift.types import Bools, Floats, Ints, Shape

# Frames whose moments are told together before they are joined with those of others.
GROUP = 32


@dataclass(frozen=True, eq=False)
class Stim:
    """STIM map and inverse map (y, x), NaN where a pixel has no spread; the threshold."""

    stim: Floats
    inverse: Floats
    threshold: float

    @property
    def normalised(self) -> Floats:
        """STIM over the threshold (y, x): what exceeds 1 is a detection."""
        return np.asarray(self.stim / self.threshold)

    def fraction(self, elements: float) -> Floats:
        """Share (y, x) of the inverse map that does as well; no less than 1 / (elements + 1).

        elements: how many resolution elements were searched, beyond which no share can be told.
        """
        noise = np.sort(self.inverse[np.isfinite(self.inverse)])
        above = noise.size - np.searchsorted(noise, self.stim, side="left")
        share = np.maximum(above / noise.size, 1 / (elements + 1))
        return np.where(np.isfinite(self.stim), share, np.nan)


@dataclass(frozen=True, eq=False)
class Moments:
    """How many frames saw each pixel, their mean, and summed squares about it: (y, x) each."""

    count: Ints
    mean: Floats
    squares: Floats

    @classmethod
    def none(cls, shape: Shape) -> "Moments":
        """Those of no frames of this shape."""
        return cls(np.zeros(shape, dtype=int), np.zeros(shape), np.zeros(shape))

    def and_then(self, frames: Floats) -> "Moments":
        """These and more frames (time, y, x), one by one in float64 (Welford 1962, Technometrics 4,
        419); NaN carries no weight."""
        count, mean, squares = self.count.copy(), self.mean.copy(), self.squares.copy()
        for frame in frames:
            seen = ~np.isnan(frame)
            count += seen
            apart = np.where(seen, frame - mean, 0.0)
            mean += apart / np.maximum(count, 1)
            squares += np.where(seen, apart * (frame - mean), 0.0)
        return Moments(count, mean, squares)

    def __add__(self, other: "Moments") -> "Moments":
        """Those of both (Chan, Golub & LeVeque 1983, Am. Stat. 37, 242)."""
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        apart = other.mean - self.mean
        between = apart**2 * self.count * share
        return Moments(count, self.mean + apart * share, self.squares + other.squares + between)

    def stim(self) -> Floats:
        """mean/std (y, x) (Pairet et al. 2019); NaN where fewer than two frames saw the pixel, or
        all are equal."""
        std = np.sqrt(self.squares / np.maximum(self.count, 1))
        ratio = np.full(std.shape, np.nan)
        np.divide(self.mean, std, out=ratio, where=(self.count > 1) & (std > 0))
        return ratio


def moments(frames: Floats) -> Moments:
    """Those of frames (time, y, x), in groups: the order of a sum decides its last bits."""
    none = Moments.none(frames.shape[1:])
    groups = threads.blocks(len(frames), GROUP)
    return reduce(add, (none.and_then(frames[group]) for group in groups))


def stim_map(frames: Floats) -> Floats:
    """mean/std over time of derotated frames (time, y, x) (Pairet et al. 2019).

    NaN carries no weight; NaN where fewer than two frames saw the pixel or all are equal.
    """
    return moments(frames).stim().astype(frames.dtype)


def stim_of(direct: Moments, inverse: Moments, searched: Bools) -> Stim:
    """STIM of frames turned North up, and as far the other way, where `searched` (y, x).

    Raises Failed where the inverse map is nowhere positive: there is then no threshold.
    """
    stim, other = (np.where(searched, one.stim(), np.nan) for one in (direct, inverse))
    threshold = float(np.max(other, where=np.isfinite(other), initial=-np.inf))
    if not threshold > 0:
        raise Failed(
            "the STIM map of inverted angles has no positive value (its largest is "
            f"{threshold:g}): it sets no threshold"
        )
    return Stim(stim, other, threshold)


def stim(
    residuals: Floats,
    angle: Floats,
    derotate: Callable[[Floats, Floats], Floats],
    searched: Bools,
) -> Stim:
    """STIM of residuals (wavelength, time, y, x) before derotation, where `searched` (y, x).

    derotate turns frames (time, y, x) by angles (time,) [deg]. All wavelengths count as frames.
    Raises Failed where the inverse map is nowhere positive: there is then no threshold.
    """

    def turned(degrees: Floats) -> Moments:
        return reduce(add, (moments(derotate(channel, degrees)) for channel in residuals))

    return stim_of(turned(angle), turned(-angle), searched)
