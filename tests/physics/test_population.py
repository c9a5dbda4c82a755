"""Populations of simulated stars: each its own, made again from its name, slow or fast speckles."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.errors import BadInput, Failed
from exosift.simulate.population import Fold, Population, observed, rotation_of, scene_of
from exosift.simulate.scene import Simulation

SCENE = Simulation(size=41, psf_size=21, frames=10, pupil_pixels=32, residual_screens=2)
STARS = Population(
    3,
    "S",
    SCENE,
    even={"declination": (-60.0, 0.0), "frames": (8, 12)},
    logarithmic={"drifting_rms": (20.0, 200.0)},
    rotation=(20.0, 120.0),
)


@pytest.fixture(scope="module")
def star():
    return observed(STARS, "S-002", 7)


def test_a_star_is_made_again_from_seed_and_name_alone(star):
    again, scene = observed(STARS, "S-002", 7)
    np.testing.assert_array_equal(again.cube, star[0].cube)
    assert scene == star[1]
    assert again.label == "S-002/1"
    for other in (("S-003", 7), ("S-002", 8)):
        assert observed(STARS, *other)[1] != scene


def test_what_varies_stays_in_its_range_and_what_does_not_stays(star):
    scenes = [scene_of(STARS, np.random.default_rng(i)) for i in range(200)]
    for name, (low, high) in {**STARS.even, **STARS.logarithmic}.items():
        values = np.array([getattr(scene, name) for scene in scenes])
        assert (low <= values).all()
        assert (values <= high).all()
        assert np.ptp(values) > 0.5 * (high - low)
    drift = np.log([scene.drifting_rms for scene in scenes])
    assert np.mean(drift) == pytest.approx(np.log(np.sqrt(20 * 200)), abs=0.2)
    assert all(isinstance(scene.frames, int) for scene in scenes)
    assert all(20 <= rotation_of(scene) <= 120 for scene in scenes)
    assert {scene.static_rms for scene in scenes} == {SCENE.static_rms}
    assert np.ptp(np.unwrap(star[0].angle, period=360)) == pytest.approx(
        rotation_of(star[1]), rel=1e-6
    )


def test_a_sequence_is_ready_to_reduce(star):
    sequence, scene = star
    assert sequence.cube.shape == (1, scene.frames, 41, 41)
    assert sequence.observation.star == (20.0, 20.0)
    assert 2.5 < sequence.observation.fwhm[0] < 5
    assert sequence.psf.shape == (1, 21, 21)
    # The star stands on the middle pixel: the mean frame is as bright on either side.
    mean = sequence.cube[0].mean(axis=0)
    lean = [(mean[20:, :].sum() - mean[:21, :].sum()), (mean[:, 20:].sum() - mean[:, :21].sum())]
    assert np.abs(lean).max() < 0.25 * np.abs(mean).sum()


def test_slow_speckles_outlast_the_frames():
    # Drifting aberrations leave neighbouring frames alike; those of the adaptive optics do not.
    def alike(**scene):
        one = observed(
            replace(STARS, even={}, logarithmic={}, scene=replace(SCENE, **scene)), "x", 1
        )
        frames = one[0].cube[0] - one[0].cube[0].mean(axis=0)
        return (frames[1:] * frames[:-1]).mean() / (frames**2).mean()

    slow = alike(drifting_rms=150.0, residual_rms=20.0, correlation_time=8000.0)
    fast = alike(drifting_rms=5.0, residual_rms=180.0)
    assert slow > 0.4
    assert abs(fast) < 0.2


def test_folds_share_the_stars_out():
    names = replace(STARS, count=11).names
    parts = [Fold(i, 4).of(names) for i in range(1, 5)]
    assert sorted(name for part in parts for name in part) == names
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    with pytest.raises(BadInput, match="fold 5 of 4: expected 1 to 4"):
        Fold(5, 4)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"count": 0}, "count is 0 stars"),
        (
            {"even": {"size": (41, 51)}},
            "even.size: no parameter of a scene that stars may differ in",
        ),
        ({"even": {"sise": (41, 51)}}, "even.sise: no parameter"),
        ({"even": {"latitude": (5, 1)}}, "even.latitude is from 5 to 1, expected to rise"),
        ({"logarithmic": {"latitude": (-5, 1)}}, "logarithmic.latitude is from -5 to 1"),
        (
            {"even": {"leakage": (0, 1)}, "logarithmic": {"leakage": (0.1, 1)}},
            "leakage is both even and logarithmic",
        ),
    ],
)
def test_bad_settings(given, line):
    with pytest.raises(BadInput, match=line):
        Population(**given)


def test_a_rotation_that_never_comes_about_fails():
    with pytest.raises(Failed, match="no scene of 1000 turns by 350 to 360°"):
        scene_of(replace(STARS, rotation=(350.0, 360.0)), np.random.default_rng(0))
