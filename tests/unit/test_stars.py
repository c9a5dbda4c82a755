"""Trials of many stars: joined, kept in a file, and told at the rates asked for."""

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.io.trials import read_trials, write_trials
from exosift.limits.comparison import Comparison, Contestant
from exosift.limits.nulls import Nulls
from exosift.limits.roc import Intervals
from exosift.limits.stars import Trials, at_rates, together, verdicts
from exosift.limits.trials import Alarms, Trial

BINS = ((2.0, 4.0), (4.0, 6.0))
ASKED = Comparison(
    methods=(Contestant("pca", rank=1), Contestant("pca", rank=2), Contestant("other")),
    reference=Contestant("pca", rank=1),
    bins=BINS,
    nulls=Nulls(("true", "negated"), planet_free=True),
    rates=(0.05, 1.0),
    intervals=Intervals(resamples=50),
)


def star(rng, shift, kinds=("true", "negated")):
    """A star whose companions stand out by `shift` in each bin."""

    def alarms():
        score = rng.normal(size=3)
        return Alarms(score, rng.integers(6, size=3), np.array([score.max()]))

    return tuple(
        Trial(
            shift + rng.normal(size=2),
            rng.integers(6, size=2),
            6,
            50.0,
            {kind: alarms() for kind in kinds},
        )
        for _ in BINS
    )


@pytest.fixture(scope="module")
def survey():
    rng = np.random.default_rng(2)
    of = {
        name: tuple(star(rng, shift) for _ in range(60))
        for name, shift in (("pca 1", 0.5), ("pca 2", 1.5), ("other", 3.0))
    }
    return Trials(tuple(f"S{i}/1" for i in range(60)), BINS, of)


def part(survey, first, last):
    of = {name: some[first:last] for name, some in survey.of.items()}
    return Trials(survey.stars[first:last], survey.bins, of)


def test_stars_judged_apart_are_joined_as_if_together(survey):
    parts = [part(survey, 0, 20), part(survey, 20, 21), part(survey, 21, 60)]
    found = together(parts)
    assert found.stars == survey.stars
    for a, b in zip(verdicts(found, ASKED), verdicts(survey, ASKED), strict=True):
        assert (a.method, a.bounds, a.kind) == (b.method, b.bounds, b.kind)
        np.testing.assert_array_equal(a.roc.tpr, b.roc.tpr)
        np.testing.assert_array_equal(a.roc.block_low, b.roc.block_low)


def test_a_star_is_judged_once_and_by_the_same_methods(survey):
    with pytest.raises(BadInput, match="S5/1 is judged twice"):
        part(survey, 0, 10).joined(part(survey, 5, 12))
    fewer = Trials(("X/1",), BINS, {"pca 1": survey.of["pca 1"][:1]})
    with pytest.raises(BadInput, match="trials of S0/1 and X/1 are of other bins or methods"):
        survey.joined(fewer)
    with pytest.raises(BadInput, match="pca 1: not judged on all 2 stars"):
        Trials(("X/1", "Y/1"), BINS, {"pca 1": survey.of["pca 1"][:1]})


def test_trials_come_back_from_their_file(survey, tmp_path):
    path = tmp_path / "trials.npz"
    write_trials(path, survey, {"seed": 4})
    found, settings = read_trials(path)
    assert settings == {"seed": 4}
    assert (found.stars, found.bins, list(found.of)) == (survey.stars, BINS, list(survey.of))
    for name, some in survey.of.items():
        for a, b in zip(some, found.of[name], strict=True):
            for one, other in zip(a, b, strict=True):
                np.testing.assert_array_equal(one.hit, other.hit)
                np.testing.assert_array_equal(one.block, other.block)
                assert (one.blocks, one.elements) == (other.blocks, other.elements)
                for kind, alarms in one.alarms.items():
                    for field in ("score", "block", "maxima"):
                        expected = getattr(alarms, field)
                        np.testing.assert_array_equal(getattr(other.alarms[kind], field), expected)


@pytest.mark.parametrize("content", [b"", b"PK no archive", b"\x93NUMPY"])
def test_another_file_is_refused(content, tmp_path):
    path = tmp_path / "trials.npz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"no trials .*; make them by `exosift judge`"):
        read_trials(path)


def test_the_best_rank_is_the_baseline_of_the_gain(survey):
    told = at_rates(survey, ASKED)
    assert len(told) == 3 * 2 * 2 * 2
    for bounds in BINS:
        some = {one.method: one for one in told if one.bounds == bounds and one.rate == 0.05}
        assert [name for name, one in some.items() if one.best] == ["pca 2", "other"]
        assert some["pca 2"].gain == (1.0, 1.0, 1.0)
        other = some["other"]
        assert other.gain[0] == pytest.approx(other.roc.tpr[0] / some["pca 2"].roc.tpr[0])
        assert 1 < other.gain[1] < other.gain[0] < other.gain[2]
        assert some["pca 1"].gain[0] < 1
        assert other.roc.frames == 60


def test_a_rate_that_the_nulls_do_not_tell_has_a_line_instead(survey):
    few = part(survey, 0, 10)
    told = [one for one in at_rates(few, ASKED) if one.rate == 0.05]
    assert all(one.roc is None and not one.best for one in told)
    assert told[0].line.startswith("0.05 false positives a frame: true nulls count as 10.0 frames")
