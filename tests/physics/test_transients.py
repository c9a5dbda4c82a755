"""Cosmic rays among speckles, found in frames that were centred before."""

import numpy as np
import pytest

from exosift.calib.outliers import Outliers
from exosift.calib.registration import Registration
from exosift.compute.blocks import Block
from exosift.compute.registration import Frames, moved, place

FWHM = np.array([4.0])


@pytest.fixture
def struck(speckles, gaussian):
    """Steady speckles around a star that wanders, their noise, and rays (time, y, x) on some."""
    rng = np.random.default_rng(8)
    still = speckles(rng, 2, 81, FWHM[0], noise=0.0)[0]
    star = 40 + rng.integers(-2, 3, (24, 2)).astype(float)
    frames = np.stack([np.roll(still, (int(y) - 40, int(x) - 40), (0, 1)) for x, y in star])
    frames += [5000 * gaussian((81, 81), x, y, FWHM[0]) for x, y in star]
    frames += rng.normal(size=frames.shape)
    rays = np.zeros(frames.shape, dtype=bool)
    for time, (y, x) in enumerate(rng.integers(20, 60, (24, 2))):
        rays[time, y, x] = np.hypot(y - 40, x - 40) > 8
    return np.where(rays, frames + 60, frames).astype(np.float32)[None], rays, star


def through(cube, rule):
    """The centred frames, their mask, and the pixel that the star is on."""
    registration = Registration("gaussian", transients=rule)

    def read(span):
        return Block(cube[:, span], np.zeros(cube[:, span].shape, dtype=bool))

    frames = Frames(cube.shape, read)
    placed = place(frames, FWHM, registration)
    shape = (*cube.shape[:2], *(2 * [2 * placed.reach + 1]))
    out = Block(np.empty(shape, np.float32), np.empty(shape, dtype=bool))

    def write(span, block):
        out.cube[:, span], out.mask[:, span] = block.cube, block.mask

    moved(frames, placed, FWHM, registration.transients, write, 5)
    return out, placed.reach


def test_rays_are_filled_in_and_speckles_left_alone(struck):
    cube, rays, star = struck
    plain, reach = through(cube, None)
    done, _ = through(cube, Outliers())
    time, y, x = np.nonzero(rays)
    left, top = (star[time].astype(int) - reach).T
    at = (0, time, y - top, x - left)
    assert time.size > 15
    assert not plain.mask[at].any()
    assert done.mask[at].mean() > 0.9
    usual = np.median(plain.cube[0], axis=0)[at[2:]]
    assert np.median(np.abs(plain.cube[at] - usual)) > 40
    assert np.median(np.abs(done.cube[at] - usual)) < 5
    assert done.mask.sum() - done.mask[at].sum() < 1e-3 * done.mask.size
