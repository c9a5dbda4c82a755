"""Find candidates: peaks of the S/N map, merged within one FWHM, placed to a pixel's fraction."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from exosift.detect.maps import Detection
from exosift.detect.peaks import apart, core, peaks
from exosift.detect.places import Places
from exosift.detect.search import Search
from exosift.detect.significance import false_alarm_probability
from exosift.geometry.grid import centre_of, sky_position
from exosift.photometry.psf import fit_gaussian
from exosift.types import Bools, Floats, Point


@dataclass(frozen=True)
class Candidate:
    """A peak: x, y, separation [px], position angle [deg], S/N, and what it is worth.

    fpf: false-positive fraction of one resolution element, for the ranks tried. false_alarm: chance
    of such a peak anywhere in the frame. Both are NaN where an S/N is no significance. rank: the
    PSF model's rank it is strongest at. known: lies on a known companion. edge: touches what was
    not measured, so it may be the flank of something. others: name → (value, fpf) at its place in
    the other maps.
    """

    x: float
    y: float
    separation: float
    position_angle: float
    snr: float
    fpf: float
    false_alarm: float
    rank: float
    known: bool = False
    edge: bool = False
    others: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Searched:
    """What is searched, of a reduction's ranks (rank,): light and S/N, and how many places.

    images (rank, y, x): the light that peaks are placed on. others: more maps, by name. fwhm [px].
    known: places (x, y) [px] of known companions.
    """

    images: Floats
    snr: Detection
    places: Places
    ranks: tuple[float, ...]
    fwhm: float
    others: Mapping[str, Detection] = field(default_factory=dict)
    known: tuple[Point, ...] = ()


def find_candidates(searched: Searched, search: Search) -> list[Candidate]:
    """Peaks of the S/N that `search` asks for, strongest first.

    A peak within one FWHM of a stronger one, at any rank, is the same candidate; so is one whose
    light lies within one FWHM of the light of a stronger one.
    """
    snr, fpf, fwhm = searched.snr.statistic, searched.snr.fpf, searched.fwhm
    found = [
        (float(snr[i, row, column]), i, int(row), int(column))
        for i in range(len(snr))
        for row, column in peaks(snr[i], fwhm, _wanted(snr[i], fpf[i], search))
    ]
    found.sort(reverse=True)
    distinct = {tuple(place) for place in apart(np.array([f[2:] for f in found]), fwhm)}
    candidates: list[Candidate] = []
    for peak in found:
        if peak[2:] not in distinct:
            continue
        distinct.remove(peak[2:])
        x, y = _place(searched.images[peak[1]], peak[3], peak[2], fwhm)
        if all(np.hypot(x - other.x, y - other.y) > fwhm for other in candidates):
            candidates.append(_candidate(peak, (x, y), searched))
    return candidates


def _wanted(snr: Floats, fpf: Floats, search: Search) -> Bools:
    """Pixels (y, x) that are asked for: by S/N where no fraction is asked for, or none is known."""
    if search.fpf is None or np.isnan(fpf).all():
        return np.asarray(snr >= search.threshold)
    return np.asarray(fpf <= search.fpf)


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


def _candidate(peak: tuple[float, int, int, int], place: Point, searched: Searched) -> Candidate:
    """Say where a peak lies and how likely noise makes it."""
    value, i, row, column = peak
    x, y = place
    separation, angle = sky_position(x, y, centre_of(searched.images.shape))
    single = float(searched.snr.fpf[i, row, column])
    trials = len(searched.ranks)
    return Candidate(
        x,
        y,
        separation,
        angle,
        value,
        fpf=float(false_alarm_probability(np.array(single), trials)),
        false_alarm=searched.places.false_alarm(single, trials),
        rank=searched.ranks[i],
        known=any(np.hypot(x - a, y - b) <= searched.fwhm for a, b in searched.known),
        edge=_at_edge(searched.snr.statistic[i], row, column, searched.fwhm),
        others={name: _read(found, i, place) for name, found in searched.others.items()},
    )


def _read(found: Detection, i: int, place: Point) -> tuple[float, float]:
    """A map's value and its false-positive fraction on the pixel of a place (x, y)."""
    column, row = (round(at) for at in place)
    return float(found.statistic[i, row, column]), float(found.fpf[i, row, column])


def _at_edge(snr: Floats, row: int, column: int, fwhm: float) -> bool:
    """Whether a pixel within half an FWHM of a peak was not measured."""
    around = core(fwhm)
    reach = len(around) // 2
    padded = np.pad(snr, reach, constant_values=np.nan)
    near = padded[row : row + len(around), column : column + len(around)]
    return bool(np.isnan(near[around]).any())
