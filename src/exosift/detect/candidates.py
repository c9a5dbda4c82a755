"""Find candidates: peaks of the S/N map, merged within one FWHM, placed to a pixel's fraction."""

from dataclasses import dataclass

import numpy as np

from exosift.detect.significance import (
    Null,
    elements_in_field,
    false_alarm_probability,
    false_positive_fraction,
)
from exosift.geometry.grid import centre_of, radius_map, sky_position
from exosift.photometry.psf import fit_gaussian
from exosift.types import Bools, Floats, Point


@dataclass(frozen=True)
class Search:
    """What counts as a candidate: peaks of the S/N map at or above `threshold`."""

    threshold: float = 5.0


@dataclass(frozen=True)
class Candidate:
    """A peak: x, y, separation [px], position angle [deg], S/N, and what it is worth.

    fpf: false-positive fraction of one resolution element, for the ranks tried. false_alarm: chance
    of such a peak anywhere in the frame. rank: the PSF model's rank it is strongest at.
    """

    x: float
    y: float
    separation: float
    position_angle: float
    snr: float
    fpf: float
    false_alarm: float
    rank: float


def find_candidates(
    images: Floats,
    snr: Floats,
    ranks: tuple[float, ...],
    fwhm: float,
    threshold: float,
    null: Null = "small sample",
) -> list[Candidate]:
    """Peaks of snr (rank, y, x) at or above `threshold`, strongest first, in images (rank, y, x).

    A peak within one FWHM [px] of a stronger one, at any rank, is the same candidate; so is one
    whose light lies within one FWHM of the light of a stronger one. `null` says what the S/N of
    noise follows.
    """
    found = [
        (float(snr[i, y, x]), i, int(y), int(x))
        for i in range(len(ranks))
        for y, x in zip(*np.nonzero(_peaks(snr[i], fwhm, threshold)), strict=True)
    ]
    kept: list[tuple[float, int, int, int]] = []
    places: list[Point] = []
    for peak in sorted(found, reverse=True):
        if any(np.hypot(peak[2] - other[2], peak[3] - other[3]) <= fwhm for other in kept):
            continue
        x, y = _place(images[peak[1]], peak[3], peak[2], fwhm)
        if any(np.hypot(x - other[0], y - other[1]) <= fwhm for other in places):
            continue
        kept.append(peak)
        places.append((x, y))
    return [
        _candidate(peak, place, snr, ranks, fwhm, null)
        for peak, place in zip(kept, places, strict=True)
    ]


def _peaks(snr: Floats, fwhm: float, threshold: float) -> Bools:
    """Local maxima of an S/N map (y, x) within half an FWHM, at or above `threshold`."""
    from scipy import ndimage  # slow to load, and not before there is a map to search

    filled = np.where(np.isnan(snr), -np.inf, snr)
    reach = int(np.ceil(fwhm / 2))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    highest = ndimage.maximum_filter(
        filled, footprint=np.hypot(x, y) <= fwhm / 2, mode="constant", cval=-np.inf
    )
    return np.asarray((filled == highest) & (filled >= threshold))


def _place(image: Floats, column: int, row: int, fwhm: float) -> Point:
    """Place (x, y) [px] of the light behind a peak of the S/N map, by a Gaussian fit to the image.

    The fit starts on the brightest pixel within one FWHM: the lobes that self-subtraction leaves
    beside a companion raise the noise on its own pixels and push the peak of the S/N to one side.
    """
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    near = (np.hypot(x - column, y - row) <= fwhm) & np.isfinite(image)
    brightest = np.unravel_index(np.argmax(np.where(near, image, -np.inf)), image.shape)
    fit = fit_gaussian(image, (float(brightest[1]), float(brightest[0])), fwhm, fwhm)
    if fit is not None and np.hypot(fit.centre[0] - column, fit.centre[1] - row) <= fwhm:
        return fit.centre
    return float(column), float(row)


def _candidate(
    peak: tuple[float, int, int, int],
    place: Point,
    snr: Floats,
    ranks: tuple[float, ...],
    fwhm: float,
    null: Null,
) -> Candidate:
    """Say where a peak lies and how likely noise makes it."""
    value, i, row, column = peak
    x, y = place
    centre = centre_of(snr.shape)
    radius = radius_map(snr.shape)
    searched = radius[np.isfinite(snr[i])]
    fpf = false_positive_fraction(np.array(value), radius[row, column], fwhm, null)
    fpf = false_alarm_probability(fpf, len(ranks))
    elements = elements_in_field(searched.min(), searched.max(), fwhm)
    alarm = false_alarm_probability(fpf, elements)
    separation, angle = sky_position(x, y, centre)
    return Candidate(x, y, separation, angle, value, float(fpf), float(alarm), ranks[i])
