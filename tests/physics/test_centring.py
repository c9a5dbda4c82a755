"""The star found by satellite spots, by the symmetry of a ring, by correlation, along its drift."""

import numpy as np
import pytest

from exosift.calib.centring import Centring, find_star
from exosift.calib.correlation import align, relative_shifts
from exosift.calib.drift import drift
from exosift.calib.registration import register
from exosift.calib.satellites import Waffle
from exosift.errors import BadInput, Failed

FWHM = 4.0
SHAPE = (121, 125)
WAFFLE = Waffle(9.0, 30.0)


def waffled(rng, x0, y0, fwhm=FWHM, stretch=2.0, noise=1.0):
    """A frame with a lopsided halo, a core that is off the star, and four spots about the star."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = 400 * np.exp(-np.hypot(x - x0 - 2, y - y0 + 1) / 25)
    image += 900 * np.exp(-((x - x0 - 0.6) ** 2 + (y - y0 + 0.5) ** 2) / 8)
    for k in range(4):
        angle = np.radians(WAFFLE.angle + 90 * k)
        dx = x - x0 - WAFFLE.separation * fwhm * np.cos(angle)
        dy = y - y0 - WAFFLE.separation * fwhm * np.sin(angle)
        radial = dx * np.cos(angle) + dy * np.sin(angle)
        across = dy * np.cos(angle) - dx * np.sin(angle)
        # Each as bright and as far out as it likes: it is on its line that they agree.
        far = rng.uniform(-0.5, 0.5)
        spot = -(((radial - far) / (stretch * 0.6 * fwhm)) ** 2) - (across / (0.6 * fwhm)) ** 2
        image += rng.uniform(60, 90) * np.exp(spot)
    return image + noise * rng.normal(size=SHAPE)


@pytest.mark.parametrize("radius", [1.5, 2.0, 3.0])
def test_lines_through_opposite_spots_cross_at_the_star(radius):
    rng = np.random.default_rng(0)
    truth = np.array([[62.0, 60.0], [61.3, 60.8], [62.6, 59.4]])
    frames = np.array([waffled(rng, *place) for place in truth])
    frames[1, 60 - 12 : 60 - 10, 90] = np.nan
    found = find_star(frames, FWHM, Centring("waffle", radius, waffle=WAFFLE))
    assert np.abs(found - truth).max() < 0.05


def test_spots_move_with_the_wavelength_and_the_star_does_not():
    rng = np.random.default_rng(1)
    wavelength = np.array([1.0, 1.1, 1.25])
    truth = np.array([[62.2, 60.4], [61.7, 59.9]])
    cube = np.array([[waffled(rng, *p, 3.4 * w, 1.2) for p in truth] for w in wavelength])
    centring = Centring("waffle", waffle=WAFFLE)
    registered = register(cube, 3.4 * wavelength, centring)
    assert np.abs(registered.star - truth).max() < 0.05
    # One FWHM for all looks for the spots where they are not.
    with pytest.raises(Failed):
        find_star(cube[2], 2.6, Centring("waffle", 1.0, waffle=WAFFLE))


def test_a_missing_spot_is_told():
    rng = np.random.default_rng(2)
    frames = np.array([waffled(rng, 62.0, 60.0), rng.normal(size=SHAPE)])
    frames[1] += waffled(rng, 62.0, 60.0, noise=0)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    angle = np.radians(30.0)
    spot = (62 + 36 * np.cos(angle), 60 + 36 * np.sin(angle))
    hole = np.hypot(x - spot[0], y - spot[1]) < 18
    frames[1, hole] = rng.normal(100, 1, hole.sum())
    with pytest.raises(Failed, match=r"^frame 1: no satellite spot near x=94, y=78: the fit expl"):
        find_star(frames, FWHM, Centring("waffle", waffle=WAFFLE))
    frames[1, hole] = np.nan
    with pytest.raises(Failed, match=r"^frame 1: no satellite spot near x=93, y=77: "):
        find_star(frames, FWHM, Centring("waffle", 1.0, waffle=WAFFLE))


def test_a_ring_is_symmetric_where_core_and_halo_are_not():
    rng = np.random.default_rng(3)
    truth = np.array([[62.0, 60.0], [61.3, 60.8]])
    frames = np.array([waffled(rng, *place) for place in truth])
    whole = find_star(frames, FWHM, Centring("symmetry"))
    ring = find_star(frames, FWHM, Centring("symmetry", ring=(6.0, 12.0)))
    assert np.abs(ring - truth).max() < 0.15
    assert np.abs(whole - truth).max() > 0.3


@pytest.mark.real_data
@pytest.mark.parametrize("side", [151, 511])
@pytest.mark.parametrize(
    "centring",
    [
        Centring("waffle", waffle=Waffle(12.7)),
        Centring("waffle", 3.0, waffle=Waffle(13.0)),
        Centring("symmetry", ring=(9.0, 16.0)),
    ],
)
def test_two_ways_agree_on_spheres_star_to_a_tenth_of_a_pixel(satspots, side, centring):
    """The frame is centred. Its core is not: a Gaussian finds it 0.4 px away on each axis."""
    middle = (side - 1) / 2
    found = find_star(satspots[side][None], 3.8, centring)[0]
    assert np.hypot(*(found - middle)) < 0.1
    core = find_star(satspots[side][None], 3.8, Centring("gaussian"))[0]
    assert np.hypot(*(core - middle)) > 0.5


def field(gaussian, dx, dy):
    """Three sources in a frame, moved."""
    sources = [(50, 51, 100.0, 4.5), (70, 40, 12.0, 5.0), (35, 66, 9.0, 4.0)]
    return sum(flux * gaussian((101, 104), x + dx, y + dy, width) for x, y, flux, width in sources)


MOVES = np.random.default_rng(4).uniform(-6, 6, (24, 2))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-3), (np.float64, 1e-5)])
def test_displacements_are_found_in_size_and_sign(gaussian, dtype, tolerance):
    frames = np.array([300 + field(gaussian, *move) for move in MOVES]).astype(dtype)
    frames[3, 5, 7] = np.nan
    given = frames.copy()
    found = relative_shifts(frames, (field(gaussian, 0, 0) - 20).astype(dtype))
    assert np.abs(found - MOVES).max() < tolerance
    np.testing.assert_array_equal(frames, given)


@pytest.mark.parametrize("shape", [(40, 41), (41, 40)])
def test_displacements_of_half_the_frame_wrap_round(shape, gaussian):
    reference = gaussian(shape, 8.0, 30.0, 4.0)
    frame = gaussian(shape, 26.25, 13.5, 4.0)
    np.testing.assert_allclose(relative_shifts(frame[None], reference), [[18.25, -16.5]], atol=1e-3)


def test_frames_align_on_one_another_down_to_the_noise(gaussian):
    rng = np.random.default_rng(5)
    frames = np.array([field(gaussian, *move) for move in MOVES])
    frames += 2 * rng.normal(size=frames.shape)
    floor = (relative_shifts(frames, field(gaussian, 0, 0)) - MOVES).std()
    reference, moved = align(frames.astype(np.float32))
    np.testing.assert_allclose(np.median(moved, axis=0), 0, atol=1e-6)
    assert (moved - MOVES - (moved - MOVES).mean(axis=0)).std() < 1.3 * floor
    sharp = field(gaussian, 0, 0)
    assert np.nanmax(reference) > 0.97 * sharp.max()


def test_a_star_anywhere_in_a_field_of_noise_is_found(gaussian):
    rng = np.random.default_rng(9)
    truth = rng.uniform(12, 88, (12, 2))
    frames = np.array([60 * gaussian((101, 104), x, y, 4.5) for x, y in truth])
    frames += 2 * rng.normal(size=frames.shape)
    for method in ("symmetry", "gaussian"):
        assert np.abs(find_star(frames, 4.5, Centring(method)) - truth).max() < 0.5


def test_correlated_frames_share_the_place_of_their_median(gaussian):
    rng = np.random.default_rng(6)
    frames = np.array([field(gaussian, *move) for move in MOVES])
    frames += 2 * rng.normal(size=frames.shape)
    found = find_star(frames, 4.5, Centring("gaussian", frames="correlated"))
    each = find_star(frames, 4.5, Centring("gaussian"))
    truth = MOVES + np.array([50, 51])
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.04
    assert np.sqrt(np.mean((each - truth) ** 2)) < 0.04


def test_a_drift_is_a_line_and_wild_values_are_not_on_it():
    rng = np.random.default_rng(7)
    time = np.arange(60.0)
    line = np.stack([0.03 * time, 5 - 0.02 * time], axis=1)
    np.testing.assert_allclose(drift(line, 7), line, atol=1e-9)
    noisy = line + 0.1 * rng.normal(size=line.shape)
    noisy[[11, 12, 40]] += 30
    noisy[25:27] = np.nan
    smooth = drift(noisy, 10)
    assert np.isfinite(smooth).all()
    assert (smooth - line).std() < 0.05
    assert np.abs(smooth - line).max() < 0.2
    assert np.isnan(drift(np.full((9, 2), np.nan), 3)).all()


@pytest.mark.parametrize("jitter", [True, False])
def test_a_frame_without_a_star_gets_the_drifts_place(gaussian, jitter):
    rng = np.random.default_rng(8)
    time = np.arange(30)
    truth = np.stack([25 + 0.05 * time, 24 - 0.03 * time], axis=1)
    frames = np.array([100 * gaussian((49, 51), x, y, 4.6) for x, y in truth])
    frames += 3 * rng.normal(size=frames.shape)
    frames[7] = rng.normal(0, 3, frames[7].shape)
    frames[20] += 3000 * gaussian((49, 51), 34.0, 30.0, 4.6)  # something brighter passes
    with pytest.raises(Failed, match=r"^frame 7: "):
        find_star(frames, 4.6, Centring("gaussian"))
    found = find_star(frames, 4.6, Centring("gaussian", drift=8, jitter=jitter))
    assert np.abs(found - truth).max() < 0.1
    own = find_star(np.delete(frames, 7, axis=0), 4.6, Centring("gaussian"))
    assert (np.delete(found, 7, axis=0) == own).all(axis=1).sum() == (28 if jitter else 0)
    frames[::2] = 0
    with pytest.raises(Failed, match=r"^frame 0: empty, no star to find; drop the frame$"):
        find_star(frames, 4.6, Centring("gaussian", drift=8))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"drift": -1}, "drift is -1 with frames each: expected 0, or more with each"),
        (
            {"drift": 3, "frames": "together"},
            "drift is 3 with frames together: expected 0, or more with each",
        ),
        ({"ring": (5.0, 3.0)}, "ring is [5.0, 3.0] FWHM, expected from 0 or more to more"),
        (
            {"method": "waffle"},
            "method waffle and waffle: {separation: …} [FWHM], where the spots are, go together",
        ),
        (
            {"waffle": WAFFLE},
            "method waffle and waffle: {separation: …} [FWHM], where the spots are, go together",
        ),
    ],
)
def test_choices_that_do_not_go_together_are_refused(given, message):
    with pytest.raises(BadInput) as refused:
        Centring(**given)
    assert str(refused.value) == message


def test_a_waffle_of_no_size_is_refused():
    with pytest.raises(BadInput, match=r"^separation is 0 FWHM, expected more than 0$"):
        Waffle(0.0)
