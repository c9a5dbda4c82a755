"""Master dark and master flat: what the detector adds to the light, and what it makes of it.

Both are robust means: at each pixel the mean of the values within some standard deviations of their
median, so that a cosmic ray in one exposure leaves nothing behind.
"""

from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.calib.medians import temporal_median
from exosift.calib.outliers import Outliers, noise_of, outliers
from exosift.errors import BadInput
from exosift.types import Bools, Floats, Ints

_MAD = 1.4826  # standard deviation over the median absolute deviation, of a Gaussian
_KEPT = 4.0  # standard deviations from the median beyond which a value is left out of the mean
_VALUES = 1 << 21  # worked on at once: 16 MB of float64
_SMOOTH = 8.0  # FWHM [px]: a dark has no stars, and all that is sharper than this is of its pixels


@dataclass(frozen=True, eq=False)
class MasterDark:
    """What the detector reads without light, at one exposure time.

    frame (y, x) [counts]; variance (y, x) of it; read_noise: standard deviation of one exposure
    [counts], the median over pixels; hot (y, x): pixels that are far off, or far noisier.
    """

    frame: Floats
    variance: Floats
    read_noise: float
    hot: Bools


@dataclass(frozen=True, eq=False)
class MasterFlat:
    """How the detector and the optics answer to even light: response (y, x), its median 1.

    variance (y, x) of it; bad (y, x): pixels that see too little or too much to be corrected.
    """

    response: Floats
    variance: Floats
    bad: Bools


def master_dark(darks: Floats, hot: float = 8.0) -> MasterDark:
    """Robust mean of darks (exposure, y, x) of one exposure time, and the noise of one of them.

    A pixel is hot when it stands out of its neighbours by `hot` standard deviations, or when its
    noise, where there are five exposures to tell, is `hot` times the median one. From one dark
    only the noise between its pixels is known: an upper limit, the fixed pattern in it.
    """
    frame, scatter, count = robust_mean(darks)
    if len(darks) < 2:
        read_noise = noise_of(frame)
        scatter = np.full(frame.shape, read_noise)
    else:
        read_noise = _typical(scatter, len(darks))
    wild = outliers(frame[None], _SMOOTH, Outliers(hot))[0] | ~np.isfinite(frame)
    if len(darks) >= 5:
        wild |= scatter > hot * read_noise
    # A few exposures may agree by chance: no pixel is quieter than the usual one.
    variance = np.fmax(scatter, read_noise) ** 2 / count
    return MasterDark(frame, variance.astype(frame.dtype), read_noise, wild)


def master_flat(
    flats: Floats, dark: Floats, usable: tuple[float, float] = (0.5, 1.5)
) -> MasterFlat:
    """Response from flats (exposure, y, x), whatever the brightness of each, less `dark` (y, x).

    `dark` is of the flats' exposure time, or their mean with the lamp off. Each flat is divided by
    its median first. A pixel is bad where its response is outside `usable`. One flat alone does not
    tell its noise from its structure: its variance is then 0.
    """
    lit = np.asarray(flats - dark, dtype=np.float32)
    brightness = np.nanmedian(lit, axis=(1, 2))
    if not (brightness > 0).all():
        worst = int(np.argmin(brightness))
        raise BadInput(
            f"flat {worst}: its median is {brightness[worst]:.1f} counts above the dark; leave it "
            "out, or give the dark of its exposure time"
        )
    response, scatter, count = robust_mean(lit / brightness[:, None, None])
    if len(flats) < 2:
        scatter = np.zeros_like(response)
    bad = ~((response >= usable[0]) & (response <= usable[1]))
    middle = np.nanmedian(response[~bad])
    variance = scatter**2 / count / middle**2
    return MasterFlat(response / middle, variance.astype(response.dtype), bad)


def not_linear(ramp: Floats, exposure: Floats, tolerance: float = 0.05) -> Bools:
    """Pixels (y, x) whose counts do not grow with the exposure as the others' do.

    ramp (exposure, y, x): dark-subtracted flats of steady light at times `exposure`. Each pixel's
    counts are compared with its own mean rate and the whole detector's at that time; one is not
    linear when it is ever more than `tolerance` of its counts off.
    """
    rate = ramp / exposure[:, None, None]
    lamp = np.nanmedian(rate, axis=(1, 2))
    rate = rate / lamp[:, None, None]
    apart = np.abs(rate / rate.mean(axis=0) - 1)
    return np.asarray(~(apart <= tolerance).all(axis=0))


def robust_mean(frames: Floats) -> tuple[Floats, Floats, Ints]:
    """Mean of frames (n, y, x) without values far from the median, their scatter and their number.

    Far is 4 standard deviations: the pixel's, from its median absolute deviation, or the usual one
    where that is less, as that of a few values can be by chance. NaN do not count; a pixel without
    any value is NaN. All (y, x); the mean and the scatter are float32.
    """

    def work(rows: slice) -> tuple[Floats, Floats, Ints]:
        values = frames[:, rows].astype(np.float64)
        values[~np.isfinite(values)] = np.nan
        apart = np.abs(values - temporal_median(values))
        typical = _typical(_mean(values, np.isfinite(values))[1], len(values))
        limit = _KEPT * np.fmax(_MAD * temporal_median(apart), typical)
        mean, scatter, count = _mean(values, apart <= limit)
        return mean.astype(np.float32), scatter.astype(np.float32), np.maximum(count, 1)

    rows = max(1, _VALUES // max(1, frames[:, 0].size))
    pieces = threads.over(work, threads.blocks(frames.shape[1], rows), products=False)
    mean, scatter, count = (np.concatenate(part) for part in zip(*pieces, strict=True))
    return mean, scatter, count


def _mean(values: Floats, kept: Bools) -> tuple[Floats, Floats, Ints]:
    """Mean, standard deviation and number (y, x) of the values (n, y, x) that are kept."""
    count = kept.sum(axis=0)
    mean = np.where(kept, values, 0).sum(axis=0) / np.where(count, count, np.nan)
    squares = np.where(kept, (values - mean) ** 2, 0).sum(axis=0)
    return mean, np.sqrt(squares / np.where(count > 1, count - 1, np.nan)), count


def _typical(scatter: Floats, count: int) -> float:
    """The standard deviation behind those of `count` values a pixel, wild pixels aside.

    Their median is low by that of χ² over its degrees of freedom (Wilson & Hilferty 1931).
    """
    known = scatter[np.isfinite(scatter)]
    if not known.size:
        return 0.0
    return float(np.median(known) / (1 - 2 / (9 * (count - 1))) ** 1.5)
