"""Rotate frames about their centre: by three Fourier shears, or by cubic splines.

A rotation by θ is the product of three shears, x by −tan(θ/2), y by sin θ, x by −tan(θ/2), each of
which shifts rows (or columns) by a number of pixels proportional to their coordinate. Shifts are
exact for band-limited images when made in Fourier space (Larkin, Oldenburg & Klemm 1997, Opt.
Commun. 139, 99).
"""

from itertools import product
from typing import Any

import numpy as np
from scipy import fft

from exosift import threads
from exosift.geometry.grid import radius_map
from exosift.geometry.resampling import Interpolation, around_gaps
from exosift.types import Bools, Floats, Ints

# The first shear moves a frame's corners by up to tan(45°/2)/2 of its side beyond its edges.
_BEYOND = (np.sqrt(2) - 1) / 2

# Length of the Fourier transforms, in sides. They repeat a frame without end, so what rings at a
# sharp pixel or edge returns from the other side, the fainter the longer the way. Against an
# endless sinc, on β Pic as observed: below 1e-4 of the frames' std (tested), twice that at 1.45.
_PADDED = 2.35

# The columns of frames of this side [px] and more, which no core's cache holds, are copied side by
# side before they are transformed. The result is the same, in two thirds of the time at 1024 px.
_APART = 512

# Pixels of one piece of work, eight frames of 101 × 101 px: more, and the spectra leave the core's
# cache; fewer, and the threads spend their time waiting for each other.
_PIXELS = 90_000


def derotate(
    cube: Floats, angle: Floats, method: Interpolation = "fourier", mask: Bools | None = None
) -> Floats:
    """Turn frames counter-clockwise by `angle`, North up (Larkin et al. 1997).

    cube is (..., time, y, x) with square frames, angle (time,) [deg]; the result has the cube's
    shape and precision. NaN marks what a frame did not see: pixels that were NaN, and those turned
    in from outside the frame. NaN does not spread. `mask`, of the cube's shape, marks pixels whose
    value was filled in: they are turned like any other, so that their neighbours lose nothing, and
    are NaN in the result.
    """
    frames = cube.reshape(-1, *cube.shape[-3:])
    masks = None if mask is None else mask.reshape(frames.shape)
    turned = np.empty_like(frames)
    count, height, width = frames.shape[1:]
    most = max(1, min(-(-count // threads.budget()), _PIXELS // (height * width)))
    pieces = list(product(range(len(frames)), threads.blocks(count, most)))
    turn = _fourier if method == "fourier" else _spline
    corners = np.nonzero(radius_map(cube.shape) > (cube.shape[-1] - 1) / 2)

    def work(piece: tuple[int, slice]) -> None:
        degrees = angle[piece[1]]
        turned[piece] = around_gaps(
            frames[piece],
            None if masks is None else masks[piece],
            lambda images: turn(images, degrees),
            lambda unseen: _nearest(unseen, degrees),
        )
        _blank_outside(turned[piece], degrees, corners)

    threads.over(work, pieces, products=False)
    return turned.reshape(cube.shape)


def _fourier(frames: Floats, angle: Floats) -> Floats:
    """Three Fourier shears after the nearest quarter turn; frames (time, y, x)."""
    quarters = np.rint(angle / 90).astype(int)
    theta = np.radians(angle - 90 * quarters)
    size = frames.shape[-1]
    margin, length = lengths(size)
    start = -(size - 1) / 2
    inner = slice(margin, margin + size)
    padded = np.zeros((len(frames), size, length), frames.dtype)
    for upright, frame, q in zip(padded[..., inner], frames, quarters, strict=True):
        upright[:] = np.rot90(frame, -q)
    along_x, along_y = -np.tan(theta / 2), np.sin(theta)
    rows = _phases(along_x, start, size, length, frames.dtype)
    columns = _phases(along_y, start - margin, size + 2 * margin, length, frames.dtype)

    spectrum = fft.rfft(padded)
    spectrum *= rows
    sheared = fft.irfft(spectrum, length, overwrite_x=True)[..., : size + 2 * margin]
    sheared = _upright(sheared, columns, length)
    spectrum = fft.rfft(sheared, length)
    spectrum *= rows
    return np.asarray(fft.irfft(spectrum, length, overwrite_x=True)[..., inner])


def _upright(frames: Floats, phases: Any, length: int) -> Floats:
    """Frames (time, y, x) with their columns shifted by phases (time, column, frequency)."""
    size = frames.shape[1]
    if size < _APART:
        spectrum = fft.rfft(frames, length, axis=1)
        spectrum *= phases.transpose(0, 2, 1)
        return np.asarray(fft.irfft(spectrum, length, axis=1, overwrite_x=True)[:, :size])
    spectrum = fft.rfft(np.ascontiguousarray(frames.transpose(0, 2, 1)), length)
    spectrum *= phases
    shifted = fft.irfft(spectrum, length, overwrite_x=True)[..., :size]
    return np.ascontiguousarray(shifted.transpose(0, 2, 1))


def lengths(size: int) -> tuple[int, int]:
    """How far [px] a frame's corners are sheared beyond its edges, and the transforms' length."""
    return int(np.ceil(_BEYOND * size)), _odd_length(int(_PADDED * size))


def _odd_length(least: int) -> int:
    """The next odd length that transforms fast: 3ᵃ 5ᵇ, at least `least`.

    An even one has a Nyquist frequency, which no real shift keeps: twice the error at equal length.
    """
    while (length := int(fft.next_fast_len(least, real=True))) % 2 == 0:
        least = length + 1
    return length


def _phases(shear: Floats, start: float, lines: int, length: int, dtype: np.dtype[Any]) -> Any:
    """Fourier phases (time, line, frequency) that shift line j by shear · (start + j) pixels.

    Neighbouring lines differ by one factor, so all follow from its powers: the lines done so far,
    doubled until there are enough, one complex product an element.
    """
    cycles = -2j * np.pi * shear[:, None] * np.arange(length // 2 + 1) / length
    phases = np.empty((len(shear), lines, length // 2 + 1), np.result_type(dtype, np.complex64))
    phases[:, 0] = np.exp(cycles * start)
    power, done = np.exp(cycles), 1
    while done < lines:
        more = min(done, lines - done)
        factor = power[:, None].astype(phases.dtype)
        np.multiply(phases[:, :more], factor, out=phases[:, done : done + more])
        power *= power  # in double precision: seven squarings lose two digits of sixteen
        done += more
    return phases


def _spline(frames: Floats, angle: Floats) -> Floats:
    """Cubic-spline resampling; frames (time, y, x)."""
    from scipy import ndimage  # slow to load, and splines are the exception

    turned = [
        ndimage.rotate(frame, -degrees, reshape=False, order=3, mode="nearest")
        for frame, degrees in zip(frames, angle, strict=True)
    ]
    return np.stack(turned)


def sources(angle: Floats, size: int, y: Ints, x: Ints) -> tuple[Floats, Floats]:
    """Where in the raw frames the pixels (y, x) of the turned ones lie: (time, pixel) each."""
    middle = (size - 1) / 2
    cos, sin = np.cos(np.radians(angle))[:, None], np.sin(np.radians(angle))[:, None]
    dx, dy = x - middle, y - middle
    return middle + cos * dy - sin * dx, middle + cos * dx + sin * dy


def _nearest(mask: Bools, angle: Floats) -> Bools:
    """A mask (time, y, x) turned with its frames, nearest neighbour."""
    size = mask.shape[-1]
    y, x = np.divmod(np.arange(size * size), size)
    rows, columns = (np.rint(p).astype(int) for p in sources(angle, size, y, x))
    inside = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
    frame = np.arange(len(mask))[:, None]
    turned = mask[frame, rows.clip(0, size - 1), columns.clip(0, size - 1)] & inside
    return np.asarray(turned.reshape(mask.shape))


def _blank_outside(frames: Floats, angle: Floats, corners: tuple[Ints, ...]) -> None:
    """Set to NaN, in place, what came into the corners (y, x) from beyond the frames' edges."""
    reach = frames.shape[-1] / 2
    middle = reach - 0.5
    rows, columns = sources(angle, frames.shape[-1], corners[0], corners[1])
    outside = np.maximum(np.abs(rows - middle), np.abs(columns - middle)) > reach
    frame, pixel = np.nonzero(outside)
    frames[frame, corners[0][pixel], corners[1][pixel]] = np.nan
