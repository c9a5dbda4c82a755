"""Injected companions: at their place to a hundredth of a pixel, and as bright as asked."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.geometry.grid import pixel_position
from exosift.geometry.rotation import derotate
from exosift.photometry.apertures import aperture_flux
from exosift.photometry.injection import Companion, inject, track
from exosift.photometry.psf import fit_gaussian
from exosift.sequence import Observation, Sequence

SIZE, SIDE = 61, 31
STAR = (30.0, 30.0)
FWHMS = (4.0, 5.2)
ANGLE = np.array([-170.0, -140.5, -133.3, -100.0, 160.0, 152.2, 33.0, -90.0])
PLACES = [(18.3, 33.0), (12.6, 160.0), (21.7, 275.4), (0.0, 10.0), (7.21, 359.0)]


@pytest.fixture(scope="module")
def unit_source(gaussian):
    """(shape, x, y, fwhm) → a Gaussian whose flux in the 1-FWHM aperture of a template is one."""

    def draw(shape, x, y, fwhm):
        template = gaussian((SIDE, SIDE), SIDE // 2, SIDE // 2, fwhm)
        flux = aperture_flux(template, SIDE // 2, SIDE // 2, fwhm / 2)
        return gaussian(shape, x, y, fwhm) / flux

    return draw


@pytest.fixture(scope="module")
def empty(unit_source):
    """(dtype, star, size) → a sequence at two wavelengths in which there is no light at all."""

    def build(dtype=np.float64, star=STAR, size=SIZE):
        cube = np.zeros((2, len(ANGLE), size, size), dtype)
        return Sequence(
            cube=cube,
            angle=ANGLE,
            psf=np.stack([unit_source((SIDE, SIDE), SIDE // 2, SIDE // 2, f) for f in FWHMS]),
            wavelength=np.array([1.6, 2.1]),
            mjd=np.arange(len(ANGLE), dtype=float),
            mask=np.zeros(cube.shape, bool),
            observation=Observation("star", "e1", "camera", "HK", 12.0, FWHMS, star, star),
        )

    return build


@pytest.mark.parametrize("place", PLACES)
def test_a_companion_stands_at_theta_minus_angle_in_each_raw_frame(place, empty, unit_source):
    flux = (100.0, 40.0)
    cube = inject(empty(), [Companion(*place, flux)]).cube
    for frames, fwhm, f in zip(cube, FWHMS, flux, strict=True):
        for frame, angle in zip(frames, ANGLE, strict=True):
            x, y = pixel_position(place[0], place[1] - angle, STAR)
            expected = f * unit_source((SIZE, SIZE), x, y, fwhm)
            assert np.abs(frame - expected).max() < 1e-4 * expected.max()


@pytest.mark.parametrize("place", PLACES)
def test_derotated_it_is_back_at_its_place_with_its_flux(place, empty, unit_source):
    flux = (100.0, 40.0)
    cube = inject(empty(np.float32), [Companion(*place, flux)]).cube
    assert cube.dtype == np.float32
    x, y = pixel_position(*place, STAR)
    for frames, fwhm, f in zip(cube, FWHMS, flux, strict=True):
        combined = np.nanmean(derotate(frames, ANGLE), axis=0)
        found = fit_gaussian(combined, (x, y), fwhm, 2 * fwhm)
        assert found.centre == pytest.approx((x, y), abs=0.002)
        assert found.fwhm == pytest.approx(fwhm, rel=1e-3)
        # One disc holds up to 0.6 % more or less of the same source as the pixels lie beneath it.
        seen = aperture_flux(combined, x, y, fwhm / 2)
        assert seen == pytest.approx(f, rel=0.01)
        drawn = f * unit_source((SIZE, SIZE), x, y, fwhm)
        assert seen == pytest.approx(aperture_flux(drawn, x, y, fwhm / 2), rel=2e-4)


def test_many_are_the_sum_of_ones_and_a_negative_one_takes_out(empty):
    dark = empty()
    rng = np.random.default_rng(1)
    sky = replace(dark, cube=rng.normal(size=dark.cube.shape))
    companions = [
        Companion(r, pa, (3.0 + i, 5.0 - i)) for i, (r, pa) in enumerate([*PLACES, PLACES[0]])
    ]
    alone = [inject(dark, [c]).cube for c in companions]
    np.testing.assert_allclose(inject(sky, companions).cube, sky.cube + sum(alone), atol=1e-12)
    minus = [replace(c, flux=tuple(-f for f in c.flux)) for c in companions]
    np.testing.assert_allclose(inject(inject(sky, companions), minus).cube, sky.cube, atol=1e-12)
    assert inject(sky, []).cube is not sky.cube
    np.testing.assert_array_equal(inject(sky, []).cube, sky.cube)


def test_light_is_proportional_to_flux_and_transmission(empty):
    one = track(empty(), Companion(18.3, 33.0, (1.0, 1.0)))
    more = track(empty(), Companion(18.3, 33.0, (8.0, -2.0)), transmission=0.25)
    np.testing.assert_allclose(more.light, np.array([[2.0], [-0.5]]) * one.light)


def test_the_track_holds_each_pixel_once_and_is_what_is_added(empty):
    companion = Companion(18.3, 33.0, (7.0, 3.0))
    path = track(empty(), companion)
    assert len(set(zip(path.frame, path.pixel, strict=True))) == len(path.frame)
    assert len(path.frame) <= len(ANGLE) * SIDE**2
    dense = np.zeros((2, len(ANGLE), SIZE * SIZE))
    dense[:, path.frame, path.pixel] = path.light
    np.testing.assert_array_equal(
        dense.reshape(empty().cube.shape), inject(empty(), [companion]).cube
    )


def test_nan_mask_and_the_given_sequence_stay_as_they_are(empty):
    given = empty()
    given.cube[:, 2, 20:30, 20:40] = np.nan
    given.mask[:, 2, 20:30, 20:40] = given.mask[:, 5, 3, 4] = True
    before = given.cube.copy()
    after = inject(given, [Companion(8.0, 120.0, (5.0, 5.0))])
    np.testing.assert_array_equal(given.cube, before)
    np.testing.assert_array_equal(np.isnan(after.cube), np.isnan(before))
    np.testing.assert_array_equal(after.mask, given.mask)
    assert after.observation is given.observation


def test_the_star_need_not_be_in_the_middle(empty):
    companion = Companion(11.4, 200.0, (5.0, 5.0))
    moved = inject(empty(star=(33.0, 28.0)), [companion]).cube
    middle = inject(empty(), [companion]).cube
    np.testing.assert_allclose(moved[..., :-2, 3:], middle[..., 2:, :-3], atol=1e-12)
    half = inject(empty(star=(30.5, 30.0)), [companion]).cube
    centre = (np.arange(SIZE) * half.sum(axis=-2)).sum(axis=-1) / half.sum(axis=(-2, -1))
    first = (np.arange(SIZE) * middle.sum(axis=-2)).sum(axis=-1) / middle.sum(axis=(-2, -1))
    np.testing.assert_allclose(centre - first, 0.5, atol=1e-4)


def test_at_the_edge_of_the_frame_what_is_inside_is_the_same(empty):
    """A companion across the edge, or beyond it in some frames, as cut from larger frames."""
    companion = Companion(37.2, 40.0, (5.0, 5.0))
    large = inject(empty(star=(50.0, 50.0), size=101), [companion]).cube
    small = inject(empty(), [companion]).cube
    np.testing.assert_allclose(small, large[..., 20:-20, 20:-20], atol=1e-12)
    assert 0 < small.sum() < 0.9 * large.sum()
    whole = empty()
    oblong = replace(whole, cube=whole.cube[..., :-6], mask=whole.mask[..., :-6])
    narrow = inject(oblong, [companion]).cube
    np.testing.assert_allclose(narrow, large[..., 20:-20, 20:-26], atol=1e-12)
    path = track(empty(), companion)
    assert ((path.pixel >= 0) & (path.pixel < SIZE * SIZE)).all()


@pytest.mark.parametrize("place", [(0.0, 0.0), (6.0, 80.0), (20.4, 211.0)])
@pytest.mark.parametrize("widest", [0.5, 7.0, 80.0])
def test_smearing_is_the_mean_over_the_exposure(place, widest, empty):
    smearing = widest * np.linspace(-1, 1, len(ANGLE))
    companion = Companion(*place, (5.0, 5.0))
    smeared = inject(empty(), [companion], smearing=smearing).cube
    steps = (np.arange(160) + 0.5) / 160 - 0.5
    brute = np.mean(
        [inject(replace(empty(), angle=ANGLE + smearing * s), [companion]).cube for s in steps],
        axis=0,
    )
    assert np.abs(smeared - brute).max() < 1e-3 * brute.max()
    np.testing.assert_allclose(smeared.sum(axis=(-2, -1)), brute.sum(axis=(-2, -1)), rtol=1e-4)
    still = inject(empty(), [companion]).cube
    drawn_out = np.abs(smeared - still).max() > 0.02 * still.max()
    assert drawn_out == (place[0] * np.radians(widest) > 1.5)


def test_what_does_not_fit_the_sequence_is_refused(empty):
    with pytest.raises(BadInput, match="star/e1: a companion of 1 fluxes for 2 wavelengths"):
        inject(empty(), [Companion(5.0, 0.0, (1.0,))])
    with pytest.raises(BadInput, match=r"smearing has shape \(3,\), expected \(8,\)"):
        inject(empty(), [Companion(5.0, 0.0, (1.0, 1.0))], smearing=np.zeros(3))
    with pytest.raises(BadInput, match="a companion at 90 px is outside every frame of 61×61 px"):
        inject(empty(), [Companion(90.0, 0.0, (1.0, 1.0))])


def test_companions_that_cannot_be_are_refused():
    with pytest.raises(BadInput, match="separation is -1 px, expected 0 or more"):
        Companion(-1.0, 0.0, (1.0,))
    with pytest.raises(BadInput, match="separation is nan px"):
        Companion(np.nan, 0.0, (1.0,))
    with pytest.raises(BadInput, match="position_angle is inf, expected finite numbers"):
        Companion(1.0, np.inf, (1.0,))
    with pytest.raises(BadInput, match=r"flux is \(1.0, nan\), expected finite numbers"):
        Companion(1.0, 0.0, (1.0, np.nan))
