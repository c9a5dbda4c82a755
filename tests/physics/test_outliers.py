"""Bad pixels found and filled: hot, dead, hit by cosmic rays, alone and in clumps; stars spared."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.special import j1

from exosift.calib.badpixels import fill
from exosift.calib.outliers import (
    Outliers,
    _median_of_nine,
    noise_of,
    outliers,
    static_outliers,
    transients,
)
from exosift.errors import BadInput

FWHM = 4.0


@pytest.mark.parametrize("apart", [1, 2])
@pytest.mark.parametrize("shape", [(40, 31), (129, 260)])
def test_medians_of_nine_are_scipys(apart, shape):
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    window = np.zeros((2 * apart + 1,) * 2)
    window[::apart, ::apart] = 1
    expected = ndimage.median_filter(image, footprint=window, mode="mirror")
    np.testing.assert_array_equal(_median_of_nine(image, apart), expected)


@pytest.mark.parametrize("level", [0.0, 1e4])
def test_noise_alone_has_next_to_no_outliers(level):
    rng = np.random.default_rng(1)
    slope = np.linspace(0, 300, 512)
    frames = (level + slope + 7 * rng.normal(size=(2, 512, 512))).astype(np.float32)
    # Half a million values: a Gaussian has 0.3 beyond 5 standard deviations.
    assert outliers(frames, FWHM, Outliers()).sum() <= 6
    assert noise_of(frames[0]) == pytest.approx(7.0, rel=0.02)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2), (3, 3), (1, 9)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_strong_outliers_are_found_alone_and_in_clumps(size, sign):
    rng = np.random.default_rng(2)
    frames = rng.normal(100, 5, (2, 256, 256)).astype(np.float32)
    truth = np.zeros(frames.shape, dtype=bool)
    for y, x in rng.integers(0, 246, (100, 2)):
        truth[:, y : y + size[0], x : x + size[1]] = True
    frames[truth] += sign * 200
    given = frames.copy()
    found = outliers(frames, FWHM, Outliers())
    np.testing.assert_array_equal(frames, given)
    assert found[truth].mean() > (0.8 if size == (3, 3) else 0.97)
    assert (found & ~truth).sum() <= 3


def moffat(r, fwhm):
    return (1 + (r / fwhm) ** 2 * 4 * (2**0.4 - 1)) ** -2.5


def airy(r, fwhm):
    u = np.maximum(np.pi * r * 1.029 / fwhm, 1e-9)
    return (2 * j1(u) / u) ** 2


PROFILES = {"gauss": lambda r, fwhm: 2.0 ** -((2 * r / fwhm) ** 2), "moffat": moffat, "airy": airy}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("fwhm", [1.8, 2.5, 4.5])
def test_stars_of_any_brightness_are_spared(profile, fwhm):
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:61, :61]
    frames = []
    for peak in np.geomspace(3, 3e4, 60):
        x0, y0 = 30 + rng.uniform(-0.5, 0.5, 2)
        star = peak * PROFILES[profile](np.hypot(x - x0, y - y0), fwhm)
        frames.append(star + rng.normal(size=star.shape) * np.sqrt(1 + 0.1 * star))
    found = outliers(np.array(frames, np.float32), fwhm, Outliers())
    # Noise on a star's peak may look like an outlier on its flank once in a while.
    assert found[:, 24:37, 24:37].any(axis=(1, 2)).sum() <= 2


def test_a_cosmic_ray_beside_a_star_is_found_and_not_the_star(gaussian):
    rng = np.random.default_rng(4)
    frame = 500 * gaussian((61, 61), 30.2, 29.7, FWHM) + rng.normal(size=(61, 61))
    frame[30, 37] += 300
    frame[20, 22:25] += 60
    found = outliers(frame[None], FWHM, Outliers())[0]
    expected = np.zeros(frame.shape, dtype=bool)
    expected[30, 37] = expected[20, 22:25] = True
    np.testing.assert_array_equal(found, expected)


def test_static_ones_show_in_the_median_though_hidden_in_each_frame(gaussian):
    rng = np.random.default_rng(5)
    frames = rng.normal(size=(25, 101, 101))
    for t, (x, y) in enumerate(rng.uniform(15, 85, (25, 2))):
        frames[t] += 300 * gaussian((101, 101), x, y, FWHM)
    warm = rng.permutation(101 * 101)[:80]
    frames.reshape(25, -1)[:, warm] += 2.5
    truth = np.zeros((101, 101), dtype=bool)
    truth.flat[warm] = True
    found = static_outliers(frames, FWHM, Outliers())
    assert found[truth].mean() > 0.9
    assert (found & ~truth).sum() <= 2
    each = outliers(frames, FWHM, Outliers())
    assert each[:, truth].mean() < 0.05


def test_transients_show_among_speckles(speckles):
    rng = np.random.default_rng(6)
    frames = np.repeat(speckles(rng, 2, 101, FWHM, noise=0.0)[:1], 12, axis=0)
    frames += rng.normal(size=frames.shape)
    truth = rng.random(frames.shape) < 1e-3
    frames[truth] += 30
    found = transients(frames, np.median(frames, axis=0), FWHM, Outliers())
    assert found[truth].mean() > 0.97
    assert (found & ~truth).sum() <= 10
    assert outliers(frames, FWHM, Outliers())[truth].mean() < found[truth].mean()


def test_nan_are_no_outliers_and_hide_none():
    frames = np.random.default_rng(7).normal(size=(1, 64, 64))
    frames[0, 20:23, 20:23] = np.nan
    frames[0, 19, 21] = 90
    found = outliers(frames, FWHM, Outliers())
    assert found[0, 19, 21]
    assert found.sum() == 1
    assert not outliers(np.full((1, 8, 9), np.nan), FWHM, Outliers()).any()
    assert outliers(np.empty((0, 8, 9)), FWHM, Outliers()).shape == (0, 8, 9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"threshold": 0}, "threshold is 0, expected more than 0"),
        ({"passes": 0}, "passes is 0, expected 1 or more"),
    ],
)
def test_rules_that_mean_nothing_are_refused(given, message):
    with pytest.raises(BadInput) as refused:
        Outliers(**given)
    assert str(refused.value) == message


def test_clumps_are_filled_from_the_edges_inwards_as_deep_as_told():
    y, x = np.mgrid[:30, :32].astype(float)
    whole = np.stack([3 + 0.5 * x - 0.2 * y + 0.03 * x * x - 0.02 * x * y, 7 - 0.1 * x + 0 * y])
    bad = np.zeros((30, 32), dtype=bool)
    bad[10:14, 10:14] = True  # two layers
    bad[20, 5:25] = True
    holed = np.where(bad, 1e6, whole)
    given = holed.copy()
    filled, mask = fill(holed, bad)
    np.testing.assert_array_equal(holed, given)
    np.testing.assert_allclose(filled, whole, rtol=1e-9)
    np.testing.assert_array_equal(mask, np.stack([bad, bad]))
    shallow, _ = fill(holed, bad, layers=1)
    assert np.isnan(shallow[:, 11:13, 11:13]).all()
    assert np.isfinite(shallow[:, 20, 5:25]).all()
    one, mask = fill(holed, np.stack([bad, ~bad & False]))
    np.testing.assert_array_equal(mask[1], False)
    np.testing.assert_array_equal(one[1], holed[1])


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(BadInput) as refused:
        fill(np.zeros((2, 5, 6)), np.zeros((6, 5), dtype=bool))
    assert str(refused.value) == ("the bad pixels have shape (6, 5), expected (5, 6) or (2, 5, 6)")
