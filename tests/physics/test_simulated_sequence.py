"""Simulated sequences behave as the sky, the telescope and the detector do."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from exosift.errors import BadInput
from exosift.geometry.grid import pixel_position, radius_map
from exosift.photometry.apertures import aperture_flux
from exosift.simulate.scene import InjectedCompanion, Simulation
from exosift.simulate.sequence import simulate
from exosift.threads import limit

SMALL = Simulation(
    size=61,
    psf_size=21,
    pupil_pixels=32,
    frames=6,
    residual_screens=4,
    pointing_jitter=0.0,
    decentring_x=0.0,
    decentring_y=0.0,
)
COMPANION = InjectedCompanion(separation=450.0, position_angle=211.0, contrast=5e-4)


@pytest.fixture(scope="module")
def observed():
    """The default observation in half as many frames, with a companion hidden in it."""
    return simulate(Simulation(frames=30), [COMPANION], np.random.default_rng(1))


def turned(image, angle):
    """`image` turned counter-clockwise (x right, y up) by `angle` [deg] about its centre."""
    return ndimage.rotate(image, -angle, reshape=False, order=3)


def speckles(cube, star, inner=8, outer=35):
    """Pixels (time, pixel) of an annulus less the mean of every ring in each frame."""
    radius = radius_map(cube.shape, tuple(star))
    inside = (radius >= inner) & (radius < outer)
    ring = radius[inside].astype(int)
    pixels = cube[:, inside].astype(float)
    means = [np.bincount(ring, frame)[ring] / np.bincount(ring)[ring] for frame in pixels]
    return pixels - means


def signal_to_noise(image, place, star, fwhm):
    """Aperture sum at `place` over the scatter of those around the star (Mawet et al. 2014)."""
    offset = np.subtract(place, star)
    count = int(2 * np.pi * np.hypot(*offset) / fwhm)
    steps = 2 * np.pi * np.arange(count) / count
    x = star[0] + offset[0] * np.cos(steps) - offset[1] * np.sin(steps)
    y = star[1] + offset[0] * np.sin(steps) + offset[1] * np.cos(steps)
    sums = np.array(
        [
            image[radius_map(image.shape, point) <= fwhm / 2].sum()
            for point in zip(x, y, strict=True)
        ]
    )
    noise = sums[2:-1]  # the neighbours hold the source's wings
    return (sums[0] - noise.mean()) / (noise.std(ddof=1) * np.sqrt(1 + 1 / len(noise)))


def test_turned_is_counter_clockwise():
    image = np.zeros((21, 21))
    image[10, 15] = 1.0  # East of nothing: +x
    assert np.unravel_index(turned(image, 90.0).argmax(), image.shape) == (15, 10)  # +y


def test_companion_turns_with_the_field_and_angle_brings_it_back():
    companion = InjectedCompanion(separation=500.0, position_angle=70.0, contrast=0.1)
    alone = simulate(SMALL, [], np.random.default_rng(2))
    seen = simulate(SMALL, [companion], np.random.default_rng(2))
    light = seen.cube[0].astype(float) - alone.cube[0]
    expected = pixel_position(500.0 / SMALL.pixel_scale, 70.0, (30.0, 30.0))
    assert np.ptp(seen.angle) > 60
    for frame, angle, place in zip(light, seen.angle, seen.companions[0], strict=True):
        y, x = np.unravel_index(frame.argmax(), frame.shape)
        assert (x, y) == pytest.approx(place, abs=1.0)
        upright = turned(frame, angle)
        y, x = np.unravel_index(upright.argmax(), frame.shape)
        assert (x, y) == pytest.approx(expected, abs=1.0)


def test_companion_is_the_psf_times_the_contrast():
    once = replace(SMALL, frames=1, residual_screens=8)
    angle = simulate(once, [], np.random.default_rng(3)).angle[0]
    above = InjectedCompanion(18 * once.pixel_scale, float(angle), 0.1)
    alone = simulate(once, [], np.random.default_rng(3))
    seen = simulate(once, [above], np.random.default_rng(3))
    assert seen.companions[0, 0] == pytest.approx((30.0, 48.0))
    stamp = (seen.cube[0, 0] - alone.cube[0, 0])[38:59, 20:41] / 0.1
    # The coronagraph takes the Airy amplitude at 5 λ/D from the companion: a percent of its peak.
    np.testing.assert_allclose(stamp, seen.psf[0], atol=0.012 * seen.psf.max())
    assert aperture_flux(stamp, 10.0, 10.0, seen.fwhm[0] / 2) == pytest.approx(
        seen.star_flux[0], rel=0.01
    )


def test_psf_is_nearly_diffraction_limited_and_holds_the_star_flux():
    seen = simulate(SMALL, [], np.random.default_rng(4))
    diffraction = 3.8e-6 / 8.2 * np.degrees(1) * 3600e3 / SMALL.pixel_scale
    # A Gaussian fits the Airy core a little narrower than its 1.03 λ/D at half maximum.
    assert seen.fwhm[0] == pytest.approx(0.97 * diffraction, rel=0.03)
    assert seen.psf.argmax() == seen.psf.size // 2
    assert 0.3 < seen.star_flux[0] / SMALL.star_electrons < 0.45


def test_star_is_where_the_truth_says():
    away = replace(SMALL, decentring_x=1.3, decentring_y=-0.8, pointing_jitter=0.2, frames=200)
    away = replace(away, residual_screens=1, size=5)
    star = simulate(away, [], np.random.default_rng(5)).star
    assert star.mean(axis=0) == pytest.approx((2 + 1.3, 2 - 0.8), abs=0.05)
    assert star.std(axis=0) == pytest.approx((0.2, 0.2), rel=0.15)


def test_truth_follows_the_light_when_the_star_jitters():
    steady = replace(SMALL, static_rms=0.0, drifting_rms=0.0, residual_rms=0.0, residual_screens=1)
    moving = replace(steady, pointing_jitter=1.0, decentring_x=1.6, decentring_y=-0.7)
    companion = InjectedCompanion(separation=450.0, position_angle=20.0, contrast=0.5)
    alone = simulate(moving, [], np.random.default_rng(12))
    seen = simulate(moving, [companion], np.random.default_rng(12))
    beside = seen.companions[0] - seen.star
    np.testing.assert_allclose(np.hypot(*beside.T), 450.0 / SMALL.pixel_scale)
    for frame, place in zip(
        seen.cube[0].astype(float) - alone.cube[0], seen.companions[0], strict=True
    ):
        core = np.where(radius_map(frame.shape, tuple(place)) < 3.2, frame, 0)
        y, x = ndimage.center_of_mass(core)
        assert (x, y) == pytest.approx(place, abs=0.15)


def test_halo_is_centred_on_the_star():
    away = replace(SMALL, static_rms=0, drifting_rms=0, decentring_x=3.0, decentring_y=-2.0)
    seen = simulate(replace(away, residual_screens=48), [], np.random.default_rng(6))
    mean = seen.cube[0].mean(axis=0, dtype=float)
    near = np.where(radius_map(mean.shape, (33.0, 28.0)) < 12, mean, 0)
    y, x = ndimage.center_of_mass(near)
    assert (x, y) == pytest.approx((33.0, 28.0), abs=0.4)


def test_speckles_stay_with_the_pupil_and_fade_slowly(observed):
    lags = np.corrcoef(speckles(observed.cube[0], observed.star.mean(axis=0)))
    nearest, half, last = (np.diag(lags, lag).mean() for lag in (1, 15, 29))
    assert 0.8 < nearest < 0.98
    assert 0.5 < last < nearest
    assert half < nearest - 0.02


def test_speckles_do_not_turn_with_the_field(observed):
    centre = np.full(2, (observed.cube.shape[-1] - 1) / 2)
    upright = np.stack(
        [
            turned(frame, angle)
            for frame, angle in zip(observed.cube[0], observed.angle, strict=True)
        ]
    )
    apart = np.corrcoef(speckles(upright, centre))[0, -1]
    assert apart < 0.3


def principal_component_residual(seen, rank):
    """North-up mean of the frames less their `rank` principal components, star on the centre."""
    frames = seen.cube.reshape(len(seen.angle), -1).astype(float)
    frames -= frames.mean(axis=0)
    left, scale, components = np.linalg.svd(frames, full_matrices=False)
    residuals = frames - (left[:, :rank] * scale[:rank]) @ components[:rank]
    away = (seen.cube.shape[-1] - 1) / 2 - seen.star.mean(axis=0)[::-1]
    centred = (ndimage.shift(frame, away) for frame in residuals.reshape(seen.cube[0].shape))
    return np.mean([turned(f, a) for f, a in zip(centred, seen.angle, strict=True)], axis=0)


def test_companion_hides_in_the_frames_and_principal_components_find_it(observed):
    more = (
        simulate(Simulation(frames=30), [COMPANION], np.random.default_rng(seed)) for seed in (3, 4)
    )
    raw, reduced = [], []
    for seen in (observed, *more):
        places = zip(seen.cube[0, ::5], seen.companions[0, ::5], seen.star[::5], strict=True)
        raw.append(
            max(signal_to_noise(frame, at, star, seen.fwhm[0]) for frame, at, star in places)
        )
        combined = principal_component_residual(seen, rank=5)
        place = pixel_position(450.0 / 27.19, 211.0, (50.0, 50.0))
        reduced.append(signal_to_noise(combined, place, (50.0, 50.0), seen.fwhm[0]))
    assert np.median(raw) < 5
    assert np.median(reduced) > 10


def test_noise_is_that_of_photons_background_and_readout():
    quiet = replace(SMALL, drifting_rms=0.0, residual_rms=0.0, residual_screens=1, frames=300)
    quiet = replace(quiet, size=31, star_electrons=1e9, background=2e4, read_noise=150.0)
    cube = simulate(quiet, [], np.random.default_rng(7)).cube[0].astype(float)
    mean, variance = cube.mean(axis=0), cube.var(axis=0, ddof=1)
    assert mean.max() > 10 * quiet.background
    ratio = variance / (mean + 2e4 + 150.0**2)
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    assert ratio.std() == pytest.approx(np.sqrt(2 / 299), rel=0.1)
    bright = mean > quiet.background
    assert ratio[bright].mean() == pytest.approx(1.0, abs=0.02)


def test_background_leaves_no_mean():
    dark = replace(SMALL, star_electrons=1.0, background=4e6, residual_screens=1)
    cube = simulate(dark, [], np.random.default_rng(8)).cube
    assert cube.dtype == np.float32
    assert abs(cube.mean(dtype=float)) < 5 * np.sqrt(4e6 / cube.size)


def test_same_seed_same_sequence_on_any_number_of_threads():
    results = []
    for threads in (1, 2, 3):
        with limit(threads):
            results.append(simulate(SMALL, [COMPANION], np.random.default_rng(9)))
    for other in results[1:]:
        for name in ("cube", "angle", "psf", "star", "companions"):
            np.testing.assert_array_equal(getattr(results[0], name), getattr(other, name))
    again = simulate(SMALL, [COMPANION], np.random.default_rng(10))
    assert not np.array_equal(results[0].cube, again.cube)


def test_without_companions_there_are_no_places():
    seen = simulate(SMALL, [], np.random.default_rng(11))
    assert seen.companions.shape == (0, 6, 2)
    assert seen.elapsed[-1] == pytest.approx(3 * 3590.17)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 100}, "size is 100 px, expected an odd number"),
        ({"frames": 0}, "frames is 0, expected at least 1"),
        ({"hour_angle_end": -2.0}, r"hour_angle_end is -2\.0 h, expected more than"),
    ],
)
def test_impossible_observations_are_refused(change, message):
    with pytest.raises(BadInput, match=message):
        Simulation(**change)
