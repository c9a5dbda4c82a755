"""Pixels that stand out of their surroundings more sharply than any star can.

Hot and dead pixels, and cosmic rays, fill one pixel or a few; the sharpest thing that the optics
can draw, a star, spills into its neighbours. A pixel is an outlier when its excess over what lies
two pixels away is above the noise, and is more than a star's peak would be for what its eight
neighbours have of it. The idea is that of L.A.Cosmic (van Dokkum 2001, PASP 113, 1420).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift import threads
from exosift.calib.medians import temporal_median
from exosift.errors import BadInput
from exosift.types import Bools, Floats, Ints, Shape

# Of white noise with unit standard deviation: the median over 3×3 pixels of the absolute excess,
# over the deviation that the excess has far out; and the absolute distance from the median of nine.
_TYPICAL, _ROUGH = 0.586, 0.5825
_STEP = 3  # of the coarse grid on which the noise is known [px]
# What is sharp is left to a star with less than this share of its excess within so many FWHM: the
# ragged core of a saturated one, and Airy's rings.
_SPARED = (0.7, 1.5), (0.04, 3.0)
_ROWS = 128  # of one piece of work, which stay in the core's cache
_MARGIN = 1.3  # over a Gaussian's peak: Moffat's and Airy's are sharper, by up to 1.1
_REACH: Literal[2] = 2  # of a pixel's surroundings


@dataclass(frozen=True)
class Outliers:
    """What counts as one.

    threshold: excess in standard deviations of the noise. passes: how often to look again once
    those found are out of their neighbours' way; a clump of 2×2 px takes one, of 3×3 px three.
    """

    threshold: float = 5.0
    passes: int = 3

    def __post_init__(self) -> None:
        if self.threshold <= 0:
            raise BadInput(f"threshold is {self.threshold:g}, expected more than 0")
        if self.passes < 1:
            raise BadInput(f"passes is {self.passes}, expected 1 or more")


def outliers(frames: Floats, fwhm: float, rule: Outliers) -> Bools:
    """Outliers (time, y, x) of each frame by itself; `fwhm` [px] of the sharpest star there can be.

    NaN are no outliers, and stand in no one's way.
    """
    sharpest = _MARGIN * _sharpness(fwhm)

    def work(frame: Floats) -> Bools:
        image = _whole(frame)
        height = np.abs(image - _median_of_nine(image, _REACH))
        limit = rule.threshold * _noise(height)
        y, x = _where(height > limit)
        found = np.zeros(frame.shape, dtype=bool)
        for number in range(rule.passes):
            excess, around = _excess(image, y, x)
            star = sharpest * np.maximum(np.copysign(around, excess * around), 0)
            new = excess**2 > limit[y, x] ** 2 + star**2
            if number == 0:
                stars = _stars(frame.shape, fwhm, y[~new], x[~new], np.abs(excess[~new]))
            new &= np.abs(excess) > stars[y // _STEP, x // _STEP]
            found[y[new], x[new]] = True
            image[y[new], x[new]] -= excess[new]
            y, x = _near(y[new], x[new], found)
        return np.asarray(found & np.isfinite(frame))

    found = threads.over(work, frames, products=False)
    return np.stack(found) if found else np.zeros(frames.shape, dtype=bool)


def static_outliers(frames: Floats, fwhm: float, rule: Outliers) -> Bools:
    """Outliers (y, x) of the temporal median of frames (time, y, x): bad pixels stay, stars dither.

    The median of n frames has some √n less noise: weaker ones show than in any one frame.
    """
    return np.asarray(outliers(temporal_median(frames)[None], fwhm, rule)[0])


def transients(frames: Floats, usual: Floats, fwhm: float, rule: Outliers) -> Bools:
    """Outliers (time, y, x) of what changes from frame to frame: cosmic rays, also among speckles.

    usual (y, x), the temporal median of frames like these, is taken off first.
    """
    return outliers(frames - usual, fwhm, rule)


def noise_of(image: Floats) -> float:
    """Standard deviation of the pixel-to-pixel noise of image (y, x), whatever its smooth part."""
    whole = _whole(image)
    rough = np.abs(whole - _median_of_nine(whole, 1))
    return float(np.median(rough) / _ROUGH)


def _sharpness(fwhm: float) -> float:
    """Excess of a Gaussian's peak over the mean excess of its eight neighbours.

    Centred on a pixel: elsewhere, and on its flanks, it is less (tried for Gauss, Moffat, Airy).
    """
    beside, diagonal, beyond = (2.0 ** -((2 * r / fwhm) ** 2) for r in (1, 2**0.5, 2))
    return float((1 - beyond) / ((beside + diagonal) / 2 - beyond))


def _excess(image: Floats, y: Ints, x: Ints) -> tuple[Floats, Floats]:
    """Excess of the pixels (y, x) and the mean of their neighbours', over what is two pixels away.

    The pixel itself is one of the nine of that median, so that a smooth image has no excess.
    """
    padded = np.pad(image, _REACH, mode="reflect")
    box = np.arange(2 * _REACH + 1)
    windows = padded[y[:, None, None] + box[:, None], x[:, None, None] + box]
    level = np.median(windows[:, ::_REACH, ::_REACH].reshape(-1, 9), axis=1)
    here = windows[:, _REACH, _REACH]
    around = (windows[:, 1:-1, 1:-1].sum(axis=(1, 2)) - here) / 8
    return here - level, around - level


def _near(y: Ints, x: Ints, found: Bools) -> tuple[Ints, Ints]:
    """The pixels (y, x) in whose surroundings one of these lies, without those `found`."""
    near = np.zeros(found.shape, dtype=bool)
    box = np.arange(-_REACH, _REACH + 1)
    rows, columns = (
        (place[:, None] + box).clip(0, length - 1)
        for place, length in zip((y, x), found.shape, strict=True)
    )
    near[rows[:, :, None], columns[:, None, :]] = True
    near &= ~found
    return _where(near)


def _where(mask: Bools) -> tuple[Ints, Ints]:
    """The pixels (y, x) of a mask (y, x)."""
    # Found in a flat view, for which NumPy has a way several times as fast.
    y, x = np.unravel_index(np.flatnonzero(mask), mask.shape)
    return y, x


def _noise(height: Floats) -> Floats:
    """Standard deviation of the noise around each pixel, from its |excess| `height` (y, x).

    The mean of medians of medians, over some 20 px, so that a star in their midst counts little.
    """
    from scipy import ndimage  # slow to load

    coarse = _median_of_nine(_median_of_nine(height, 1)[::_STEP, ::_STEP], 2)
    coarse = ndimage.uniform_filter(coarse, 3, mode="nearest") / height.dtype.type(_TYPICAL)
    rows, columns = height.shape
    return np.asarray(coarse.repeat(_STEP, axis=0)[:rows].repeat(_STEP, axis=1)[:, :columns])


def _stars(shape: Shape, fwhm: float, y: Ints, x: Ints, height: Floats) -> Floats:
    """Excess that is still the stars', on the coarse grid, by those with `height` at (y, x)."""
    from scipy import ndimage  # slow to load

    peaks = np.zeros([-(-length // _STEP) for length in shape], height.dtype)
    np.maximum.at(peaks, (y // _STEP, x // _STEP), height)
    limit = np.zeros_like(peaks)
    for share, field in _SPARED:
        side = 2 * round(field * fwhm / _STEP) + 1
        np.maximum(limit, share * ndimage.maximum_filter(peaks, side, mode="constant"), out=limit)
    return limit


def _median_of_nine(image: Floats, apart: Literal[1, 2]) -> Floats:
    """Median of the pixel and its eight neighbours `apart` [px], mirrored at the edges.

    Columns of three are sorted once and shared by three pixels: the median of nine is the middle
    one of the highest low, the median middle and the lowest high of three columns.
    """
    padded = np.pad(image, apart, mode="reflect")
    medians = np.empty_like(image)
    for block in threads.blocks(len(image), _ROWS):
        rows = padded[block.start : block.stop + 2 * apart]
        above, here, below = rows[: -2 * apart], rows[apart:-apart], rows[2 * apart :]
        low, high = np.minimum(above, here), np.maximum(above, here)
        middle = np.maximum(low, np.minimum(high, below))
        np.minimum(low, below, out=low)
        np.maximum(high, below, out=high)
        lows, middles, highs = (
            (row[:, : -2 * apart], row[:, apart:-apart], row[:, 2 * apart :])
            for row in (low, middle, high)
        )
        medians[block] = _middle(
            np.maximum(np.maximum(lows[0], lows[1]), lows[2]),
            _middle(*middles),
            np.minimum(np.minimum(highs[0], highs[1]), highs[2]),
        )
    return medians


def _middle(a: Floats, b: Floats, c: Floats) -> Floats:
    """The middle one of three."""
    return np.asarray(np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c)))


def _whole(frame: Floats) -> Floats:
    """A copy of frame (y, x) with its median where it has no value."""
    seen = np.isfinite(frame)
    if seen.all():
        return frame.copy()
    middle = np.median(frame[seen]) if seen.any() else 0.0
    return np.where(seen, frame, frame.dtype.type(middle))
