"""The maps that are searched: a statistic, and the false-positive fraction of its values."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exosift.detect.places import Map, Places, count_places
from exosift.detect.significance import Null, false_positive_fraction
from exosift.detect.snr import SmallSample, small_sample
from exosift.detect.stim import Stim, stim
from exosift.geometry.grid import radius_map
from exosift.types import Bools, Floats, Point, Shape

# Noise images are drawn alike at every run.
_SEED = 20190621


@dataclass(frozen=True, eq=False)
class Detection:
    """A statistic and its false-positive fraction (rank, y, x); NaN where it is not measured."""

    statistic: Floats
    fpf: Floats


@dataclass(frozen=True)
class Known:
    """Places (x, y) [px] of known companions, and the radius [px] within which light is theirs."""

    places: tuple[Point, ...] = ()
    radius: float = 0.0

    def around(self, shape: Shape, places: tuple[Point, ...] | None = None) -> Bools:
        """Pixels (y, x) near any of the places, or of those given."""
        near = np.zeros(shape[-2:], dtype=bool)
        for place in self.places if places is None else places:
            near |= radius_map(shape, place) <= self.radius
        return near


NONE_KNOWN = Known()

Measure = Callable[[Floats, Bools], SmallSample]
"""What tells the S/N of an image (y, x), with pixels (y, x) that do not count as noise."""


def small_samples(
    images: Floats, measure: Measure, null: Null, known: Known = NONE_KNOWN
) -> Detection:
    """S/N of images (rank, y, x), each told from few apertures.

    Known companions are no noise to others, but are as noisy as any source to themselves.
    """
    found = [_beside(image, measure, known) for image in images]
    snr = np.stack([one.snr for one in found])
    noise = np.stack([one.noise for one in found])
    return Detection(snr, false_positive_fraction(snr, noise, null))


def _beside(image: Floats, measure: Measure, known: Known) -> SmallSample:
    """S/N of an image (y, x): on a known companion, only the others are left out of the noise."""
    found = measure(image, known.around(image.shape))
    for place in known.places:
        others = tuple(other for other in known.places if other != place)
        own = measure(image, known.around(image.shape, others))
        near = known.around(image.shape, (place,))
        found = SmallSample(
            np.where(near, own.snr, found.snr), np.where(near, own.noise, found.noise)
        )
    return found


def given(snr: Floats, null: Null = "normal") -> Detection:
    """An S/N (rank, y, x) from elsewhere, its noise a unit Gaussian; or what ranks, "unknown"."""
    none = np.zeros(snr.shape, dtype=int)
    return Detection(snr, false_positive_fraction(snr, none, null))


def stims(
    residuals: Floats,
    angle: Floats,
    derotate: Callable[[Floats, Floats], Floats],
    fwhm: float,
) -> Detection:
    """Normalised STIM of residuals (rank, wavelength, time, y, x), from 1 FWHM [px] to the edge."""
    searched = stim_searched(residuals.shape, fwhm)
    return of_stims([stim(one, angle, derotate, searched) for one in residuals], fwhm)


def stim_searched(shape: Shape, fwhm: float) -> Bools:
    """Where STIM is looked at in frames of `shape` (…, y, x): from 1 FWHM [px] to the edge."""
    radius = radius_map(shape)
    return np.asarray((radius >= fwhm) & (radius <= (min(shape[-2:]) - 1 - fwhm) / 2))


def of_stims(each: list[Stim], fwhm: float) -> Detection:
    """Normalised STIM of every rank."""
    elements = [np.isfinite(one.stim).sum() / (np.pi * fwhm**2 / 4) for one in each]
    return Detection(
        np.stack([one.normalised for one in each]),
        np.stack([one.fraction(n) for one, n in zip(each, elements, strict=True)]),
    )


def places_of(images: Floats, fwhm: float, null: Null) -> Places:
    """How many independent places a frame of images (rank, y, x) holds.

    Where the noise is known, they are S/N maps. Noise images are Gaussian, Laplace noise's too: the
    tails are in its false-positive fractions, and what is counted here is how pixels hang together.
    """
    measure: Map = _known if null == "normal" else lambda image: _told(image, fwhm)
    return count_places(images, fwhm, measure, np.random.default_rng(_SEED))


def _known(image: Floats) -> tuple[Floats, Floats]:
    return image, given(image).fpf


def _told(image: Floats, fwhm: float) -> tuple[Floats, Floats]:
    found = small_sample(image, fwhm)
    return found.snr, false_positive_fraction(found.snr, found.noise)
