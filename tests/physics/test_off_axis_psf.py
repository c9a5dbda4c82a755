"""The PSF of off-axis frames: centred, without its sky, in the science frames' counts."""

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.photometry.psf import FluxScale, normalised_psf, off_axis_psf

FWHM = 4.2


def frames(gaussian, rng, places, sky=300.0):
    stars = np.array([5000 * gaussian((90, 100), x, y, FWHM) for x, y in places])
    levels = sky + 40 * np.arange(len(places))[:, None, None]
    return stars + levels + rng.normal(0, 5, stars.shape)


def test_the_mean_of_dithers_is_the_star_on_the_middle_pixel(gaussian):
    rng = np.random.default_rng(0)
    places = [(40.3, 50.8), (60.9, 33.1), (33.5, 44.5), (55.0, 55.0)]
    seen = frames(gaussian, rng, places)
    seen[0, 48, 41] = np.nan
    seen[:, 50, 70] = np.nan
    given = seen.copy()
    psf = off_axis_psf(seen, 4.0, 31, FluxScale())
    np.testing.assert_array_equal(seen, given)
    truth = 5000 * gaussian((31, 31), 15.0, 15.0, FWHM)
    assert np.isfinite(psf).all()
    assert np.abs(psf - truth).max() < 35  # noise is 2.5, of the centring 0.01 px
    assert np.std(psf - truth) < 4
    template, fwhm, flux = normalised_psf(psf)
    assert template.shape == (31, 31)
    assert fwhm == pytest.approx(FWHM, rel=0.01)
    assert flux == pytest.approx(normalised_psf(truth)[2], rel=0.01)


def test_flux_is_scaled_for_exposure_and_neutral_density(gaussian):
    rng = np.random.default_rng(1)
    seen = frames(gaussian, rng, [(40.3, 50.8), (60.9, 33.1)])
    plain = off_axis_psf(seen, 4.0, 31, FluxScale())
    scale = FluxScale(exposure=0.8, science_exposure=32.0, transmission=1e-2)
    assert scale.factor == pytest.approx(4000)
    np.testing.assert_allclose(off_axis_psf(seen, 4.0, 31, scale), 4000 * plain, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"exposure": 0}, "exposure is 0, expected more than 0"),
        (
            {"transmission": 3.5},
            "transmission is 3.5, expected at most 1: a neutral density of 3.5 lets 10^-3.5 "
            "through",
        ),
    ],
)
def test_scales_that_cannot_be_are_refused(given, message):
    with pytest.raises(BadInput) as refused:
        FluxScale(**given)
    assert str(refused.value) == message


def test_frames_without_a_star_in_reach_are_named(gaussian):
    rng = np.random.default_rng(2)
    seen = frames(gaussian, rng, [(40.3, 50.8), (12.0, 33.1)])
    with pytest.raises(BadInput) as refused:
        off_axis_psf(seen, 4.0, 31, FluxScale())
    assert str(refused.value) == (
        "off-axis frame 1: the star at x=12.0, y=33.1 is less than 15 px from the edge of 100×90 "
        "px; lower the PSF's size"
    )
    seen[1] = np.nan
    with pytest.raises(BadInput, match=r"^off-axis frame 1: no pixel has a value; leave it out$"):
        off_axis_psf(seen, 4.0, 31, FluxScale())
    with pytest.raises(BadInput, match=r"^the PSF's size is 30 px, expected an odd number from 9$"):
        off_axis_psf(seen, 4.0, 30, FluxScale())
