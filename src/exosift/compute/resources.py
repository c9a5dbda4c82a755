"""Memory and run time to ask for, from the shape of an observation alone.

Bytes are counted, not guessed: each step holds so many copies of the cube at its peak, on top of
the interpreter with its libraries. A retry asks for more. An unknown shape asks for the least.
"""

from math import pi, prod

from exosift.types import Shape

_BASE = 400  # MB: interpreter, NumPy, SciPy, Zarr, Astropy, Matplotlib
_VALUE = 4  # bytes of a float32, the precision of cubes
_MARGIN = 1.3

# Copies of the cube alive at the peak of a step. Register: as read (doubles at worst), the float32
# one, the filled one, masks, the padded frames and spectrum of a shift (complex), the result.
_REGISTER = 10
# Subtract: the cube and its mask, one region's centred frames in both precisions, the star; and a
# residual for each rank, as they are stored and as they are derotated.
_SUBTRACT = 6
_RANK = 2

# Invert: the filtered and the weighted frames, those matched with the PSF, their differences and
# ones in double precision, mixed frames of two annuli at work; of images alone, matched patterns.
_INVERT, _MAPS = 8, 80

# Search: 64 neighbours a pixel for the aperture sums; discs at 49² places for the pixels under the
# outermost circle, and ten arrays over the apertures of a piece of work.
_NEIGHBOURS, _PLACES, _READINGS, _ARRAYS = 64, 49**2, 32, 10


def register_memory(shape: Shape, attempt: int) -> int:
    """MB to register a cube of `shape` (…, time, y, x)."""
    return _grown(_REGISTER * prod(shape) * _VALUE, attempt)


def subtract_memory(shape: Shape, ranks: int, attempt: int) -> int:
    """MB to reduce a sequence of `shape` (wavelength, time, y, x) at so many ranks."""
    return _grown((_SUBTRACT + _RANK * ranks) * prod(shape) * _VALUE, attempt)


def invert_memory(shape: Shape, attempt: int) -> int:
    """MB to invert a sequence of `shape` (wavelength, time, y, x), one wavelength at a time."""
    frames = prod(shape[1:]) if len(shape) == 4 else 0
    values = 2 * prod(shape) + _INVERT * frames + _MAPS * prod(shape[2:])
    return _grown(values * _VALUE, attempt)


def detect_memory(shape: Shape, attempt: int) -> int:
    """MB to search images of `shape` (…, y, x)."""
    under = 4 * pi * max(shape[-2:], default=0) / 2
    values = _NEIGHBOURS * prod(shape[-2:]) + (_PLACES + _READINGS * _ARRAYS) * under
    return _grown(values * _VALUE, attempt)


def subtract_minutes(shape: Shape, ranks: int, attempt: int) -> int:
    """Minutes to reduce a sequence of `shape` at so many ranks, at a slow core's 1 GFLOP/s.

    Per pixel: n products a frame for the Gram matrix and for each rank's star, and six Fourier
    transforms of some 50 operations a frame and rank; 10 n³ for each frame's own eigenproblem.
    """
    if len(shape) != 4:
        return attempt * 2
    channels, frames, height, width = shape
    pixels = height * width
    products = 2 * frames**2 * pixels * (1 + ranks)
    transforms = 300 * frames * pixels * ranks
    operations = channels * (products + transforms + 10 * frames**4)
    return attempt * (2 + int(operations / 1e9 / 60))


def invert_minutes(shape: Shape, attempt: int) -> int:
    """Minutes to invert a sequence of `shape`, at a slow core's 1 GFLOP/s.

    Per pixel and frame: four Fourier transforms, and four readings of 16 coefficients and more;
    and 2 n products with other frames, on rings that overlap by twice their width.
    """
    if len(shape) != 4:
        return attempt * 2
    channels, frames, height, width = shape
    operations = channels * frames * height * width * (600 + 6 * frames)
    return attempt * (2 + int(operations / 1e9 / 60))


def _grown(bytes_needed: float, attempt: int) -> int:
    return int(attempt * (_BASE + _MARGIN * bytes_needed / 1e6))
