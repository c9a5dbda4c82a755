"""The star taken from frames that do not fit into memory: the Gram pass and the residual pass.

A linear model sees inner products of frames only, so each pass takes some pixels of all frames at a
time. A region that is small is modelled at once; of a large one the products are summed, and its
star is subtracted, run by run. Runs and blocks are those of `psfsub`: the residuals are the same,
bit for bit, as with all frames in memory.
"""

from collections.abc import Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.compute.blocks import TILE
from exosift.compute.cluster import Cluster
from exosift.compute.columns import Columns
from exosift.compute.rechunking import Channel
from exosift.geometry.regions import Region
from exosift.io.scratch import Scratch
from exosift.psfsub.catalogue import LinearModel, Stage
from exosift.psfsub.engine import Part, fit, part_of, weigh
from exosift.psfsub.gram import BLOCK, CentredFrames, Products, products, runs
from exosift.psfsub.linear import Coefficients, residuals
from exosift.types import Bools, Floats


@dataclass(frozen=True, eq=False)
class Task:
    """What is modelled: regions of a wavelength's frames in a scratch file, and their residuals.

    columns: lists of pixels, of which the first are the regions'; zones: which of them is the zone
    of each region. left_columns: the pixels of each region that are `seen` in every row.
    """

    channel: Channel
    stage: Stage
    model: LinearModel
    regions: Several[Region]
    zones: tuple[int, ...]
    seen: Bools
    frames: Scratch
    columns: Columns
    left: Scratch
    left_columns: Columns

    def part(self, number: int) -> Part:
        """The work on a region."""
        channel = self.channel
        return part_of(self.regions[number], self.seen, channel.rows, channel.fwhm, self.stage)

    def read(self, number: int, some: slice) -> Floats:
        """Some of the pixels, of a list of them, that are seen in all rows: (row, pixel)."""
        span = self.columns.spans[number]
        seen = np.flatnonzero(self.seen[self.columns.pixels[span]])[some]
        first, last = int(seen[0]), int(seen[-1]) + 1
        columns = slice(span.start + first, span.start + last)
        values = self.frames.read(slice(0, self.frames.rows), columns)
        return values if len(seen) == last - first else values[:, seen - first]

    def write(self, number: int, some: slice, left: Floats) -> None:
        """Keep residuals (variant, target, pixel) of some of the pixels seen in a region."""
        start = self.left_columns.spans[number].start
        columns = slice(start + some.start, start + some.stop)
        values = left.reshape(-1, left.shape[2])
        self.left.write(slice(0, len(values)), columns, values)

    def within(self, run: slice) -> list[slice]:
        """A run of pixels in parts of whole blocks, which a tile holds with their residuals."""
        block = BLOCK * (self.frames.rows + self.left.rows) * np.dtype(self.frames.dtype).itemsize
        parts = threads.blocks(run.stop - run.start, BLOCK * max(1, TILE // block))
        return [slice(run.start + part.start, run.start + part.stop) for part in parts]


def small(task: Task, number: int) -> bool:
    """Whether a tile holds a region's frames and residuals."""
    pixels = task.regions[number].pixels.size
    values = (task.frames.rows + task.left.rows) * pixels
    if task.zones[number] != number:
        values += task.frames.rows * task.regions[number].zone.size
    return bool(values * np.dtype(task.frames.dtype).itemsize <= TILE)


def subtracted(task: Task, workers: Cluster) -> None:
    """Fill the file of residuals: small regions each at once, then the large ones by runs."""
    numbers = range(len(task.regions))
    for _ in workers.each(_region, [n for n in numbers if small(task, n)], task):
        pass
    for number in numbers:
        if not small(task, number):
            _large(task, number, workers)


def _region(number: int, task: Task) -> None:
    """Model a region at once, as in memory."""
    part, zone = task.part(number), task.zones[number]
    every = slice(0, part.pixels.size)
    wider = None if zone == number else task.read(zone, slice(0, part.zone.size))
    frames = task.read(number, every)
    task.write(number, every, fit(frames, part.usable, task.model, task.stage.references, wider))


def _large(task: Task, number: int, workers: Cluster) -> None:
    """Model a region run by run: the Gram pass, the coefficients, the residual pass."""
    part, zone = task.part(number), task.zones[number]
    summed = workers.each(_products, runs(part.zone.size), task, zone)
    total, fixed = next(summed)
    frame = [fixed]
    for more, fixed in summed:
        total = total + more
        frame.append(fixed)
    middle = np.concatenate(frame)
    coefficients = _coefficients(total, middle, part.usable, task)
    if zone != number:
        middle = np.concatenate(list(workers.each(_fixed, runs(part.pixels.size), task, number)))
    level = float(middle.mean(dtype=np.float64))
    for _ in workers.each(_run, runs(part.pixels.size), task, number, coefficients, level):
        pass


def _coefficients(total: Products, fixed: Floats, usable: Bools, task: Task) -> Coefficients:
    """What the model makes of a region's products; BLAS has one thread, as it has in memory."""
    model, references = task.model, task.stage.references
    return threads.over(lambda t: weigh(t.gram(fixed), usable, model, references), [total])[0]


def _products(run: slice, task: Task, number: int) -> tuple[Products, Floats]:
    """What a run of pixels adds to the Gram matrix, and its fixed frame."""
    fixed = []

    def parts() -> Iterator[CentredFrames]:
        for part in task.within(run):
            centred = CentredFrames.of(task.read(number, part))
            fixed.append(centred.fixed)
            yield centred

    found = products(parts(), task.frames.rows)
    return found, np.concatenate(fixed)


def _fixed(run: slice, task: Task, number: int) -> Floats:
    """The fixed frame of a run of pixels."""
    parts = [CentredFrames.of(task.read(number, part)).fixed for part in task.within(run)]
    return np.concatenate(parts)


def _run(run: slice, task: Task, number: int, coefficients: Coefficients, level: float) -> None:
    """Subtract the star from a run of pixels."""
    for part in task.within(run):
        centred = CentredFrames.of(task.read(number, part))
        task.write(number, part, residuals(centred, coefficients, level))
