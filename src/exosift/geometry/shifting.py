"""Shift frames by fractions of a pixel, exactly for band-limited images (Fourier shift theorem)."""

import numpy as np
from scipy import fft

from exosift import threads
from exosift.types import Bools, Floats


def shift(frames: Floats, displacement: Floats) -> Floats:
    """Move frames (time, y, x) by displacement (time, 2) = (x, y) [px].

    Pixels that were NaN, and what comes in from beyond the edges, are NaN; NaN does not spread. The
    frames are continued by their edge values, and NaN by the nearest value, so that neither rings.
    """
    unseen = np.isnan(frames)
    whole = continued(frames, unseen)
    reach = int(np.ceil(np.abs(displacement).max(initial=0.0))) + 8
    moved = np.empty_like(frames)

    def work(index: int) -> None:
        moved[index] = _moved(whole[index], displacement[index], reach)

    threads.over(work, range(len(frames)), products=False)
    moved[shift_mask(unseen, displacement)] = np.nan
    return moved


def _moved(frame: Floats, displacement: Floats, reach: int) -> Floats:
    """Frame (y, x) moved by displacement (2,) = (x, y) [px], with an edge of `reach` [px] about it.

    Its mean is set aside, so that a bright sky costs the transforms no precision.
    """
    level = frame.mean(dtype=np.float64).astype(frame.dtype)
    sides = [fft.next_fast_len(length + 2 * reach, real=True) for length in frame.shape]
    margin = [
        (reach, side - length - reach) for side, length in zip(sides, frame.shape, strict=True)
    ]
    spectrum = fft.rfft2(np.pad(frame - level, margin, mode="edge"))
    along_y = np.exp(-2j * np.pi * displacement[1] * fft.fftfreq(sides[0]))
    along_x = np.exp(-2j * np.pi * displacement[0] * fft.rfftfreq(sides[1]))
    spectrum *= along_y[:, None].astype(spectrum.dtype)
    spectrum *= along_x.astype(spectrum.dtype)
    height, width = frame.shape
    inside = (slice(reach, reach + height), slice(reach, reach + width))
    return np.asarray(fft.irfft2(spectrum, sides)[inside] + level)


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
