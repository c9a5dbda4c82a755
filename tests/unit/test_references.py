"""Which frames may model which: displacement, the nearest, the most alike, other stars."""

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.psfsub.gram import CentredFrames, gram
from exosift.psfsub.library import References, displacement
from exosift.psfsub.stack import Rows

UP_AND_DOWN = np.array([0.0, 10.0, 20.0, 30.0, 20.0, 10.0, 0.0])


def test_without_a_threshold_every_frame_models_every_frame():
    assert References().usable(Rows.of(UP_AND_DOWN), 10.0, 4.0).all()


def test_the_threshold_is_on_the_chord_that_a_companion_moves():
    angle = np.array([0.0, 59.0, 61.0, 180.0])  # at radius 4 px the chord of 60° is 4 px
    usable = References(movement=1.0).usable(Rows.of(angle), 4.0, 4.0)
    assert usable[0].tolist() == [False, False, True, True]
    at_limit = References(movement=1.999).usable(Rows.of(angle), 4.0, 4.0)
    assert at_limit[0].tolist() == [False, False, False, True]  # no chord exceeds two radii
    wider = References(movement=1.0).usable(Rows.of(angle), 8.0, 4.0)  # now that of 29° is
    assert wider[0].tolist() == [False, True, True, True]


def test_angles_wrap_around():
    angle = np.array([350.0, 10.0, -15.0, 375.0])
    usable = References(movement=1.0).usable(Rows.of(angle), 10.0, 4.0)  # beyond 23.1°
    expected = [
        [False, False, False, True],
        [False, False, True, False],
        [False, True, False, True],
        [True, False, True, False],
    ]
    assert usable.tolist() == expected


def test_angles_need_not_be_monotonic():
    usable = References(movement=0.8).usable(Rows.of(UP_AND_DOWN), 10.0, 4.0)  # beyond 18.4°
    assert usable[0].tolist() == [False, False, True, True, True, False, False]
    assert usable[1].tolist() == [False, False, False, True, False, False, False]
    assert usable[3].tolist() == [True, True, False, False, False, True, True]
    np.testing.assert_array_equal(usable, usable.T)


@pytest.mark.parametrize("movement", [0.0, 0.8])
@pytest.mark.parametrize("nearest", [1, 2, 3])
def test_the_nearest_in_angle_are_kept_among_the_usable(nearest, movement):
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 720, 30)
    wide = References(movement).usable(Rows.of(angle), 10.0, 4.0)
    usable = References(movement, nearest).usable(Rows.of(angle), 10.0, 4.0)
    apart = np.abs(np.angle(np.exp(1j * np.radians(angle[:, None] - angle))))
    for target in range(30):
        chosen = sorted(np.flatnonzero(wide[target]), key=lambda r: apart[target, r])[:nearest]
        assert np.flatnonzero(usable[target]).tolist() == sorted(chosen)


def test_fewer_usable_frames_than_asked_for_are_all_kept():
    usable = References(0.8, 100).usable(Rows.of(UP_AND_DOWN), 10.0, 4.0)
    np.testing.assert_array_equal(usable, References(0.8).usable(Rows.of(UP_AND_DOWN), 10.0, 4.0))


CHANNELS = np.repeat([1.0, 1.5], 3)  # two wavelengths, three exposures each
IFS = Rows(
    np.tile([0.0, 30.0, 60.0], 2), CHANNELS, np.tile(np.arange(3), 2), np.ones(6, dtype=bool)
)


def test_movement_with_wavelength_is_that_of_the_companion_between_aligned_frames():
    def place(angle, stretch):
        """Of a companion at radius 10 of the target's frame, in a frame turned and stretched."""
        return stretch * 10 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])

    moved = displacement(IFS, 10.0)
    for target in range(6):
        for other in range(6):
            turned = IFS.angle[target] - IFS.angle[other]
            stretch = CHANNELS[target] / CHANNELS[other]
            expected = np.linalg.norm(place(turned, stretch) - place(0.0, 1.0))
            assert moved[target, other] == pytest.approx(expected)


def test_the_threshold_holds_for_rotation_and_wavelength_together():
    # From 1.0 to 1.5 the companion moves by 10/3 px or 5 px without rotation.
    usable = References(1.0, wavelengths="all").usable(IFS, 10.0, 4.0)
    assert usable[0].tolist() == [False, True, True, False, True, True]
    assert usable[3].tolist() == [True, True, True, False, True, True]


def test_other_wavelengths_of_the_same_exposure_alone():
    usable = References(0.5, own="exposure", wavelengths="all").usable(IFS, 10.0, 4.0)
    np.testing.assert_array_equal(usable, np.eye(6, k=3, dtype=bool) | np.eye(6, k=-3, dtype=bool))


TWO_STARS = Rows(
    np.array([0.0, 40.0, 0.0, 1.0]), np.ones(4), np.array([0, 1, 0, 1]), np.arange(4) < 2
)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("all", [[False, True, True, True], [True, False, True, True]]),
        ("none", [[False, False, True, True]] * 2),
    ],
)
def test_other_stars_need_not_have_moved(own, expected):
    references = References(1.0, nearest=5, own=own, stars=("*/*",))
    assert references.usable(TWO_STARS, 10.0, 4.0).tolist() == expected


def test_the_most_correlated_are_kept_whatever_their_brightness():
    rng = np.random.default_rng(3)
    pattern = rng.normal(size=400)
    similarity = np.array([1.0, 0.2, 0.9, 0.5, 0.7])
    noise = rng.normal(size=(5, 400))
    scales = np.array([1.0, 50.0, 0.1, 9.0, 3.0])[:, None]
    frames = (
        scales * (similarity[:, None] * pattern + (1 - similarity)[:, None] * noise) + 7 * scales
    )
    products = gram(CentredFrames.of(frames))
    usable = np.ones((1, 5), dtype=bool)
    usable[0, 0] = False
    for count, expected in [(1, [2]), (2, [2, 4]), (3, [2, 3, 4]), (9, [1, 2, 3, 4])]:
        kept = References(correlated=count).most_correlated(products, usable)
        assert np.flatnonzero(kept[0]).tolist() == expected
    assert References().most_correlated(products, usable) is usable


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"movement": -1.0}, "movement is -1 FWHM, expected 0 or more"),
        ({"nearest": 0}, "nearest is 0, expected 1 or more"),
        ({"correlated": -2}, "correlated is -2, expected 1 or more"),
        ({"own": "none"}, "own is none, and no stars are named: no reference is left"),
        (
            {"own": "exposure"},
            "own is exposure: its other wavelengths need `wavelengths: all`",
        ),
    ],
)
def test_references_that_cannot_be_meant_are_refused(given, message):
    with pytest.raises(BadInput) as refused:
        References(**given)
    assert str(refused.value) == message
