"""Injection against VIP's cube_inject_companions on β Pic: one place, one sense, one flux."""

import numpy as np
import pytest

from exosift.geometry.grid import centre_of
from exosift.photometry.injection import Companion, inject
from exosift.photometry.psf import normalised_psf
from exosift.sequence import Observation, Sequence

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

FLUX = 250.0


@pytest.fixture(scope="module")
def sequence(betapic_registered):
    seen = betapic_registered
    psf, fwhm, _ = normalised_psf(seen.psf)
    frames = np.nan_to_num(seen.cube)
    star = centre_of(frames.shape)
    return Sequence(
        cube=frames[None],
        angle=seen.angle,
        psf=psf[None],
        wavelength=np.array([3.8]),
        mjd=np.arange(len(frames), dtype=float),
        mask=np.zeros((1, *frames.shape), bool),
        observation=Observation("beta Pic", "e", "NACO", "L'", 27.19, (fwhm,), star, star),
    )


@pytest.mark.parametrize("place", [(16.6, 31.0), (16.6, 211.0), (29.3, 123.4), (6.0, 300.0)])
def test_light_falls_where_vip_puts_it(vip, sequence, place):
    separation, position_angle = place
    ours = inject(sequence, [Companion(separation, position_angle, (FLUX,))]).cube[0]
    # VIP's angles run counter-clockwise from +x.
    theirs = vip(
        "fm.cube_inject_companions",
        *(sequence.cube[0], sequence.psf[0], sequence.angle, FLUX, [separation]),
        theta=position_angle + 90,
    )
    before = sequence.cube[0]
    light, expected = (ours - before).astype(float), (theirs - before).astype(float)
    y, x = np.mgrid[: before.shape[1], : before.shape[2]]
    peak = expected.max()

    for mine, peers in zip(light, expected, strict=True):
        middle = np.unravel_index(np.argmax(peers), peers.shape)
        core = np.hypot(y - middle[0], x - middle[1]) < 12
        # Beyond it the template ends on a few bright pixels, of which VIP loses the outermost.
        assert np.abs(mine - peers)[core].max() < 5e-4 * peak
        for axis in (x, y):
            centres = [np.average(axis[core], weights=image[core]) for image in (mine, peers)]
            assert centres[0] == pytest.approx(centres[1], abs=2e-3)
        assert mine[core].sum() == pytest.approx(peers[core].sum(), rel=1e-3)
