"""STIM: the mean of derotated residuals over their spread in time (Pairet et al. 2019).

Speckles that come and go raise the spread of a pixel as well as its mean, a companion its mean
alone: the standardised trajectory intensity mean is mean/std over time (MNRAS 487, 2262). Frames
turned the other way (by −angle) smear companions and keep the speckles' statistics: the largest
value of that inverse map is the threshold, and its values are what noise follows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exosift.errors import Failed
from exosift.types import Bools, Floats


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


def stim_map(frames: Floats) -> Floats:
    """mean/std over time of derotated frames (time, y, x) (Pairet et al. 2019).

    NaN carries no weight; NaN where fewer than two frames saw the pixel or all are equal.
    """
    seen = ~np.isnan(frames)
    count = seen.sum(axis=0)
    n = np.maximum(count, 1)
    mean = np.sum(frames, axis=0, where=seen, dtype=np.float64) / n
    apart = np.where(seen, frames - mean, 0.0)
    std = np.sqrt(np.sum(apart**2, axis=0) / n)
    ratio = np.full(mean.shape, np.nan)
    np.divide(mean, std, out=ratio, where=(count > 1) & (std > 0))
    return ratio.astype(frames.dtype)


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

    def turned(degrees: Floats) -> Floats:
        frames = np.concatenate([derotate(channel, degrees) for channel in residuals])
        return np.where(searched, stim_map(frames), np.nan)

    direct, inverse = turned(angle), turned(-angle)
    threshold = float(np.max(inverse, where=np.isfinite(inverse), initial=-np.inf))
    if not threshold > 0:
        raise Failed(
            "the STIM map of inverted angles has no positive value (its largest is "
            f"{threshold:g}): it sets no threshold"
        )
    return Stim(direct, inverse, threshold)
