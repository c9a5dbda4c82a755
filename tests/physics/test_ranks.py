"""The rank that serves a companion best, found by its own S/N and by injected ones."""

import numpy as np
import pytest

from exosift.detect.snr import snr_at, snr_map
from exosift.geometry.regions import FullFrame
from exosift.limits.ranks import around, injected_snr_by_rank, snr_by_rank
from exosift.photometry.injection import Companion, inject
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca

FWHM, SIZE = 4.0, 61
ANGLE = np.linspace(-40, 50, 30)
REDUCTION = Reduction(Pca((1, 4, 8, 20), "none"), FullFrame())


@pytest.fixture(scope="module")
def star(speckles, as_sequence):
    """Eight patterns of speckles move: fewer components leave some, more take of the companion."""
    frames = speckles(np.random.default_rng(5), len(ANGLE), SIZE, FWHM)
    return as_sequence(frames.astype(np.float32), ANGLE, FWHM)


def test_snr_of_a_place_is_that_of_the_map(star):
    image = np.median(star.cube[0], axis=0)
    image[28:31, 10] = np.nan
    whole = snr_map(image, FWHM)
    rng = np.random.default_rng(0)
    radius, azimuth = rng.uniform(6, 26, 60), rng.uniform(0, 2 * np.pi, 60)
    x, y = (np.rint(30 + radius * f(azimuth)).astype(int) for f in (np.cos, np.sin))
    found = [snr_at(image, *place, FWHM) for place in zip(x, y, strict=True)]
    assert np.isnan(found).any()
    np.testing.assert_allclose(found, whole[y, x], rtol=1e-4, atol=1e-5)


def test_the_best_rank_removes_the_patterns_there_are(star):
    snr = injected_snr_by_rank(star, REDUCTION, around(14.0, (400.0,), 1))
    assert REDUCTION.model.ranks[int(np.argmax(snr[:, 0]))] == 8


def test_injected_companions_tell_the_rank_of_one_that_is_there(star):
    theirs = Companion(14.0, 77.0, (400.0,))
    own = snr_by_rank(inject(star, [theirs]), REDUCTION, [(14.0, 77.0)])
    trials = np.concatenate(
        [injected_snr_by_rank(star, REDUCTION, [one]) for one in around(14.0, (400.0,), 6)],
        axis=1,
    )
    assert np.argmax(trials.mean(axis=1)) == np.argmax(own[:, 0])


def test_companions_at_several_separations_go_together(star):
    companions = [Companion(14.0, 10.0, (500.0,)), Companion(24.0, 200.0, (500.0,))]
    snr = injected_snr_by_rank(star, REDUCTION, companions)
    assert snr.shape == (4, 2)
    assert (snr[2] > 5).all()


def test_companions_go_evenly_around():
    angles = [companion.position_angle for companion in around(5.0, (1.0, 2.0), 8)]
    assert np.diff(angles) == pytest.approx(45.0)
    assert around(5.0, (1.0, 2.0), 8)[3].flux == (1.0, 2.0)
