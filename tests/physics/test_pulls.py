"""Injected companions are found where they were put, as well as is said: 112 of S/N about 10."""

import numpy as np
import pytest

from exosift.characterise.merit import Merit
from exosift.characterise.uncertainty import OFFSETS, speckle_noise
from exosift.geometry.grid import centre_of
from exosift.geometry.regions import FullFrame
from exosift.limits.recovery import Field, recover, trimmed
from exosift.photometry.psf import normalised_psf
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca
from exosift.sequence import Observation, Sequence
from exosift.simulate.scene import Simulation
from exosift.simulate.sequence import simulate

REDUCTION = Reduction(Pca((7,), "temporal"), FullFrame(1.0))
RADII, EACH = (2.75, 3.5, 4.25, 5.0), 14  # [FWHM], injections on a circle


def _sequence(seed):
    scene = Simulation(size=61, frames=40, pointing_jitter=0.0, decentring_x=0.0, decentring_y=0.0)
    made = simulate(scene, [], np.random.default_rng(seed))
    psf, fwhm, _ = normalised_psf(made.psf[0])
    star = centre_of(made.cube.shape)
    known = Observation("star", "e", "simulated", "L'", 27.19, (fwhm,), star, star)
    mask = np.zeros(made.cube.shape, bool)
    mjd, wavelength = np.arange(40.0), np.array([3.8])
    return trimmed(Sequence(made.cube, made.angle, psf[None], wavelength, mjd, mask, known), 3.0)


def _pulls(field, radius):
    separation = radius * field.fwhm
    flux = 10 * float(np.nanstd(field.image)) * field.fwhm
    for _ in range(3):
        some = [field.companion(separation, angle, flux) for angle in (20.0, 110.0, 200.0, 290.0)]
        flux *= 10 / np.median([found.snr for found in recover(field, some)])
    return speckle_noise(field, np.array([separation, 77.0, flux]), Merit(), EACH).pulls


@pytest.fixture(scope="module")
def pulls():
    fields = [Field.of(_sequence(seed), REDUCTION) for seed in (21, 22)]
    return np.concatenate([_pulls(field, radius) for field in fields for radius in RADII])


@pytest.mark.parametrize("name", OFFSETS)
def test_pulls_are_centred_and_as_wide_as_told(pulls, name):
    own = pulls[:, OFFSETS.index(name)]
    assert len(own) >= 100
    assert abs(own.mean()) <= 2 * own.std(ddof=1) / np.sqrt(len(own))
    assert 0.8 <= own.std(ddof=1) <= 1.25
