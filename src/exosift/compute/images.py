"""North-up images of residuals that do not fit into memory: derotated by frames, then combined.

A mean is summed as frames are turned. A median needs all frames of a pixel at once: the turned
frames go to disk, and come back by pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

from exosift import threads
from exosift.compute.blocks import TILE, together
from exosift.compute.cluster import Cluster
from exosift.geometry.resampling import Interpolation
from exosift.geometry.rotation import derotate
from exosift.io.scratch import Scratch
from exosift.io.sequences import Stored
from exosift.psfsub.combine import GROUP, Combination, Sums, median
from exosift.psfsub.gram import BLOCK
from exosift.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class Left:
    """Residuals of a wavelength on disk, (variant · target, column), and what becomes of them.

    pixels: flat index into a frame of each column's pixel. products: arrays of the store in which
    they are kept.
    """

    file: Scratch
    pixels: Ints
    stored: Stored
    channel: int
    derotation: Interpolation
    products: Mapping[str, Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(time, y, x)."""
        _, frames, height, width = self.stored.outline.cube.shape
        return frames, height, width

    def frames(self, variant: int, times: slice) -> Floats:
        """Some frames (time, y, x), NaN off the regions."""
        count, height, width = self.shape
        rows = slice(variant * count + times.start, variant * count + times.stop)
        left = np.full((times.stop - times.start, height * width), np.nan, self.file.dtype)
        left[:, self.pixels] = self.file.read(rows, slice(0, len(self.pixels)))
        return left.reshape(-1, height, width)

    def turned(self, variant: int, times: slice) -> Floats:
        """Some frames (time, pixel) turned North up; as they were, they are put into the store."""
        left = self.frames(variant, times)
        mask = self.stored.mask(self.channel, times)
        turned = derotate(left, self.stored.outline.angle[times], self.derotation, mask)
        left[mask] = np.nan
        self.products["residuals"][variant, self.channel, times] = left
        return turned.reshape(len(turned), -1)


def images(
    left: Left, variants: int, combination: Combination, folder: Path, workers: Cluster
) -> Floats:
    """Residuals on disk → North-up images (variant, y, x)."""
    combine = _mean if combination == "mean" else _median
    each = [combine(left, variant, folder, workers) for variant in range(variants)]
    return np.stack(each).reshape(variants, *left.shape[1:])


def turned_file(folder: Path, cube: Floats) -> Scratch:
    """Where frames of a cube (wavelength, time, y, x) go, turned, for a median."""
    pixels = cube.shape[2] * cube.shape[3]
    edges = np.append(np.arange(0, pixels, BLOCK), pixels)
    return Scratch(folder / "turned", cube.shape[1], edges, str(cube.dtype))


def _mean(left: Left, variant: int, folder: Path, workers: Cluster) -> Floats:
    """The mean of turned frames (pixel,)."""
    del folder  # nothing needs to be kept
    groups = threads.blocks(left.shape[0], GROUP)
    total = reduce(add, workers.each(_summed, groups, left, variant))
    return np.asarray(total.mean(), left.file.dtype)


def _summed(group: slice, left: Left, variant: int) -> Sums:
    """Turn a group of frames, and sum them."""
    total = Sums.none(left.shape[1] * left.shape[2])
    for times in _parts(group, left):
        total = total.and_then(left.turned(variant, times))
    return total


def _median(left: Left, variant: int, folder: Path, workers: Cluster) -> Floats:
    """The median of turned frames (pixel,)."""
    count, height, width = left.shape
    pixels = height * width
    turned = turned_file(folder, left.stored.outline.cube)
    for _ in workers.each(_kept, threads.blocks(count, GROUP), left, variant, turned):
        pass
    block = BLOCK * count * np.dtype(turned.dtype).itemsize
    spans = threads.blocks(pixels, BLOCK * max(1, TILE // block))
    image = np.concatenate(list(workers.each(_middle, spans, turned)))
    turned.path.unlink()
    return image


def _kept(group: slice, left: Left, variant: int, file: Scratch) -> None:
    """Turn a group of frames, and write them."""
    for times in _parts(group, left):
        file.write(times, slice(0, int(file.edges[-1])), left.turned(variant, times))


def _middle(span: slice, file: Scratch) -> Floats:
    """The median of some pixels."""
    return median(file.read(slice(0, file.rows), span))


def _parts(group: slice, left: Left) -> list[slice]:
    """A group of frames in parts that a tile holds, each of whole chunks of the store."""
    _, height, width = left.shape
    size = together(height * width * np.dtype(left.file.dtype).itemsize, TILE)
    parts = threads.blocks(group.stop - group.start, size)
    return [slice(group.start + part.start, group.start + part.stop) for part in parts]
