"""Null frames: what the wrong angles leave of a companion, and how many frames they count as."""

import numpy as np
import pytest
from scipy.signal import lfilter

from exosift.errors import BadInput
from exosift.limits.nulls import Nulls, effective_number, null_angles
from exosift.photometry.injection import Companion, inject
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import image

ANGLE = np.linspace(-40.0, 41.0, 30)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_angles_of_each_kind(rng):
    np.testing.assert_array_equal(null_angles(ANGLE, "negated", 9, rng), [-ANGLE])
    every = null_angles(ANGLE, "negated-shifted", 100, rng)
    assert len(every) == 29
    np.testing.assert_array_equal(every[0], -np.roll(ANGLE, 1))
    np.testing.assert_array_equal(every[-1], -np.roll(ANGLE, -1))
    some = null_angles(ANGLE, "shifted", 5, rng)
    shifts = [int(np.flatnonzero(one == ANGLE[0])[0]) for one in some]
    assert shifts == [1, 8, 15, 22, 29]
    np.testing.assert_array_equal(some[1], np.roll(ANGLE, 8))
    np.testing.assert_array_equal(null_angles(ANGLE, "true", 9, rng), [ANGLE])
    mixed = null_angles(ANGLE, "permuted", 3, rng)
    assert mixed.shape == (3, 30)
    np.testing.assert_array_equal(np.sort(mixed, axis=1), [ANGLE] * 3)
    assert not np.array_equal(mixed[0], mixed[1])


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        ("negated", 0, 0.2),
        ("negated-shifted", 0, 0.2),
        ("permuted", 0, 0.3),
        ("shifted", 0.6, 1.01),
    ],
)
def test_only_shifts_of_the_true_angles_leave_the_companion(kind, least, most, rng, as_sequence):
    empty = as_sequence(np.zeros((30, 61, 61)), ANGLE, 4.0)
    there = inject(empty, [Companion(20.0, 70.0, (1.0,))])
    reduction = Reduction(combination="mean")

    def peak(angle):
        return np.nanmax(image(there.cube[0], angle, reduction))

    left = max(peak(angle) for angle in null_angles(ANGLE, kind, 2, rng)) / peak(ANGLE)
    assert least <= left <= most


def test_shifts_are_refused_where_a_planet_may_be():
    with pytest.raises(BadInput, match="a null on planet-free data only"):
        Nulls(kinds=("shifted",))
    with pytest.raises(BadInput, match="`true` leaves all of a companion"):
        Nulls(kinds=("true",))
    assert Nulls(kinds=("shifted",), planet_free=True).kinds == ("shifted",)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"kinds": ()}, "kinds are none; name some"),
        ({"kinds": ("negated", "negated")}, "each once"),
        ({"count": 0}, "count is 0 null frames"),
    ],
)
def test_bad_settings(given, line):
    with pytest.raises(BadInput, match=line):
        Nulls(**given)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_effective_number_of_an_autoregressive_series(memory, rng):
    found = [effective_number(lfilter([1], [1, -memory], rng.normal(size=4000))) for _ in range(10)]
    assert np.mean(found) == pytest.approx(4000 * (1 - memory) / (1 + memory), rel=0.1)


@pytest.mark.parametrize("memory", [0.5, 0.8])
def test_effective_number_of_few_frames_is_not_too_large(memory, rng):
    series = lfilter([1], [1, -memory], rng.normal(size=(300, 140)))[:, 100:]
    lag = np.arange(1, 40)
    expected = 40 / (1 + 2 * np.sum((1 - lag / 40) * memory**lag))
    assert np.median([effective_number(one) for one in series]) == pytest.approx(expected, rel=0.15)


def test_frames_that_are_all_alike_count_as_one():
    assert effective_number(np.full(20, 3.0)) == 1
    assert effective_number(np.repeat([0.0, 1.0], 10)) < 4
