"""The S/N map against its definition, and its false alarms on noise."""

import numpy as np
import pytest
from scipy import stats

from exosift import threads
from exosift.detect.significance import false_positive_fraction
from exosift.detect.snr import resolution_elements, small_sample, snr_map
from exosift.geometry.grid import radius_map
from exosift.photometry.apertures import aperture_flux

FWHM, SIZE = 4.6, 41


def defined_snr(image, x, y, missing=None):
    """S/N of one pixel by exact apertures, one after the other clockwise (Mawet et al. 2014)."""
    middle = (SIZE - 1) / 2
    radius, phase = np.hypot(x - middle, y - middle), np.arctan2(y - middle, x - middle)
    count = int(resolution_elements(np.array(radius), FWHM))
    turn = phase - 2 * np.arcsin(FWHM / 2 / radius) * np.arange(count)
    places = middle + radius * np.cos(turn), middle + radius * np.sin(turn)
    flux = np.array([aperture_flux(image, *p, FWHM / 2) for p in zip(*places, strict=True)])
    if missing is not None:
        lost = [aperture_flux(missing, *p, FWHM / 2) for p in zip(*places, strict=True)]
        flux[np.array(lost) > 0.02] = np.nan
    noise = flux[1:][np.isfinite(flux[1:])]
    return (flux[0] - noise.mean()) / (noise.std(ddof=1) * np.sqrt(1 + 1 / len(noise)))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(31).normal(size=(SIZE, SIZE))


def test_the_map_is_that_of_its_definition(image):
    snr = snr_map(image, FWHM)
    radius = radius_map(image.shape)
    inside = (radius >= FWHM) & (radius <= (SIZE - 1 - FWHM) / 2)
    np.testing.assert_array_equal(np.isfinite(snr), inside)
    pixels = np.argwhere(inside)[::7]
    expected = np.array([defined_snr(image, x, y) for y, x in pixels])
    error = snr[tuple(pixels.T)] - expected
    assert np.abs(error).max() < 0.05
    assert error.std() < 5e-3


def test_apertures_that_touch_nan_are_left_out(image):
    holed = image.copy()
    holed[20, 30] = np.nan
    missing = np.isnan(holed).astype(float)
    snr = snr_map(holed, FWHM)
    y, x = np.mgrid[:SIZE, :SIZE]
    touching = np.hypot(x - 30, y - 20) < FWHM / 2 - 0.5
    assert np.isnan(snr[touching]).all()
    clear = np.hypot(x - 30, y - 20) > FWHM / 2 + 0.8
    clear &= np.isfinite(snr_map(image, FWHM))
    assert np.isfinite(snr[clear]).all()
    filled = np.nan_to_num(holed)
    for place in [(10, 20), (20, 10), (14, 26), (27, 27)]:
        assert snr[place[::-1]] == pytest.approx(defined_snr(filled, *place, missing), abs=0.05)


def test_apertures_are_counted_where_the_noise_was_told_from_them(image):
    found = small_sample(image, FWHM)
    inside = np.isfinite(found.snr)
    elements = resolution_elements(radius_map(image.shape)[inside], FWHM)
    np.testing.assert_array_equal(found.noise[inside], elements - 1)
    assert (found.noise[~inside] == 0).all()
    holed = image.copy()
    holed[20, 30] = np.nan
    fewer = small_sample(holed, FWHM)
    # Straight across, the hole touches one of the apertures, or two.
    assert found.noise[20, 10] - fewer.noise[20, 10] in (1, 2)
    assert fewer.noise[20, 4] == found.noise[20, 4]


def test_what_is_left_out_is_no_noise_but_has_an_snr_itself(image):
    y, x = np.mgrid[:SIZE, :SIZE]
    bright = image + 500 * (np.hypot(x - 30, y - 20) < 1)
    companion = np.hypot(x - 30, y - 20) <= FWHM
    found = small_sample(bright, FWHM, companion)
    spoilt = small_sample(bright, FWHM)
    hidden = small_sample(np.where(companion, np.nan, bright), FWHM)
    away = np.hypot(x - 30, y - 20) > 2 * FWHM
    np.testing.assert_allclose(found.snr[away], hidden.snr[away], atol=1e-5)
    np.testing.assert_array_equal(found.noise[away], hidden.noise[away])
    assert abs(spoilt.snr[20, 10]) < 0.5  # its noise is the companion
    assert found.snr[20, 30] == pytest.approx(spoilt.snr[20, 30], rel=0.3)
    assert found.snr[20, 30] > 30


def test_level_and_units_of_the_image_do_not_matter(image):
    snr = snr_map(image, FWHM)
    np.testing.assert_allclose(snr_map(50.0 * image, FWHM), snr, atol=1e-3)
    np.testing.assert_allclose(snr_map(image + 3.0, FWHM), snr, atol=1e-3)
    np.testing.assert_allclose(snr_map(-image, FWHM), -snr, atol=1e-3)


def test_a_flat_image_has_no_snr():
    assert np.isnan(snr_map(np.zeros((SIZE, SIZE)), FWHM)).all()


@pytest.mark.parametrize(("radius", "images"), [(5, 3000), (9, 600), (13, 400)])
def test_false_alarms_on_white_noise_are_as_rare_as_said(radius, images):
    size, middle = 2 * radius + 7, radius + 3
    noise = np.random.default_rng(32).normal(size=(images, size, size))
    with threads.limit(1):  # a pool of threads costs more than these small maps
        maps = np.stack([snr_map(image, FWHM) for image in noise])
    ends = [middle - radius, middle + radius]
    snr = np.concatenate([maps[:, middle, ends], maps[:, ends, middle]], axis=None)
    noise = resolution_elements(np.full(snr.shape, float(radius)), FWHM) - 1
    fractions = false_positive_fraction(snr, noise)
    for nominal in (0.5, 0.1, 0.01):
        rate, error = np.mean(fractions < nominal), np.sqrt(nominal * (1 - nominal) / snr.size)
        assert abs(rate - nominal) < 3.5 * error
    assert stats.kstest(fractions, "uniform").pvalue > 1e-3
