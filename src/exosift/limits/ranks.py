"""Which rank serves best: the S/N of a place, or of companions put there, at every rank tried.

The best rank at a place is chosen by looking at it, so its S/N there overstates a detection; that
of injected companions at the same separation does not (Meshkat et al. 2014, ApJ 780, 17).
"""

from collections.abc import Sequence as Several

import numpy as np

from exosift.detect.snr import snr_at
from exosift.geometry.grid import centre_of, pixel_position
from exosift.photometry.injection import Companion, inject
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.sequence import Sequence
from exosift.types import Floats, Point


def snr_by_rank(
    sequence: Sequence, reduction: Reduction, places: Several[Point], stars: Several[Sequence] = ()
) -> Floats:
    """S/N (variant, place) of a reduction's images at places (separation [px], position angle)."""
    images = reduce(sequence, reduction, stars=stars).images
    fwhm = sequence.observation.fwhm[int(np.argmax(sequence.wavelength))]
    centre = centre_of(images.shape)
    at = [pixel_position(*place, centre) for place in places]
    return np.array([[snr_at(image, *xy, fwhm) for xy in at] for image in images])


def injected_snr_by_rank(
    sequence: Sequence,
    reduction: Reduction,
    companions: Several[Companion],
    stars: Several[Sequence] = (),
) -> Floats:
    """S/N (variant, companion) of companions injected all at once.

    Put them at separations more than two FWHM apart, or they are each other's noise.
    """
    places = [(companion.separation, companion.position_angle) for companion in companions]
    return snr_by_rank(inject(sequence, companions), reduction, places, stars)


def around(separation: float, flux: tuple[float, ...], count: int) -> list[Companion]:
    """`count` companions of equal flux evenly around the star at `separation` [px]."""
    return [Companion(separation, 360 * i / count, flux) for i in range(count)]
