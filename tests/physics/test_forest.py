"""Forests on synthetic patches whose best test is known, and on sequences."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.learn.drawing import Drawing, Rings
from exosift.learn.features import Features
from exosift.learn.forest import Boosted, Forest
from exosift.learn.labelled import Sampling
from exosift.learn.middle import inside, middle_of
from exosift.learn.mlar import Mlar
from exosift.learn.supervised import Supervised, teach
from exosift.photometry.injection import Companion, inject

LEVELS, SIDE = 4, 7
FADING = np.array([1.0, 0.9, 0.7, 0.5])
CLASSIFIERS = [Forest(trees=60), Boosted(trees=40, leaf=20)]


def template():
    y, x = np.mgrid[-3:4, -3:4]
    return np.exp(-(x**2 + y**2) / 2 / 1.7**2)


def synthetic(rng, count, brightness):
    """Patches whose levels share their noise, half with a companion; the best test's AUC.

    Log-likelihood ratios of Gaussian noise are those of the matched filter, t Σ⁻¹ x, with AUC
    Φ(d/√2) for d² = t Σ⁻¹ t.
    """
    shared = 0.8
    covariance = shared + (1 - shared) * np.eye(LEVELS)
    mixing = np.linalg.cholesky(covariance)
    noise = np.einsum("kl,slyx->skyx", mixing, rng.normal(size=(count, LEVELS, SIDE, SIDE)))
    labels = np.arange(count) < count // 2
    signal = brightness * FADING[:, None, None] * template()
    patches = noise + labels[:, None, None, None] * signal
    power = FADING @ np.linalg.solve(covariance, FADING) * np.square(template()).sum()
    distance = brightness * np.sqrt(power)
    blocks = rng.integers(10, size=count)
    return patches.astype(np.float32), labels, blocks, float(norm.cdf(distance / np.sqrt(2)))


def area(scores, labels):
    """Share of pairs in which the one with a companion scores higher."""
    order = np.argsort(np.argsort(scores))
    ranks = order[labels].sum() - labels.sum() * (labels.sum() - 1) / 2
    return ranks / (labels.sum() * (~labels).sum())


@pytest.fixture(scope="module")
def taught():
    patches, labels, blocks, best = synthetic(np.random.default_rng(0), 3000, 0.45)
    return {c.kind: c.fit(patches, labels, blocks, 0) for c in CLASSIFIERS}, best


@pytest.mark.parametrize(("kind", "margin"), [("forest", 0.15), ("boosted", 0.02)])
def test_forests_come_near_the_matched_filter(taught, kind, margin):
    fitted, best = taught
    patches, labels, _, _ = synthetic(np.random.default_rng(1), 4000, 0.45)
    found = area(fitted[kind].margin(patches), labels)
    assert 0.75 < best < 0.95
    assert best - margin < found < best + 0.02


def test_one_level_and_one_pixel_are_worse_than_all(taught):
    fitted, best = taught
    patches, labels, _, _ = synthetic(np.random.default_rng(1), 4000, 0.45)
    assert area(patches[:, 0, 3, 3], labels) < best - 0.1
    matched = np.einsum("syx,yx->s", patches[:, 0], template())
    assert area(matched, labels) < area(fitted["boosted"].margin(patches), labels)


def test_templates_are_what_companions_leave(taught):
    found = taught[0]["boosted"].features.templates
    shape = template() - template().mean()
    for own in found:
        assert np.corrcoef(own.ravel(), shape.ravel())[0, 1] > 0.95


def test_discriminants_have_unit_variance_among_nulls():
    patches, labels, _, _ = synthetic(np.random.default_rng(4), 4000, 0.5)
    found = Features.of(patches, labels).discriminants(patches)
    np.testing.assert_allclose(found[~labels].std(axis=0), 1.0, atol=0.1)
    np.testing.assert_allclose(found[~labels].mean(axis=0), 0.0, atol=0.1)
    assert (found[labels].mean(axis=0) > 0.5).all()


@pytest.mark.parametrize("kind", ["forest", "boosted"])
def test_brighter_companions_have_higher_margins(taught, kind):
    fitted = taught[0][kind]
    rng = np.random.default_rng(2)
    means = [fitted.margin(synthetic(rng, 200, b)[0])[:100].mean() for b in (0.0, 0.3, 0.6, 1.0)]
    assert (np.diff(means) > 0).all()
    assert means[0] < 0 < means[-1]


def test_boosted_margins_of_bright_companions_do_not_saturate(taught):
    fitted = taught[0]["boosted"]
    margins = [fitted.margin(synthetic(np.random.default_rng(2), 20, b)[0])[0] for b in (3, 6, 12)]
    assert (np.diff(margins) > 1).all()


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda one: one.kind)
def test_the_same_seed_learns_the_same_to_the_last_bit(classifier, taught):
    patches, labels, blocks, _ = synthetic(np.random.default_rng(0), 3000, 0.45)
    again = classifier.fit(patches, labels, blocks, 0)
    expected = taught[0][classifier.kind].margin(patches)
    np.testing.assert_array_equal(again.margin(patches), expected)


@pytest.mark.parametrize("kind", ["forest", "boosted"])
def test_other_patches_are_refused(taught, kind):
    with pytest.raises(BadInput, match=r"patches of 4×9×9 .* has learnt from 4×7×7"):
        taught[0][kind].margin(np.zeros((2, 4, 9, 9), np.float32))


def test_refusals():
    patches, labels, _, _ = synthetic(np.random.default_rng(0), 40, 1.0)
    with pytest.raises(BadInput, match="40 samples, 40 with a companion: give both kinds"):
        Features.of(patches, labels | True)
    for wrong in (Forest, Boosted):
        with pytest.raises(BadInput, match="trees is 0"):
            wrong(trees=0)
    with pytest.raises(BadInput, match="rate is 2"):
        Boosted(rate=2)
    with pytest.raises(BadInput, match="rings from 4 to 3"):
        Rings(4, 3)


# On a sequence.

FWHM, SIZE, COUNT = 4.0, 45, 20
WHERE = Rings(2.0, 4.0, 1.0)
ASKED = Mlar(levels=5)
PLACE = Companion(12.2, 215.0, (1.0,))


@pytest.fixture(scope="module")
def sequence(speckles, as_sequence):
    frames = 100.0 + speckles(np.random.default_rng(5), COUNT, SIZE, FWHM)
    return as_sequence(frames.astype(np.float32), np.linspace(10, 85, COUNT), FWHM)


@pytest.fixture(scope="module")
def method(sequence):
    sampling = Sampling(samples=600, fluxes=5)
    return teach([sequence], Boosted(trees=20, leaf=20), Drawing(ASKED, sampling, WHERE, seed=0))


def test_rings_lie_side_by_side():
    assert Rings(1, 4.5, 1).edges == [(1, 2), (2, 3), (3, 4.5)]
    assert WHERE.edges == [(2, 3), (3, 4)]


def test_margins_are_mapped_in_the_rings_alone(sequence, method):
    found = method.map(sequence)
    radius = radius_map(found.shape) / FWHM
    np.testing.assert_array_equal(np.isfinite(found), (radius >= 2) & (radius < 4))


def test_a_companion_is_the_highest_peak_where_it_is(sequence, method):
    plain = method.map(sequence)
    given = inject(sequence, [replace(PLACE, flux=(20.0,))])
    found = method.map(given)
    y, x = np.unravel_index(np.nanargmax(found), found.shape)
    place = pixel_position(PLACE.separation, PLACE.position_angle, centre_of(found.shape))
    assert np.hypot(x - place[0], y - place[1]) <= FWHM / 2
    assert np.nanmax(found) > np.nanmax(plain) + 2


def test_the_quick_way_to_a_map_with_a_companion_is_the_long_one(sequence, method):
    companion = replace(PLACE, flux=(6.0,))
    quick = method.injected(sequence)(companion, np.ones((SIZE, SIZE), bool))
    long = method.map(inject(sequence, [companion]))
    x, y = pixel_position(PLACE.separation, PLACE.position_angle, centre_of(quick.shape))
    near = radius_map(quick.shape, (x, y)) <= FWHM
    # The noise, and the ranks of the levels, are those of the sequence without it.
    assert np.corrcoef(quick[near], long[near])[0, 1] > 0.98
    assert quick[near].max() == pytest.approx(long[near].max(), rel=0.1)
    beyond = radius_map(quick.shape, (x, y)) > 3 * FWHM
    np.testing.assert_array_equal(quick[beyond], method.map(sequence)[beyond])


def test_other_orders_of_the_angles_are_mapped_from_the_same_turned_frames(sequence, method):
    for angle in (np.roll(sequence.angle, 4), -np.roll(sequence.angle, 7)):
        given = replace(sequence, angle=angle)
        kept = method.map(given)
        fresh = Supervised(method.asked, method.taught).map(given)
        np.testing.assert_allclose(kept, fresh, rtol=1e-3, atol=2e-3)
    assert len(method._kept) == 1


def test_the_same_seed_maps_the_same_to_the_last_bit(sequence, method):
    sampling = Sampling(samples=600, fluxes=5)
    again = teach([sequence], Boosted(trees=20, leaf=20), Drawing(ASKED, sampling, WHERE, seed=0))
    np.testing.assert_array_equal(again.map(sequence), method.map(sequence))


def test_other_stars_teach_as_well(speckles, as_sequence, sequence):
    frames = 100.0 + speckles(np.random.default_rng(9), COUNT, SIZE, FWHM)
    star = as_sequence(frames.astype(np.float32), np.linspace(-30, 40, COUNT), FWHM)
    sampling = Sampling(samples=300, fluxes=5)
    found = teach([star], Boosted(trees=10, leaf=20), Drawing(ASKED, sampling, WHERE, seed=0))
    given = inject(sequence, [replace(PLACE, flux=(20.0,))])
    assert np.nanmax(found.map(given)) > np.nanmax(found.map(sequence)) + 1


def test_each_of_many_stars_gives_some_samples(sequence):
    sampling = Sampling(samples=30, fluxes=3)
    found = teach([sequence] * 3, Boosted(trees=2, leaf=5), Drawing(ASKED, sampling, WHERE, seed=0))
    for zone in found.taught:
        assert (zone.companions, zone.nulls) == (30, 30)


def test_as_many_of_both_kinds_or_one_fewer_learn_alike():
    patches, labels, blocks, _ = synthetic(np.random.default_rng(3), 400, 0.45)
    even = Boosted(trees=5, leaf=20).fit(patches, labels, blocks, 0)
    odd = Boosted(trees=5, leaf=20).fit(patches[1:], labels[1:], blocks[1:], 0)
    # The odd are weighted, the even need not be.
    share = np.corrcoef(even.margin(patches), odd.margin(patches))[0, 1]
    assert share > 0.95
    assert abs(even.margin(patches).mean() - odd.margin(patches).mean()) < 0.1


def test_of_large_frames_only_the_middle_matters(speckles, as_sequence):
    frames = 100.0 + speckles(np.random.default_rng(6), COUNT, 85, FWHM)
    large = as_sequence(frames.astype(np.float32), np.linspace(10, 85, COUNT), FWHM)
    middle = middle_of(large, ASKED, WHERE.outer)
    part = inside(85, middle.cube.shape[-1])
    assert 2 * (4 + 3) * FWHM < middle.cube.shape[-1] < 85
    np.testing.assert_array_equal(middle.cube, large.cube[(..., *part)])
    assert middle.observation.star == (31, 31)
    sampling = Sampling(samples=300, fluxes=5)
    own, other = (
        teach([one], Boosted(trees=10, leaf=20), Drawing(ASKED, sampling, WHERE, seed=0))
        for one in (large, middle)
    )
    found, seen = own.map(large), np.ones((85, 85), bool)
    np.testing.assert_array_equal(found[part], other.map(middle))
    with_one = own.injected(large)(replace(PLACE, flux=(9.0,)), seen)
    near = other.injected(middle)(replace(PLACE, flux=(9.0,)), seen[part])
    for whole, cut in ((found, own.map(middle)), (with_one, near)):
        np.testing.assert_array_equal(whole[part], cut)
        assert np.isfinite(whole).sum() == np.isfinite(cut).sum()
        assert whole.shape == (85, 85)


def test_sequences_of_another_fwhm_are_not_taught_together(sequence):
    other = replace(sequence, observation=replace(sequence.observation, fwhm=(6.0,)))
    with pytest.raises(BadInput, match=r"2 sequences have patches of \[7, 11\] px"):
        teach([sequence, other], Boosted(), Drawing(ASKED, rings=WHERE, seed=0))
