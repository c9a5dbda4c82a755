"""`exosift register`: a calibrated cube, its angles and PSF become `sequence.zarr`."""

from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

import numpy as np

from exosift import __version__, instruments
from exosift.calib.centring import Centring
from exosift.calib.registration import Registered, register
from exosift.errors import BadInput
from exosift.instruments import Instrument
from exosift.io.fits import read_angles, read_cube, read_psf, read_wavelengths
from exosift.io.public import sha256
from exosift.observations import Row
from exosift.photometry.psf import normalised_psf
from exosift.sequence import Observation, Sequence
from exosift.settings import plain
from exosift.steps.recording import digest, recorded
from exosift.types import Floats


def run(row: Row, centring: Centring, store: Path) -> None:
    """Read the files of `row`, put the star on the centre pixel, write `store` and a picture."""
    files = [Path(cell) for cell in (row.cube, row.angles, row.psf, row.wavelengths) if cell]
    settings = {"row": asdict(row), "centring": plain(centring)}
    with recorded("register", store.parent, files, settings):
        cube = read_cube(files[0])
        instrument = instruments.load(row.instrument)
        north = _derotator(row, instrument) + instrument.true_north
        angle = read_angles(files[1], cube.shape[1]) + north
        wavelength = _wavelengths(row, len(cube), instrument)
        templates = [normalised_psf(psf) for psf in read_psf(files[2], cube.shape)]
        fwhm = np.array([width for _, width, _ in templates])
        star_flux = _star_flux(row, [flux for _, _, flux in templates])
        done = register(cube, fwhm, centring)
        sequence = Sequence(
            cube=done.cube,
            angle=angle,
            psf=np.stack([template for template, _, _ in templates]),
            wavelength=wavelength,
            mjd=np.full(cube.shape[1], np.nan),
            mask=done.mask,
            observation=_observation(row, fwhm, star_flux, done, centring, files),
        )
        # Both are slow to load, and not needed before there is something to write.
        from exosift.io.sequences import write_sequence
        from exosift.report.figures import registration_figure, save

        write_sequence(store, sequence)
        middle = np.nanmedian(cube.mean(axis=0), axis=0)
        title = f"{row.target}  {row.epoch}  {row.filter}: median of the frames as they came"
        found = sequence.observation.raw_star
        figure = registration_figure(middle, found, instrument.pixel_scale, title)
        save(figure, store.with_name("registration.png"))


def _observation(
    row: Row,
    fwhm: Floats,
    star_flux: tuple[float, ...] | None,
    done: Registered,
    centring: Centring,
    files: list[Path],
) -> Observation:
    """What is known of the sequence, and how each number was found."""
    instrument = instruments.load(row.instrument)
    centre = (done.cube.shape[-1] - 1) / 2
    found = (float(np.median(done.star[:, 0])), float(np.median(done.star[:, 1])))
    settings = {"row": asdict(row), "centring": plain(centring)}
    history = {
        "angle": f"angles as stored {_derotator(row, instrument):+.2f}° (derotator) "
        f"{instrument.true_north:+.2f}° (true North), {instrument.source}",
        "star": f"{_found(centring)}; then moved to the centre pixel ({centre:.0f}, {centre:.0f}) "
        f"of {done.cube.shape[-1]}² px",
        "fwhm": "Gaussian fit to the core of the PSF",
        "pixel_scale": instrument.source,
        "software": f"exosift {__version__}",
        "settings": f"SHA-256 {digest(settings)[:16]}…",
    }
    return Observation(
        target=row.target,
        epoch=row.epoch,
        instrument=instrument.name,
        filter=row.filter,
        pixel_scale=instrument.pixel_scale,
        fwhm=tuple(fwhm.tolist()),
        star=(centre, centre),
        raw_star=found,
        exposure_time=row.exposure_time,
        transmission=row.transmission,
        star_flux=star_flux,
        sources=MappingProxyType({str(path): sha256(path) for path in files}),
        history=MappingProxyType(history),
    )


def _derotator(row: Row, instrument: Instrument) -> float:
    """What the derotator adds to the angles as stored [deg]; the table's word goes first."""
    offset = instrument.derotator_offset if row.angle_offset is None else row.angle_offset
    if offset is None:
        raise BadInput(f"{instrument.name} has no fixed derotator offset; give angle_offset")
    return offset


def _star_flux(row: Row, of_psf: list[float]) -> tuple[float, ...] | None:
    """The star's flux in each channel, in cube units: that of the PSF, or the table's number."""
    if row.star_flux is None or row.star_flux == "psf":
        return tuple(of_psf) if row.star_flux == "psf" else None
    if len(of_psf) > 1:
        raise BadInput(
            f"star_flux is one number for {len(of_psf)} channels: give the PSF in cube units and "
            "`psf` in that column"
        )
    return (row.star_flux,)


def _wavelengths(row: Row, channels: int, instrument: Instrument) -> Floats:
    """Wavelengths [µm] of the channels."""
    if row.wavelengths:
        return read_wavelengths(Path(row.wavelengths), channels)
    if channels > 1:
        raise BadInput(
            f"{row.cube}: {channels} channels, and no wavelengths; name a FITS file with one [µm] "
            "a channel in the column wavelengths"
        )
    return np.array([instrument.wavelength(row.filter)])


def _found(centring: Centring) -> str:
    """How the star was found, in words."""
    where = "the median frame" if centring.frames == "together" else "each frame (median given)"
    if centring.method == "symmetry":
        return f"centre of symmetry of {where}"
    return f"{centring.method} fit to {where} within {centring.radius:g} FWHM"
