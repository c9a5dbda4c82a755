"""The cube, angles and PSF that a row of the observations table names."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from exosift import instruments
from exosift.calib.badpixels import fill_isolated
from exosift.compute.blocks import Block
from exosift.compute.registration import Frames
from exosift.errors import BadInput
from exosift.instruments import Instrument
from exosift.instruments.description import Description
from exosift.io.fits import read_angles, read_cube, read_psf, read_wavelengths
from exosift.io.public import sha256
from exosift.observations import Row
from exosift.raw.prepared import Prepared, star_flux, templates
from exosift.types import Floats


def from_files(row: Row, given: Mapping[str, Description]) -> Prepared:
    """Those of the cube, angles and PSF that a row of the observations table names."""
    files = [Path(cell) for cell in (row.cube, row.angles, row.psf, row.wavelengths) if cell]
    cube = read_cube(files[0])
    instrument = instruments.load(row.instrument, given)
    derotator = _derotator(row, instrument)
    angle = read_angles(files[1], cube.shape[1]) + derotator + instrument.true_north
    wavelength = _wavelengths(row, len(cube), instrument)
    psf, fwhm, flux = templates(read_psf(files[2], cube.shape))
    filled, mask = fill_isolated(cube.reshape(-1, *cube.shape[2:]))
    filled, mask = filled.reshape(cube.shape), mask.reshape(cube.shape)
    return Prepared(
        Frames(cube.shape, lambda span: Block(filled[:, span], mask[:, span])),
        angle,
        np.full(cube.shape[1], np.nan),
        psf,
        fwhm,
        wavelength,
        star_flux(row, flux),
        instrument.name,
        instrument.pixel_scale,
        row.exposure_time,
        {str(path): sha256(path) for path in files},
        {
            "angle": f"angles as stored {derotator:+.2f}° (derotator) "
            f"{instrument.true_north:+.2f}° (true North), {instrument.source}",
            "pixel_scale": instrument.source,
        },
    )


def _derotator(row: Row, instrument: Instrument) -> float:
    """What the derotator adds to the angles as stored [deg]; the table's word goes first."""
    offset = instrument.derotator_offset if row.angle_offset is None else row.angle_offset
    if offset is None:
        raise BadInput(f"{instrument.name} has no fixed derotator offset; give angle_offset")
    return offset


def _wavelengths(row: Row, channels: int, instrument: Instrument) -> Floats:
    """Wavelengths [µm] of the channels."""
    if row.wavelengths:
        return read_wavelengths(Path(row.wavelengths), channels)
    known = instrument.channels(row.filter)
    if channels not in (1, len(known)):
        raise BadInput(
            f"{row.cube}: {channels} channels, and no wavelengths; name a FITS file with one [µm] "
            "a channel in the column wavelengths"
        )
    return np.array(known if len(known) == channels else [instrument.wavelength(row.filter)])
