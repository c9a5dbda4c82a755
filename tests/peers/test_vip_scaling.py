"""Fourier rescaling against VIP's vip-fft: one sense, one flux, one result inside the field."""

import numpy as np
import pytest

from exosift.geometry.scaling import rescale

pytestmark = pytest.mark.peers

SIZE = 101
# VIP pads odd frames to an even side and rounds factors to ratios of even sides: these are such.
FACTORS = [(SIZE + 1 + step) / (SIZE + 1) for step in (-30, -12, 0, 8, 20, 46)]


def blobs(size=SIZE):
    """A few Gaussians: band-limited, zero at the edges, not symmetric."""
    y, x = np.mgrid[:size, :size]
    return sum(
        flux * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * width**2))
        for x0, y0, width, flux in [(66.0, 52.0, 3.0, 1.0), (44.3, 61.8, 4.0, -0.4)]
    )


@pytest.mark.parametrize("factor", FACTORS)
def test_band_limited_images_agree(vip, factor):
    ours = rescale(blobs()[None], np.array([factor]))[0]
    theirs = vip("preproc.frame_rescaling", blobs(), scale=factor)
    seen = np.isfinite(ours)

    assert seen.mean() == pytest.approx(min(1, factor) ** 2, abs=0.03)
    assert np.abs(ours - theirs)[seen].max() < 1e-6 * np.abs(theirs).max()
    assert np.unravel_index(np.nanargmax(ours), ours.shape) == np.unravel_index(
        np.argmax(theirs), theirs.shape
    )


@pytest.mark.parametrize("factor", [0.83, 1.17])
def test_any_factor_agrees_to_vips_rounding_of_it(vip, factor):
    ours = rescale(blobs()[None], np.array([factor]))[0]
    theirs = vip("preproc.frame_rescaling", blobs(), scale=factor)

    assert np.nanmax(np.abs(ours - theirs)) < 2e-3 * np.abs(theirs).max()


@pytest.mark.real_data
@pytest.mark.parametrize("factor", [FACTORS[1], FACTORS[4]])
def test_real_frames_agree_away_from_the_edges(vip, betapic, factor):
    frames = betapic.cube[[0, 30], :SIZE, :SIZE]
    ours = rescale(frames, np.full(2, factor))
    theirs = np.stack([vip("preproc.frame_rescaling", frame, scale=factor) for frame in frames])
    reach = int(SIZE / 2 * min(1, factor)) - 12
    inside = slice(SIZE // 2 - reach, SIZE // 2 + reach + 1)
    apart = (ours - theirs)[:, inside, inside]

    # What differs is the edge, which VIP lets ring (it wraps frames around, zeros beyond).
    assert np.std(apart) < 5e-3 * np.std(theirs)
