"""Frames that do not fit into memory, brought together by the pixels that are modelled together."""

from collections.abc import Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exosift import threads
from exosift.compute.blocks import TILE
from exosift.compute.cluster import Cluster
from exosift.compute.columns import Columns
from exosift.io.scratch import Scratch
from exosift.io.sequences import Stored
from exosift.psfsub.gram import BLOCK
from exosift.psfsub.stack import Rows, brightening, channel_rows
from exosift.types import Bools


@dataclass(frozen=True, eq=False)
class Channel:
    """One wavelength of a sequence and of its reference stars, on disk."""

    number: int
    stored: tuple[Stored, ...]

    @property
    def rows(self) -> Rows:
        """Its frames, those of the target first."""
        outlines = [one.outline for one in self.stored]
        return channel_rows(outlines[0], outlines[1:])

    @property
    def targets(self) -> int:
        """How many frames are the target's."""
        return len(self.stored[0].outline.angle)

    @property
    def fwhm(self) -> float:
        """[px]."""
        return self.stored[0].outline.observation.fwhm[self.number]

    @property
    def dtype(self) -> str:
        """That of the target's frames."""
        return str(self.stored[0].outline.cube.dtype)


@dataclass(frozen=True, eq=False)
class Piece:
    """Whole chunks of a store: some rows (y) of some frames; first: that one's row in the stack."""

    store: int
    times: slice
    rows: slice
    first: int


def pieces(stored: Several[Stored]) -> Iterator[Piece]:
    """All of the stores, in pieces of whole chunks: as many as a tile holds, or one."""
    first = 0
    for number, one in enumerate(stored):
        _, count, height, width = one.outline.cube.shape
        frames, rows = one.chunks
        chunk = frames * rows * width * one.outline.cube.itemsize
        across = min(-(-height // rows), max(1, TILE // chunk))
        along = max(1, TILE // (chunk * across)) if across * rows >= height else 1
        for times in threads.blocks(count, along * frames):
            for strip in threads.blocks(height, across * rows):
                yield Piece(number, times, strip, first + times.start)
        first += count


def rechunked(
    channel: Channel, columns: Columns, path: Path, workers: Cluster
) -> tuple[Scratch, Bools]:
    """Bring the frames of a wavelength (row, column) into a file; pixels that all rows have."""
    height, width = channel.stored[0].outline.cube.shape[2:]
    count = len(channel.rows.angle)
    frames = Scratch(path, count, columns.edges, channel.dtype)
    seen = np.ones(height * width, dtype=bool)
    every = list(pieces(channel.stored))
    found = workers.each(_carried, every, channel, columns, frames)
    for piece, valued in zip(every, found, strict=True):
        seen[piece.rows.start * width : piece.rows.stop * width] &= valued
    return frames, seen


def _carried(piece: Piece, channel: Channel, columns: Columns, frames: Scratch) -> Bools:
    """Put a piece into the scratch file; which of its pixels all of its frames have."""
    target, star = channel.stored[0], channel.stored[piece.store]
    values = star.frames(channel.number, piece.times, piece.rows)
    factor = brightening(star.outline, target.outline, channel.number)
    if factor != 1.0:
        values = values * values.dtype.type(factor)
    width = values.shape[2]
    flat, start = values.reshape(len(values), -1), piece.rows.start * width
    rows = slice(piece.first, piece.first + len(flat))
    for span in columns.within(start, piece.rows.stop * width):
        for some in threads.blocks(span.stop - span.start, BLOCK):
            here = slice(span.start + some.start, span.start + some.stop)
            frames.write(rows, here, flat[:, columns.pixels[here] - start])
    return np.asarray(np.isfinite(flat).all(axis=0))
