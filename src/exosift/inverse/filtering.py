"""High-pass filtering of frames and PSF alike, so that the star's halo does not drown the noise."""

import numpy as np
from scipy import fft

from exosift import threads
from exosift.types import Floats

# Pixels of one piece of work: few enough to stay in a core's cache.
_PIXELS = 90_000


def filter_reach(fraction: float) -> int:
    """Pixels beyond which the filter's response is negligible: twice the first zero of the Hann."""
    return int(np.ceil(4.0 / fraction)) if fraction > 0 else 0


def high_pass(images: Floats, fraction: float) -> Floats:
    """Images (time, y, x) without their low spatial frequencies.

    The filter is 1 − w(f_x) w(f_y), with w a Hann window that falls from 1 at zero to 0 at
    `fraction` of the Nyquist frequency (Cantalloube et al. 2015, A&A 582, A89); 0 filters
    nothing. Images must be finite, and are continued by their edge values.
    """
    if fraction == 0:
        return images
    reach = filter_reach(fraction)
    filtered = np.empty_like(images)
    shape = [fft.next_fast_len(side + 2 * reach, real=True) for side in images.shape[1:]]
    keep = 1 - np.outer(
        _hann(fft.fftfreq(shape[0]), fraction), _hann(fft.rfftfreq(shape[1]), fraction)
    ).astype(images.dtype)
    margin = [(0, 0)] + [
        (reach, length - side - reach) for side, length in zip(images.shape[1:], shape, strict=True)
    ]
    inner = (..., *(slice(reach, reach + side) for side in images.shape[1:]))

    def work(block: slice) -> None:
        spectrum = fft.rfft2(np.pad(images[block], margin, mode="edge"))
        spectrum *= keep
        filtered[block] = fft.irfft2(spectrum, shape, overwrite_x=True)[inner]

    threads.over(work, threads.blocks(len(images), max(1, _PIXELS // keep.size)), products=False)
    return filtered


def _hann(frequency: Floats, fraction: float) -> Floats:
    """Hann window of frequencies [cycles/px]: 1 at zero, 0 from `fraction` of Nyquist's on."""
    share = np.minimum(np.abs(frequency) / (0.5 * fraction), 1.0)
    return np.asarray(0.5 * (1.0 + np.cos(np.pi * share)))
