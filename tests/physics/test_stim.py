"""STIM: its definition, its threshold on noise, and a companion that exceeds it."""

import numpy as np
import pytest

from exosift.detect.maps import stims
from exosift.detect.stim import stim, stim_map
from exosift.errors import Failed
from exosift.geometry.grid import pixel_position, radius_map
from exosift.geometry.rotation import derotate

SIZE, FWHM = 41, 4.0
ANGLE = np.linspace(0, 90, 20)
SEARCHED = (radius_map((SIZE, SIZE)) >= FWHM) & (radius_map((SIZE, SIZE)) <= 18)


@pytest.fixture(scope="module")
def noise():
    """Laplace-tailed residuals (wavelength, time, y, x)."""
    return np.random.default_rng(3).laplace(size=(1, len(ANGLE), SIZE, SIZE)).astype(np.float32)


def test_map_is_mean_over_spread_of_what_was_seen(noise):
    frames = noise[0].copy()
    frames[3:, 5, 6] = np.nan
    frames[1:, 7, 8] = np.nan
    frames[:, 9, 9] = 2.0
    found = stim_map(frames)
    row = frames[:, 0]
    np.testing.assert_allclose(found[0], row.mean(axis=0) / row.std(axis=0), rtol=1e-4, atol=1e-6)
    few = frames[:3, 5, 6].astype(float)
    assert found[5, 6] == pytest.approx(few.mean() / few.std(), rel=1e-5)
    assert np.isnan([found[7, 8], found[9, 9]]).all()  # one frame, and no spread
    assert found.dtype == np.float32


def test_scale_of_every_pixel_does_not_matter(noise):
    frames = noise[0] + 0.5
    scale = np.random.default_rng(0).uniform(0.1, 10, (SIZE, SIZE)).astype(np.float32)
    np.testing.assert_allclose(stim_map(frames * scale), stim_map(frames), rtol=1e-4)
    np.testing.assert_allclose(stim_map(-frames), -stim_map(frames))


def test_companion_exceeds_the_threshold_that_inverted_angles_set(noise, companion):
    place = (12.0, 130.0)
    frames = noise + 6 * companion(*place)[None]
    found = stim(frames, ANGLE, derotate, SEARCHED)
    y, x = np.unravel_index(np.nanargmax(found.normalised), (SIZE, SIZE))
    at = pixel_position(*place, (20.0, 20.0))
    assert np.hypot(x - at[0], y - at[1]) < 1.5
    assert found.normalised[y, x] > 1.5
    assert found.threshold == np.nanmax(found.inverse)
    # Turned the other way, it is nowhere: the smeared track does not set the threshold.
    assert found.threshold < 1.3 * stim(noise, ANGLE, derotate, SEARCHED).threshold


def test_turning_the_other_way_swaps_the_two_maps(noise):
    one = stim(noise, ANGLE, derotate, SEARCHED)
    other = stim(noise, -ANGLE, derotate, SEARCHED)
    np.testing.assert_array_equal(one.stim, other.inverse)
    assert np.isnan(one.stim[~SEARCHED]).all()


def test_wavelengths_count_as_frames(noise):
    twice = np.concatenate([noise, noise])
    one, two = (stim(n, ANGLE, derotate, SEARCHED).stim for n in (noise, twice))
    np.testing.assert_allclose(one, two, rtol=1e-5)


def test_fraction_is_that_of_the_inverse_map_and_not_below_one_element():
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(40):
        noise = rng.laplace(size=(1, 1, len(ANGLE), SIZE, SIZE)).astype(np.float32)
        found = stims(noise, ANGLE, derotate, FWHM)
        seen = np.isfinite(found.statistic[0])
        shares.append([np.mean(found.fpf[0][seen] <= p) for p in (0.5, 0.2, 0.05)])
        elements = seen.sum() / (np.pi * FWHM**2 / 4)
        assert np.nanmin(found.fpf) >= 1 / (elements + 1)
        assert np.isnan(found.fpf[0][~seen]).all()
    mean, error = np.mean(shares, axis=0), np.std(shares, axis=0) / np.sqrt(len(shares))
    assert (np.abs(mean - (0.5, 0.2, 0.05)) < 4 * error + 0.002).all()


def test_no_positive_value_sets_no_threshold(noise):
    dark = -np.abs(noise) - 1
    with pytest.raises(Failed, match="inverted angles has no positive value"):
        stim(dark, ANGLE, derotate, SEARCHED)


@pytest.fixture(scope="module")
def companion():
    """Frames (time, y, x) with a Gaussian source at separation [px], position angle [deg]."""

    def frames(separation, position_angle):
        y, x = np.mgrid[:SIZE, :SIZE]
        each = []
        for angle in ANGLE:
            x0, y0 = pixel_position(separation, position_angle - angle, (20.0, 20.0))
            squared = (x - x0) ** 2 + (y - y0) ** 2
            each.append(np.exp(-4 * np.log(2) * squared / FWHM**2))
        return np.array(each, np.float32)

    return frames
