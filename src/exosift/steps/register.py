"""`exosift register`: a calibrated cube, its angles and PSF become `sequence.zarr`."""

from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

import numpy as np

from exosift import __version__, instruments
from exosift.calib.centring import Centring
from exosift.calib.registration import Registered, register
from exosift.instruments import Instrument
from exosift.io.fits import read_angles, read_cube, read_psf
from exosift.io.public import sha256
from exosift.io.sequences import write_sequence
from exosift.photometry.psf import normalised_psf
from exosift.sequence import Observation, Sequence
from exosift.settings import Row, plain
from exosift.steps.recording import recorded
from exosift.types import Floats


def run(row: Row, centring: Centring, store: Path) -> None:
    """Read the files of `row`, put the star on the centre pixel, write `store` and a picture."""
    files = [Path(row.cube), Path(row.angles), Path(row.psf)]
    settings = {"row": asdict(row), "centring": plain(centring)}
    with recorded("register", store.parent, files, settings):
        cube = read_cube(files[0])
        stored = read_angles(files[1], cube.shape[1])
        templates = [normalised_psf(psf) for psf in read_psf(files[2], cube.shape)]
        fwhm = np.array([width for _, width, _ in templates])
        done = register(cube, fwhm, centring)
        instrument = instruments.load(row.instrument)
        sequence = Sequence(
            cube=done.cube,
            angle=stored + instrument.derotator_offset + instrument.true_north,
            psf=np.stack([template for template, _, _ in templates]),
            wavelength=np.full(len(cube), instrument.wavelength(row.filter)),
            mjd=np.full(cube.shape[1], np.nan),
            mask=done.mask,
            observation=_observation(row, instrument, fwhm, templates[0][2], done, centring),
        )
        write_sequence(store, sequence)
        from exosift.report.figures import registration_figure, save  # matplotlib is slow to load

        middle = np.nanmedian(cube.mean(axis=0), axis=0)
        title = f"{row.target}  {row.epoch}  {row.filter}: median of the frames as they came"
        found = sequence.observation.raw_star
        figure = registration_figure(middle, found, instrument.pixel_scale, title)
        save(figure, store.with_name("registration.png"))


def _observation(
    row: Row,
    instrument: Instrument,
    fwhm: Floats,
    psf_flux: float,
    done: Registered,
    centring: Centring,
) -> Observation:
    """What is known of the sequence, and how each number was found."""
    centre = (done.cube.shape[-1] - 1) / 2
    found = (float(np.median(done.star[:, 0])), float(np.median(done.star[:, 1])))
    where = "their median" if centring.frames == "together" else "each of them"
    history = {
        "angle": f"angles as stored {instrument.derotator_offset:+.2f}° (derotator) "
        f"{instrument.true_north:+.2f}° (true North), {instrument.source}",
        "star": f"{centring.method} fit to {where} within {centring.radius:g} FWHM; then moved to "
        f"the centre pixel ({centre:.0f}, {centre:.0f}) of {done.cube.shape[-1]}² px",
        "fwhm": "Gaussian fit to the core of the PSF",
        "pixel_scale": instrument.source,
        "software": f"exosift {__version__}",
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
        star_flux=psf_flux if row.star_flux == "psf" else row.star_flux,
        sources=MappingProxyType({p: sha256(Path(p)) for p in (row.cube, row.angles, row.psf)}),
        history=MappingProxyType(history),
    )
