"""Memory and run time to ask for, from the shape of an observation alone.

Bytes are counted, not guessed: each step holds so many copies of the cube at its peak, on top of
the interpreter with its libraries. A retry asks for more.
"""

from math import prod

from exosift.types import Shape

_BASE = 400  # MB: interpreter, NumPy, SciPy, Zarr, Astropy, Matplotlib
_VALUE = 4  # bytes of a float32
_MARGIN = 1.5

# Copies of the cube alive at the peak of a step. Register: the cube, the filled one, its mask, the
# padded spectrum of a shift (complex, twice its pixels), the result.
_REGISTER = 8
# Subtract: the cube and its mask, one region's centred frames in both precisions, the star; and a
# residual and a derotated cube for each rank.
_SUBTRACT = 5
_RANK = 2


def register_memory(shape: Shape, attempt: int) -> int:
    """MB to register a cube of `shape` (…, time, y, x)."""
    return _grown(_REGISTER * _megabytes(shape), attempt)


def subtract_memory(shape: Shape, ranks: int, attempt: int) -> int:
    """MB to reduce a sequence of `shape` (wavelength, time, y, x) at so many ranks."""
    return _grown((_SUBTRACT + _RANK * ranks) * _megabytes(shape), attempt)


def detect_memory(shape: Shape, attempt: int) -> int:
    """MB to search images of `shape` (…, y, x): aperture sums at 49² places a pixel."""
    return _grown(49**2 * prod(shape[-2:]) * _VALUE / 1e6, attempt)


def subtract_minutes(shape: Shape, ranks: int, attempt: int) -> int:
    """Minutes to reduce a sequence of `shape` at so many ranks, at a slow core's 1 GFLOP/s.

    Per pixel: n products a frame for the Gram matrix and for each rank's star, and six Fourier
    transforms of some 50 operations a frame and rank; n³ a frame for its own eigenproblem.
    """
    channels, frames, height, width = shape
    pixels = height * width
    products = 2 * frames**2 * pixels * (1 + ranks)
    transforms = 300 * frames * pixels * ranks
    eigenproblems = 10 * frames**4 * min(1.0, 1000 / max(frames, 1))
    return attempt * (2 + int(channels * (products + transforms + eigenproblems) / 1e9 / 60))


def _megabytes(shape: Shape) -> float:
    return prod(shape) * _VALUE / 1e6


def _grown(megabytes: float, attempt: int) -> int:
    return int(attempt * (_BASE + _MARGIN * megabytes))
