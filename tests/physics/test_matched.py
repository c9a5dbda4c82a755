"""The matched filter against closed forms, at any place, with and without gaps."""

import numpy as np
import pytest

from exosift import threads
from exosift.detect.matched import MatchedFluxes, matched_sample
from exosift.detect.significance import false_positive_fraction

SIZE, FWHM = 45, 4.6
SIGMA = FWHM / np.sqrt(8 * np.log(2))


def star(x, y, size=SIZE):
    """A Gaussian of unit flux in the 1-FWHM aperture, which holds half of it."""
    rows, columns = np.mgrid[:size, :size]
    squared = (columns - x) ** 2 + (rows - y) ** 2
    return np.exp(-squared / (2 * SIGMA**2)) / (np.pi * SIGMA**2)


PSF = star(12, 12, 25)


def places(count, seed=0):
    return np.random.default_rng(seed).uniform(10, SIZE - 11, (2, count)).astype(np.float32)


@pytest.mark.parametrize("place", [(22.0, 22.0), (17.3, 25.6), (30.49, 12.51)])
def test_flux_of_a_source_is_its_flux_between_pixels_too(place):
    found = MatchedFluxes.of(7 * star(*place), PSF, FWHM)
    x, y = (np.array([at], np.float32) for at in place)
    assert found.at(x, y)[0] == pytest.approx(7.0, rel=0.01)


def test_noise_is_that_of_the_closed_form():
    """Var F = σ² / Σ P′²; for a Gaussian out to its FWHM, Σ P′² = (1.765 − 1.119) / FWHM²."""
    x, y = places(400)
    rng = np.random.default_rng(1)
    spread = []
    for _ in range(25):
        noise = rng.normal(size=(SIZE, SIZE)).astype(np.float32)
        spread.append(np.mean(MatchedFluxes.of(noise, PSF, FWHM).at(x, y) ** 2))
    assert np.sqrt(np.mean(spread)) == pytest.approx(FWHM / np.sqrt(0.646), rel=0.06)


def test_no_other_template_has_less_noise_on_an_unknown_background():
    x, y = places(3000, 2)
    noise = np.random.default_rng(2).normal(size=(SIZE, SIZE)).astype(np.float32)
    source = star(22, 22)
    middle = np.array([22.0], np.float32)

    def snr(template):
        flux = MatchedFluxes.of(source, template, FWHM).at(middle, middle)[0]
        return flux / MatchedFluxes.of(noise, template, FWHM).at(x, y).std()

    assert snr(PSF) > 1.005 * max(snr(PSF**2), snr(np.sqrt(PSF)))


def test_a_background_is_no_flux():
    noise = np.random.default_rng(2).normal(size=(SIZE, SIZE)).astype(np.float32)
    at = places(200)
    found, lifted = (MatchedFluxes.of(one, PSF, FWHM).at(*at) for one in (noise, noise + 100))
    np.testing.assert_allclose(lifted, found, atol=5e-3)


def test_gaps_carry_no_weight():
    image = 5 * star(22.0, 22.0)
    image[18, 23] = np.nan
    image[35:38, 10:13] = np.nan
    found = MatchedFluxes.of(image, PSF, FWHM)
    at = np.array([22.0, 11.0], np.float32), np.array([22.0, 36.0], np.float32)
    flux = found.at(*at)
    assert flux[0] == pytest.approx(5.0, rel=0.01)
    assert np.isnan(flux[1])


def test_sources_stand_out_and_units_do_not_matter():
    noise = np.random.default_rng(4).normal(size=(SIZE, SIZE))
    image = noise + 60 * star(32.0, 22.0)
    found = matched_sample(image, PSF, FWHM)
    y, x = np.unravel_index(np.nanargmax(found.snr), found.snr.shape)
    assert np.hypot(x - 32, y - 22) <= 1
    other = matched_sample(-30 * image, PSF / 4, FWHM)
    np.testing.assert_allclose(other.snr, -found.snr, atol=2e-3)
    np.testing.assert_array_equal(other.noise, found.noise)


def test_left_out_pixels_are_no_noise():
    image = np.random.default_rng(4).normal(size=(SIZE, SIZE)) + 900 * star(32.0, 22.0)
    y, x = np.mgrid[:SIZE, :SIZE]
    companion = np.hypot(x - 32, y - 22) <= 1.5 * FWHM
    spoilt, found = (matched_sample(image, PSF, FWHM, out) for out in (None, companion))
    assert found.noise[22, 12] < spoilt.noise[22, 12]
    assert found.snr[22, 32] > spoilt.snr[22, 32]
    assert np.nanstd(found.snr[:, 12]) > 2 * np.nanstd(spoilt.snr[22, 10:14])


def test_false_positives_on_white_noise_are_about_as_rare_as_said():
    rng = np.random.default_rng(6)
    with threads.limit(1):
        found = [matched_sample(rng.normal(size=(SIZE, SIZE)), PSF, FWHM) for _ in range(60)]
    fpf = np.array([false_positive_fraction(one.snr, one.noise) for one in found])
    for nominal in (0.1, 0.01):
        share = np.mean(fpf <= nominal, axis=(1, 2)) / np.mean(np.isfinite(fpf[0])) / nominal
        error = share.std() / np.sqrt(len(share))
        assert 0.95 - 3 * error < share.mean() < 1.1 + 3 * error
