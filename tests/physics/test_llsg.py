"""Low rank plus sparse plus noise: against the same made of SVDs, and injected truth recovered."""

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.geometry.grid import pixel_position
from exosift.geometry.regions import Annuli
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import fit, reduce
from exosift.psfsub.library import References
from exosift.psfsub.llsg import Llsg
from exosift.psfsub.pca import Pca

COUNT, SIZE, FWHM = 20, 25, 4.0
EVERY = np.ones((COUNT, COUNT), bool)


@pytest.fixture(scope="module")
def frames(speckles):
    """Frames (frame, pixel) of a region."""
    rng = np.random.default_rng(41)
    return 50.0 + speckles(rng, COUNT, SIZE, FWHM).reshape(COUNT, -1)


def by_svd(frames, rank, threshold, iterations):
    """The iteration of GoDec, pixels and singular vectors written out."""
    sparse = np.zeros_like(frames)
    for _ in range(iterations):
        left, power, right = np.linalg.svd(frames - sparse, full_matrices=False)
        rest = frames - (left[:, :rank] * power[:rank]) @ right[:rank]
        limit = threshold * np.median(np.abs(rest - np.median(rest)))
        sparse = np.sign(rest) * np.maximum(np.abs(rest) - limit, 0)
    return sparse


@pytest.mark.parametrize("pixels", [625, 624])  # an odd and an even number of values
@pytest.mark.parametrize(("rank", "threshold", "iterations"), [(1, 1.0, 1), (4, 0.5, 3), (8, 2, 8)])
def test_it_is_the_same_made_of_svds(frames, pixels, rank, threshold, iterations):
    frames = frames[: COUNT - (pixels == 625), :pixels]
    usable = EVERY[: len(frames), : len(frames)]
    found = fit(frames, usable, Llsg(rank, threshold, iterations))[0]
    expected = by_svd(frames, rank, threshold, iterations)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_without_threshold_one_iteration_is_principal_components(frames):
    found = fit(frames, EVERY, Llsg(6, 0.0, 1))
    np.testing.assert_allclose(found, fit(frames, EVERY, Pca((6,), "none")), atol=1e-9)


def test_a_threshold_of_one_deviation_leaves_half_of_the_values(frames):
    left = fit(frames, EVERY, Llsg(5))[0]
    assert (left != 0).mean() == pytest.approx(0.5, abs=0.01)


def test_what_is_sparse_comes_out_and_what_is_of_low_rank_does_not():
    rng = np.random.default_rng(42)
    star = rng.random((30, 3)) @ rng.random((3, 400))
    sparse = np.where(rng.random(star.shape) < 0.02, rng.choice([-1.0, 1.0], star.shape), 0.0)
    noise = 0.01 * rng.normal(size=star.shape)
    found = fit(star + sparse + noise, np.ones((30, 30), bool), Llsg(3, 3.0, 20))[0]
    assert np.abs(found - sparse).max() < 0.12  # three deviations are taken off, and some noise
    assert np.abs(found[sparse == 0]).max() < 0.05
    assert (np.sign(found) == np.sign(sparse))[sparse != 0].all()


def test_a_bright_background_costs_no_precision(frames):
    """What single precision loses of the star must not be taken for something sparse."""
    bright = (1e4 + frames).astype(np.float32)
    single, double = (fit(bright.astype(kind), EVERY, Llsg(4)) for kind in (np.float32, float))
    assert single.dtype == np.float32
    assert np.abs(single - double).max() < 2e-3 * double.std()


def test_a_companion_is_found_where_it_was_put(speckles, gaussian, as_sequence):
    angle = np.linspace(0, 80, 30)
    star = 50.0 + speckles(np.random.default_rng(43), 30, 41, FWHM)
    places = [pixel_position(13.0, 120.0 - turned, (20.0, 20.0)) for turned in angle]
    companion = 40.0 * np.stack([gaussian((41, 41), *place, FWHM) for place in places])
    sequence = as_sequence((star + companion).astype(np.float32), angle, FWHM)
    image = reduce(sequence, Reduction(Llsg(4), Annuli(2.0, 1.0))).images[0]
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    assert (x, y) == pytest.approx(pixel_position(13.0, 120.0, (20.0, 20.0)), abs=1.0)
    assert 5.0 < image[y, x] < 41.0


def test_libraries_are_refused(frames, as_sequence):
    sequence = as_sequence(frames.reshape(COUNT, SIZE, SIZE), np.linspace(0, 40, COUNT), FWHM)
    for references in (References(0.05), References(nearest=12)):
        with pytest.raises(BadInput) as refused:
            reduce(sequence, Reduction(Llsg(4), Annuli(1.0, 1.0), references))
        assert str(refused.value) == (
            "llsg decomposes all frames together, and here some are kept from others: leave the "
            "reduction's references at their defaults"
        )


def test_a_rank_that_leaves_nothing_is_refused(frames, as_sequence):
    sequence = as_sequence(frames.reshape(COUNT, SIZE, SIZE), np.linspace(0, 40, COUNT), FWHM)
    with pytest.raises(BadInput, match="holds 20 frames, llsg needs 21"):
        reduce(sequence, Reduction(Llsg(20), Annuli(1.0, 1.0)))


@pytest.mark.parametrize("parameters", [{"rank": 0}, {"iterations": 0}, {"threshold": -0.5}])
def test_impossible_parameters_are_refused(parameters):
    model = {"rank": 10, "iterations": 10, "threshold": 1.0} | parameters
    with pytest.raises(BadInput) as refused:
        Llsg(**parameters)
    assert str(refused.value) == (
        f"llsg rank is {model['rank']}, iterations {model['iterations']} and threshold "
        f"{model['threshold']:g}, expected 1 or more, 1 or more, and 0 or more"
    )
