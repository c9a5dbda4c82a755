"""The sky of each frame from other frames: nearest, interpolated, median, components."""

import numpy as np
import pytest

from exosift.calib.calibration import Exposures
from exosift.calib.sky import Sky, SkyLibrary, apart_from, subtract_sky, without_stars
from exosift.errors import BadInput

SHAPE = (48, 52)
EVERYWHERE = np.ones(SHAPE, dtype=bool)


def exposures(frames, mjd=None, variance=None):
    mjd = np.arange(len(frames), dtype=float) if mjd is None else np.asarray(mjd, dtype=float)
    return Exposures(np.asarray(frames, np.float32), mjd, ~np.isfinite(frames), variance)


def structure(rng, count):
    """Smooth patterns (count, y, x) of unit size."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] / 20.0
    a, b, c = rng.uniform(0.5, 2, (3, count, 1, 1))
    return np.sin(a * x + c) * np.cos(b * y - c)


@pytest.mark.parametrize(
    ("sky", "expected"),
    [
        (Sky("nearest", "none"), [1.0, 1.0, 5.0, 5.0]),
        (Sky("interpolated", "none"), [1.0, 2.5, 4.2, 5.0]),
        (Sky("median", "none"), [2.0, 2.0, 2.0, 2.0]),
        (Sky("median", "none", nearest=2), [1.5, 1.5, 3.5, 3.5]),
    ],
)
def test_skies_in_time(sky, expected):
    level = np.array([1.0, 2.0, 5.0])
    library = exposures(np.ones((3, *SHAPE)) * level[:, None, None], [10, 11, 12])
    usable = np.ones((4, 3), dtype=bool)
    usable[1, 1] = usable[2, 0] = False
    usable[2] = [False, True, True]
    if sky.method == "interpolated":
        usable[0] = usable[3] = True
    else:
        usable[2] = True
        usable[1] = True
    times = {"nearest": [8, 10.4, 11.8, 20], "interpolated": [8, 10.75, 11.733333, 20]}
    targets = exposures(np.zeros((4, *SHAPE)), times.get(sky.method, [8, 10.4, 11.8, 20]))
    left = subtract_sky(targets, SkyLibrary.of(library, EVERYWHERE, sky), usable)
    np.testing.assert_allclose(-left.frames[:, 7, 9], expected, rtol=1e-5)
    assert not left.mask.any()


@pytest.mark.parametrize("method", ["nearest", "interpolated", "median", "pca"])
@pytest.mark.parametrize("level", ["offset", "scale"])
def test_a_sky_that_drifts_in_brightness_goes_to_the_last_bit(method, level):
    rng = np.random.default_rng(1)
    pattern = structure(rng, 1)[0]
    pattern -= np.median(pattern)
    brightness = rng.uniform(500, 900, 9)[:, None, None]
    frames = brightness + (pattern if level == "offset" else pattern * brightness)
    seen = exposures(frames)
    library = SkyLibrary.of(seen, EVERYWHERE, Sky(method, level, components=2))
    left = subtract_sky(seen, library, ~np.eye(9, dtype=bool))
    assert np.abs(left.frames).max() < 2e-3
    np.testing.assert_array_equal(seen.frames, frames.astype(np.float32))


@pytest.mark.parametrize("method", ["nearest", "interpolated", "median", "pca"])
def test_no_frame_serves_itself(method):
    """A source in one frame is left whole there, when all frames are each other's library."""
    rng = np.random.default_rng(2)
    frames = rng.normal(50, 1, (8, *SHAPE))
    with_source = frames.copy()
    with_source[3, 20, 20] += 1000.0
    background = EVERYWHERE.copy()
    background[15:25, 15:25] = False
    usable = ~np.eye(8, dtype=bool)

    def left(cube):
        seen = exposures(cube)
        return subtract_sky(
            seen, SkyLibrary.of(seen, background, Sky(method, components=3)), usable
        ).frames

    change = left(with_source) - left(frames)
    assert change[3, 20, 20] == pytest.approx(1000.0, rel=1e-6)
    change[:, 20, 20] = 0
    assert np.abs(change).max() == 0


@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("own", [False, True])
def test_components_are_those_of_a_plain_svd(components, own):
    """Fitted on the background, applied everywhere; each frame left out of its own library."""
    rng = np.random.default_rng(3)
    frames = structure(rng, 4).reshape(4, -1).T @ rng.normal(size=(4, 10)) * 20
    frames = frames.T.reshape(10, *SHAPE) + rng.normal(size=(10, *SHAPE)) + 300
    targets = frames if own else frames[:3] + rng.normal(size=(3, *SHAPE))
    background = np.hypot(*(np.mgrid[: SHAPE[0], : SHAPE[1]] - 24.0)) > 9
    usable = np.ones((len(targets), 10), dtype=bool)
    if own:
        usable = ~np.eye(10, dtype=bool)
    sky = Sky("pca", "none", components=components)
    library = SkyLibrary.of(exposures(frames), background, sky)
    left = subtract_sky(exposures(targets), library, usable).frames

    for target, members, found in zip(targets, usable, left, strict=True):
        some = frames[members].astype(np.float32).astype(np.float64)
        mean = some.mean(axis=0)
        u, s, v = np.linalg.svd((some - mean)[:, background], full_matrices=False)
        scores = v[:components] @ (target - mean)[background]
        whole = (u.T @ (some - mean).reshape(len(some), -1))[:components] / s[:components, None]
        expected = target - mean - (scores @ whole).reshape(SHAPE)
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_components_find_the_sky_under_the_star():
    rng = np.random.default_rng(4)
    patterns = 30 * structure(rng, 3)
    amplitude = rng.normal(size=(40, 3))
    sky = 2000 + np.tensordot(amplitude, patterns, axes=1)
    blank = sky[20:] + rng.normal(size=(20, *SHAPE))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    star = 5e4 * np.exp(-((x - 25) ** 2 + (y - 22) ** 2) / 8)
    seen = sky[:20] + star + rng.normal(size=(20, *SHAPE))
    background = np.hypot(x - 25, y - 22) > 14
    usable = np.ones((20, 20), dtype=bool)

    def residual(sky):
        library = SkyLibrary.of(exposures(blank), background, sky)
        # The level that was taken off is that of the background: it comes off the star's sky too.
        return subtract_sky(exposures(seen), library, usable).frames - star

    fitted, median = residual(Sky("pca", components=3)), residual(Sky("median"))
    assert fitted[:, ~background].std() < 1.2
    assert median[:, ~background].std() > 10


def test_where_a_library_frame_has_its_star_the_others_stand_in():
    rng = np.random.default_rng(5)
    place = np.array([[10.0, 12.0], [30.0, 12.0], [10.0, 36.0], [30.0, 36.0], [10.0, 12.0]])
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    star = np.stack([900 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 6) for a, b in place])
    sky = 400 + 20 * structure(rng, 1)[0] + np.arange(5.0)[:, None, None]
    seen = exposures(sky + star)
    background = ~(star > 1).any(axis=0)
    usable = apart_from(place, place, 5.0)
    np.testing.assert_array_equal(usable.sum(axis=1), [3, 4, 4, 4, 3])
    assert not usable[0, 4]
    for method in ("nearest", "interpolated", "median", "pca"):
        free = without_stars(seen, place, 9.0)
        assert np.isnan(free.frames).sum() > 1000
        library = SkyLibrary.of(free, background, Sky(method, components=1))
        left = subtract_sky(seen, library, usable)
        np.testing.assert_allclose(left.frames, star, atol=0.05)


def test_where_no_sky_was_seen_nothing_is_left():
    frames = np.full((4, *SHAPE), 10.0)
    frames[1:, 5, 6] = np.nan
    seen = exposures(frames)
    for method in ("nearest", "median", "pca"):
        library = SkyLibrary.of(seen, EVERYWHERE, Sky(method, components=1))
        left = subtract_sky(seen, library, ~np.eye(4, dtype=bool))
        assert np.isnan(left.frames[0, 5, 6])
        assert left.mask[:, 5, 6].all()
        assert left.mask.sum() == 4


@pytest.mark.parametrize("method", ["nearest", "interpolated", "median", "pca"])
def test_the_variance_is_the_noise(method):
    rng = np.random.default_rng(6)
    noise = 3.0
    blank = exposures(
        rng.normal(100, noise, (9, 150, 150)), variance=np.full((9, 150, 150), noise**2)
    )
    library = SkyLibrary.of(blank, np.ones((150, 150), dtype=bool), Sky(method, components=2))
    left = subtract_sky(blank, library, ~np.eye(9, dtype=bool))
    for frame, variance in zip(left.frames, left.variance, strict=True):
        # Components are drawn to the noise of their own few frames: a few percent.
        assert frame.std() == pytest.approx(np.sqrt(variance.mean()), rel=0.03)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nearest": 0}, "nearest is 0, expected 1 or more"),
        ({"components": 0}, "components is 0, expected 1 or more"),
        (
            {"method": "pca", "nearest": 3},
            "5 components of the 3 nearest frames: give more frames than components",
        ),
    ],
)
def test_skies_that_cannot_be_are_refused(given, message):
    with pytest.raises(BadInput) as refused:
        Sky(**given)
    assert str(refused.value) == message


def test_what_no_sky_serves_is_named():
    seen = exposures(np.random.default_rng(7).normal(size=(4, *SHAPE)))
    usable = ~np.eye(4, dtype=bool)
    usable[2] = False
    with pytest.raises(BadInput, match=r"^frame 2: none of the 4 sky frames may serve it"):
        subtract_sky(seen, SkyLibrary.of(seen, EVERYWHERE, Sky()), usable)
    library = SkyLibrary.of(seen, EVERYWHERE, Sky("pca", components=3))
    with pytest.raises(BadInput) as refused:
        subtract_sky(seen, library, ~np.eye(4, dtype=bool))
    assert str(refused.value) == (
        "frame 0: 3 sky frames may serve it, 3 components need 4 or more; lower components or add "
        "sky frames"
    )
    with pytest.raises(BadInput, match=r"^no pixel of the background has a value in all 4 sky"):
        SkyLibrary.of(seen, ~EVERYWHERE, Sky())
