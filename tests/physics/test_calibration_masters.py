"""Masters: robust means, read noise, dark current, response, and the pixels not to trust."""

import numpy as np
import pytest

from exosift.calib.masters import (
    master_dark,
    master_flat,
    not_linear,
    robust_mean,
)
from exosift.calib.medians import take_medians, temporal_median
from exosift.errors import BadInput

SHAPE = (70, 90)


@pytest.mark.parametrize("count", [1, 2, 5, 8])
@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_medians_of_any_frames_are_numpys(count, holes):
    rng = np.random.default_rng(count)
    frames = rng.normal(size=(count, *SHAPE)).astype(np.float32)
    frames[rng.random(frames.shape) < holes] = np.nan
    frames[:, 3, 4] = 1.5  # all the same
    frames[:, 5, 6] = np.nan
    usable = ~np.eye(count, dtype=bool)
    if count > 2:
        usable[1] = True
        usable[2, :2] = False
    left = np.zeros(frames.shape, np.float32)
    take_medians(left, frames, usable)
    seen = np.isfinite(frames)
    for row, image in zip(usable, left, strict=True):
        some = (seen & row[:, None, None]).any(axis=0)
        np.testing.assert_array_equal(np.isfinite(image), some)
        if some.any():
            expected = np.nanmedian(frames[row][:, some], axis=0)
            np.testing.assert_allclose(-image[some], expected, rtol=1e-6)
    middle = temporal_median(frames)
    some = seen.any(axis=0)
    np.testing.assert_allclose(middle[some], np.nanmedian(frames[:, some], axis=0), rtol=1e-6)
    assert np.isnan(middle[5, 6])


def test_a_robust_mean_is_the_mean_but_for_wild_values():
    rng = np.random.default_rng(1)
    frames = rng.normal(100, 5, (9, *SHAPE))
    wild = frames.copy()
    wild[3, 10, 12] = 9e4
    wild[4, 20, 22] = np.nan
    wild[:, 30, 32] = np.nan
    mean, scatter, count = robust_mean(wild)
    assert count[10, 12] == count[20, 22] == 8
    assert np.isnan(mean[30, 32])
    whole = count == 9
    assert whole.mean() > 0.97
    np.testing.assert_allclose(mean[whole], frames.mean(axis=0)[whole], rtol=1e-6)
    np.testing.assert_allclose(scatter[whole], frames.std(axis=0, ddof=1)[whole], rtol=1e-5)
    others = np.delete(frames[:, 10, 12], 3)
    assert mean[10, 12] == pytest.approx(others.mean(), rel=1e-6)


@pytest.mark.parametrize("count", [3, 10])
def test_a_master_dark_is_known_within_its_noise(count):
    rng = np.random.default_rng(2)
    truth = 200 + np.linspace(0, 30, SHAPE[1]) + np.zeros(SHAPE)
    truth[12, 30] += 300
    truth[40, 50:52] -= 150
    darks = np.round(truth + rng.normal(0, 6, (count, *SHAPE))).astype(np.int32)
    if count == 10:
        darks[:, 60, 60] = 200 + rng.normal(0, 400, count)
    dark = master_dark(darks)
    assert dark.read_noise == pytest.approx(6.0, rel=0.03)
    hot = np.zeros(SHAPE, dtype=bool)
    hot[12, 30] = hot[40, 50:52] = True
    hot[60, 60] = count == 10
    np.testing.assert_array_equal(dark.hot, hot)
    apart = (dark.frame - truth)[~hot]
    assert np.std(apart) == pytest.approx(6 / np.sqrt(count), rel=0.03)
    assert np.std(apart / np.sqrt(dark.variance[~hot])) == pytest.approx(0.9, abs=0.07)


def test_one_dark_tells_the_noise_between_its_pixels():
    dark = master_dark(np.random.default_rng(3).normal(50, 4, (1, *SHAPE)))
    assert dark.read_noise == pytest.approx(4.0, rel=0.05)
    assert not dark.hot.any()


def test_the_response_is_found_whatever_the_lamp_does():
    rng = np.random.default_rng(5)
    response = 1 + 0.05 * rng.normal(size=SHAPE)
    response[10:13, 10] = 0.1
    response[20, 20] = 2.0
    response /= np.median(response[(response > 0.5) & (response < 1.5)])
    lamp = np.array([9000.0, 11000.0, 10000.0, 14000.0, 8000.0])
    dark = np.full(SHAPE, 300.0)
    light = lamp[:, None, None] * response
    flats = rng.poisson(light) + dark
    flat = master_flat(flats, dark)
    bad = np.zeros(SHAPE, dtype=bool)
    bad[10:13, 10] = bad[20, 20] = True
    np.testing.assert_array_equal(flat.bad, bad)
    noise = np.sqrt((response / lamp[:, None, None]).mean(axis=0) / 5)[~bad]
    apart = ((flat.response - response)[~bad] / noise).astype(float)
    assert np.std(apart) == pytest.approx(1.0, rel=0.05)
    assert abs(apart.mean()) < 0.1
    # Chi-square of four degrees of freedom: its own scatter is 1/√2.
    assert np.mean(flat.variance[~bad]) == pytest.approx(np.mean(noise**2), rel=0.05)


def test_a_flat_without_light_is_named():
    flats = np.full((3, *SHAPE), 5000.0)
    flats[1] = 290.0
    with pytest.raises(BadInput) as refused:
        master_flat(flats, np.full(SHAPE, 300.0))
    assert str(refused.value) == (
        "flat 1: its median is -10.0 counts above the dark; leave it out, or give the dark of its "
        "exposure time"
    )


def test_full_wells_and_bent_pixels_are_told():
    times = np.array([1.0, 2.0, 5.0, 10.0])
    ramp = 1000.0 * times[:, None, None] * (1 + 0.05 * np.random.default_rng(6).normal(size=SHAPE))
    ramp[:, 7, 8] = np.minimum(ramp[:, 7, 8], 6000)
    ramp[:, 9, 9] = np.nan
    bent = np.zeros(SHAPE, dtype=bool)
    bent[7, 8] = bent[9, 9] = True
    np.testing.assert_array_equal(not_linear(ramp, times), bent)
