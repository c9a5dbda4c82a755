"""Conformal p-values: closed forms, uniformity, ties, refusals, and discoveries over a survey."""

import numpy as np
import pytest
from scipy.stats import anderson_ksamp, binomtest, chi2, false_discovery_control, kstest

from exosift.errors import BadInput
from exosift.learn.conformal import NullScores, benjamini_hochberg
from exosift.learn.exchange import _anderson_darling, alike, exchangeability, pooled, thinned


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def nulls(maxima, effective=None):
    maxima = np.asarray(maxima, dtype=float)
    return NullScores("negated", maxima, maxima.size if effective is None else effective)


def test_p_counts_the_null_frames_that_reach_the_score():
    found = nulls([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(found.p(np.array([5.0, 4.0, 3.5, 1.0, 0.0])), [0.2, 0.4, 0.4, 1, 1])
    assert found.resolution == 0.2
    assert np.isnan(found.p(np.array([np.nan]))).all()
    assert found.p(np.array([[np.inf, -np.inf]])).tolist() == [[0.2, 1.0]]


@pytest.mark.parametrize("level", [0.01, 0.05, 0.1, 0.5])
def test_p_of_exchangeable_scores_is_uniform(level, rng):
    # Any distribution will do, so long as it is the same: here one of heavy tails.
    drawn = rng.standard_cauchy((4000, 100))
    below = sum(nulls(row[1:]).p(row[0]) <= level + 1e-12 for row in drawn)
    assert binomtest(int(below), 4000, level).pvalue > 1e-3


def test_ties_never_make_p_too_small(rng):
    drawn = rng.poisson(0.7, (4000, 50)).astype(float)
    p = np.array([float(nulls(row[1:]).p(row[0])) for row in drawn])
    for level in (0.02, 0.1, 0.3, 0.5):
        assert np.mean(p <= level) <= level + 3 * np.sqrt(level / 4000)
    # Counting ties for the score instead would do so: that is what the test must be able to see.
    generous = [(1 + np.sum(row[1:] > row[0])) / 50 for row in drawn]
    assert np.mean(np.array(generous) <= 0.1) > 0.15


def test_nothing_below_what_independent_frames_tell_is_quoted():
    found = nulls(np.arange(40.0), effective=9.0)
    assert found.least == pytest.approx(0.1)
    np.testing.assert_allclose(found.told(np.array([100.0, 30.0])), [0.1, 11 / 41])
    assert found.said(30.0) == "0.27"
    assert found.said(100.0) == (
        "not told, at most 0.1: 40 negated null frames count as 9.0, and none below 1/(N + 1) is "
        "quoted"
    )


def test_stars_are_independent_and_their_frames_are_not(rng):
    slow = np.repeat(rng.normal(size=8), 5)
    one = NullScores.of("negated-shifted", {"a": slow})
    both = NullScores.of("negated-shifted", {"a": slow, "b": slow + 1})
    assert one.effective < 20
    assert both.effective == pytest.approx(2 * one.effective)
    assert both.maxima.size == 80


def test_nulls_that_were_not_searched_are_refused():
    with pytest.raises(BadInput, match="1 of 2 scores are not numbers"):
        nulls([1.0, np.nan])
    with pytest.raises(BadInput, match="0 of 0 scores"):
        nulls([])


def test_the_rate_of_false_positives_has_the_bound_of_counts():
    rate, bound = nulls(np.arange(100.0)).rate(94.0)
    assert rate == 0.05
    assert bound == pytest.approx(chi2.ppf(0.95, 2 * 5 + 2) / 200)
    assert nulls(np.arange(100.0)).rate(1e3) == (0.0, pytest.approx(chi2.ppf(0.95, 2) / 200))


def test_discoveries_are_those_of_benjamini_and_hochberg(rng):
    p = np.concatenate([rng.uniform(0, 0.01, 5), rng.uniform(size=45)])
    found = benjamini_hochberg(p, 0.1, 1e-6)
    np.testing.assert_array_equal(found.found, false_discovery_control(p) <= 0.1)
    assert found.found.any()
    assert found.line == ""


def test_the_share_of_false_discoveries_is_kept(rng):
    share, power = [], []
    for _ in range(400):
        # Sixty frames, ten with a companion, all told by the same two thousand nulls.
        scores = rng.gumbel(size=60)
        scores[:10] += 5
        pool = nulls(rng.gumbel(size=2000))
        found = benjamini_hochberg(pool.p(scores), 0.2, pool.least).found
        share.append(found[10:].sum() / max(1, found.sum()))
        power.append(found[:10].mean())
    assert np.mean(share) < 0.2 * 50 / 60 + 3 * np.std(share) / 20
    assert np.mean(share) > 0.1
    assert np.mean(power) > 0.5


def test_where_few_nulls_can_make_no_discovery_it_says_so():
    found = benjamini_hochberg(np.full(200, 0.005), 0.1, 0.005)
    assert found.found.all()
    assert found.line == (
        "a single candidate among 200 cannot be told at a false discovery rate of 0.1: it needs "
        "p ≤ 0.0005, and the nulls tell 0.005 at the least; 10 candidates at that p would be, or "
        "one with 1999 independent null frames"
    )
    alone = benjamini_hochberg(np.r_[0.0, np.ones(199)], 0.1, 0.005)
    assert not alone.found.any()
    none = benjamini_hochberg(np.ones(5), 0.1, 0.5)
    assert "at the least; it takes 49 independent null frames" in none.line
    assert benjamini_hochberg(np.r_[0.0, np.ones(199)], 0.1, 1 / 2000).found[0]


@pytest.mark.parametrize(
    ("p", "share", "line"),
    [([0.1, np.nan], 0.1, "1 of 2 p-values are not numbers"), ([0.1], 1.0, "expected between")],
)
def test_what_cannot_be_told(p, share, line):
    with pytest.raises(BadInput, match=line):
        benjamini_hochberg(np.array(p), share, 0.01)


# Pools.


@pytest.mark.filterwarnings("ignore:p-value")
def test_the_statistic_is_that_of_scholz_and_stephens(rng):
    # SciPy tells it standardised, (A² − (k − 1)) / σ, with a σ that follows from the sizes.
    sizes = np.array([5, 8, 13])
    spread = []
    for _ in range(4):
        groups = [rng.normal(size=n) for n in sizes]
        label = np.repeat(np.arange(3), sizes)[np.argsort(np.concatenate(groups))]
        standard = anderson_ksamp(groups, variant="right").statistic
        spread.append((_anderson_darling(label, sizes) - 2) / standard)
    np.testing.assert_allclose(spread, spread[0], rtol=1e-9)
    assert spread[0] > 0


def test_stars_alike_are_pooled_and_others_are_not(rng):
    alike_stars = {f"s{i}": rng.gumbel(size=12) for i in range(10)}
    p = exchangeability(alike_stars, rng)
    assert p > 0.01
    found = pooled("s3", alike_stars, "negated", p, 0.01)
    assert (found.stars, found.nulls.maxima.size, found.line) == (10, 120, "")
    unlike = alike_stars | {"s3": rng.gumbel(size=12) + 4}
    p = exchangeability(unlike, rng)
    assert p < 0.01
    found = pooled("s3", unlike, "negated", p, 0.01)
    assert (found.stars, found.nulls.maxima.size) == (1, 12)
    assert found.line.startswith("negated nulls of 10 stars are not pooled: they are unlike (k-")


def test_a_difference_of_spread_is_seen_too(rng):
    assert alike([rng.normal(size=60), 4 * rng.normal(size=60)], rng) < 0.01


def test_the_test_refuses_alike_stars_as_rarely_as_it_says(rng):
    p = [alike([rng.gumbel(size=6) for _ in range(5)], rng) for _ in range(80)]
    assert kstest(p, "uniform").pvalue > 1e-3


def test_dependent_frames_are_thinned_before_they_are_tested(rng):
    slow = np.repeat(rng.normal(size=6), 8)
    assert thinned(slow).size <= 12
    np.testing.assert_array_equal(thinned(np.array([3.0])), [3.0])
    # Ten stars of the same distribution, each of whose frames are alike: no ground for refusal.
    stars = {f"s{i}": np.repeat(rng.normal(size=10), 3) for i in range(10)}
    assert exchangeability(stars, rng) > 0.01


def test_one_frame_a_star_tells_nothing_apart_and_is_pooled(rng):
    stars = {f"s{i}": rng.normal(size=1) for i in range(5)}
    p = exchangeability(stars, rng)
    assert np.isnan(p)
    assert pooled("s0", stars, "negated", p, 0.01).nulls.effective == 5
    alone = pooled("s0", {"s0": np.arange(4.0)}, "negated", float("nan"), 0.01)
    assert (alone.stars, alone.line) == (1, "no other star has nulls of this kind")
