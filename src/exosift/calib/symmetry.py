"""The centre of symmetry of an image: where it is most like its own point reflection.

Phase aberrations give speckles in symmetric pairs about the star, coronagraph or not, and a
satellite spot has its twin opposite. Σ I(p) I(2c − p) over pixels p is the image's convolution with
itself, read at 2c: no guess is needed, and no bright speckle fools it.
"""

import numpy as np
from scipy import fft

from exosift.calib.outliers import noise_of
from exosift.geometry.grid import radius_map
from exosift.types import Floats, Point

_NOISE = 4.0  # standard deviations above the darkest pixels, themselves 1.6 below the mean
_LARGE = 256  # px, the side of what of a large image is looked at
_ROUNDS = 3  # of moving the ring to where its centre was found


def symmetry_centre(image: Floats) -> Point:
    """Centre (x, y) [px] of the symmetry of image (y, x), star and halo together.

    The square root of the intensity lets the halo weigh in beside the core. What does not rise
    out of the noise is left out: all of it together is as symmetric about the frame's own centre.
    Of a large image it is that of the middle of it, around where a coarse image has its centre.
    """
    if min(image.shape) > 2 * _LARGE:
        step = min(image.shape) // _LARGE
        x, y = ((place + 0.5) * step - 0.5 for place in _symmetry(_binned(image, step)))
        left, top = (
            int(np.clip(round(place) - _LARGE // 2, 0, length - _LARGE))
            for place, length in zip((x, y), image.shape[::-1], strict=True)
        )
        x, y = _symmetry(image[top : top + _LARGE, left : left + _LARGE])
        return left + x, top + y
    return _symmetry(image)


def _binned(image: Floats, step: int) -> Floats:
    """Image (y, x) averaged over squares of `step` px, without what is left at its far edges."""
    rows, columns = (length // step for length in image.shape)
    squares = image[: rows * step, : columns * step].reshape(rows, step, columns, step)
    seen = np.isfinite(squares)
    total = np.where(seen, squares, 0).sum(axis=(1, 3))
    count = seen.sum(axis=(1, 3))
    return np.asarray(total / np.where(count, count, np.nan))


def _symmetry(image: Floats) -> Point:
    """The same of an image of any size."""
    floor = np.nanpercentile(image, 5) + _NOISE * noise_of(image)
    return _most_alike(np.sqrt(np.clip(np.nan_to_num(image - floor), 0, None)))


def ring_centre(image: Floats, start: Point, inner: float, outer: float, smooth: float) -> Point:
    """The same of what is sharper than `smooth` [px], from `inner` to `outer` [px] off the star.

    For frames whose core and halo are not where the star is: behind a coronagraph the core left
    over is off-centre with the pointing, and wind makes the halo lopsided. Speckles and satellite
    spots are symmetric still. `start` (x, y) [px] may be off by a few px.
    """
    from scipy import ndimage  # slow to load

    seen = np.isfinite(image)
    whole = np.where(seen, image, np.median(image[seen]))
    sharp = whole - ndimage.gaussian_filter(whole, smooth)
    centre = start
    for _ in range(_ROUNDS):
        radius = radius_map(image.shape, centre)
        centre = _most_alike(np.where(seen & (radius >= inner) & (radius <= outer), sharp, 0))
    return centre


def _most_alike(light: Floats) -> Point:
    """Centre (x, y) [px] about which light (y, x) is most like its own reflection."""
    shape = [fft.next_fast_len(2 * length, real=True) for length in light.shape]
    likeness = fft.irfft2(fft.rfft2(light, shape) ** 2, shape)
    row, column = np.unravel_index(likeness.argmax(), likeness.shape)
    along_x = likeness[row].take([column - 1, column, column + 1], mode="wrap")
    along_y = likeness[:, column].take([row - 1, row, row + 1], mode="wrap")
    return (float(column) + vertex(along_x)) / 2, (float(row) + vertex(along_y)) / 2


def vertex(values: Floats) -> float:
    """Where the parabola through three equally spaced values peaks, from the middle one."""
    below, peak, above = (float(v) for v in values)
    curvature = below - 2 * peak + above
    return 0.5 * (below - above) / curvature if curvature else 0.0
