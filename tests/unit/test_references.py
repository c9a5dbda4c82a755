"""Which frames may model which: displacement along the chord, and the nearest in angle."""

import numpy as np
import pytest

from exosift.psfsub.library import References

UP_AND_DOWN = np.array([0.0, 10.0, 20.0, 30.0, 20.0, 10.0, 0.0])


def test_without_a_threshold_every_frame_models_every_frame():
    assert References().usable(UP_AND_DOWN, 10.0, 4.0).all()


def test_the_threshold_is_on_the_chord_that_a_companion_moves():
    angle = np.array([0.0, 59.0, 61.0, 180.0])  # at radius 4 px the chord of 60° is 4 px
    usable = References(rotation=1.0).usable(angle, 4.0, 4.0)
    assert usable[0].tolist() == [False, False, True, True]
    at_limit = References(rotation=1.999).usable(angle, 4.0, 4.0)
    assert at_limit[0].tolist() == [False, False, False, True]  # no chord exceeds two radii
    wider = References(rotation=1.0).usable(angle, 8.0, 4.0)  # now that of 29° is
    assert wider[0].tolist() == [False, True, True, True]


def test_angles_wrap_around():
    angle = np.array([350.0, 10.0, -15.0, 375.0])
    usable = References(rotation=1.0).usable(angle, 10.0, 4.0)  # beyond 23.1°
    expected = [
        [False, False, False, True],
        [False, False, True, False],
        [False, True, False, True],
        [True, False, True, False],
    ]
    assert usable.tolist() == expected


def test_angles_need_not_be_monotonic():
    usable = References(rotation=0.8).usable(UP_AND_DOWN, 10.0, 4.0)  # beyond 18.4°
    assert usable[0].tolist() == [False, False, True, True, True, False, False]
    assert usable[1].tolist() == [False, False, False, True, False, False, False]
    assert usable[3].tolist() == [True, True, False, False, False, True, True]
    np.testing.assert_array_equal(usable, usable.T)


@pytest.mark.parametrize("rotation", [0.0, 0.8])
@pytest.mark.parametrize("nearest", [1, 2, 3])
def test_the_nearest_in_angle_are_kept_among_the_usable(nearest, rotation):
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 720, 30)
    wide = References(rotation).usable(angle, 10.0, 4.0)
    usable = References(rotation, nearest).usable(angle, 10.0, 4.0)
    apart = np.abs(np.angle(np.exp(1j * np.radians(angle[:, None] - angle))))
    for target in range(30):
        chosen = sorted(np.flatnonzero(wide[target]), key=lambda r: apart[target, r])[:nearest]
        assert np.flatnonzero(usable[target]).tolist() == sorted(chosen)


def test_fewer_usable_frames_than_asked_for_are_all_kept():
    usable = References(0.8, 100).usable(UP_AND_DOWN, 10.0, 4.0)
    np.testing.assert_array_equal(usable, References(0.8).usable(UP_AND_DOWN, 10.0, 4.0))
