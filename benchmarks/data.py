"""β Pic as every row takes it, and the settings that both sides of a row share."""

import os

import numpy as np
from astropy.io import fits

from exosift.io.public import fetch
from exosift.photometry.apertures import aperture_flux
from exosift.photometry.psf import normalised_psf

FWHM = 4.8  # [px]
INNER, WIDTH = 8, 4  # of the annuli [px]
# Of the sectors of KLIP [px]: five rings of equal width up to the rim, in four each.
# Of limits: false-positive fraction (5 σ), azimuths of a curve, separation of completeness [px].
FPF, BRANCHES, PLACE = 2.866516e-07, 2, 24.0
TRIALS = 2048  # of a negative companion, in one call of ours: a 25th of a posterior's
SECTORS, RINGS, RIM, MOVEMENT = 4, 5, 50.5, 3.0


def cube() -> np.ndarray:
    """Frames (time, y, x)."""
    return fits.getdata(fetch("naco_betapic/naco_betapic_cube.fits")).astype(np.float32)


def empty_cube() -> np.ndarray:
    """The frames with β Pic b taken out."""
    return fits.getdata(fetch("naco_betapic/naco_betapic_cube_EMPTY.fits")).astype(np.float32)


def angle() -> np.ndarray:
    """Angles (time,) [deg], North up."""
    stored = fits.getdata(fetch("naco_betapic/naco_betapic_pa.fits"))
    return stored.squeeze().astype(np.float64) - 104.84 + 0.45


def psf() -> np.ndarray:
    """The star beside the coronagraph (y, x)."""
    return fits.getdata(fetch("naco_betapic/naco_betapic_psf.fits")).astype(np.float32)


def companion_psf() -> np.ndarray:
    """The template (y, x) of companions: unit flux in one FWHM, three FWHM wide."""
    template = normalised_psf(psf())[0]
    middle = template.shape[0] // 2
    template = template / aperture_flux(template, middle, middle, FWHM / 2)
    inside = slice(middle - 7, middle + 8)
    return template[inside, inside]


def trials() -> np.ndarray:
    """Places (trial, 3) about β Pic b: separation [px], position angle [deg], flux."""
    spread = np.random.default_rng(8).normal(size=(TRIALS, 3)) * [0.1, 0.3, 30.0]
    return np.array([16.62, 210.65, 740.0]) + spread


def residual_image() -> np.ndarray:
    """What S/N maps are made of; made by another process, so that nothing is warm in this one."""
    return np.load(os.environ["EXOSIFT_BENCHMARK_IMAGE"])
