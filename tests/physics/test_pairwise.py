"""Pairwise differencing in Gram space against a search among pixels; frames without a pair."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.detect.snr import snr_map
from exosift.errors import BadInput
from exosift.geometry.regions import Annuli, FullFrame
from exosift.geometry.rotation import derotate
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.combine import combine
from exosift.psfsub.engine import fit, image, subtract
from exosift.psfsub.gram import CentredFrames, gram
from exosift.psfsub.library import References
from exosift.psfsub.pairwise import Pairwise
from exosift.psfsub.stack import Stack

COUNT = 20


@pytest.fixture(scope="module")
def frames(speckles):
    """Twenty frames (frame, pixel) of a region, float64."""
    return speckles(np.random.default_rng(5), COUNT, 21, 4.0).reshape(COUNT, -1)


@pytest.fixture(scope="module")
def usable():
    """Libraries of 6 to 20 of 20 frames, with and without their targets."""
    rng = np.random.default_rng(6)
    return rng.random((COUNT, COUNT)).argsort(axis=1) < rng.integers(6, 21, COUNT)[:, None]


def distances(frames, usable):
    """‖T − R‖ (target, reference) from pixels; NaN where there is no pair."""
    apart = np.linalg.norm(frames[:, None] - frames[None], axis=2)
    return np.where(usable & ~np.eye(COUNT, dtype=bool), apart, np.nan)


@pytest.mark.parametrize("similar", [1, 2, 5])
@pytest.mark.parametrize("background", [0.0, 1e4])
def test_the_star_is_the_mean_of_the_nearest_frames(similar, background, frames, usable):
    apart = distances(frames, usable)
    expected = [
        frame - frames[np.argsort(row)[:similar]].mean(axis=0)
        for frame, row in zip(frames, apart, strict=True)
    ]
    (found,) = fit(background + frames, usable, Pairwise(similar))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    single = (background + frames).astype(np.float32)
    (found,) = fit(single, usable, Pairwise(similar))
    assert np.abs(found - expected).max() < 4 * np.finfo(np.float32).eps * single.max()


@pytest.mark.parametrize("percentile", [20.0, 5.0, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_frame_whose_pairs_are_all_far_has_no_residual(percentile, dtype, frames, usable):
    frames = (100 + frames).astype(dtype)
    apart = distances(frames.astype(float), usable)
    alone = np.nanmin(apart, axis=1) > np.nanpercentile(apart, percentile)
    assert 0 < alone.sum() < COUNT
    (found,) = fit(frames, usable, Pairwise(percentile=percentile))
    assert np.isnan(found[alone]).all()
    (every,) = fit(frames, usable, Pairwise())
    tolerance = 4 * np.finfo(dtype).eps * frames.max()
    np.testing.assert_allclose(found[~alone], every[~alone], atol=tolerance)


def test_only_the_pairs_that_count_are_averaged(frames, usable):
    apart = distances(frames, usable)
    limit = np.nanpercentile(apart, 10)
    near = apart <= limit
    weights = Pairwise(3, 10.0).coefficients(gram(CentredFrames.of(frames)), usable).weights[0]
    np.testing.assert_array_equal((weights > 0).sum(axis=1), np.minimum(near.sum(axis=1), 3))
    assert not weights[~near].any()
    some = near.any(axis=1)
    np.testing.assert_allclose(weights[some].sum(axis=1), 1.0)
    assert {1, 2, 3} <= set(near.sum(axis=1))


def test_frames_without_a_pair_carry_no_weight_in_the_image(speckles):
    angle = np.linspace(0, 80, COUNT)
    cube = speckles(np.random.default_rng(8), COUNT, 31, 4.0)
    reduction = Reduction(Pairwise(percentile=5.0), FullFrame(), References(0.5))
    left = subtract(Stack.of(cube, angle), 4.0, reduction)[0]
    paired = np.isfinite(left).all(axis=(1, 2))
    assert 0 < (~paired).sum() < COUNT
    expected = combine(derotate(left[paired], angle[paired]), "median")
    np.testing.assert_allclose(image(left, angle, reduction), expected, atol=1e-10)


def test_a_companion_stands_where_it_was_put(speckles, gaussian):
    size, fwhm, count, peak = 51, 4.0, 40, 30.0
    angle = np.linspace(0, 100, count)
    cube = speckles(np.random.default_rng(21), count, size, fwhm)
    bearing = np.radians(130 - angle)
    x, y = 25 - 14 * np.sin(bearing), 25 + 14 * np.cos(bearing)
    companion = [peak * gaussian((size, size), *at, fwhm) for at in zip(x, y, strict=True)]
    reduction = Reduction(Pairwise(), Annuli(1.5, 2.5), References(1.0))
    found = image(subtract(Stack.of(cube + companion, angle), fwhm, reduction)[0], angle, reduction)
    row, column = np.unravel_index(np.nanargmax(found), found.shape)
    place = 25 - 14 * np.sin(np.radians(130)), 25 + 14 * np.cos(np.radians(130))
    assert np.hypot(column - place[0], row - place[1]) < 1.5
    assert peak * 0.7 < found[row, column] < peak * 1.1


@pytest.mark.real_data
def test_beta_pictoris_b_is_found(betapic_registered):
    data = betapic_registered
    reduction = Reduction(Pairwise(), Annuli(1.0, 1.5), References(0.5))
    left = subtract(Stack.of(data.cube, data.angle), data.fwhm, reduction)[0]
    snr = snr_map(image(left, data.angle, reduction), data.fwhm)
    row, column = np.unravel_index(np.nanargmax(snr), snr.shape)
    place = 48 - 16.6 * np.sin(np.radians(211)), 48 + 16.6 * np.cos(np.radians(211))
    assert np.hypot(column - place[0], row - place[1]) < data.fwhm / 2
    assert snr[row, column] > 7


def test_it_needs_as_many_references_as_it_averages():
    assert (Pairwise().minimum, Pairwise(4).minimum, Pairwise().variants) == (2, 5, (0,))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"similar": 0}, "similar is 0 and percentile 100"),
        ({"percentile": 0.0}, "similar is 1 and percentile 0"),
        ({"percentile": 101.0}, "similar is 1 and percentile 101"),
    ],
)
def test_wrong_parameters_are_refused(given, found):
    with pytest.raises(BadInput) as caught:
        replace(Pairwise(), **given)
    expected = "expected 1 or more, and more than 0 up to 100"
    assert str(caught.value) == f"pairwise {found}, {expected}"
