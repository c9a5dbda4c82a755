"""Fourier derotation against VIP's vip-fft: one sense of rotation, one result inside the field."""

import numpy as np
import pytest

from exosift.geometry.grid import radius_map
from exosift.geometry.rotation import derotate

pytestmark = pytest.mark.peers

# Not 45° itself: at odd multiples VIP 2.1.1 takes the wrong quarter turn with the right remainder.
ANGLES = np.array([0.0, 12.3, -33.7, 44.9, 61.0, -88.0, 90.0, 135.5, 181.0, 251.3, -190.0, 359.0])


def blobs(count, size=101):
    """Frames with a few Gaussians: band-limited, zero at the edges, not symmetric."""
    y, x = np.mgrid[:size, :size]
    frame = sum(
        flux * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * width**2))
        for x0, y0, width, flux in [(66.0, 52.0, 2.0, 1.0), (44.3, 61.8, 3.0, -0.4)]
    )
    return np.repeat(frame[None], count, axis=0)


def test_band_limited_images_agree_at_any_angle(vip):
    frames = blobs(len(ANGLES))
    ours = derotate(frames, ANGLES)
    theirs = vip("preproc.cube_derotate", frames, ANGLES, nproc=1)
    inside = radius_map(frames.shape) < 45

    assert np.abs(ours - theirs)[:, inside].max() < 1e-6 * frames.std()


def test_a_source_lands_where_vip_puts_it(vip):
    frames = np.maximum(blobs(len(ANGLES)), 0.0)
    ours = derotate(frames, ANGLES)
    theirs = vip("preproc.cube_derotate", frames, ANGLES, nproc=1)

    for mine, peers in zip(ours, theirs, strict=True):
        assert np.nanargmax(mine) == np.argmax(peers)


@pytest.mark.real_data
def test_real_frames_agree_in_single_precision(vip, betapic):
    ours = derotate(betapic.cube, betapic.angle)
    theirs = vip("preproc.cube_derotate", betapic.cube, betapic.angle, nproc=1)
    inside = radius_map(betapic.cube.shape) < 45

    # Real frames are not band-limited and do not end at their edges: here the two differ, by what
    # each lets ring around (VIP does not pad; we are within 6e-5 of an endless sinc).
    apart = np.abs(ours - theirs)[:, inside] / betapic.cube.std()
    assert ours.dtype == np.float32
    assert np.median(apart.max(axis=1)) < 5e-4
    assert np.percentile(apart, 98) < 5e-4
    assert np.sqrt(np.mean(apart**2)) < 2e-4
    assert apart.max() < 1e-3
