"""Rescaling: r goes to factor · r, exact for band-limited images, blind where nothing was seen."""

import numpy as np
import pytest
from scipy import ndimage

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, radius_map
from exosift.geometry.scaling import rescale
from exosift.simulate.optics import focal_plane, image, pupil_field, telescope_pupil

FACTORS = np.array([0.61, 0.8, 0.97, 1.0, 1.05, 1.37, 1.74])
METHODS = {"fourier": 1e-5, "spline": 4e-3}
SIZES = [60, 61]
FWHM = 6.0


@pytest.fixture
def stretched(gaussian):
    """(size, factor) → a Gaussian of unit flux off the centre, stretched in closed form."""

    def draw(size, factor=1.0, at=(9.0, -5.0)):
        x0, y0 = centre_of((size, size))
        source = gaussian((size, size), x0 + factor * at[0], y0 + factor * at[1], factor * FWHM)
        return source / (np.pi / (4 * np.log(2)) * (factor * FWHM) ** 2)

    return draw


def seen(size, factor):
    """Pixels (y, x) whose centre falls on a frame stretched by `factor`."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.maximum(np.abs(y), np.abs(x)) / factor <= size / 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", SIZES)
def test_a_source_moves_and_widens_by_the_factor_and_keeps_its_flux(method, size, stretched):
    frames = np.tile(stretched(size), (len(FACTORS), 1, 1))
    result = rescale(frames, FACTORS, method)
    bright = rescale(frames, FACTORS, method, conserve="brightness")
    for factor, frame, same in zip(FACTORS, result, bright, strict=True):
        expected = stretched(size, factor)
        inside = seen(size, factor)
        assert np.abs(frame - expected)[inside].max() < METHODS[method] * expected.max()
        np.testing.assert_allclose(same, frame * factor**2, rtol=1e-12, atol=1e-16)
        assert np.nansum(frame) == pytest.approx(expected[inside].sum(), abs=METHODS[method])


def test_x_and_y_are_not_exchanged(stretched):
    frame = stretched(61, at=(8.0, 3.0))
    found = ndimage.center_of_mass(rescale(frame[None], np.array([1.5]))[0])
    assert found == pytest.approx((30 + 4.5, 30 + 12.0), abs=1e-3)


def smooth_noise(width, extent, gaussian):
    """Frames of 101 px: noise of `width` [px] within about `extent` [px] of the centre."""
    rng = np.random.default_rng(4)
    frames = ndimage.gaussian_filter(rng.normal(size=(3, 101, 101)), (0, width, width), truncate=8)
    return frames / frames.std() * gaussian((101, 101), 50.0, 50.0, extent)


@pytest.mark.parametrize("factor", [0.7, 0.93, 1.02, 1.3, 1.5])
def test_there_and_back_is_the_identity(factor, gaussian):
    frames = smooth_noise(3.0, 15.0, gaussian)
    there = np.nan_to_num(rescale(frames, np.full(3, factor)))
    back = rescale(there, np.full(3, 1 / factor))
    assert np.nanmax(np.abs(back - frames)) < 1e-5
    sums = there.sum(axis=(1, 2))
    np.testing.assert_allclose(sums, frames.sum(axis=(1, 2)), atol=1e-5 * np.abs(frames).sum())


@pytest.mark.parametrize("factor", [1.02, 1.3, 1.8])
def test_what_leaves_the_frame_hardly_disturbs_what_stays(factor, gaussian):
    frames = smooth_noise(2.0, 80.0, gaussian)
    back = rescale(rescale(frames, np.full(3, factor)), np.full(3, 1 / factor))
    stays = np.abs(np.arange(101) - 50) < 50 / factor - 8
    assert np.abs(back - frames)[:, stays][:, :, stays].max() < 0.01


def test_a_diffracted_star_becomes_that_of_the_other_wavelength():
    """Per unit of light, diffraction scales with λ and keeps its flux: the reason for the default.

    The optics are computed at both wavelengths, so nothing but diffraction says what is right.
    """
    pupil = telescope_pupil(96, 0.14, 0.01)
    size, shortest = 81, 1.0

    def star(wavelength):
        step = 0.4 * shortest / wavelength  # λ/D a pixel: 2.5 px at the shortest
        plane = focal_plane(96, (size, size), centre_of((size, size)), step)
        return image(pupil_field(pupil, np.zeros_like(pupil), wavelength), plane)

    for start, end in [(1.0, 1.3), (1.3, 1.0), (1.1, 1.7)]:
        there = rescale(star(start)[None], np.array([end / start]))[0]
        inside = seen(size, end / start)
        assert np.abs(there - star(end))[inside].max() < 1e-4 * star(end).max()


def test_shrinking_leaves_out_noise_too_fine_for_the_new_pixels():
    noise = np.random.default_rng(5).normal(size=(1, 201, 201))
    for factor in (0.5, 0.7, 0.9):
        shrunk = rescale(noise, np.array([factor]), conserve="brightness")[0]
        inner = np.abs(np.arange(201) - 100) < factor * 100 - 10
        # White noise has the share factor² of its power at frequencies that the new pixels hold.
        assert shrunk[np.ix_(inner, inner)].std() == pytest.approx(factor, rel=0.02)


def test_stretched_noise_keeps_its_variance_and_gains_no_detail():
    noise = np.random.default_rng(6).normal(size=(1, 201, 201))
    large = rescale(noise, np.array([1.6]), conserve="brightness")[0]
    assert large.std() == pytest.approx(1.0, rel=0.02)
    windowed = large * np.outer(np.hanning(201), np.hanning(201))
    power = np.abs(np.fft.fft2(windowed)) ** 2
    fine = np.abs(np.fft.fftfreq(201)) > 0.5 / 1.6 + 0.02
    assert power[fine].sum() < 1e-4 * power.sum()


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_frame_stays_flat_up_to_its_edges(method):
    flat = np.full((len(FACTORS), 61, 61), 5.0)
    result = rescale(flat, FACTORS, method, conserve="brightness")
    np.testing.assert_allclose(result[np.isfinite(result)], 5.0, rtol=1e-4)


def test_splines_are_those_of_scipy():
    frame = np.random.default_rng(7).normal(size=(41, 41))
    for factor in (0.8, 1.25):
        result = rescale(frame[None], np.array([factor]), "spline", conserve="brightness")[0]
        theirs = ndimage.affine_transform(
            frame, [1 / factor] * 2, 20 - 20 / factor, order=3, mode="nearest"
        )
        inside = seen(41, factor)
        np.testing.assert_allclose(result[inside], theirs[inside], atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", SIZES)
def test_the_rim_is_nan_exactly_where_the_frame_saw_nothing(method, size):
    result = rescale(np.ones((len(FACTORS), size, size)), FACTORS, method)
    for frame, factor in zip(result, FACTORS, strict=True):
        np.testing.assert_array_equal(np.isfinite(frame), seen(size, factor))


@pytest.mark.parametrize("method", METHODS)
def test_nan_moves_with_its_frame_and_does_not_spread(method, gaussian):
    frames = np.tile(100 * gaussian((61, 61), 30.0, 30.0, 18.0), (len(FACTORS), 1, 1))
    frames[:, 34:37, 38:41] = np.nan
    result = rescale(frames, FACTORS, method)
    y, x = np.mgrid[:61, :61] - 30
    for frame, factor in zip(result, FACTORS, strict=True):
        lost = np.isnan(frame) & seen(61, factor)
        # Pixels whose centre lies in the stretched hole, and none further than half a pixel off.
        off = np.maximum(np.abs(x - 9 * factor), np.abs(y - 5 * factor))
        assert lost[off < 1.5 * factor - 1e-9].all()
        assert not lost[off > factor + max(factor, 1) / 2 + 1e-9].any()


def test_nan_counts_as_zero_and_so_do_its_neighbours_see_it():
    rng = np.random.default_rng(11)
    cube, hole = rng.normal(size=(len(FACTORS), 41, 41)), rng.random((41, 41)) < 0.02
    with_nan, with_zeros = np.where(hole, np.nan, cube), np.where(hole, 0.0, cube)
    result = rescale(with_nan, FACTORS)
    known = np.isfinite(result)
    np.testing.assert_array_equal(result[known], rescale(with_zeros, FACTORS)[known])


@pytest.mark.parametrize("away", range(1, 14))
def test_a_lone_masked_pixel_is_never_lost(away):
    cube = np.random.default_rng(8).normal(size=(len(FACTORS), 61, 61))
    mask = np.zeros(cube.shape, bool)
    mask[:, 30 - away, 35] = True
    free, masked = rescale(cube, FACTORS), rescale(cube, FACTORS, mask=mask)
    blanked = np.isnan(masked) & ~np.isnan(free)
    np.testing.assert_array_equal(masked[~blanked], free[~blanked])
    for lost, factor in zip(blanked, FACTORS, strict=True):
        y, x = np.nonzero(lost)
        assert 1 <= len(y) <= np.ceil(factor + 1e-9) ** 2
        assert np.abs(y - 30 + away * factor).max() <= max(1, factor) / 2 + 1e-9
        assert np.abs(x - 30 - 5 * factor).max() <= max(1, factor) / 2 + 1e-9


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_shape_and_input_are_kept_and_factors_broadcast(method, dtype):
    cube = np.random.default_rng(9).normal(size=(4, 3, 31, 31)).astype(dtype)
    cube[1, 2, 15, 20] = np.nan
    given, factor = cube.copy(), np.array([1.4, 1.2, 1.4, 0.9])
    result = rescale(cube, factor[:, None], method)
    assert result.dtype == dtype
    np.testing.assert_array_equal(cube, given)
    for time in range(3):
        np.testing.assert_array_equal(result[:, time], rescale(cube[:, time], factor, method))


def test_single_precision_is_good_to_a_millionth(gaussian):
    frames = np.tile(gaussian((101, 101), 75.0, 50.0, 4.0), (len(FACTORS), 1, 1))
    single = rescale(frames.astype(np.float32), FACTORS, conserve="brightness")
    double = rescale(frames, FACTORS, conserve="brightness")
    assert np.nanmax(np.abs(single - double)) < 2e-6


def test_the_result_does_not_depend_on_the_threads():
    cube = np.random.default_rng(10).normal(size=(19, 5, 31, 31))
    factor = np.linspace(0.7, 1.5, 19)[:, None]
    with threads.limit(1):
        alone = rescale(cube, factor)
    with threads.limit(4):
        np.testing.assert_array_equal(rescale(cube, factor), alone)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_factor_that_is_no_stretch_is_refused(bad):
    with pytest.raises(BadInput, match=f"rescaled by {bad:g}, expected a finite factor above 0"):
        rescale(np.ones((2, 5, 5)), np.array([1.2, bad]))


@pytest.mark.real_data
@pytest.mark.parametrize("factor", [0.7, 0.9, 1.1, 1.4])
def test_the_edges_of_real_frames_do_not_ring(factor, betapic):
    """The middle of a frame, rescaled alone, is what it is within the whole frame."""
    frames = betapic.cube[[0, 30, 60], :101, :101].astype(float)
    stretch = np.full(3, factor)
    whole = rescale(frames, stretch)[:, 20:-20, 20:-20]
    alone = rescale(frames[:, 20:-20, 20:-20], stretch)
    inside = radius_map(alone.shape) < 30 * min(1, factor) - 2
    assert np.std((alone - whole)[:, inside]) < 1e-3 * np.std(whole[:, inside])
