"""Find candidates: peaks of the S/N map, merged within one FWHM, placed to a pixel's fraction."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from exosift.detect.significance import (
    elements_in_field,
    false_alarm_probability,
    false_positive_fraction,
)
from exosift.geometry.grid import centre_of, radius_map, sky_position
from exosift.photometry.psf import fit_gaussian
from exosift.types import Bools, Floats


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
    rank: int


def find_candidates(
    images: Floats, snr: Floats, ranks: tuple[int, ...], fwhm: float, threshold: float
) -> list[Candidate]:
    """Peaks of snr (rank, y, x) at or above `threshold`, strongest first, in images (rank, y, x).

    A peak within one FWHM [px] of a stronger one, at any rank, is the same candidate.
    """
    found = [
        (float(snr[i, y, x]), i, int(y), int(x))
        for i in range(len(ranks))
        for y, x in zip(*np.nonzero(_peaks(snr[i], fwhm, threshold)), strict=True)
    ]
    kept: list[tuple[float, int, int, int]] = []
    for peak in sorted(found, reverse=True):
        if all(np.hypot(peak[2] - other[2], peak[3] - other[3]) > fwhm for other in kept):
            kept.append(peak)
    return [_candidate(peak, images, snr, ranks, fwhm) for peak in kept]


def _peaks(snr: Floats, fwhm: float, threshold: float) -> Bools:
    """Local maxima of an S/N map (y, x) within half an FWHM, at or above `threshold`."""
    filled = np.where(np.isnan(snr), -np.inf, snr)
    reach = int(np.ceil(fwhm / 2))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    highest = ndimage.maximum_filter(
        filled, footprint=np.hypot(x, y) <= fwhm / 2, mode="constant", cval=-np.inf
    )
    return np.asarray((filled == highest) & (filled >= threshold))


def _candidate(
    peak: tuple[float, int, int, int],
    images: Floats,
    snr: Floats,
    ranks: tuple[int, ...],
    fwhm: float,
) -> Candidate:
    """Place a peak by a Gaussian fit to the image and say how likely noise makes it."""
    value, i, row, column = peak
    fit = fit_gaussian(images[i], (column, row), fwhm, fwhm)
    near = fit is not None and np.hypot(fit.centre[0] - column, fit.centre[1] - row) <= fwhm / 2
    x, y = fit.centre if fit is not None and near else (float(column), float(row))
    centre = centre_of(images.shape)
    radius = radius_map(images.shape)
    searched = radius[np.isfinite(snr[i])]
    fpf = false_positive_fraction(np.array(value), radius[row, column], fwhm)
    fpf = false_alarm_probability(fpf, len(ranks))
    elements = elements_in_field(searched.min(), searched.max(), fwhm)
    alarm = false_alarm_probability(fpf, elements)
    separation, angle = sky_position(x, y, centre)
    return Candidate(x, y, separation, angle, value, float(fpf), float(alarm), ranks[i])
