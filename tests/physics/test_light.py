"""Light on the detector at given places: the coronagraph's leakage, failures, drift."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.photometry.psf import fit_gaussian
from exosift.simulate.light import Pointing, light
from exosift.simulate.scene import Simulation

SCENE = Simulation(pupil_pixels=32, psf_size=21, residual_screens=6)
SIZE = 60
FRAMES = 4


def seen(**changes):
    """Frames (time, y, x) and PSFs of a star at rest, but for the changes."""
    usual = Pointing(
        elapsed=60.0 * np.arange(FRAMES),
        axis=np.tile([30.0, 27.0], (FRAMES, 1)),
        sources=np.zeros((1, FRAMES, 2)),
        leakage=np.zeros(FRAMES),
        blur=np.ones(FRAMES),
        arriving=np.ones(FRAMES),
    )
    fluxes = changes.pop("fluxes", [1.0])
    pointing = replace(usual, **changes)
    rng = np.random.default_rng(3)
    return light(SCENE, SIZE, pointing, np.array(fluxes), rng, lambda *_: None)


def test_without_a_coronagraph_the_star_is_its_psf():
    frames, psf = seen(leakage=np.ones(FRAMES))
    np.testing.assert_allclose(frames[:, 17:38, 20:41], psf, rtol=1e-4, atol=1e-8)


def test_leakage_is_a_share():
    none, half, all_ = (seen(leakage=np.full(FRAMES, share))[0] for share in (0, 0.5, 1))
    np.testing.assert_allclose(half, (none + all_) / 2, rtol=1e-4, atol=1e-8)
    assert none[:, 27, 30].max() < 0.1 * all_[:, 27, 30].min()


def test_star_stands_at_its_place_off_the_axis_too():
    axis = np.array([[30.0, 27.0], [30.4, 26.7], [24.8, 33.1], [33.3, 29.9]])
    slip = np.array([[[0, 0], [0.1, -0.2], [0, 0], [3.0, -2.5]]])
    frames, _ = seen(axis=axis, sources=slip, leakage=np.ones(FRAMES))
    for frame, place in zip(frames, axis + slip[0], strict=True):
        found = fit_gaussian(frame, tuple(place), 3.5, 2.5)
        assert found.centre == pytest.approx(tuple(place), abs=0.06)  # aberrations


def test_companion_is_as_bright_as_its_contrast():
    apart = np.zeros((2, FRAMES, 2))
    apart[1] = [12.0, 0.0]
    alone, psf = seen()
    both, _ = seen(sources=apart, fluxes=[1.0, 0.01])
    np.testing.assert_allclose(
        (both - alone)[:, 24:31, 39:46], 0.01 * psf[:, 7:14, 7:14], rtol=0.1, atol=2e-5
    )


def test_open_loop_spreads_the_star_and_lost_light_is_lost():
    blur, arriving = np.array([1.0, 6.0, 1.0, 1.0]), np.array([1.0, 1.0, 0.3, 1.0])
    usual, _ = seen(leakage=np.ones(FRAMES))
    frames, _ = seen(leakage=np.ones(FRAMES), blur=blur, arriving=arriving)
    assert frames[1].max() < 0.2 * usual[1].max()
    np.testing.assert_allclose(frames[2], 0.3 * usual[2], rtol=1e-4)
    np.testing.assert_array_equal(frames[0], usual[0])


@pytest.mark.parametrize("leakage", [-0.1, 1.2])
def test_leakage_that_cannot_be(leakage):
    with pytest.raises(BadInput, match=f"leakage is {leakage:g}, expected a share from 0 to 1"):
        Simulation(leakage=leakage)
