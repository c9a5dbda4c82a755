"""How far frames have moved against one another, by cross-correlation to a fraction of a pixel.

The correlation of two images is the transform of the product of their spectra. Its peak is found on
the pixel grid by FFT, then on a fine grid around it by two small matrix products, the DFT at those
places only (Guizar-Sicairos, Thurman & Fienup 2008, Opt. Lett. 33, 156); a parabola does the rest.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from exosift import threads
from exosift.calib.medians import temporal_median
from exosift.calib.symmetry import vertex
from exosift.geometry.shifting import shift
from exosift.types import Floats, Shape

Spectrum = npt.NDArray[np.complexfloating[Any, Any]]

_FINE = 20  # places a pixel of the fine grid
_REACH = 15  # places of it on either side: three quarters of a pixel
_ROUNDS = 5  # of aligning at most; frames 6 px apart take three
_SETTLED = 0.01  # px


def relative_shifts(frames: Floats, reference: Floats) -> Floats:
    """Displacements (time, 2) = (x, y) [px] of frames (time, y, x) from reference (y, x).

    A pixel without a value in a frame counts as that frame's median; a level common to all pixels
    does not matter.
    """
    target = np.conj(_spectrum(reference))

    def work(frame: Floats) -> tuple[float, float]:
        return _displacement(_spectrum(frame) * target, frame.shape)

    return np.array(threads.over(work, frames)).reshape(-1, 2)


def align(frames: Floats) -> tuple[Floats, Floats]:
    """Median (y, x) of frames (time, y, x) brought onto each other, and how far each was off it.

    The displacements (time, 2) = (x, y) [px] have a median of zero. The first reference is the
    median of the frames as they come, each later one that of the frames as aligned by the last.
    """
    reference = temporal_median(frames)
    before: Floats = np.zeros((len(frames), 2))
    for _ in range(_ROUNDS):
        moved = relative_shifts(frames, reference)
        moved -= np.median(moved, axis=0)
        reference = temporal_median(shift(frames, -moved))
        if np.abs(moved - before).max(initial=0.0) < _SETTLED:
            break
        before = moved
    return reference, moved


def _spectrum(image: Floats) -> Spectrum:
    """Half of the transform of image (y, x) less its median."""
    seen = np.isfinite(image)
    level = np.median(image[seen]) if seen.any() else 0.0
    return np.asarray(fft.rfft2(np.where(seen, image - level, 0)))


def _displacement(product: Spectrum, shape: Shape) -> tuple[float, float]:
    """Where the correlation with half-spectrum `product` peaks: (x, y) [px], either sign."""
    height, width = shape
    correlation = fft.irfft2(product, shape)
    row, column = np.unravel_index(correlation.argmax(), correlation.shape)
    y0 = row - height * (row > height // 2)
    x0 = column - width * (column > width // 2)
    steps = np.arange(-_REACH, _REACH + 1)
    fine = _correlation_at(product, shape, y0 + steps / _FINE, x0 + steps / _FINE)
    row, column = np.unravel_index(fine.argmax(), fine.shape)
    row, column = (int(np.clip(place, 1, 2 * _REACH - 1)) for place in (row, column))
    across = column + vertex(fine[row, column - 1 : column + 2])
    up = row + vertex(fine[row - 1 : row + 2, column])
    return float(x0 + (across - _REACH) / _FINE), float(y0 + (up - _REACH) / _FINE)


def _correlation_at(product: Spectrum, shape: Shape, y: Floats, x: Floats) -> Floats:
    """The correlation at the places y × x: (row, column)."""
    height, width = shape
    fy, fx = fft.fftfreq(height), fft.rfftfreq(width)
    # The half that is left out is the conjugate of the half that is there, but for its own axis.
    twice = np.where((fx == 0) | (fx == 0.5), 1, 2)
    along_y = np.exp(2j * np.pi * y[:, None] * fy)
    along_x = twice[:, None] * np.exp(2j * np.pi * fx[:, None] * x)
    along_y, along_x = (phase.astype(product.dtype) for phase in (along_y, along_x))
    return np.asarray((along_y @ product @ along_x).real)
