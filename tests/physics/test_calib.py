"""Bad pixels filled and remembered; the star found to a fraction of a pixel, and brought to the
centre."""

import numpy as np
import pytest

from exosift.calib.badpixels import fill_isolated
from exosift.calib.centring import Centring, find_star
from exosift.calib.registration import register
from exosift.errors import BadInput, Failed
from exosift.geometry.regions import FullFrame
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.psfsub.library import References
from exosift.psfsub.pca import Pca
from exosift.sequence import Observation, Sequence

FWHM = 4.6
TRUTH = np.array([[25.0, 24.0], [25.37, 23.81], [24.6, 24.45], [25.5, 23.5]])


def surface(y, x):
    return 3.0 + 0.5 * x - 0.2 * y + 0.03 * x * x - 0.02 * x * y + 0.05 * y * y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_isolated_pixels_on_a_quadratic_surface_are_filled_exactly(dtype):
    whole = np.tile(surface(*np.mgrid[:24, :28]), (3, 1, 1)).astype(dtype)
    frames = whole.copy()
    for place in [(0, 10, 10), (0, 10, 12), (1, 10, 11), (2, 1, 12), (2, 13, 1), (2, 12, 20)]:
        frames[place] = np.nan
    frames[0, 5, 5] = np.inf
    given = frames.copy()
    filled, mask = fill_isolated(frames)
    np.testing.assert_allclose(filled, whole, rtol=10 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(mask, ~np.isfinite(frames))
    np.testing.assert_array_equal(frames, given)
    assert filled.dtype == dtype


def test_a_clump_and_a_corner_stay_nan_and_the_rest_is_as_it_was():
    frames = np.tile(surface(*np.mgrid[:24, :28]), (2, 1, 1))
    frames[0, 8:13, 8:13] = np.nan
    frames[0, 0, 0] = np.nan
    filled, mask = fill_isolated(frames)
    assert np.isnan(filled[0, 9:12, 9:12]).all()
    assert np.isnan(filled[0, 0, 0])
    assert mask.sum() == 26
    np.testing.assert_array_equal(filled[~mask], frames[~mask])


@pytest.fixture(scope="module")
def stars(gaussian):
    """(profile) → frames with the star at TRUTH, noise of 1 % of its peak, on a level of 50."""

    def draw(profile):
        y, x = np.mgrid[:49, :51]
        frames = []
        for x0, y0 in TRUTH:
            squared = (x - x0) ** 2 + (y - y0) ** 2
            frames.append(
                {
                    "gaussian": gaussian((49, 51), x0, y0, FWHM),
                    "moffat": (1 + squared / FWHM**2) ** -2.5,
                    "agpm": 1.4 * np.exp(-squared / (1.5 * FWHM) ** 2)
                    - 1.2 * np.exp(-squared / (0.6 * FWHM) ** 2),
                }[profile]
            )
        noise = np.random.default_rng(41).normal(size=(len(TRUTH), 49, 51))
        return 50.0 + 1000.0 * np.stack(frames) + 10.0 * noise

    return draw


@pytest.mark.parametrize("method", ["gaussian", "moffat", "agpm"])
def test_the_star_is_found_in_each_frame(method, stars):
    frames = stars(method)
    frames[0, 30, 27] = np.nan
    found = find_star(frames, FWHM, Centring(method, frames="each"))
    assert found.shape == (4, 2)
    assert np.abs(found - TRUTH).max() < 0.05


@pytest.mark.parametrize("method", ["gaussian", "moffat", "agpm"])
def test_aligned_frames_share_one_centre(method, stars):
    frames = np.tile(stars(method)[1], (5, 1, 1))
    frames += np.random.default_rng(42).normal(size=frames.shape)
    found = find_star(frames, FWHM, Centring(method, frames="together"))
    assert (found == found[0]).all()
    assert np.abs(found - TRUTH[1]).max() < 0.05


def test_pixels_dead_in_every_frame_do_no_harm(stars):
    frames = stars("gaussian")
    frames[:, 20:24, 30:34] = np.nan
    found = find_star(frames, FWHM, Centring("gaussian"))
    assert np.abs(found - TRUTH).max() < 0.05


@pytest.mark.parametrize("method", ["gaussian", "moffat", "agpm"])
@pytest.mark.parametrize("level", [0.0, 50.0])
def test_an_empty_frame_is_named(method, level, stars):
    frames = stars(method)
    frames[2] = level
    with pytest.raises(Failed, match=r"^frame 2: empty, no star to find; drop the frame$"):
        find_star(frames, FWHM, Centring(method))


@pytest.mark.parametrize("method", ["gaussian", "moffat", "agpm"])
def test_a_frame_of_noise_is_named(method, stars):
    frames = stars(method)
    frames[1] = np.random.default_rng(44).normal(50.0, 10.0, frames[1].shape)
    with pytest.raises(Failed, match=r"^frame 1: no star found"):
        find_star(frames, FWHM, Centring(method))


def test_a_frame_without_usable_pixels_is_named(stars):
    frames = stars("gaussian")
    frames[3] = np.nan
    with pytest.raises(Failed, match=r"^frame 3: empty, no star to find; drop the frame$"):
        find_star(frames, FWHM, Centring("gaussian"))


@pytest.mark.parametrize("channels", [1, 2])
def test_the_star_lands_on_the_centre_of_an_odd_square(channels, stars, gaussian):
    cube = np.stack([stars("gaussian")] * channels)
    cube[0, 1, 20, 22] = np.nan
    cube[0, 2, 5:12, 5:12] = np.nan
    given = cube.copy()
    registered = register(cube, np.full(channels, FWHM), Centring("gaussian"))
    np.testing.assert_array_equal(cube, given)
    side = registered.cube.shape[-1]
    assert registered.cube.shape == registered.mask.shape == (channels, 4, side, side)
    assert side == 47  # 23 pixels are left on every side of the star in every frame
    assert np.abs(registered.star - TRUTH).max() < 0.05
    expected = 50.0 + 1000.0 * gaussian((side, side), 23.0, 23.0, FWHM)
    seen = ~registered.mask
    assert np.abs(registered.cube - expected)[seen].max() < 80.0  # noise is 10
    assert np.abs(np.mean((registered.cube - expected)[seen])) < 1.0


def test_registration_carries_the_mask_and_fills_the_isolated(stars):
    cube = stars("gaussian")[None]
    cube[0, 1] = np.roll(cube[0, 1], (-2, 3), axis=(0, 1))  # its star is at (28.37, 21.81) now
    cube[0, 1, 20, 22] = np.nan
    cube[0, 1, 8:15, 8:15] = np.nan
    registered = register(cube, np.array([FWHM]), Centring("gaussian"))
    mask, image = registered.mask[0, 1], registered.cube[0, 1]
    # It goes to (21, 21): to the nearest pixel, one row and seven columns less.
    assert image.shape == (43, 43)
    assert mask.sum() == 50
    assert mask[19, 15]
    assert mask[7:14, 1:8].all()
    assert np.isfinite(image[19, 15])
    assert np.isnan(image[9:12, 3:6]).all()
    assert not registered.mask[0, [0, 2, 3]].any()


def test_a_star_near_the_edge_is_refused(gaussian):
    cube = np.tile(100 * gaussian((41, 43), 34.0, 20.0, FWHM), (1, 3, 1, 1))
    with pytest.raises(BadInput) as refused:
        register(cube, np.array([FWHM]), Centring("gaussian"))
    assert str(refused.value) == (
        "frame 0: the star lies at x=34.0, y=20.0 in 43×41 px: less than 2 FWHM are left around "
        "it; give larger frames or another register.method"
    )


def test_one_percent_of_bad_pixels_leaves_the_good_ones_alone(speckles):
    rng = np.random.default_rng(43)
    frames = speckles(rng, 20, 51, FWHM, noise=0.3)
    angle = np.linspace(0, 60, 20)

    def residual(cube):
        registered = register(cube[None], np.array([FWHM]), Centring(frames="together"))
        side = registered.cube.shape[-1]
        middle = ((side - 1) / 2,) * 2
        sequence = Sequence(
            registered.cube,
            angle,
            np.ones((1, 3, 3)),
            np.array([3.8]),
            np.zeros(20),
            registered.mask,
            Observation("star", "e1", "camera", "L", 27.0, (FWHM,), middle, middle),
        )
        return reduce(sequence, Reduction(Pca((5,)), FullFrame(), References())).residuals[0, 0]

    clean = residual(frames)
    holed = frames.copy()
    holed[rng.random(frames.shape) < 0.01] = np.nan
    left = residual(holed)
    good = np.isfinite(left) & np.isfinite(clean)
    assert 0.95 < good.mean() < 0.995
    assert left[good].std() < 1.02 * clean[good].std()
