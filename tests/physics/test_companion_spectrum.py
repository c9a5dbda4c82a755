"""Spectra of companions, and how well the star's place is known."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.calib.centring import Centring
from exosift.characterise.centring import centring_spread
from exosift.characterise.merit import Merit
from exosift.characterise.request import Characterise, characterise
from exosift.errors import BadInput
from exosift.geometry.regions import FullFrame
from exosift.photometry.injection import Companion, inject
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca

FWHM, SIZE, COUNT = 4.0, 41, 20
FLUX = (120.0, 300.0)


@pytest.fixture(scope="module")
def empty(speckles, as_sequence):
    angle = np.linspace(0, 80, COUNT)
    one, two = (
        as_sequence(speckles(np.random.default_rng(seed), COUNT, SIZE, FWHM), angle, FWHM)
        for seed in (1, 2)
    )
    return replace(
        one,
        cube=np.concatenate([one.cube, two.cube]),
        mask=np.concatenate([one.mask, two.mask]),
        psf=np.concatenate([one.psf, two.psf]),
        wavelength=np.array([1.6, 2.1]),
        observation=replace(one.observation, fwhm=(FWHM, FWHM)),
    )


def test_the_spectrum_is_that_of_the_companion(empty):
    given = inject(empty, [Companion(11.0, 130.0, FLUX)])
    asked = Characterise(
        merit=Merit(reach=0.4), sampling=None, injections=5, centring_error=0.0, template=2.0
    )
    known = [KnownCompanion(11.2 * 27.0, 131.0)]
    reduction = Reduction(Pca((3,)), FullFrame(1.0))
    (found,) = characterise(given, reduction, asked, known)
    assert found.posterior is None
    assert abs(found.best.place[0] - 11.0) < 0.2
    assert abs(found.best.place[1] - 130.0) < 1.0
    assert found.spectrum is not None
    np.testing.assert_allclose(found.spectrum.flux, FLUX, rtol=0.15)
    assert (found.spectrum.error > 0).all()
    np.testing.assert_array_less(
        np.abs(found.spectrum.flux - FLUX), 5 * found.spectrum.error + 0.02 * np.array(FLUX)
    )
    with pytest.raises(BadInput, match="no companion to characterise"):
        next(characterise(given, reduction, asked, []))
    blank = replace(given, psf=np.zeros_like(given.psf))
    with pytest.raises(BadInput, match="there is no PSF to draw companions with"):
        next(characterise(blank, reduction, asked, known))


def test_centring_is_as_good_as_its_methods_agree(gaussian, as_sequence):
    star = gaussian((SIZE, SIZE), 20.0, 20.0, FWHM) + 0.8 * gaussian((SIZE, SIZE), 21.0, 20.0, 9.0)
    sequence = as_sequence(np.repeat(star[None], 3, axis=0), np.zeros(3), FWHM)
    ways = [Centring("gaussian", radius, "together") for radius in (1.0, 3.0)]
    spread = centring_spread(sequence, ways)
    assert 0.01 < spread < 0.7
    alone = gaussian((SIZE, SIZE), 20.0, 20.0, FWHM)[None, None]
    still = replace(sequence, cube=np.repeat(alone, 3, axis=1))
    assert centring_spread(still, ways) < 1e-3
    with pytest.raises(BadInput, match="the star is found in 1 of 1 ways"):
        centring_spread(sequence, ways[:1])


@pytest.mark.real_data
def test_beta_pic_b_with_its_own_centre_is_consistent(betapic, betapic_registered, empty_sequence):
    """Published: 452 mas within 10, 210.5° within 1 (the star on one pixel or another)."""
    inside = slice(21, 76)
    cube = np.nan_to_num(betapic_registered.cube)[None, :, inside, inside]
    sequence = replace(
        empty_sequence,
        cube=np.ascontiguousarray(cube),
        mask=np.zeros(cube.shape, bool),
        observation=replace(empty_sequence.observation, star=(27.0, 27.0), fwhm=(betapic.fwhm,)),
    )
    ways = (Centring("agpm", 2.0, "together"), Centring("symmetry", frames="together"))
    asked = Characterise(sampling=None, injections=8, centring=ways)
    reduction = Reduction(Pca((7,), "none"), FullFrame(1.5))
    (found,) = characterise(sequence, reduction, asked, [KnownCompanion(450.0, 211.0)])
    told = found.astrometry
    assert told.errors["separation"]["centring"] > 1.0
    assert abs(told.separation - 452.0) < 2.5 * told.errors["separation"]["total"] + 2.0
    assert abs(told.position_angle - 210.5) < 2.5 * told.errors["position_angle"]["total"] + 0.3
    assert told.errors["separation"]["total"] < 15
