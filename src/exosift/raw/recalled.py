"""Calibrated frames with what goes with them, ready to be registered."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from exosift import instruments
from exosift.calib.registration import Finders, Registration
from exosift.compute.registration import Frames, Known
from exosift.errors import BadInput
from exosift.instruments.description import Description
from exosift.io.calibrated import Calibrated, Outline
from exosift.io.fits import read_psf, read_wavelengths
from exosift.io.public import sha256
from exosift.observations import Row
from exosift.photometry.psf import FluxScale, off_axis_psf, room_around
from exosift.raw.prepared import Prepared, star_flux, templates
from exosift.types import Floats

# Half the side of the PSF's template, where the frames have so much, and at least [FWHM].
_TEMPLATE, _NEEDED = 5.0, 2.0


def from_calibrated(
    row: Row, store: Path, registration: Registration, given: Mapping[str, Description]
) -> Prepared:
    """Those of a store of calibrated frames, with its own PSF unless the row names one."""
    found = Calibrated.open(store)
    told = found.outline
    _refuse_other(row, told, given)
    history, sources = dict(told.history), dict(told.sources)
    if row.psf:
        psf, fwhm, flux = templates(read_psf(Path(row.psf), found.shape))
        known_flux = star_flux(row, flux)
        history["psf"] = row.psf
    else:
        psf, fwhm, flux = templates(_off_axis(row, found))
        known_flux = None if told.star_flux else tuple(flux)
        history["psf"] += f", {found.flux.shape[1]} frames" if found.flux is not None else ""
    if known_flux is None:
        history["star_flux"] = told.star_flux or "not known: the observations table has none"
    for path in filter(None, (row.psf, row.wavelengths)):
        sources[path] = sha256(Path(path))
    return Prepared(
        Frames(found.shape, found.read, told.apart),
        found.angle,
        found.mjd,
        psf,
        fwhm,
        _wavelengths(row, found),
        known_flux,
        told.instrument,
        told.pixel_scale,
        told.exposure_time,
        sources,
        history,
        _by_spots(found, fwhm, registration),
        "variance" in found.group,
    )


def _refuse_other(row: Row, told: Outline, given: Mapping[str, Description]) -> None:
    """Raise BadInput when the table means another instrument or filter than the headers."""
    expected = instruments.load(row.instrument, given)
    if not told.instrument.lower().startswith(expected.name.lower()):
        raise BadInput(
            f"{row.label}: its raw files are of {told.instrument}, the observations table says "
            f"{row.instrument}, which is {expected.name}; correct the instrument column"
        )
    here, there = expected.wavelength(row.filter), float(np.mean(told.wavelength))
    if not np.isclose(here, there, rtol=1e-3):
        raise BadInput(
            f"{row.label}: its raw files are in {told.filter}, {there:.4g} µm, the observations "
            f"table says {row.filter}, {here:.4g} µm; correct the filter column"
        )


def _off_axis(row: Row, found: Calibrated) -> Floats:
    """The star off the coronagraph (wavelength, y, x), the mean of its frames."""
    if found.flux is None:
        raise BadInput(
            f"{row.label}: no frames of the star off the coronagraph among its raw files, and no "
            "PSF in the observations table; add those files, or name a FITS file in the column psf"
        )
    fwhm = found.outline.fwhm
    room = min(room_around(one, fwhm) for one in found.flux)
    if room < _NEEDED * fwhm:
        raise BadInput(
            f"{row.label}: the star off the coronagraph comes within {room} px of the edge in one "
            f"of its frames, and {_NEEDED:g} FWHM ({fwhm:.1f} px each) are needed; leave out that "
            "file, or name a PSF in the observations table"
        )
    side = 2 * min(int(np.ceil(_TEMPLATE * fwhm)), room) + 1
    return np.stack([off_axis_psf(one, fwhm, side, FluxScale()) for one in found.flux])


def _wavelengths(row: Row, found: Calibrated) -> Floats:
    """Wavelength [µm] of each channel, by the table or by the instrument's description."""
    channels, told = found.shape[0], found.outline.wavelength
    if row.wavelengths:
        return read_wavelengths(Path(row.wavelengths), channels)
    if len(told) != channels:
        raise BadInput(
            f"{row.label}: {channels} channels of {told[0]:.4g} µm on the whole; name a FITS file "
            "with one wavelength [µm] a channel in the column wavelengths, or list them under "
            "instruments"
        )
    return np.array(told)


def _by_spots(found: Calibrated, fwhm: Floats, registration: Registration) -> Known | None:
    """The star in the science frames from those with satellite spots, before and after them."""
    if registration.frames != "centre":
        return None
    if found.centre is None or found.centre_mjd is None:
        raise BadInput(
            "register.frames is centre, and there are no frames with satellite spots of the "
            "science's window among the raw files; choose another"
        )
    finders = Finders.of(found.centre, fwhm, registration, found.outline.apart)
    places, offset = finders.agreed(finders.places(found.centre))
    failed = [place for place in places if isinstance(place, Exception)]
    if failed:
        raise failed[0]
    order = np.argsort(found.centre_mjd)
    star = np.array(places)[order]
    each = (np.interp(found.mjd, found.centre_mjd[order], axis) for axis in star.T)
    return Known(np.stack(list(each), axis=1), offset)
