"""LOCI in Gram space against the same least squares on pixels; a companion is where it was put."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize

from exosift import threads
from exosift.detect.snr import snr_map
from exosift.errors import BadInput, Failed
from exosift.geometry.regions import Annuli
from exosift.psfsub import loci
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import image, subtract
from exosift.psfsub.gram import CentredFrames, gram
from exosift.psfsub.library import References
from exosift.psfsub.linear import residuals
from exosift.psfsub.loci import Loci
from exosift.psfsub.stack import Stack

COUNT, SEGMENT = 20, slice(100, 260)
LINEAR = [
    Loci(solver, 1e-2, centring)
    for solver in ("lstsq", "damped")
    for centring in ("none", "temporal", "spatial")
]
NON_NEGATIVE = [Loci("nnls", centring=centring) for centring in ("none", "spatial")]


def named(model):
    return f"{model.solver}-{model.centring}"


def weights_of(zone, usable, model):
    return model.coefficients(gram(CentredFrames.of(zone)), usable).weights[0]


def local(zone, segment, usable, model):
    """Residuals (target, pixel) of a segment, by the weights of its optimisation zone."""
    coefficients = model.coefficients(gram(CentredFrames.of(zone)), usable)
    return residuals(CentredFrames.of(segment), coefficients)[0]


def truncated(library, target, rcond):
    """Least squares by SVD of pixels, without singular values below rcond of the largest."""
    left, power, right = np.linalg.svd(library.T, full_matrices=False)
    keep = power > rcond * power[0]
    return right[keep].T @ ((left.T @ target)[keep] / power[keep])


def damped(library, target, rcond):
    """Least squares with a row of pixels more a reference, to draw its weight to 1/m."""
    size = len(library)
    root = rcond * np.sqrt(np.sum(library**2))
    rows = np.vstack([library.T, root * np.eye(size)])
    return np.linalg.lstsq(rows, np.append(target, np.full(size, root / size)))[0]


def non_negative(library, target, rcond):
    del rcond
    return optimize.nnls(library.T, target)[0]


ON_PIXELS = {"lstsq": truncated, "damped": damped, "nnls": non_negative}


def on_pixels(zone, segment, own, target, model):
    """The residual of one target, from pixels alone."""
    library = zone[own]
    if model.centring == "spatial":
        library = library - library.mean(axis=1, keepdims=True)
        levels = zone.mean(axis=1)
        weights = ON_PIXELS[model.solver](library, zone[target] - levels[target], model.rcond)
        constant = levels[target] - weights @ levels[own]
        return segment[target] - weights @ segment[own] - constant
    if model.centring == "temporal":
        mean = library.mean(axis=0)
        weights = ON_PIXELS[model.solver](library - mean, zone[target] - mean, model.rcond)
        weights += (1 - weights.sum()) / len(library)
        return segment[target] - weights @ segment[own]
    weights = ON_PIXELS[model.solver](library, zone[target], model.rcond)
    return segment[target] - weights @ segment[own]


@pytest.fixture(autouse=True)
def _one_thread():
    """As in the engine, where the threads are the regions': on small matrices BLAS's only wait."""
    with threads.limit(1):
        yield


@pytest.fixture(scope="module")
def zone(speckles):
    """Twenty frames (frame, pixel) of an optimisation zone, float64."""
    return speckles(np.random.default_rng(5), COUNT, 21, 4.0).reshape(COUNT, -1)


@pytest.fixture(scope="module")
def usable():
    """Libraries of 6 to 19 of 20 frames, none with its target; two of them shared."""
    rng = np.random.default_rng(6)
    usable = rng.random((COUNT, COUNT)).argsort(axis=1) < rng.integers(7, 20, COUNT)[:, None]
    usable &= ~np.eye(COUNT, dtype=bool)
    usable[7] = usable[3]
    usable[7, [3, 7]] = usable[3, [3, 7]] = False
    return usable


@pytest.mark.parametrize("model", LINEAR + NON_NEGATIVE, ids=named)
def test_residuals_are_those_of_least_squares_on_pixels(model, zone, usable):
    segment = zone[:, SEGMENT]
    expected = np.array([on_pixels(zone, segment, o, t, model) for t, o in enumerate(usable)])
    found = local(zone, segment, usable, model)
    assert np.abs(found - expected).max() < 1e-8 * expected.std()


@pytest.mark.parametrize("model", LINEAR + NON_NEGATIVE, ids=named)
def test_only_usable_references_have_weight_and_never_the_target(model, zone, usable):
    given = usable | np.eye(COUNT, dtype=bool)
    weights = weights_of(zone, given, model)
    assert not weights[~usable].any()
    np.testing.assert_array_equal(weights, weights_of(zone, usable, model))


@pytest.mark.parametrize("model", LINEAR + NON_NEGATIVE, ids=named)
def test_a_shared_library_gives_what_separate_ones_give(model, zone):
    """Reference stars: six targets, which are in no library, and the other frames for all."""
    shared = np.zeros((6, COUNT), dtype=bool)
    shared[:, 6:] = True
    together = local(zone, zone, shared, model)
    shared[5, 6] = False  # no longer one library: each is solved by itself
    apart = local(zone, zone, shared, model)
    np.testing.assert_allclose(together[:5], apart[:5], atol=1e-9 * apart.std())


@pytest.mark.parametrize("model", [Loci(rcond=0.0), Loci(rcond=0.0, centring="none")], ids=named)
def test_a_combination_of_references_is_recovered(model, zone):
    frames = np.vstack([zone[3] * 0.7 + zone[11] * 0.3, zone[1:]])
    usable = ~np.eye(COUNT, dtype=bool)
    expected = np.zeros(COUNT)
    expected[[3, 11]] = 0.7, 0.3
    np.testing.assert_allclose(weights_of(frames, usable, model)[0], expected, atol=1e-8)
    kept = weights_of(frames, usable, Loci("nnls", centring="none"))[0]
    np.testing.assert_allclose(kept, expected, atol=1e-10)


def test_weights_about_the_temporal_mean_add_to_one(zone, usable):
    for solver in ("lstsq", "damped"):
        total = weights_of(zone, usable, Loci(solver)).sum(axis=1)
        np.testing.assert_allclose(total, 1.0, atol=1e-12)
    assert np.ptp(weights_of(zone, usable, Loci(centring="none")).sum(axis=1)) > 1e-3


def test_damping_leads_from_least_squares_to_the_mean(zone, usable):
    mean = usable / usable.sum(axis=1, keepdims=True)
    free = weights_of(zone, usable, Loci(rcond=0.0))
    apart = []
    for rcond in (1e-7, 1e-3, 1e-1, 0.999):
        weights = weights_of(zone, usable, Loci("damped", rcond))
        apart.append((np.abs(weights - free).max(), np.abs(weights - mean).max()))
    from_free, from_mean = zip(*apart, strict=True)
    assert from_free[0] < 1e-6
    assert list(from_free) == sorted(from_free)
    assert list(from_mean) == sorted(from_mean, reverse=True)


@pytest.mark.parametrize("seed", range(8))
def test_non_negative_weights_are_the_best_there_are(seed):
    """The conditions of Karush, Kuhn and Tucker, which the one minimum meets and nothing else."""
    rng = np.random.default_rng(seed)
    count, pixels = 24, int(rng.integers(8, 200))
    frames = rng.normal(rng.uniform(0, 2), 1.0, (count, pixels)) * rng.lognormal(size=(count, 1))
    usable = rng.random((count, count)) < 0.8
    weights = weights_of(frames, usable, Loci("nnls", centring="none"))
    left = frames - weights @ frames
    downhill = (left @ frames.T) / np.outer(*2 * [np.linalg.norm(frames, axis=1)])
    assert weights.min() == 0.0
    assert np.abs(downhill[weights > 0]).max(initial=0.0) < 1e-11
    usable &= ~np.eye(count, dtype=bool)
    assert downhill[usable].max() < 1e-11


@pytest.mark.parametrize("apart", [0.0, 1e-13, 1e-11, 1e-9, 1e-8, 1e-6])
@pytest.mark.parametrize("model", LINEAR + NON_NEGATIVE, ids=named)
def test_references_that_are_nearly_the_same_do_no_harm(model, apart):
    """Nothing tells copies from each other; what they leave is what one of them leaves."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        frames = 1 + rng.normal(size=(COUNT, 200))
        copies = frames[10:] * (1 + apart * rng.normal(size=(10, 200)))
        usable = ~np.eye(COUNT, dtype=bool)
        usable[10:] = False
        twice = np.vstack([frames, copies])
        both = np.hstack([usable, usable[:, 10:]])[:10]
        found = local(twice, twice, both, model)
        assert np.abs(found).max() < 2 * np.abs(frames).max()
        if model.solver == "nnls":
            once = local(frames, frames, usable[:10], model)
            assert np.abs(found - once).max() < max(10 * apart, 1e-7)


@pytest.mark.parametrize("seed", [5, 13, 40, 64])
def test_rounding_does_not_keep_the_non_negative_search_going(seed):
    """Frames of strengths seven decades apart, each twice, on a bright mean or none."""
    rng = np.random.default_rng(seed)
    strength = rng.choice([1e-6, 1e-3, 1e-1, 1, 10], size=(25, 1))
    frames = np.tile(rng.choice([0, 100]) + strength * rng.normal(size=(25, 100)), (2, 1))
    usable = ~np.eye(50, dtype=bool)
    usable[np.arange(50), (np.arange(50) + 25) % 50] = False  # not its own copy
    found = local(frames, frames, usable, Loci("nnls", centring="none"))
    best = [
        optimize.nnls(frames[own].T, frame)[1] for frame, own in zip(frames, usable, strict=True)
    ]
    norm = np.linalg.norm(frames, axis=1)
    assert np.abs(np.linalg.norm(found, axis=1) - best).max() < 1e-6 * norm.max()


@pytest.mark.parametrize("model", LINEAR + NON_NEGATIVE, ids=named)
def test_frames_without_a_pattern_do_no_harm(model):
    nothing, levels = np.zeros((5, 30)), np.full((5, 30), 1 / 3) * np.arange(1, 6)[:, None]
    usable = np.ones((5, 5), dtype=bool)
    assert not local(nothing, nothing, usable, model).any()
    if model.centring == "spatial":
        assert np.abs(local(levels, levels, usable, model)).max() < 1e-9
    levels[2:] = 0
    assert np.isfinite(local(levels, levels, usable, model)).all()


@pytest.mark.parametrize(("floor", "tolerance"), [(1e-4, 1e-8), (1e-5, 2e-6), (1e-6, 2e-4)])
def test_how_far_double_precision_carries_weak_singular_values(floor, tolerance):
    """Nothing is dropped: an inner product knows a pattern by the square of its strength."""
    rng = np.random.default_rng(1)
    patterns = np.linalg.qr(rng.normal(size=(400, 30)))[0].T
    frames = np.linalg.qr(rng.normal(size=(30, 30)))[0] * np.geomspace(1, floor, 30) @ patterns
    frames += 0.3 * floor * rng.normal(size=frames.shape)
    usable = ~np.eye(30, dtype=bool)
    model = Loci(rcond=0.0, centring="none")
    expected = [
        frame - truncated(frames[own], frame, 1e-13) @ frames[own]
        for frame, own in zip(frames, usable, strict=True)
    ]
    error = np.abs(local(frames, frames, usable, model) - expected).max() / np.std(expected)
    assert error < tolerance
    assert Loci().rcond == 1e-2  # the default is two decades and more away from trouble


@pytest.mark.parametrize("model", [*LINEAR, Loci("nnls", centring="none")], ids=named)
def test_a_companion_stands_where_it_was_put(model, speckles, gaussian):
    size, fwhm, count, peak = 51, 4.0, 40, 20.0
    angle = np.linspace(0, 100, count)
    cube = speckles(np.random.default_rng(21), count, size, fwhm)
    bearing = np.radians(130 - angle)
    x, y = 25 - 14 * np.sin(bearing), 25 + 14 * np.cos(bearing)
    companion = [peak * gaussian((size, size), *at, fwhm) for at in zip(x, y, strict=True)]
    reduction = Reduction(model, Annuli(1.5, 1.5), References(0.75))

    found = image(subtract(Stack.of(cube + companion, angle), fwhm, reduction)[0], angle, reduction)
    row, column = np.unravel_index(np.nanargmax(found), found.shape)
    place = 25 - 14 * np.sin(np.radians(130)), 25 + 14 * np.cos(np.radians(130))
    assert np.hypot(column - place[0], row - place[1]) < 1.5
    assert snr_map(found, fwhm)[row, column] > 4
    assert peak * 0.5 < found[row, column] < peak * 1.1


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("model", "least"), [(Loci(), 8), (Loci("damped"), 8), (Loci("nnls", centring="none"), 6)]
)
def test_beta_pictoris_b_is_found(model, least, betapic_registered):
    data = betapic_registered
    reduction = Reduction(model, Annuli(1.0, 1.5), References(0.5))
    snr = snr_map(
        image(
            subtract(Stack.of(data.cube, data.angle), data.fwhm, reduction)[0],
            data.angle,
            reduction,
        ),
        data.fwhm,
    )
    row, column = np.unravel_index(np.nanargmax(snr), snr.shape)
    place = 48 - 16.6 * np.sin(np.radians(211)), 48 + 16.6 * np.cos(np.radians(211))
    assert np.hypot(column - place[0], row - place[1]) < data.fwhm / 2
    assert snr[row, column] > least


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rcond": 1.0}, "loci rcond is 1, expected 0 or more and less than 1"),
        ({"rcond": -0.1}, "loci rcond is -0.1, expected 0 or more and less than 1"),
        ({"optimisation": 0.5}, "loci optimisation is 0.5, expected 1 or more"),
        (
            {"solver": "nnls"},
            "loci nnls with temporal centring: a sign means nothing about a mean; give centring "
            "none or spatial",
        ),
    ],
)
def test_wrong_parameters_are_refused(given, message):
    with pytest.raises(BadInput) as caught:
        replace(Loci(), **given)
    assert str(caught.value) == message


def test_a_search_without_end_is_a_failure(zone, usable, monkeypatch):
    monkeypatch.setattr(loci, "_ENTRIES", 0)
    with pytest.raises(Failed, match=r"^loci nnls: no solution for frame 0 after 0 steps$"):
        weights_of(zone, usable, Loci("nnls", centring="none"))
