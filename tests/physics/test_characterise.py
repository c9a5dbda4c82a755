"""How well a companion is known: the posterior, errors by injection, what the instrument adds."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.characterise.merit import Merit
from exosift.characterise.sampling import Sampling, sampled
from exosift.characterise.simplex import best
from exosift.characterise.uncertainty import (
    Systematics,
    astrometry,
    azimuths_of,
    offsets_of,
    speckle_noise,
)
from exosift.errors import BadInput, Failed
from exosift.geometry.regions import FullFrame
from exosift.limits.recovery import Field
from exosift.photometry.injection import Companion, inject
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca

FWHM, SIZE, COUNT = 4.0, 49, 30
REDUCTION = Reduction(Pca((4,), "temporal"), FullFrame(1.0))
TRUTH = np.array([13.2, 75.0, 160.0])


@pytest.fixture(scope="module")
def empty(speckles, as_sequence):
    frames = speckles(np.random.default_rng(5), COUNT, SIZE, FWHM)
    return as_sequence(frames, np.linspace(0, 80, COUNT), FWHM)


@pytest.fixture(scope="module")
def found(empty):
    planet = Companion(TRUTH[0], TRUTH[1], (TRUTH[2],))
    return best(Field.of(inject(empty, [planet]), REDUCTION), 13.2, 75.0, Merit())


@pytest.fixture(scope="module")
def posterior(found):
    return sampled(found, Sampling(steps=4000), np.random.default_rng(2))


def test_chains_are_long_and_gather_where_the_residual_is_least(posterior, found):
    assert posterior.steps >= 50 * posterior.time
    spread = posterior.draws.std(axis=0)
    off = np.abs(posterior.draws.mean(axis=0) - found.place) / spread
    assert (off < 0.5).all()
    assert 0.02 < spread[0] < 1.0


def test_the_cubic_is_the_exact_posterior(posterior, found):
    """At draws of the chain, whose density it decides."""
    assert posterior.cubic
    assert posterior.off < 0.2
    some = posterior.draws[:: len(posterior.draws) // 60]
    negative = found.negative
    exact = -0.5 * negative.of(some) * (negative.corridor.pixels.size - 3)
    weights = np.exp(exact - exact.max())
    assert weights.mean() > 0.1
    # Where they gather the exact density is high: its logarithm falls by 3/2 on average, as of
    # three parameters.
    peak = -0.5 * found.merit * (negative.corridor.pixels.size - 3)
    assert np.mean(peak - exact) == pytest.approx(1.5, abs=0.6)


def test_the_same_seed_draws_the_same(found, posterior):
    again = sampled(found, Sampling(steps=4000), np.random.default_rng(2))
    np.testing.assert_array_equal(again.draws, posterior.draws)


def test_what_cannot_be_sampled_is_refused(found):
    plain = replace(found, negative=replace(found.negative, merit=Merit("sum")))
    with pytest.raises(BadInput, match="a posterior needs the merit chi2, not sum"):
        sampled(plain, Sampling(), np.random.default_rng(0))
    with pytest.raises(Failed, match=r"500 steps long.* raise sampling\.steps"):
        sampled(found, Sampling(steps=500, lengths=400.0), np.random.default_rng(0))
    with pytest.raises(BadInput, match="walkers is 7, expected an even number from 8"):
        Sampling(walkers=7)


def test_errors_by_injection_are_those_of_the_speckles(empty):
    """White noise beside them: twice the noise, larger errors; the flux is found without bias."""
    clean = Field.of(empty, REDUCTION)
    quiet = speckle_noise(clean, TRUTH, Merit(), 8)
    assert quiet.lost == 0
    assert quiet.offsets.shape == (8, 3)
    error = np.sqrt(np.diag(quiet.covariance))
    assert (np.abs(quiet.bias) < 3 * error / np.sqrt(8)).all()
    fainter = speckle_noise(clean, TRUTH * [1, 1, 0.5], Merit(), 8)
    assert (np.diag(fainter.covariance) > 1.5 * np.diag(quiet.covariance)).all()


def test_offsets_are_radial_tangential_and_of_the_flux():
    found = offsets_of(np.array([10.1, 359.5, 110.0]), np.array([10.0, 0.5, 100.0]))
    np.testing.assert_allclose(found, [0.1, -0.176, 0.1], atol=3e-3)


def test_injections_keep_apart_from_the_companion_and_each_other():
    angles = azimuths_of(12.0, 30.0, 4.0, 100)
    every = np.sort(np.append(angles, 30.0))
    apart = 2 * 12.0 * np.sin(np.radians(np.diff(every, append=every[0] + 360) / 2))
    assert apart.min() >= 4.0 - 1e-9
    assert len(angles) == 17
    with pytest.raises(BadInput, match=r"inside 2\.83 px a circle holds too few places"):
        azimuths_of(2.0, 0.0, 4.0, 10)
    with pytest.raises(BadInput, match="4 injections on its circle, and 5 are the fewest"):
        azimuths_of(12.0, 0.0, 4.0, 4)


def test_errors_of_each_kind_are_propagated():
    covariance = np.diag([0.01, 0.04, 0.0025])
    known = Systematics(27.0, centring=0.1, pixel_scale_error=0.05, true_north_error=0.2)
    east = astrometry(np.array([20.0, 90.0, 400.0]), covariance, known)
    assert east.dx == pytest.approx(540.0)
    assert east.dy == pytest.approx(0.0, abs=1e-9)
    errors = east.errors
    assert errors["separation"]["speckles"] == pytest.approx(2.7)
    assert errors["dx"] == pytest.approx(errors["separation"])
    assert errors["separation"]["scale"] == pytest.approx(1.0)
    assert errors["separation"]["north"] == 0
    assert errors["position_angle"]["north"] == pytest.approx(0.2)
    assert errors["position_angle"]["speckles"] == pytest.approx(np.degrees(0.2 / 20.0))
    assert errors["dy"]["north"] == pytest.approx(540 * np.radians(0.2))
    assert errors["flux"]["total"] == pytest.approx(20.0)
    kinds = [errors["dy"][kind] for kind in ("speckles", "centring", "scale", "north")]
    assert errors["dy"]["total"] == pytest.approx(np.sqrt(np.sum(np.square(kinds))))
    told = astrometry(np.array([20.0, 90.0, 400.0]), covariance, Systematics(27.0))
    assert told.errors["separation"]["total"] == told.errors["separation"]["speckles"]
