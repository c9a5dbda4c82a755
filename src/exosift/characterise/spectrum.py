"""The spectrum of a companion: its flux in each wavelength, its place being known from all.

At a fixed place the residuals of one wavelength are those of one flux, whose χ² is nearly a
parabola: its least is found by Brent's method (1973). The error is the spread of what companions
injected at other azimuths give (see `uncertainty`).
"""

from dataclasses import dataclass, replace

import numpy as np

from exosift.characterise.merit import NegativeCompanion
from exosift.characterise.simplex import Best
from exosift.characterise.uncertainty import azimuths_of
from exosift.limits.recovery import Field
from exosift.psfsub.injected import Injected
from exosift.sequence import Sequence
from exosift.types import Floats

# Fluxes are looked for between these, times that of the mean over wavelengths.
_LOW, _HIGH = -2.0, 6.0


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Flux (wavelength,) [cube units] and its error, at wavelengths [µm]."""

    wavelength: Floats
    flux: Floats
    error: Floats


def spectrum(field: Field, clean: Field, best: Best, injections: int) -> Spectrum | None:
    """The spectrum at the best place; None for a sequence of one wavelength.

    clean: without the companion.
    """
    sequence = field.injected.sequence
    count = len(sequence.wavelength)
    if count < 2:
        return None
    separation, angle, flux = (float(value) for value in best.place)
    azimuths = azimuths_of(separation, angle, field.fwhm, injections)
    fluxes, errors = np.empty(count), np.empty(count)
    for number in range(count):
        one, empty = (_of_channel(each, number) for each in (field, clean))
        fluxes[number] = _flux(one, best, separation, angle, flux)
        again = [
            _flux(empty, best, separation, float(azimuth), flux, fluxes[number])
            for azimuth in azimuths
        ]
        errors[number] = np.std(again, ddof=1)
    return Spectrum(sequence.wavelength, fluxes, errors)


def _flux(
    field: Field, best: Best, separation: float, angle: float, scale: float, injected: float = 0.0
) -> float:
    """The flux at a place of one wavelength; injected: of a companion to be put there first."""
    from scipy.optimize import minimize_scalar  # slow to load

    merit = replace(best.negative.merit, kind="chi2", reach=0.05)
    negative = NegativeCompanion.at(field, separation, angle, merit)
    if injected:
        there = (field.companion(separation, angle, injected),)
        negative = replace(negative, there=there)

    def chi2(share: float) -> float:
        return float(negative.of(np.array([[separation, angle, share * scale]]))[0])

    return scale * float(minimize_scalar(chi2, bounds=(_LOW, _HIGH), method="bounded").x)


def _of_channel(field: Field, number: int) -> Field:
    """One wavelength of a field."""
    sequence = _channel(field.injected.sequence, number)
    stars = [_channel(star, number) for star in field.injected.stars]
    injected = Injected.of(sequence, field.injected.reduction, stars)
    return Field(injected, field.unseen | np.isnan(injected.images[0]))


def _channel(sequence: Sequence, number: int) -> Sequence:
    """One wavelength of a sequence."""
    one, known = slice(number, number + 1), sequence.observation
    return replace(
        sequence,
        cube=sequence.cube[one],
        mask=sequence.mask[one],
        psf=sequence.psf[one],
        wavelength=sequence.wavelength[one],
        variance=None if sequence.variance is None else sequence.variance[one],
        observation=replace(
            known, fwhm=known.fwhm[one], star_flux=known.star_flux and known.star_flux[one]
        ),
    )
