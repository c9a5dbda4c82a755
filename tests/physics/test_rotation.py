"""Derotation: counter-clockwise with y up, exact, and blind where a frame saw nothing."""

import numpy as np
import pytest

from exosift import threads
from exosift.geometry import rotation
from exosift.geometry.grid import centre_of, radius_map
from exosift.geometry.rotation import derotate

ANGLES = np.array([0.0, 17.3, -17.3, 45.0, 90.0, -90.0, 135.0, 181.5, -200.2, 270.0, 359.0, 1000.7])
METHODS = {"fourier": 5e-6, "spline": 4e-3}
SIZES = [40, 41]


def turned(x, y, angle, shape):
    """The place (x, y) turned counter-clockwise by `angle`, by the rotation matrix."""
    x0, y0 = centre_of(shape)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return x0 + cos * (x - x0) - sin * (y - y0), y0 + sin * (x - x0) + cos * (y - y0)


def source_of(x, y, angle, shape):
    return turned(x, y, -angle, shape)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", SIZES)
def test_quarter_turns_are_exact(size, method):
    image = np.random.default_rng(0).normal(size=(size, size))
    angle = np.array([90.0, -90.0, 180.0, 270.0, 360.0, -450.0, 0.0])
    result = derotate(np.tile(image, (7, 1, 1)), angle, method)
    # Counter-clockwise with y up: what was at +x is now at +y, so row y of the new is column x of
    # the old, and column x of the new is row y of the old mirrored.
    quarter = image.T[:, ::-1]
    back = image.T[::-1]
    expected = [quarter, back, image[::-1, ::-1], back, image, back, image]
    np.testing.assert_allclose(result, np.stack(expected), atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", SIZES)
def test_a_source_lands_where_the_rotation_matrix_says(size, method, gaussian):
    shape, x, y = (size, size), 0.8 * size, 0.55 * size
    frames = np.tile(gaussian(shape, x, y, 4.0), (len(ANGLES), 1, 1))
    expected = [gaussian(shape, *turned(x, y, a, shape), 4.0) for a in ANGLES]
    field = radius_map(shape) < size / 2 - 1
    error = np.abs(derotate(frames, ANGLES, method) - expected)[:, field]
    assert error.max() < METHODS[method]


def test_fourier_rotation_there_and_back_is_the_identity(gaussian):
    frames = np.tile(gaussian((41, 41), 27.0, 24.0, 4.0), (len(ANGLES), 1, 1))
    there = np.nan_to_num(derotate(frames, ANGLES))
    back = derotate(there, -ANGLES)
    disc = radius_map((41, 41)) < 19
    assert np.abs(back - frames)[:, disc].max() < 1e-6


def test_flux_is_conserved(gaussian):
    frames = np.tile(gaussian((41, 41), 29.0, 21.0, 4.0), (len(ANGLES), 1, 1))
    total = np.nansum(derotate(frames, ANGLES), axis=(1, 2))
    np.testing.assert_allclose(total, frames[0].sum(), rtol=1e-6)


def test_a_flat_frame_stays_flat_up_to_its_edges_with_splines():
    result = derotate(np.full((len(ANGLES), 41, 41), 5.0), ANGLES, "spline")
    np.testing.assert_allclose(result[np.isfinite(result)], 5.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", SIZES)
def test_corners_are_nan_exactly_where_the_frame_saw_nothing(size, method):
    result = derotate(np.ones((len(ANGLES), size, size)), ANGLES, method)
    y, x = np.mgrid[:size, :size]
    for image, angle in zip(result, ANGLES, strict=True):
        from_x, from_y = source_of(x, y, angle, (size, size))
        low, high = -0.5 - 1e-9, size - 0.5 + 1e-9
        seen = (from_x > low) & (from_x < high) & (from_y > low) & (from_y < high)
        np.testing.assert_array_equal(np.isnan(image), ~seen)


@pytest.mark.parametrize("method", METHODS)
def test_nan_turns_with_its_frame_and_does_not_spread(method, gaussian):
    shape = (41, 41)
    star = 100 * gaussian(shape, 20.0, 20.0, 12.0)
    frames = np.tile(star, (len(ANGLES), 1, 1))
    frames[:, 24:27, 30:33] = np.nan
    frames[3] = star
    result = derotate(frames, ANGLES, method)
    y, x = np.mgrid[:41, :41]
    disc = radius_map(shape) < 20
    for index, angle in enumerate(ANGLES):
        from_x, from_y = source_of(x, y, angle, shape)
        hole = (abs(from_x - 31) < 1.5) & (abs(from_y - 25) < 1.5) & (index != 3)
        np.testing.assert_array_equal(np.isnan(result[index])[disc], hole[disc])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_shape_and_input_are_kept(method, dtype):
    rng = np.random.default_rng(2)
    cube = rng.normal(size=(2, 3, 11, 31, 31)).astype(dtype)
    cube[0, 1, 2, 15, 20] = np.nan
    given, angle = cube.copy(), rng.uniform(-180, 180, 11)
    result = derotate(cube, angle, method)
    assert result.dtype == dtype
    np.testing.assert_array_equal(cube, given)
    for wavelength, star in np.ndindex(2, 3):
        alone = derotate(cube[wavelength, star], angle, method)
        np.testing.assert_array_equal(result[wavelength, star], alone)


def test_single_precision_is_good_to_a_millionth(gaussian):
    frames = np.tile(gaussian((101, 101), 75.0, 50.0, 4.0), (len(ANGLES), 1, 1))
    single = derotate(frames.astype(np.float32), ANGLES)
    assert np.nanmax(np.abs(single - derotate(frames, ANGLES))) < 2e-6


@pytest.mark.parametrize("method", METHODS)
def test_the_result_does_not_depend_on_the_threads(method):
    cube = np.random.default_rng(3).normal(size=(2, 19, 31, 31))
    angle = np.linspace(0, 80, 19)
    with threads.limit(1):
        alone = derotate(cube, angle, method)
    with threads.limit(4):
        np.testing.assert_array_equal(derotate(cube, angle, method), alone)


def test_masked_pixels_are_blanked_but_their_neighbours_lose_nothing():
    rng = np.random.default_rng(8)
    cube = rng.normal(size=(4, 41, 41))
    mask = rng.random(cube.shape) < 0.01
    angle = np.array([0.0, 20.0, 77.0, -130.0])
    free, masked = derotate(cube, angle), derotate(cube, angle, mask=mask)
    blanked = np.isnan(masked) & ~np.isnan(free)
    np.testing.assert_array_equal(masked[~blanked], free[~blanked])
    inside = radius_map(cube.shape) < 19
    assert blanked[:, inside].mean() == pytest.approx(mask[:, inside].mean(), rel=0.2)
    np.testing.assert_array_equal(blanked[0], mask[0])


def sheared(image, shear):
    """Rows y of an image (y, x) moved along x by shear · y, by an endless sinc."""
    x = np.arange(len(image)) - (len(image) - 1) / 2
    rows = [np.sinc(x[:, None] - x - shear * y) @ row for y, row in zip(x, image, strict=True)]
    return np.stack(rows)


@pytest.mark.real_data
def test_padding_comes_near_an_endless_sinc_on_real_frames(betapic):
    angle = np.array([-38.0, 17.0, 44.0])
    frames = betapic.cube[[0, 30, 60]].astype(float)
    inside = radius_map(frames.shape) < 45
    for turned_frame, frame, degrees in zip(derotate(frames, angle), frames, angle, strict=True):
        theta = np.radians(degrees)
        exact = sheared(np.pad(frame, 30), -np.tan(theta / 2))
        exact = sheared(sheared(exact.T, np.sin(theta)).T, -np.tan(theta / 2))[30:-30, 30:-30]
        assert np.std((turned_frame - exact)[inside]) < 1e-4 * frame.std()


def test_how_large_frames_are_transformed_changes_nothing(monkeypatch):
    frames = np.random.default_rng(0).normal(size=(3, 45, 45)).astype(np.float32)
    angle = np.array([-100.0, 3.0, 41.0])
    expected = derotate(frames, angle)
    monkeypatch.setattr(rotation, "_APART", 45)
    np.testing.assert_array_equal(derotate(frames, angle), expected)
