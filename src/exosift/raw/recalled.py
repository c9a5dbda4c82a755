"""Calibrated frames with what goes with them, ready to be registered."""

from pathlib import Path

import numpy as np

from exosift.calib.registration import Finders, Registration
from exosift.compute.registration import Frames
from exosift.errors import BadInput
from exosift.io.calibrated import Calibrated
from exosift.io.fits import read_psf
from exosift.io.public import sha256
from exosift.observations import Row
from exosift.photometry.psf import FluxScale, off_axis_psf
from exosift.raw.prepared import Prepared, star_flux, templates
from exosift.types import Floats

# Half the side of the PSF's template [FWHM].
_TEMPLATE = 5.0


def from_calibrated(row: Row, store: Path, registration: Registration) -> Prepared:
    """Those of a store of calibrated frames, with its own PSF unless the row names one."""
    found = Calibrated.open(store)
    told = found.outline
    shape = found.shape
    history, sources = dict(told.history), dict(told.sources)
    if row.psf:
        psf, fwhm, flux = templates(read_psf(Path(row.psf), shape))
        sources[row.psf] = sha256(Path(row.psf))
        known_flux = star_flux(row, flux)
    elif found.flux is None:
        raise BadInput(
            f"{row.label}: no frames of the star off the coronagraph, and no PSF in the "
            "observations table; name one in the column psf"
        )
    else:
        side = 2 * int(np.ceil(_TEMPLATE * told.fwhm)) + 1
        side = min(side, *(length - 1 + length % 2 for length in found.flux.shape[2:]))
        stars = [off_axis_psf(one, told.fwhm, side, FluxScale()) for one in found.flux]
        psf, fwhm, flux = templates(np.stack(stars))
        known_flux = None if told.star_flux else tuple(flux)
        history["psf"] = f"{found.flux.shape[1]} frames of the star off the coronagraph"
    if told.star_flux:
        history["star_flux"] = told.star_flux
    return Prepared(
        Frames(shape, found.read),
        found.angle,
        found.mjd,
        psf,
        fwhm,
        np.array(told.wavelength),
        known_flux,
        told.instrument,
        told.pixel_scale,
        told.exposure_time,
        sources,
        history,
        _by_spots(found, fwhm, registration),
        "variance" in found.group,
    )


def _by_spots(found: Calibrated, fwhm: Floats, registration: Registration) -> Floats | None:
    """The star (time, 2) in the science frames from those with satellite spots, around them."""
    if registration.frames != "centre":
        return None
    if found.centre is None or found.centre_mjd is None:
        raise BadInput(
            "register.frames is centre, and there are no frames with satellite spots; choose "
            "another"
        )
    finders = Finders.of(found.centre, fwhm, registration)
    places = finders.places(found.centre)
    failed = [place for place in places if isinstance(place, Exception)]
    if failed:
        raise failed[0]
    order = np.argsort(found.centre_mjd)
    star = np.array(places)[order]
    each = (np.interp(found.mjd, found.centre_mjd[order], axis) for axis in star.T)
    return np.stack(list(each), axis=1)
