"""A sequence larger than memory through one reduction: passes over its frames on disk.

Scratch files lie on a disk that all workers see: the frames by pixels, their residuals, and for a
median the turned frames. At most two of them are there at a time.
"""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any

import numpy as np

from exosift.compute.cluster import Cluster
from exosift.compute.columns import Columns
from exosift.compute.images import Left, images
from exosift.compute.rechunking import Channel, rechunked
from exosift.compute.subtraction import Task, subtracted
from exosift.errors import BadInput
from exosift.geometry.regions import Region
from exosift.io.scratch import Scratch, scratch_folder
from exosift.io.sequences import Stored
from exosift.psfsub.catalogue import LinearModel, PixelModel, Reduction, streams
from exosift.psfsub.combine import combine
from exosift.psfsub.engine import Progress, part_of, regions_of, silent
from exosift.psfsub.stack import refuse_unlike
from exosift.types import Floats


def reduce_stored(
    stored: Several[Stored],
    reduction: Reduction,
    products: Mapping[str, Any],
    workers: Cluster,
    progress: Progress = silent,
) -> Floats:
    """Reduce a sequence, the first of `stored`, with its reference stars; images (variant, y, x).

    products: arrays of the store of residuals, which are filled; `progress(done, of)` is told.
    Raises BadInput as `engine.reduce` does and where the reduction does not stream, Transient where
    the disk is too full.
    """
    sequence, model = stored[0].outline, reduction.model
    if isinstance(model, PixelModel) or not streams(reduction):
        raise BadInput(
            f"{sequence.label}: {model.kind} in memory only: other models than linear ones, two "
            "stages, iterations and `wavelengths: all` cannot leave frames on disk; give more "
            "--memory"
        )
    for star in stored[1:]:
        refuse_unlike(sequence, star.outline)
    count = len(sequence.wavelength)
    channels = []
    for number in range(count):

        def told(done: int, before: int = 3 * number) -> None:
            progress(before + done, 3 * count)

        job = Job(Channel(number, tuple(stored)), reduction, model, workers, told)
        channels.append(_images(job, products))
    each = np.stack(channels, axis=1)
    products["image"][...] = each
    return np.stack([combine(one, "mean") for one in each])


@dataclass(frozen=True, eq=False)
class Job:
    """The reduction of one wavelength; `told` is told when it is rechunked, subtracted, done."""

    channel: Channel
    reduction: Reduction
    model: LinearModel
    workers: Cluster
    told: Callable[[int], None]


def _images(job: Job, products: Mapping[str, Any]) -> Floats:
    """Images (variant, y, x) of one wavelength."""
    channel, reduction = job.channel, job.reduction
    stored = channel.stored[0]
    _, _, height, width = stored.outline.cube.shape
    regions = regions_of((height, width), channel.fwhm, reduction)
    everywhere = np.ones(height * width, dtype=bool)
    for region in regions:  # what cannot be is told before any work
        part_of(region, everywhere, channel.rows, channel.fwhm, reduction)
    columns, zones = _columns(regions)
    job.told(0)
    with scratch_folder(_needed(job, columns, regions), job.workers.disk) as folder:
        frames, seen = rechunked(channel, columns, folder / "frames", job.workers)
        job.told(1)
        kept = Columns.of([region.pixels[seen[region.pixels]] for region in regions])
        variants = len(job.model.variants)
        left = Scratch(folder / "left", variants * channel.targets, kept.edges, channel.dtype)
        task = Task(
            channel, reduction, job.model, regions, zones, seen, frames, columns, left, kept
        )
        subtracted(task, job.workers)
        frames.path.unlink()
        job.told(2)
        turning = Left(left, kept.pixels, stored, channel.number, reduction.derotation, products)
        found = images(turning, variants, reduction.combination, folder, job.workers)
    job.told(3)
    return found


def _columns(regions: Several[Region]) -> tuple[Columns, tuple[int, ...]]:
    """The regions' pixels, and the zones that are wider; which of these is each region's zone."""
    lists, zones = [region.pixels for region in regions], []
    for number, region in enumerate(regions):
        if np.array_equal(region.zone, region.pixels):
            zones.append(number)
        else:
            zones.append(len(lists))
            lists.append(region.zone)
    return Columns.of(lists), tuple(zones)


def _needed(job: Job, columns: Columns, regions: Several[Region]) -> int:
    """Bytes of scratch: the frames and their residuals, then these and the turned frames."""
    rows, cube = job.channel.rows, job.channel.stored[0].outline.cube
    pixels = sum(region.pixels.size for region in regions)
    left = len(job.model.variants) * rows.targets * pixels
    turned = rows.targets * cube[0, 0].size if job.reduction.combination != "mean" else 0
    return int(cube.itemsize * (left + max(len(rows.angle) * columns.pixels.size, turned)))
