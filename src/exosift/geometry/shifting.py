"""Shift frames by fractions of a pixel, exactly for band-limited images (Fourier shift theorem)."""

import numpy as np
from scipy import fft

from exosift.types import Bools, Floats


def shift(frames: Floats, displacement: Floats) -> Floats:
    """Move frames (time, y, x) by displacement (time, 2) = (x, y) [px].

    Pixels that were NaN, and what comes in from beyond the edges, are NaN; NaN does not spread. The
    frames are continued by their edge values, and NaN by the nearest value, so that neither rings.
    """
    unseen = np.isnan(frames)
    reach = int(np.ceil(np.abs(displacement).max(initial=0.0))) + 8
    margin = [(0, 0), (reach, reach), (reach, reach)]
    padded = np.pad(continued(frames, unseen), margin, mode="edge")
    fy = fft.fftfreq(padded.shape[1])[:, None]
    fx = fft.rfftfreq(padded.shape[2])
    cycles = displacement[:, 1, None, None] * fy + displacement[:, 0, None, None] * fx
    spectrum = fft.rfft2(padded) * np.exp(-2j * np.pi * cycles)
    moved = fft.irfft2(spectrum, padded.shape[1:])[:, reach:-reach, reach:-reach]
    moved = np.asarray(moved, dtype=frames.dtype)
    moved[shift_mask(unseen, displacement)] = np.nan
    return moved


def continued(frames: Floats, unseen: Bools) -> Floats:
    """Frames (time, y, x) with every unseen pixel given the value of the nearest that was seen."""
    from scipy import ndimage  # slow to load, and most frames have no gaps

    filled = np.where(unseen, frames.dtype.type(0), frames)
    for frame, gaps in zip(filled, unseen, strict=True):
        if gaps.any() and not gaps.all():
            nearest = ndimage.distance_transform_edt(
                gaps, return_distances=False, return_indices=True
            )
            frame[gaps] = frame[tuple(nearest[:, gaps])]
    return filled


def shift_mask(mask: Bools, displacement: Floats) -> Bools:
    """Move a mask (time, y, x) to the nearest pixel; what comes in from outside is masked."""
    height, width = mask.shape[-2:]
    # Half a pixel rounds up everywhere: rounded to even, every second pixel would be lost.
    rows = np.floor(np.arange(height) - displacement[:, 1, None] + 0.5).astype(int)
    columns = np.floor(np.arange(width) - displacement[:, 0, None] + 0.5).astype(int)
    beyond_y = (rows < 0) | (rows >= height)
    beyond_x = (columns < 0) | (columns >= width)
    moved = mask[
        np.arange(len(mask))[:, None, None],
        rows.clip(0, height - 1)[:, :, None],
        columns.clip(0, width - 1)[:, None, :],
    ]
    return np.asarray(moved | beyond_y[:, :, None] | beyond_x[:, None, :])
