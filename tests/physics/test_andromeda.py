"""ANDROMEDA against direct sums, and on companions of known flux."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import fft, ndimage
from scipy.stats import norm

from exosift import threads
from exosift.detect.candidates import Searched, find_candidates
from exosift.detect.maps import given
from exosift.detect.places import Places
from exosift.detect.search import Search
from exosift.errors import BadInput
from exosift.geometry.grid import pixel_position, radius_map, sky_position
from exosift.geometry.regions import Annuli
from exosift.inverse.andromeda import Andromeda, andromeda, invert
from exosift.inverse.filtering import filter_reach, high_pass
from exosift.inverse.normalisation import radial_spread
from exosift.inverse.pairs import balanced, moving_pairs
from exosift.photometry.apertures import aperture_flux
from exosift.sequence import Sequence

FWHM, SIZE = 4.2, 61
MIDDLE = (30.0, 30.0)
ANGLE = np.concatenate([np.linspace(-170, -100, 16), [160.0, 150.0], np.linspace(-105, -160, 12)])
PSF_SIZE = 29


def unit(psf, fwhm):
    """A PSF of unit flux in the 1-FWHM aperture."""
    middle = (len(psf) - 1) / 2
    return psf / aperture_flux(psf, middle, middle, fwhm / 2)


@pytest.fixture(scope="module")
def psf(gaussian):
    """A core, a ring and a lopsided wing: no Gaussian, and not symmetric."""
    middle, shape = (PSF_SIZE - 1) / 2, (PSF_SIZE, PSF_SIZE)
    core = gaussian(shape, middle, middle, FWHM)
    ring = gaussian(shape, middle, middle, 3.4 * FWHM) - gaussian(shape, middle, middle, 2.6 * FWHM)
    wing = gaussian(shape, middle + 3, middle - 2, 1.3 * FWHM)
    return unit(core + 0.08 * ring + 0.06 * wing, FWHM)


def companion(psf, separation, position_angle, angle=ANGLE, size=SIZE):
    """Frames of a source with the flux of `psf`, turning with the sky: shifted in Fourier space."""
    middle = ((size - 1) / 2, (size - 1) / 2)
    places = [pixel_position(separation, position_angle - a, middle) for a in angle]
    x, y = np.transpose(places)[:, :, None, None] + len(psf) // 2
    length = fft.next_fast_len(size + 2 * len(psf))
    cycles = fft.fftfreq(length)[:, None] * y + fft.rfftfreq(length) * x
    shape = (length, length)
    moved = fft.irfft2(fft.rfft2(psf, shape) * np.exp(-2j * np.pi * cycles), shape)
    return moved[:, len(psf) - 1 :, len(psf) - 1 :][:, :size, :size]


@pytest.fixture(scope="module")
def star(speckles):
    return speckles(np.random.default_rng(21), len(ANGLE), SIZE, FWHM)


def at(image, separation, position_angle):
    """A map's value between its pixels."""
    x, y = pixel_position(separation, position_angle, MIDDLE)
    return ndimage.map_coordinates(np.nan_to_num(image), [[y], [x]], order=3)[0]


# --- against direct sums --------------------------------------------------------------------------


def directly(frames, angle, psf, fwhm, method):
    """Flux and error (y, x) by the sums as they stand in the papers, place by place."""
    size, count = frames.shape[1], len(frames)
    middle, radius = (size - 1) / 2, radius_map(frames.shape)
    rings = []
    for region in Annuli(method.width, method.inner).partition(frames.shape[1:], fwhm):
        own = radius.ravel()[region.pixels]
        outer = np.sqrt(method.zone * own.max() ** 2 - (method.zone - 1) * own.min() ** 2)
        zone = (radius >= own.min()) & (radius <= outer)
        pairs = []
        for i in range(count):  # monotonic angles: the nearest frame that has turned enough
            moved = [
                2 * region.radius * np.sin(np.radians(abs(angle[j] - angle[i])) / 2)
                for j in range(count)
            ]
            later = [j for j in range(i + 1, count) if moved[j] >= method.rotation * fwhm]
            if later:
                gamma = np.linalg.lstsq(frames[i][zone][:, None], frames[later[0]][zone])[0][0]
                pairs.append((later[0], i, gamma))
        rings.append((region, pairs))
    middles = np.array([radius.ravel()[region.pixels].mean() for region, _ in rings])
    nearest = np.abs(radius[..., None] - middles).argmin(axis=-1)
    noise = np.zeros(radius.shape)
    for k, (_, pairs) in enumerate(rings):
        own = np.var([frames[i] - g * frames[j] for i, j, g in pairs], axis=0)
        noise[nearest == k] = own[nearest == k]
    if method.variance == "local":
        noise = np.array(
            [
                [noise[radius_map(noise.shape, (x, y)) <= fwhm].mean() for x in range(size)]
                for y in range(size)
            ]
        )
    weight = 1 / noise
    flux, sigma = np.full((2, *radius.shape), np.nan)
    for region, pairs in rings:
        for y, x in zip(*np.unravel_index(region.pixels, radius.shape), strict=True):
            separation, position = sky_position(x, y, (middle, middle))
            h = companion(psf, separation, position, angle, size)
            p = np.stack([h[i] - g * h[j] for i, j, g in pairs])
            d = np.stack([frames[i] - g * frames[j] for i, j, g in pairs])
            flux[y, x] = np.sum(p * d * weight) / np.sum(p * p * weight)
            sigma[y, x] = 1 / np.sqrt(np.sum(p * p * weight))
    return flux, sigma


@pytest.mark.parametrize(("rotation", "variance"), [(0.5, "local"), (1.0, "pixel")])
def test_agrees_with_direct_sums(rotation, variance, psf, speckles):
    method = Andromeda(rotation, width=1.5, inner=1.0, filtering=0, variance=variance)
    size, angle = 29, np.linspace(20, 110, 7)
    frames = speckles(np.random.default_rng(3), len(angle), size, FWHM)
    flux, sigma = directly(frames, angle, psf[6:-6, 6:-6], FWHM, method)
    sigma = sigma * radial_spread(flux / sigma, FWHM)
    found = andromeda(frames, angle, psf[6:-6, 6:-6], FWHM, method)
    seen = np.isfinite(found.flux)
    assert seen.sum() > 0.97 * np.isfinite(flux).sum()
    np.testing.assert_allclose(found.sigma[seen], sigma[seen], rtol=0.02)
    assert np.abs((found.flux - flux) / sigma)[seen].max() < 0.1
    assert np.abs((found.flux - flux) / sigma)[seen].std() < 0.02


# --- companions of known flux ---------------------------------------------------------------------


@pytest.mark.parametrize("filtering", [0.0, 0.25])
@pytest.mark.parametrize("place", [(8.3, 40.0), (13.6, 160.0), (20.45, 275.0), (25.1, 333.0)])
def test_flux_comes_back_between_pixels(place, filtering, psf):
    noise = np.random.default_rng(5).normal(size=(len(ANGLE), SIZE, SIZE))
    frames = 0.01 * psf.max() * noise + companion(psf, *place)
    found = andromeda(frames, ANGLE, psf, FWHM, Andromeda(filtering=filtering))
    assert at(found.flux, *place) == pytest.approx(1.0, abs=0.015)


def test_noise_does_not_make_companions_fainter(psf):
    rng, flux = np.random.default_rng(9), []
    for separation in (12.2, 16.7, 21.4, 25.8):
        for position_angle in (25.0, 205.0):
            noise = rng.normal(size=(len(ANGLE), SIZE, SIZE))
            frames = 0.2 * psf.max() * noise + companion(psf, separation, position_angle)
            found = andromeda(frames, ANGLE, psf, FWHM, Andromeda())
            flux.append(at(found.flux, separation, position_angle))
    assert np.mean(flux) == pytest.approx(1.0, abs=0.025)  # each is known to 4 %


def test_flux_comes_back_from_a_psf_at_the_sampling_limit(gaussian):
    fwhm, size, place = 2.3, 31, (9.37, 71.0)
    psf = unit(gaussian((15, 15), 7, 7, fwhm), fwhm)
    noise = 1e-4 * np.random.default_rng(5).normal(size=(len(ANGLE), size, size))
    frames = noise + companion(psf, *place, size=size)
    found = andromeda(frames, ANGLE, psf, fwhm, Andromeda())
    x, y = pixel_position(*place, (15.0, 15.0))
    flux = ndimage.map_coordinates(np.nan_to_num(found.flux), [[y], [x]], order=3)[0]
    assert flux == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("variance", ["local", "annulus"])
def test_flux_is_right_within_its_error(variance, psf, star):
    method = Andromeda(variance=variance)
    sigma = andromeda(star, ANGLE, psf, FWHM, method).sigma
    off = []
    for separation in (8.0, 14.3, 22.6):
        for position_angle in (15.0, 195.0):
            place = (separation, position_angle)
            flux = 8 * at(sigma, *place)
            found = andromeda(star + flux * companion(psf, *place), ANGLE, psf, FWHM, method)
            off.append((at(found.flux, *place) - flux) / at(found.sigma, *place))
    assert np.abs(off).max() < 3.5
    assert np.sqrt(np.mean(np.square(off))) < 1.5
    assert abs(np.mean(off)) < 1.0


@pytest.mark.parametrize("position_angle", [0.0, 75.0, 210.0, 301.0])
def test_a_source_at_theta_minus_angle_appears_at_theta(position_angle, psf, star):
    frames = star + 150 * companion(psf, 18.0, position_angle)
    found = andromeda(frames, ANGLE, psf, FWHM, Andromeda())
    y, x = np.unravel_index(np.nanargmax(found.snr), found.snr.shape)
    separation, angle = sky_position(x, y, MIDDLE)
    assert separation == pytest.approx(18.0, abs=1.0)
    assert abs((angle - position_angle + 180) % 360 - 180) < 3.0
    assert found.snr[y, x] > 7


@pytest.mark.parametrize("place", [(9.3, 40.0), (15.6, 160.0), (22.45, 275.0)])
def test_a_companion_lies_on_the_peak_of_the_snr(place, psf, star):
    snr = andromeda(star + 400 * companion(psf, *place), ANGLE, psf, FWHM, Andromeda()).snr
    searched = Searched(snr[None], given(snr[None]), Places(60.0, 1.0), (0,), FWHM)
    one = find_candidates(searched, Search())[0]
    x, y = pixel_position(*place, MIDDLE)
    assert np.hypot(one.x - x, one.y - y) < 0.4
    assert one.fpf == pytest.approx(norm.sf(one.snr))


@pytest.mark.parametrize("variance", ["local", "pixel", "annulus"])
def test_noise_has_unit_spread_at_every_distance(variance, psf):
    noise = np.random.default_rng(8).normal(size=(len(ANGLE), SIZE, SIZE))
    noise *= 1 + 20 * np.exp(-radius_map((SIZE, SIZE)) / 6)
    snr = andromeda(noise, ANGLE, psf, FWHM, Andromeda(variance=variance)).snr
    assert np.nanstd(snr) == pytest.approx(1.0, abs=0.06)
    assert abs(np.nanmean(snr)) < 0.1
    radius = radius_map(snr.shape)
    for inner in (8, 14, 20, 25):
        ring = snr[(radius >= inner) & (radius < inner + 5)]
        assert np.nanstd(ring) == pytest.approx(1.0, abs=0.2)


def test_errors_are_those_of_repeated_experiments(psf):
    rng = np.random.default_rng(12)
    strength = []
    for _ in range(10):
        noise = rng.normal(size=(len(ANGLE), SIZE, SIZE))
        snr = andromeda(noise, ANGLE, psf, FWHM, Andromeda()).snr
        strength += [at(snr, 15.3, position_angle) for position_angle in range(0, 360, 36)]
    assert np.std(strength) == pytest.approx(1.0, abs=0.2)  # of 100 values


def test_several_wavelengths_are_better_than_one(psf, gaussian, as_sequence):
    rng, place = np.random.default_rng(6), (17.2, 200.0)
    wide = unit(gaussian((PSF_SIZE, PSF_SIZE), 14, 14, 1.2 * FWHM), 1.2 * FWHM)
    cube = np.stack([5 * companion(h, *place) for h in (psf, wide)])
    cube += rng.normal(size=cube.shape) * np.array([1.0, 2.0])[:, None, None, None]
    one = as_sequence(cube[0], ANGLE, FWHM)
    both = Sequence(
        cube,
        one.angle,
        np.stack([psf, wide]),
        np.array([3.7, 4.5]),
        one.mjd,
        np.isnan(cube),
        replace(one.observation, fwhm=(FWHM, 1.2 * FWHM)),
    )
    told = []
    joined = invert(both, Andromeda(), lambda done, of: told.append((done, of)))
    alone = andromeda(cube[0], ANGLE, psf, FWHM, Andromeda())
    assert told == [(1, 2), (2, 2)]
    seen = np.isfinite(joined.sigma) & np.isfinite(alone.sigma)
    assert np.median((joined.sigma / alone.sigma)[seen]) < 0.98
    assert at(joined.flux, *place) == pytest.approx(5, abs=3 * at(joined.sigma, *place))


# --- what must not matter -------------------------------------------------------------------------


def test_units_do_not_matter_and_inputs_stay(psf, star):
    frames = star.astype(np.float32)
    before = frames.copy()
    plain = andromeda(frames, ANGLE, psf.astype(np.float32), FWHM, Andromeda())
    faint = andromeda(frames * 1e-14, ANGLE, psf.astype(np.float32), FWHM, Andromeda())
    np.testing.assert_array_equal(frames, before)
    assert plain.flux.dtype == np.float32
    seen = np.isfinite(plain.snr)
    np.testing.assert_allclose(faint.flux[seen], 1e-14 * plain.flux[seen], rtol=1e-2, atol=1e-16)
    np.testing.assert_allclose(faint.snr[seen], plain.snr[seen], atol=2e-2)


def test_single_precision_suffices(psf, star):
    single = andromeda(star.astype(np.float32), ANGLE, psf.astype(np.float32), FWHM, Andromeda())
    exact = andromeda(star, ANGLE, psf, FWHM, Andromeda())
    np.testing.assert_array_equal(np.isnan(single.snr), np.isnan(exact.snr))
    assert np.nanmax(np.abs(single.snr - exact.snr)) < 0.02


def test_the_result_does_not_depend_on_the_threads(psf, star):
    with threads.limit(1):
        alone = andromeda(star, ANGLE, psf, FWHM, Andromeda())
    with threads.limit(3):
        together = andromeda(star, ANGLE, psf, FWHM, Andromeda())
    np.testing.assert_array_equal(alone.flux, together.flux)


def test_turning_the_sky_turns_the_map(psf, star):
    plain = andromeda(star, ANGLE, psf, FWHM, Andromeda())
    turned = andromeda(star, ANGLE + 90, psf, FWHM, Andromeda())
    np.testing.assert_allclose(turned.flux, np.rot90(plain.flux, -1), rtol=1e-5, atol=1e-6)


def test_unseen_pixels_carry_no_weight_and_do_not_spread(psf, star):
    frames = star + 200 * companion(psf, 15.0, 70.0)
    plain = andromeda(frames, ANGLE, psf, FWHM, Andromeda())
    holed = frames.copy()
    holed[:, 40, 22:24] = np.nan  # dead pixels
    holed[3, :4] = np.nan  # an edge that came in
    found = andromeda(holed, ANGLE, psf, FWHM, Andromeda())
    assert np.isfinite(plain.snr).sum() - np.isfinite(found.snr).sum() < 60  # of the edge
    seen = np.isfinite(found.flux)
    assert (np.abs(found.flux - plain.flux) / plain.sigma)[seen].std() < 0.3
    assert at(found.flux, 15.0, 70.0) == pytest.approx(at(plain.flux, 15.0, 70.0), rel=0.03)


def test_what_no_frame_sees_is_not_told(psf, star):
    holed = star.copy()
    holed[:, radius_map((SIZE, SIZE)) < 12] = np.nan
    found = andromeda(holed, ANGLE, psf, FWHM, Andromeda())
    radius = radius_map(found.snr.shape)
    assert np.isnan(found.snr[radius < 10]).all()
    assert np.isfinite(found.snr[(radius > 14) & (radius < 28)]).all()
    assert np.nanstd(found.snr) == pytest.approx(1.0, abs=0.1)


def test_filled_pixels_count_by_the_frames_that_measured_them(psf, star):
    def map_of(frames, mask):
        return andromeda(frames, ANGLE, psf, FWHM, Andromeda(filtering=0), mask).flux

    dead = np.zeros(star.shape, bool)
    dead[:, 30:32, 44:46] = True
    half = dead.copy()
    half[::2] = False
    sigma = andromeda(star, ANGLE, psf, FWHM, Andromeda(filtering=0)).sigma
    unmasked, counted = map_of(star, None), map_of(star, dead)
    blank = map_of(np.where(dead, np.nan, star), None)
    np.testing.assert_array_equal(map_of(star, ~dead & dead), unmasked)
    assert np.nanmax(np.abs(counted - blank) / sigma) < 0.1
    change = np.nanmax(np.abs(counted - unmasked) / sigma)
    assert change > 0.15
    assert 0.1 < np.nanmax(np.abs(map_of(star, half) - unmasked) / sigma) / change < 0.7


def test_positive_takes_negative_fluxes_away(star, as_sequence):
    sequence = as_sequence(star, ANGLE, FWHM)
    free = invert(sequence, Andromeda())
    positive = invert(sequence, Andromeda(positive=True))
    np.testing.assert_array_equal(positive.flux, np.maximum(free.flux, 0))
    np.testing.assert_array_equal(positive.sigma, free.sigma)


# --- the parts ------------------------------------------------------------------------------------


def test_pairs_move_far_enough_whatever_the_order_of_angles():
    angle = np.array([0.0, 10, 20, 30, 20, 10, 0, 359, 180])
    radius, least = 20.0, 2 * 20 * np.sin(np.radians(15) / 2)
    plus, minus = moving_pairs(angle, radius, least)
    moved = 2 * radius * np.abs(np.sin(np.radians(angle[plus] - angle[minus]) / 2))
    assert (moved >= least).all()
    assert sorted(zip(minus, plus, strict=True)) == [
        (0, 2), (1, 3), (2, 6), (3, 5), (4, 6), (5, 8), (6, 8), (7, 8),
    ]  # fmt: skip
    assert len({frozenset(pair) for pair in zip(plus, minus, strict=True)}) == len(plus)


def test_a_frame_with_no_later_partner_takes_an_earlier_one():
    plus, minus = moving_pairs(np.array([0.0, 1.0, 2.0, 30.0, 30.5]), 20.0, 5.0)
    assert list(zip(minus, plus, strict=True)) == [(0, 3), (1, 3), (2, 3), (4, 2)]
    assert moving_pairs(np.array([0.0, 1.0, 2.0]), 20.0, 5.0)[0].size == 0


def test_gamma_is_least_squares():
    zone = np.random.default_rng(1).normal(1, 1, (4, 50))
    plus, minus = np.array([2, 3]), np.array([0, 1])
    pairs = balanced(zone, plus, minus)
    for k in range(2):
        best = np.linalg.lstsq(zone[minus[k]][:, None], zone[plus[k]])[0][0]
        assert pairs.gamma[k] == pytest.approx(best)
    left = pairs.differences(zone)
    np.testing.assert_allclose(np.sum(left * zone[minus], axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(
        pairs.normal(4) @ zone, np.stack([-pairs.gamma * d for d in left.T]).T[[0, 1]].tolist()
        + left.tolist(),
    )  # fmt: skip


def test_high_pass_takes_off_what_is_slow():
    x = np.arange(96)
    for cycles, kept in ((0.0, 0.0), (3 / 96, 0.1464), (6 / 96, 0.5), (12 / 96, 1.0), (20 / 96, 1)):
        wave = np.tile(np.cos(2 * np.pi * cycles * x), (96, 1))[None]
        inner = (0, slice(24, 72), slice(24, 72))
        found = high_pass(wave, 0.25)[inner]
        np.testing.assert_allclose(found, kept * wave[inner], atol=0.01)
    assert filter_reach(0.0) == 0
    assert high_pass(wave, 0.0) is wave


def test_spread_is_robust_and_follows_the_radius():
    rng = np.random.default_rng(4)
    radius = radius_map((81, 81))
    noise = rng.normal(size=(81, 81)) * (1 + radius / 20)
    noise[38:43, 60:65] = 1e3  # a companion
    noise[radius > 38] = np.nan
    spread = radial_spread(noise, 4.0)
    middle = (radius > 8) & (radius < 34)
    np.testing.assert_allclose(spread[middle], 1 + radius[middle] / 20, rtol=0.12)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"rotation": 0}, "rotation is 0 FWHM, expected more than 0"),
        ({"width": 0}, "width is 0 and inner 1 FWHM, expected more than 0, and 0 or more"),
        ({"inner": -1}, "width is 1 and inner -1 FWHM, expected more than 0, and 0 or more"),
        ({"zone": 0.5}, "zone is 0.5 annuli, expected 1 or more"),
        ({"filtering": 1}, "filtering is 1, expected from 0 to less than 1"),
    ],
)
def test_bad_parameters_are_refused(options, line):
    with pytest.raises(BadInput, match=f"^{line}$"):
        Andromeda(**options)


def test_bad_input_is_refused(psf, star):
    with pytest.raises(BadInput, match=r"the PSF is 28×29 px: crop it to a square of odd side"):
        andromeda(star, ANGLE, psf[:, 1:], FWHM, Andromeda())
    with pytest.raises(
        BadInput, match=r"turns by 0.3° only: .* move by 0.5 FWHM .* lower rotation"
    ):
        andromeda(star, 0.01 * np.arange(30.0), psf, FWHM, Andromeda())
