"""Light in apertures, against finely divided pixels; the PSF's centre, width and normalisation."""

import numpy as np
import pytest
from scipy import ndimage

from exosift.errors import BadInput
from exosift.photometry.apertures import ApertureSums, aperture_flux, disc_overlap
from exosift.photometry.psf import fit_gaussian, normalised_psf


def subsampled_overlap(dx, dy, radius, parts=400):
    inside = (np.arange(parts) + 0.5) / parts - 0.5
    return np.mean(np.hypot(dx + inside[:, None], dy + inside) < radius)


@pytest.mark.parametrize("radius", [0.3, 0.5, 0.8, 2.3, 7.1])
def test_the_overlap_is_that_of_a_finely_divided_pixel(radius):
    rng = np.random.default_rng(0)
    rim = radius + rng.uniform(-0.7, 0.7, 20)
    turn = rng.uniform(0, 2 * np.pi, 20)
    x, y = (
        np.append(rim * np.cos(turn), [0, radius, 0]),
        np.append(rim * np.sin(turn), [0, 0, -radius]),
    )
    expected = [subsampled_overlap(*place, radius) for place in zip(x, y, strict=True)]
    np.testing.assert_allclose(disc_overlap(x, y, radius), expected, atol=2e-4)


@pytest.mark.parametrize("radius", [0.2, 1.0, 2.3, 4.75])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.5, 0.5), (0.31, -0.17)])
def test_the_overlaps_add_up_to_the_disc(radius, offset):
    y, x = np.mgrid[-7:8, -7:8]
    total = disc_overlap(x - offset[0], y - offset[1], radius).sum()
    assert total == pytest.approx(np.pi * radius**2, rel=1e-12)


@pytest.mark.parametrize("radius", [1.5, 2.3, 2.5])
def test_sums_read_from_the_table_are_those_of_exact_discs(radius):
    rng = np.random.default_rng(1)
    image = rng.normal(size=(24, 31))
    x, y = rng.uniform(0, 30, 400), rng.uniform(0, 23, 400)
    x[:4], y[:4] = [0, 30, 30, 0], [0, 0, 23, 23]
    exact = np.array([aperture_flux(image, *place, radius) for place in zip(x, y, strict=True)])
    table = ApertureSums.of(image, radius)
    assert np.abs(table.at(x, y) - exact).max() < 2e-3 * exact.std()
    assert np.std(table.at(x, y) - exact) < 2e-4 * exact.std()
    single = ApertureSums.of(image.astype(np.float32), radius)
    np.testing.assert_allclose(single.at(x, y), table.at(x, y), atol=1e-5)


def test_the_table_is_good_to_a_thousandth_on_noise_as_smooth_as_the_psf():
    rng = np.random.default_rng(3)
    image = ndimage.gaussian_filter(rng.normal(size=(40, 40)), 4.6 / 2.355)
    x, y = rng.uniform(3, 36, (2, 400))
    exact = np.array([aperture_flux(image, *place, 2.3) for place in zip(x, y, strict=True)])
    assert np.abs(ApertureSums.of(image, 2.3).at(x, y) - exact).max() < 1e-3 * exact.std()


def test_photometry_is_linear():
    a, b = np.random.default_rng(2).normal(size=(2, 20, 20))
    x, y = np.array([8.2, 11.0]), np.array([9.9, 7.4])
    apart = 3 * ApertureSums.of(a, 2.3).at(x, y) - 2 * ApertureSums.of(b, 2.3).at(x, y)
    np.testing.assert_allclose(ApertureSums.of(3 * a - 2 * b, 2.3).at(x, y), apart)
    apart = 3 * aperture_flux(a, 8.2, 9.9, 2.3) - 2 * aperture_flux(b, 8.2, 9.9, 2.3)
    assert aperture_flux(3 * a - 2 * b, 8.2, 9.9, 2.3) == pytest.approx(apart)


def test_a_gaussian_gives_half_its_light_to_the_disc_of_one_fwhm(gaussian):
    image = gaussian((61, 61), 30.3, 29.6, 6.0)
    half = aperture_flux(image, 30.3, 29.6, 3.0) / image.sum()
    # 1 − exp(−r²/2σ²), with σ² widened by the 1/12 px² of a pixel that spreads its light evenly.
    variance = 6.0**2 / (8 * np.log(2)) + 1 / 12
    assert half == pytest.approx(1 - np.exp(-(3.0**2) / (2 * variance)), abs=1e-3)


@pytest.mark.parametrize("centre", [(20.0, 15.0), (20.37, 14.58)])
def test_a_gaussian_fit_recovers_the_truth(centre, gaussian):
    image = 250.0 * gaussian((31, 41), *centre, 4.6)
    image[16, 22] = np.nan
    fit = fit_gaussian(image, (round(centre[0]) + 1.0, round(centre[1]) - 1.0), 3.0, 6.0)
    assert fit.amplitude == pytest.approx(250.0)
    assert fit.centre == pytest.approx(centre)
    assert fit.fwhm == pytest.approx(4.6)


def test_a_gaussian_fit_says_none_where_there_is_no_peak(gaussian):
    assert fit_gaussian(np.zeros((21, 21)), (10.0, 10.0), 4.0, 5.0) is None
    assert fit_gaussian(-gaussian((21, 21), 10, 10, 4.0), (10.0, 10.0), 4.0, 5.0) is None
    assert fit_gaussian(np.full((21, 21), np.nan), (10.0, 10.0), 4.0, 5.0) is None


@pytest.mark.parametrize("shape", [(39, 39), (40, 40), (41, 47)])
def test_a_normalised_psf_is_centred_with_unit_flux_in_one_fwhm(shape, gaussian):
    psf = 700.0 * gaussian(shape, 18.3, 20.6, 4.8)
    template, fwhm, flux = normalised_psf(psf)
    side = min(shape) - (min(shape) + 1) % 2
    middle = (side - 1) / 2
    assert template.shape == (side, side)
    assert fwhm == pytest.approx(4.8, rel=1e-4)
    assert flux == pytest.approx(aperture_flux(psf, 18.3, 20.6, 2.4), rel=1e-3)
    assert aperture_flux(template, middle, middle, fwhm / 2) == pytest.approx(1.0)
    np.testing.assert_allclose(
        template * flux, 700 * gaussian((side, side), middle, middle, 4.8), atol=0.01
    )


def test_an_image_without_a_point_source_is_no_psf():
    ramp = np.tile(np.arange(31.0), (21, 1))
    with pytest.raises(BadInput) as refused:
        normalised_psf(ramp)
    assert str(refused.value) == (
        "the PSF (31×21 px, peak at x=30, y=0) holds no point source that a Gaussian fits: give an "
        "unsaturated off-axis image of the star"
    )
