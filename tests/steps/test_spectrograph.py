"""A simulated spectrograph through simulate and register; cubes as SPHERE pipelines leave them."""

import json

import numpy as np
import pytest
from astropy.io import fits

from exosift.io.sequences import read_sequence

SCENE = (
    "{diameter: 8.0, wavelength: 1.3, channels: 4, bandwidth: 0.6, pixel_scale: 7.46, size: 61, "
    "psf_size: 31, frames: 3, residual_screens: 4, pupil_pixels: 40, control_radius: 20, "
    "residual_rms: 70, static_rms: 40, drifting_rms: 20, pointing_jitter: 0.1, "
    "star_electrons: 1.0e+9, background: 100, read_noise: 15}"
)
COMPANION = "[{separation: 150, position_angle: 60, contrast: 1.0e-2, spectrum: t-type}]"


@pytest.fixture
def simulated(tmp_path, call):
    """(the folder of the simulated files, a call of register on them with changed columns)."""
    options = ["--scene", SCENE, "--companions", COMPANION, "--seed", "3", "--name", "T/1"]
    code, said = call("simulate", *options, "--output", str(tmp_path))
    assert code == 0, said
    columns = {name: str(tmp_path / f"{name}.fits") for name in ("cube", "angles", "psf")}
    columns |= {"target": "T", "epoch": "1", "instrument": "simulated-ifs", "filter": "YJH"}
    columns |= {"star_flux": "psf", "wavelengths": str(tmp_path / "wavelengths.fits")}

    def register(**changes):
        row = {name: value for name, value in (columns | changes).items() if value}
        centring = "{method: symmetry, frames: together}"
        store = str(tmp_path / "out/sequence.zarr")
        options = ["--observation", json.dumps(row), "--registration", centring, "--output", store]
        return call("register", *options)

    return tmp_path, register


def test_every_channel_comes_through_to_the_sequence(simulated):
    folder, register = simulated
    code, said = register()
    assert code == 0, said
    sequence = read_sequence(folder / "out/sequence.zarr")
    truth = json.loads((folder / "truth.json").read_text())
    assert sequence.cube.shape == (4, 3, 59, 59)
    np.testing.assert_allclose(sequence.wavelength, [1.0, 1.2, 1.4, 1.6])
    fwhm = np.array(sequence.observation.fwhm)
    np.testing.assert_allclose(fwhm / fwhm[0], sequence.wavelength, rtol=0.02)
    assert sequence.observation.star_flux == pytest.approx(tuple(truth["star_flux"]), rel=1e-3)
    found, star = sequence.observation.raw_star, np.median(truth["star"], axis=0)
    assert found == pytest.approx(tuple(star), abs=0.3)
    assert sequence.psf.shape == (4, 31, 31)
    assert np.shape(truth["contrast"]) == (1, 4)


def test_wavelengths_in_nanometres_and_exposures_of_the_psf(simulated):
    folder, register = simulated
    nanometres = folder / "wavelength.fits"
    fits.writeto(nanometres, 1e3 * fits.getdata(folder / "wavelengths.fits"))
    psf = fits.getdata(folder / "psf.fits")
    fits.writeto(folder / "psf_cube.fits", np.stack([0.9 * psf, 1.1 * psf], axis=1))
    code, said = register(wavelengths=str(nanometres), psf=str(folder / "psf_cube.fits"))
    assert code == 0, said
    sequence = read_sequence(folder / "out/sequence.zarr")
    np.testing.assert_allclose(sequence.wavelength, [1.0, 1.2, 1.4, 1.6])
    truth = json.loads((folder / "truth.json").read_text())
    assert sequence.observation.star_flux == pytest.approx(tuple(truth["star_flux"]), rel=1e-3)


def test_one_star_flux_for_many_channels_is_refused(simulated):
    _, register = simulated
    code, said = register(star_flux="1.0e6")
    assert (code, "star_flux is one number for 4 channels: give the PSF" in said) == (2, True)


def test_wavelengths_of_another_cube_are_refused(simulated):
    folder, register = simulated
    fits.writeto(folder / "wavelengths.fits", np.arange(1.0, 4.0), overwrite=True)
    code, said = register()
    assert code == 2
    assert "is not one wavelength [µm or nm] for 4 channels" in said
