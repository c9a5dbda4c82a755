"""Non-negative factorisation: closed forms, optimality, what its components may know."""

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.geometry.grid import pixel_position
from exosift.geometry.regions import FullFrame
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import fit, reduce
from exosift.psfsub.library import References
from exosift.psfsub.nmf import Nmf

COUNT, SIZE, FWHM = 20, 25, 4.0


def every(frames):
    """usable (target, reference): all of all."""
    return np.ones((len(frames), len(frames)), bool)


def misfit(frames, model):
    return np.linalg.norm(fit(frames, every(frames), model), axis=(1, 2))


@pytest.fixture(scope="module")
def frames(speckles):
    """Frames (frame, pixel) on a faint background, a tenth of the pixels below zero."""
    rows = speckles(np.random.default_rng(31), COUNT, SIZE, FWHM, noise=4.0).reshape(COUNT, -1)
    return rows - np.quantile(rows, 0.1)


@pytest.fixture(scope="module")
def libraries():
    """Libraries of 12 of 20 frames, none with its target in."""
    rng = np.random.default_rng(32)
    usable = rng.random((COUNT, COUNT))
    np.fill_diagonal(usable, 2.0)
    return usable.argsort(axis=1).argsort(axis=1) < 12


def test_rank_one_is_the_leading_singular_pair():
    """Which is non-negative by itself where the data are (Perron and Frobenius)."""
    frames = 1.0 + np.random.default_rng(33).random((9, 60))
    left, power, right = np.linalg.svd(frames, full_matrices=False)
    expected = frames - power[0] * np.outer(left[:, 0], right[0])
    np.testing.assert_allclose(fit(frames, every(frames), Nmf((1,)))[0], expected, atol=1e-10)


def test_frames_made_of_few_patterns_are_explained_by_as_many():
    rng = np.random.default_rng(34)
    patterns = rng.random((4, 300)) * (rng.random((4, 300)) < 0.5)
    frames = rng.random((30, 4)) @ patterns
    three, four = misfit(frames, Nmf((3, 4), iterations=500)) / np.linalg.norm(frames)
    assert three > 0.05
    assert four < 1e-3


@pytest.mark.parametrize("negative", ["keep", "shift", "zero"])
def test_the_misfit_falls_with_iterations_and_with_rank(frames, negative):
    steps = np.array([misfit(frames, Nmf((2, 5, 9), negative, n)) for n in (1, 3, 10, 30, 100)])
    assert (np.diff(steps, axis=0) < 0).all()
    assert (np.diff(steps, axis=1) < 0).all()


def test_no_factorisation_does_better_than_principal_components(frames):
    """And without constraints at work, with light enough everywhere, it comes close to them."""
    power = np.linalg.svd(frames + 1e3, compute_uv=False) ** 2
    bound = np.sqrt([power[rank:].sum() for rank in (2, 5)])
    found = misfit(frames + 1e3, Nmf((2, 5), iterations=200))
    assert (found > bound).all()
    assert (found < 1.05 * bound).all()


@pytest.mark.parametrize("outside", [False, True])
def test_the_star_is_the_nearest_non_negative_sum_of_components(frames, libraries, outside):
    """So what is left is at right angles to it, also where the target is not in the library."""
    usable = libraries if outside else every(frames)
    left = fit(frames, usable, Nmf((1, 6)))
    star = frames - left
    cosine = (left * star).sum(axis=2) / np.linalg.norm(star, axis=2) / np.linalg.norm(left, axis=2)
    assert np.abs(cosine).max() < 1e-9


def test_the_star_is_nowhere_negative(frames):
    assert frames.min() < 0
    for negative, floor in {"keep": 0.0, "zero": 0.0, "shift": frames.min()}.items():
        star = frames - fit(frames, every(frames), Nmf((1, 6), negative))
        assert star.min() >= floor - 1e-9


def test_negative_pixels_are_treated_as_said(frames, libraries):
    shifted = fit(frames, libraries, Nmf((4,), "shift"))[0]
    for left, target, library in zip(shifted, frames, libraries, strict=True):
        positive = np.vstack([target, frames]) - frames[library].min()
        alone = fit(positive, np.append(False, library)[None], Nmf((4,), "keep"))[0, 0]
        np.testing.assert_allclose(left, alone, atol=1e-7)
    clipped = np.maximum(frames, 0)
    zero = frames - fit(frames, libraries, Nmf((4,), "zero"))
    keep = clipped - fit(clipped, libraries, Nmf((4,), "keep"))
    np.testing.assert_allclose(zero, keep, atol=1e-7)


def test_a_target_kept_out_of_its_library_has_no_say_in_the_components(frames, libraries):
    """Not even through the starting point: each prediction is that of its library alone."""
    together = fit(frames, libraries, Nmf((5,)))[0]
    for left, target, library in zip(together, frames, libraries, strict=True):
        spoilt = np.vstack([target, np.where(library[:, None], frames, 1e4)])
        alone = fit(spoilt, np.append(False, library)[None], Nmf((5,)))[0, 0]
        np.testing.assert_allclose(left, alone, atol=1e-9)


def test_a_library_without_light_explains_nothing():
    frames = -1.0 - np.random.default_rng(35).random((6, 40))
    np.testing.assert_array_equal(fit(frames, every(frames), Nmf((1, 3)))[1], frames)


@pytest.mark.parametrize(("rotation", "least"), [(0.0, 5.0), (0.7, 15.0)])
def test_a_companion_is_found_where_it_was_put(speckles, gaussian, as_sequence, rotation, least):
    angle = np.linspace(0, 80, 30)
    star = 50.0 + speckles(np.random.default_rng(36), 30, 41, FWHM)
    places = [pixel_position(13.0, 120.0 - turned, (20.0, 20.0)) for turned in angle]
    companion = 40.0 * np.stack([gaussian((41, 41), *place, FWHM) for place in places])
    sequence = as_sequence((star + companion).astype(np.float32), angle, FWHM)
    reduction = Reduction(Nmf((8,), iterations=15), FullFrame(), References(rotation))
    image = reduce(sequence, reduction).images[0]
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    assert (x, y) == pytest.approx(pixel_position(13.0, 120.0, (20.0, 20.0)), abs=1.0)
    assert least < image[y, x] < 41.0


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"ranks": ()}, r"nmf ranks \(\): give different numbers from 1, ascending"),
        ({"ranks": (5, 2)}, r"nmf ranks \(5, 2\): give different numbers from 1, ascending"),
        ({"ranks": (0, 2)}, r"nmf ranks \(0, 2\): give different numbers from 1, ascending"),
        ({"iterations": 0}, "nmf iterations is 0, expected 1 or more"),
    ],
)
def test_impossible_parameters_are_refused(parameters, said):
    with pytest.raises(BadInput, match=said):
        Nmf(**parameters)


def test_more_components_than_references_are_refused(frames, as_sequence):
    sequence = as_sequence(frames.reshape(COUNT, SIZE, SIZE), np.linspace(0, 40, COUNT), FWHM)
    with pytest.raises(BadInput, match="holds 20 frames, nmf of rank 21 needs 21"):
        reduce(sequence, Reduction(Nmf((3, 21)), FullFrame()))
