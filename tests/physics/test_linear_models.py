"""PSF models in Gram space against the same models made of pixels, frame by frame."""

import numpy as np
import pytest

from exosift.psfsub.engine import fit
from exosift.psfsub.gram import CentredFrames, gram
from exosift.psfsub.mean import Mean
from exosift.psfsub.median import Median
from exosift.psfsub.pca import Pca

CENTRINGS = ["none", "temporal", "spatial"]
RANKS = (1, 3, 8)


def centred(frames, library, centring):
    """Frames and library as a model sees them, and what was taken off."""
    if centring == "temporal":
        taken = library.mean(axis=0)
        return frames - taken, library - taken
    if centring == "spatial":
        return (a - a.mean(axis=1, keepdims=True) for a in (frames, library))
    return frames, library


def svd_residual(target, library, rank, centring):
    """A target without its projection on the library's first principal components."""
    (target,), library = centred(target[None], library, centring)
    modes = np.linalg.svd(library, full_matrices=False)[2][:rank]
    return target - modes.T @ (modes @ target)


def svd_residuals(frames, usable, ranks, centring):
    return np.array(
        [
            [svd_residual(frames[t], frames[own], rank, centring) for t, own in enumerate(usable)]
            for rank in ranks
        ]
    )


@pytest.fixture(scope="module")
def frames(speckles):
    """Twenty frames (frame, pixel) of a region, float64."""
    rng = np.random.default_rng(5)
    return speckles(rng, 20, 21, 4.0).reshape(20, -1)


@pytest.fixture(scope="module")
def libraries():
    """Libraries of 10 to 20 of 20 frames, with and without their targets; two of them shared."""
    rng = np.random.default_rng(6)
    usable = rng.random((20, 20)).argsort(axis=1) < rng.integers(10, 21, 20)[:, None]
    usable[7] = usable[3]
    usable[8] = True
    assert 4 < np.diag(usable).sum() < 18
    return usable


@pytest.mark.parametrize("centring", CENTRINGS)
def test_the_kernel_is_the_product_of_the_centred_frames(centring, speckles):
    frames = 1e4 + speckles(np.random.default_rng(1), 12, 97, 4.0).reshape(12, -1)  # two blocks
    assert frames.shape[1] > 8192
    seen, _ = centred(frames, frames, centring)
    expected = seen @ seen.T
    scale = np.abs(expected).max() if centring == "none" else 1e8 * frames.shape[1]
    kernel = gram(CentredFrames.of(frames)).kernel(centring)
    assert np.abs(kernel - expected).max() < 1e-13 * scale


@pytest.mark.parametrize("centring", CENTRINGS)
@pytest.mark.parametrize("background", [0.0, 1e4])
def test_pca_is_that_of_one_svd_a_frame(centring, background, frames, libraries):
    frames = frames + background
    found = fit(frames, libraries, Pca(RANKS, centring))
    expected = svd_residuals(frames, libraries, RANKS, centring)
    assert found.shape == (3, 20, 441)
    assert np.abs(found - expected).max() < 1e-9 * expected.std() * (50 if background else 1)


@pytest.mark.parametrize("centring", CENTRINGS)
@pytest.mark.parametrize("inside", [True, False])
def test_pca_of_one_shared_library_is_that_of_one_svd(centring, inside, frames):
    usable = np.zeros((20, 20), dtype=bool)
    usable[:, 0 if inside else 6 :] = True
    targets = usable if inside else usable[:6]
    found = fit(frames, targets, Pca(RANKS, centring))
    expected = svd_residuals(frames, targets, RANKS, centring)
    assert np.abs(found - expected).max() < 1e-9 * expected.std()


@pytest.mark.parametrize("centring", CENTRINGS)
def test_ranks_are_nested(centring, frames, libraries):
    together = fit(frames, libraries, Pca(RANKS, centring))
    for rank, residual in zip(RANKS, together, strict=True):
        alone = fit(frames, libraries, Pca((rank,), centring))
        np.testing.assert_allclose(residual, alone[0], atol=1e-9 * residual.std())


@pytest.mark.parametrize("centring", CENTRINGS)
@pytest.mark.parametrize("star", [True, False])
def test_single_precision_on_a_bright_background_is_good_to_1e_5(star, centring, frames, libraries):
    speckles = frames if star else frames - frames.mean(axis=0)
    single = (1e4 + speckles).astype(np.float32)
    found = fit(single, libraries, Pca(RANKS, centring))
    expected = svd_residuals(single.astype(np.float64), libraries, RANKS, centring)
    assert found.dtype == np.float32
    error = np.std(found - expected, axis=(1, 2)) / expected.std(axis=(1, 2))
    assert error.max() < 1e-5


@pytest.mark.parametrize("centring", CENTRINGS)
def test_frames_that_span_fewer_modes_than_asked_for_leave_what_the_modes_cannot_say(centring):
    rng = np.random.default_rng(2)
    patterns = rng.normal(size=(3, 200))
    frames = rng.normal(size=(12, 3)) @ patterns + 100.0
    frames[6:] = frames[:6]
    for usable in (np.ones((12, 12), dtype=bool), ~np.eye(12, dtype=bool)):
        left = fit(frames, usable, Pca((4, 7), centring))
        assert np.abs(left).max() < 1e-9


def test_the_mean_is_that_of_each_frames_own_library(frames, libraries):
    (found,) = fit(frames, libraries, Mean())
    expected = [
        frame - frames[own].mean(axis=0) for frame, own in zip(frames, libraries, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_median_is_that_of_each_frames_own_library(frames, libraries):
    (found,) = fit(frames, libraries, Median())
    expected = [
        frame - np.median(frames[own], axis=0) for frame, own in zip(frames, libraries, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_pca_needs_one_frame_a_component_and_one_more_to_centre_in_time():
    assert [Pca((5, 20), centring).minimum for centring in CENTRINGS] == [20, 21, 20]
    assert Pca((5, 20)).variants == (5, 20)
    assert (Mean().minimum, Median().minimum, Mean().variants) == (1, 1, (0,))
