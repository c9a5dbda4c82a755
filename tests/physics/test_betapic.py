"""The real β Pictoris, reduced as config/betapic says: the planet is where it is known to be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exosift.calib.registration import register
from exosift.config import load
from exosift.detect.candidates import Searched, find_candidates
from exosift.detect.maps import places_of, small_samples
from exosift.detect.significance import false_alarm_probability
from exosift.detect.snr import small_sample
from exosift.photometry.psf import normalised_psf
from exosift.psfsub.engine import image, subtract
from exosift.psfsub.stack import Stack

pytestmark = pytest.mark.real_data

CONFIG = load(Path(__file__).parents[2] / "config/betapic/config.yaml").config
SCALE = 27.19  # mas/px


@pytest.fixture(scope="module")
def fwhm(betapic):
    return normalised_psf(betapic.psf)[1]


@pytest.fixture(scope="module")
def registered(betapic, fwhm):
    return register(betapic.cube[None], np.array([fwhm]), CONFIG.register)


def candidates(cube, angle, fwhm, reduction):
    left = subtract(Stack.of(cube, angle), fwhm, reduction)
    images = np.stack([image(one, angle, reduction) for one in left])
    snr = small_samples(images, lambda one, out: small_sample(one, fwhm, out), "student")
    places = places_of(images, fwhm, "student")
    searched = Searched(images, snr, places, reduction.model.variants, fwhm)
    return find_candidates(searched, CONFIG.search)


@pytest.mark.parametrize("name", ["pca-full", "pca-annular"])
def test_planet_is_the_top_candidate_at_its_place(name, betapic, registered, fwhm):
    reduction = CONFIG.reductions[name]
    top = candidates(registered.cube[0], betapic.angle, fwhm, reduction)[0]
    assert top.snr >= 10
    assert top.separation * SCALE == pytest.approx(452, abs=10)
    assert top.position_angle == pytest.approx(211, abs=1.5)
    # Of Gaussian noise: were there one place an element, as many as fit in the field …
    elements = (registered.cube.shape[-1] / fwhm) ** 2
    assert false_alarm_probability(np.array(top.fpf), elements) < 1e-5
    # … and at all places where a peak can be, which are more.
    assert top.false_alarm < 3e-5


@pytest.mark.parametrize("name", ["mean", "median"])
def test_simple_models_do_not_reach_the_planet(name, betapic, registered, fwhm):
    """As VIP's S/N of about 2 says; a detection here would mean that something leaks."""
    found = candidates(registered.cube[0], betapic.angle, fwhm, CONFIG.reductions[name])
    assert not [c for c in found if abs(c.separation * SCALE - 452) < 60]


def test_two_ways_to_find_the_star_agree_within_the_known_spread(betapic, fwhm):
    ring = register(betapic.cube[None], np.array([fwhm]), CONFIG.register).star[0]
    symmetry = replace(CONFIG.register, method="symmetry")
    other = register(betapic.cube[None], np.array([fwhm]), symmetry).star[0]
    assert ring == pytest.approx((51.15, 51.03), abs=0.05)
    assert other == pytest.approx((50.97, 51.03), abs=0.05)


@pytest.mark.parametrize("name", ["pca-full", "pca-annular"])
def test_one_percent_of_nan_leaves_the_good_pixels_alone(name, betapic, registered, fwhm):
    broken = betapic.cube.copy()
    broken[np.random.default_rng(5).random(broken.shape) < 0.01] = np.nan
    mended = register(broken[None], np.array([fwhm]), CONFIG.register)
    reduction = CONFIG.reductions[name]
    good = ~mended.mask[0]
    assert good.mean() == pytest.approx(0.99, abs=0.001)
    clean = subtract(Stack.of(registered.cube[0], betapic.angle), fwhm, reduction)
    other = subtract(Stack.of(mended.cube[0], betapic.angle), fwhm, reduction)
    for before, after in zip(clean, other, strict=True):
        ratio = np.nanstd(after[good]) / np.nanstd(before[good])
        assert ratio == pytest.approx(1, abs=0.02)
