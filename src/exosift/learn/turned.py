"""Every frame turned by every angle, at the pixels where companions are looked for.

Residuals of a linear model, turned and averaged, are Σ W[u, s] Y[u, s] at each pixel, where Y is
frame s turned by angle u. Whatever the model's rank, the companion in the frames or the order in
which the frames have the angles, only W changes: so frames are turned once, by any interpolation,
and a residual image is one product.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, raw_offset
from exosift.geometry.rotation import sources
from exosift.geometry.turning import Box, Turn
from exosift.learn.room import Keep, Values, in_memory
from exosift.photometry.injection import Companion, track
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints

Gathering = Literal["fourier", "cubic", "bilinear"]
"""How frames are interpolated where they are turned: band-limited, or splines of order 3 or 1."""

_ORDER = {"cubic": 3, "bilinear": 1}

# The PSF between pixels is read from a table so many times as fine, linearly: to 4e-5 of its peak.
_FINE = 32

# Places that are read from the table together: they stay in a processor's cache.
_TOGETHER = 16_384


@dataclass(frozen=True, eq=False)
class Turned:
    """A sequence's frames about their mean, to be turned by its angles or by their negatives.

    frames (time, y, x), 0 where a pixel has no value in some frame; turns (turn,) [deg]; table: the
    PSF between pixels, `reach` [px] about its middle; room: for the turned frames.
    """

    sequence: Sequence
    turns: Floats
    how: Gathering
    frames: Floats
    valued: Bools
    table: Floats
    room: Keep

    @classmethod
    def of(
        cls, sequence: Sequence, turns: Floats, how: Gathering, room: Keep = in_memory
    ) -> "Turned":
        """Frames of the one wavelength. Raises BadInput where there are several."""
        if len(sequence.wavelength) > 1:
            raise BadInput(
                f"{sequence.label}: supervised detection takes one wavelength, and the sequence "
                f"has {len(sequence.wavelength)}; average them first"
            )
        cube = sequence.cube[0]
        valued = np.isfinite(cube).all(axis=0)
        frames = np.where(valued, cube, cube.dtype.type(0))
        frames = frames - frames.mean(axis=0, dtype=np.float64).astype(frames.dtype)
        if how == "cubic":
            frames = _prefiltered(frames)
        return cls(sequence, turns, how, frames, valued, _table(sequence.psf[0]), room)

    @property
    def reach(self) -> int:
        """How far [px] from its middle a companion's light goes."""
        return int(self.sequence.psf.shape[-1] // 2)

    def at(self, pixels: Ints) -> Values:
        """Values (pixel, turn, time) of all frames turned by all angles, at flat pixel indices."""
        count, size = len(self.frames), self.frames.shape[-1]
        values = self.room((len(pixels), len(self.turns), count))
        images = np.ascontiguousarray(self.frames.transpose(1, 2, 0))
        wanted, whole = Box.around(pixels, size), Box((0, size), (0, size))
        place = wanted.within(pixels, size)

        def work(turn: int) -> None:
            if self.how == "fourier":
                by = Turn.by(self.turns[turn], size, whole, wanted, images.dtype)
                values[:, turn] = by.of(images).reshape(-1, count)[place]
            else:
                weights = _spline(self.turns[turn], size, pixels, _ORDER[self.how])
                values[:, turn] = weights @ images.reshape(-1, count)

        threads.over(work, range(len(self.turns)))
        return values

    def light(self, companion: Companion, order: Ints, pixels: Ints) -> Floats:
        """As `at`, of a companion alone, in frames that have the angles turns[order]."""
        angle = self.turns[order]
        if self.how != "fourier":
            return self._rendered(companion, order, pixels)
        size = self.frames.shape[-1]
        offset = raw_offset(companion.separation, companion.position_angle, angle)
        star = np.asarray(centre_of((size, size)))
        rows, columns = sources(self.turns, size, *np.divmod(pixels, size))
        across, up = (
            (place.T - middle).astype(np.float32)
            for place, middle in zip((columns, rows), star, strict=True)
        )
        offset = offset.astype(np.float32)
        values = np.empty((len(pixels), len(self.turns), len(angle)), np.float32)
        for block in threads.blocks(len(pixels), max(1, _TOGETHER // values[0].size)):
            x = across[block, :, None] - offset[:, 0]
            y = up[block, :, None] - offset[:, 1]
            values[block] = self._between(x, y)
        return values * np.float32(companion.flux[0])

    def _between(self, x: Floats, y: Floats) -> Floats:
        """The PSF at (x, y) [px] from its middle, bilinearly from the table; 0 beyond that."""
        side, flat = self.table.shape[0], self.table.ravel()
        x, y = (
            np.clip(axis * np.float32(_FINE) + np.float32(side // 2), 0, side - 2)
            for axis in (x, y)
        )
        column, row = x.astype(np.int32), y.astype(np.int32)
        x -= column
        y -= row
        place = (row * side + column).astype(np.intp)

        def along(first: Ints) -> Floats:
            left = flat.take(first)
            return np.asarray(left + x * (flat.take(first + 1) - left))

        low = along(place)
        return np.asarray(low + y * (along(place + side) - low))

    def _rendered(self, companion: Companion, order: Ints, pixels: Ints) -> Floats:
        """As `light`, by drawing the companion into frames and interpolating those."""
        path = track(self.given(order), companion)
        drawn = np.zeros(self.frames.shape, np.float32)
        drawn.reshape(len(drawn), -1)[path.frame, path.pixel] = path.light[0]
        if self.how == "cubic":
            drawn = _prefiltered(drawn)
        images = drawn.transpose(1, 2, 0).reshape(-1, len(drawn))
        size = self.frames.shape[-1]
        return np.stack(
            [_spline(turn, size, pixels, _ORDER[self.how]) @ images for turn in self.turns], axis=1
        )

    def given(self, order: Ints) -> Sequence:
        """The sequence as if its frames had the angles turns[order]."""
        return replace(self.sequence, angle=self.turns[order])


def _table(psf: Floats) -> Floats:
    """The PSF (y, x) between its pixels, and to their edges, by an endless sinc; 0 around it."""
    reach = psf.shape[-1] // 2
    edge = reach * _FINE + _FINE // 2
    place = np.arange(-edge, edge + 1) / _FINE
    shift = np.sinc(place[:, None] - np.arange(-reach, reach + 1))
    return np.pad(np.asarray(shift @ psf @ shift.T, np.float32), 2)


def _prefiltered(frames: Floats) -> Floats:
    """Coefficients of the cubic splines through frames (time, y, x)."""
    from scipy import ndimage  # slow to load

    return np.stack([ndimage.spline_filter(frame, 3, np.float32, "mirror") for frame in frames])


def _spline(degrees: float, size: int, pixels: Ints, order: int) -> Any:
    """Sparse weights (pixel, pixel of the frame) that turn spline coefficients by an angle."""
    from scipy import sparse  # slow to load

    places = sources(np.array([degrees]), size, *np.divmod(pixels, size))
    taps, shares = [], []
    for place in places:
        first = np.floor(place[0]).astype(int)
        beyond = place[0] - first
        if order == 1:
            share = np.stack([1 - beyond, beyond], axis=1)
        else:
            left = 1 - beyond
            near = [2 / 3 - u**2 * (2 - u) / 2 for u in (beyond, left)]
            share = np.stack([left**3 / 6, *near, beyond**3 / 6], axis=1)
        taps.append((first[:, None] + np.arange(order + 1) - order // 2).clip(0, size - 1))
        shares.append(share)
    index = taps[0][:, :, None] * size + taps[1][:, None, :]
    weight = shares[0][:, :, None] * shares[1][:, None, :]
    rows = np.repeat(np.arange(len(pixels)), (order + 1) ** 2)
    entries = weight.ravel().astype(np.float32), (rows, index.ravel())
    return sparse.csr_array(entries, shape=(len(pixels), size * size))
