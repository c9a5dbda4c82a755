"""Calibration: whether p-values are what they say, on stars known to have no companion."""

import numpy as np
import pytest
from scipy.stats import binom

from exosift.errors import BadInput
from exosift.learn.calibration import Calibration, calibrations, told
from exosift.limits.stars import Trials
from exosift.limits.trials import Alarms, Trial

BIN = (2.0, 4.0)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def trials(true, others, kind="negated"):
    """Trials of one method on stars: maxima of their true frame, and of their null frames."""

    def alarms(maxima):
        return Alarms(np.empty(0), np.empty(0, int), np.asarray(maxima, float))

    none = np.empty(0), np.empty(0, int)
    stars = [
        (Trial(*none, 6, 50.0, {"true": alarms([score]), kind: alarms(nulls)}),)
        for score, nulls in zip(true, others, strict=True)
    ]
    names = tuple(f"S{i}/1" for i in range(len(stars)))
    return Trials(names, (BIN,), {"snr": tuple(stars)})


def test_each_star_is_told_by_all_others():
    scores, nulls = np.array([2.5, 9.0]), [np.array([1.0, 3.0, 3.0]), np.array([2.0, 4.0])]
    p, frames = told(scores, nulls, "others")
    np.testing.assert_allclose(p, [2 / 3, 1 / 4])  # of 2, 4; of 1, 3, 3
    np.testing.assert_array_equal(frames, [2, 3])
    p, frames = told(scores, nulls, "own")
    np.testing.assert_allclose(p, [3 / 4, 1 / 3])
    np.testing.assert_array_equal(frames, [3, 2])
    p, frames = told(np.array([1.0, 5.0, 2.0, 0.0]), [np.array([s]) for s in (1, 5, 2, 0)], "half")
    np.testing.assert_allclose(p, [1 / 3, 1.0])  # 5 and 0, of 1 and 2
    np.testing.assert_array_equal(frames, [2, 2])


def test_calibration_holds_where_null_frames_are_like_the_true_ones(rng):
    made = trials(rng.gumbel(size=300), rng.gumbel(size=(300, 4)))
    for one in calibrations(made):
        assert one.found.holds.all(), one
        low, high = one.found.interval
        assert (low <= one.found.expected).all()
        assert (one.found.expected <= high).all()
    assert [(c.kind, c.whose) for c in calibrations(made)] == [
        ("true", "half"),
        ("negated", "others"),
        ("negated", "own"),
    ]


def test_null_frames_that_are_too_quiet_are_found_out(rng):
    made = trials(rng.gumbel(size=300) + 1.0, rng.gumbel(size=(300, 4)))
    others = next(one.found for one in calibrations(made) if one.whose == "others")
    assert not others.holds[1:].any()
    assert (others.share > others.expected).all()


def test_true_frames_told_by_all_others_would_be_even_whatever_they_are(rng):
    # Why they are told by half: ranks of any scores are even.
    scores = rng.standard_cauchy(200) ** 3
    p, _ = told(scores, [np.array([s]) for s in scores], "others")
    np.testing.assert_allclose(np.sort(p), np.arange(1, 201) / 200)


def test_the_interval_is_binomial_and_knows_the_steps_of_p():
    p = np.linspace(0, 1, 200)
    one = Calibration(p, np.full(200, 40), 40.0, np.array([0.01, 0.1]))
    np.testing.assert_allclose(one.expected, [0.0, 4 / 41])  # 41 steps: none at 0.01
    np.testing.assert_allclose(one.interval[0][1], binom.ppf(0.025, 200, 4 / 41) / 200)
    assert one.interval[1][0] == 0
    assert one.share[1] == pytest.approx(0.1)


def test_null_frames_that_all_stars_share_scatter_too(rng):
    # 400 surveys of 50 stars told by the same 99 frames each: the wide interval holds, the
    # binomial one does not.
    level, inside = np.array([0.1]), []
    for _ in range(400):
        nulls = np.sort(rng.random(99))
        p = (1 + 99 - np.searchsorted(nulls, rng.random(50))) / 100
        one = Calibration(p, np.full(50, 99), 99.0, level)
        inside.append([a <= one.share <= b for a, b in (one.interval, one.interval_shared)])
        if len(inside) == 1:
            wide = one.interval_shared
    shares = np.mean(inside, axis=0).ravel()
    assert shares[0] < 0.93
    assert 0.94 < shares[1] < 0.99
    alone = Calibration(p, np.full(50, 99), np.inf, level)
    assert alone.interval_shared == alone.interval
    assert wide[1] > alone.interval[1]


def test_one_star_tells_no_calibration():
    with pytest.raises(BadInput, match="told by many stars, and there is 0"):
        calibrations(trials([1.0], [[0.0, 1.0]]))
