"""Data shared by the tests: the real β Pictoris sequence, where it is at hand."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from exosift.calib.centring import Centring
from exosift.calib.registration import register
from exosift.geometry.grid import centre_of
from exosift.limits.recovery import trimmed
from exosift.photometry.apertures import aperture_flux
from exosift.photometry.psf import normalised_psf
from exosift.sequence import Observation, Sequence
from exosift.types import Bools, Floats

DATA = Path(os.environ.get("EXOSIFT_DATA", Path(__file__).parents[2] / "shared" / "data"))

# The derotator's offset at this epoch and true North, missing from the angles as stored [deg].
_NORTH = -104.84 + 0.45


@dataclass(frozen=True, eq=False)
class Observed:
    """One real ADI sequence: cube (time, y, x), angle (time,) [deg], psf (y, x), FWHM [px]."""

    cube: Floats
    angle: Floats
    psf: Floats
    fwhm: float


@pytest.fixture(scope="session")
def betapic() -> Observed:
    """β Pic b, VLT/NACO L′ with the AGPM, 2013-02-01; the star is near (51, 51), not on a pixel."""
    folder = DATA / "naco_betapic"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set EXOSIFT_DATA)")
    cube, angle, psf = (
        fits.getdata(folder / f"naco_betapic_{n}.fits") for n in ("cube", "pa", "psf")
    )
    return Observed(
        cube.astype(np.float32),
        angle.squeeze().astype(np.float64) + _NORTH,
        psf.astype(np.float32),
        fwhm=4.8,
    )


@dataclass(frozen=True, eq=False)
class Raw:
    """Raw dithered exposures (time, y, x), what calibrates them (y, x), and where stars are [px].

    star and faint (time, 2) = (x, y): a bright and a faint star of the field.
    """

    frames: Floats
    dark: Floats
    flat: Floats
    bad: Bools
    star: Floats
    faint: Floats


@pytest.fixture(scope="session")
def nirc2() -> Raw:
    """COSMOS01 with Keck/NIRC2's wide camera, Ks, 80 s, ten dithers; the files are malformed."""
    folder = DATA / "nirc2_raw_ks"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set EXOSIFT_DATA)")

    def read(name: str) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header beyond the data is cut short
            with fits.open(folder / f"{name}.fits.gz", ignore_missing_end=True) as parts:
                return np.array(parts[0].data)

    x = [312, 317, 284, 278, 280, 310, 341, 353, 348, 312]
    y = [243, 281, 277, 248, 213, 207, 209, 239, 273, 243]
    star = np.array([x, y], dtype=float).T
    return Raw(
        np.stack([read(f"n00{number}") for number in range(31, 41)]),
        read("drk_80_1_16_11apr").astype(np.float32),
        read("flat_Ks_W_11apr").astype(np.float32),
        read("badpix_12oct") > 0,
        star,
        star + np.array([137.0, 425.0]),
    )


@pytest.fixture(scope="session")
def satspots() -> dict[int, Floats]:
    """Frames with four satellite spots by VLT/SPHERE, centred, by their side [px]."""
    folder = DATA / "sphere_satspots"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set EXOSIFT_DATA)")
    names = {151: "SPHERE_satspots_centered", 511: "SPHERE_satspots_centered_full"}
    return {
        side: fits.getdata(folder / f"{name}.fits").astype(np.float32)
        for side, name in names.items()
    }


@pytest.fixture(scope="session")
def betapic_registered(betapic: Observed) -> Observed:
    """The same with the star on the centre pixel of 97 × 97."""
    found = register(
        betapic.cube[None], np.array([betapic.fwhm]), Centring("agpm", 2.0, "together")
    )
    return Observed(found.cube[0], betapic.angle, betapic.psf, betapic.fwhm)


def _drawn(cube: Floats, betapic: Observed) -> Sequence:
    """Frames (time, y, x) as a sequence; the PSF is cut to three FWHM."""
    psf = normalised_psf(betapic.psf)[0]
    middle = psf.shape[0] // 2
    psf = psf / aperture_flux(psf, middle, middle, betapic.fwhm / 2)
    star = centre_of(cube.shape)
    sequence = Sequence(
        cube=cube[None],
        angle=betapic.angle,
        psf=psf[None],
        wavelength=np.array([3.8]),
        mjd=np.arange(len(betapic.angle), dtype=float),
        mask=np.zeros((1, *cube.shape), bool),
        observation=Observation("beta Pic", "e", "NACO", "L'", 27.19, (betapic.fwhm,), star, star),
    )
    return trimmed(sequence, 3.0)


@pytest.fixture(scope="session")
def empty_sequence(betapic: Observed) -> Sequence:
    """β Pic without its planet, registered, for injections."""
    name = DATA / "naco_betapic" / "naco_betapic_cube_EMPTY.fits"
    frames = fits.getdata(name).astype(np.float32)[None]
    found = register(frames, np.array([betapic.fwhm]), Centring("agpm", 2.0, "together"))
    return _drawn(np.nan_to_num(found.cube[0]), betapic)


@pytest.fixture(scope="session")
def betapic_fixed(betapic: Observed) -> Sequence:
    """β Pic b as VIP's tutorials have it: the star taken to be on pixel (51, 51); 53 × 53 px."""
    return _drawn(np.ascontiguousarray(betapic.cube[:, 25:78, 25:78]), betapic)
