"""`exosift subtract`: a sequence through one reduction, to residuals and a North-up image."""

import sys
from contextlib import nullcontext
from pathlib import Path

from exosift import threads
from exosift.compute.cluster import Cluster, Kind, opened
from exosift.compute.memory import job_memory
from exosift.compute.outofcore import reduce_stored
from exosift.compute.resources import Work
from exosift.errors import BadInput
from exosift.io.residuals import write_residuals, writing_residuals
from exosift.io.sequences import Stored, read_sequence
from exosift.io.store import manifest_of
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import Progress, reduce
from exosift.sequence import Observation
from exosift.settings import plain
from exosift.steps.progress import progress
from exosift.steps.recording import recorded
from exosift.types import Floats


def run(
    store: Path,
    stars: tuple[Path, ...],
    reduction: Reduction,
    folder: Path,
    memory: float | None = None,
    kind: Kind = "threads",
) -> None:
    """Write residuals.zarr and image.fits of the sequence in `store` into `folder`.

    stars: the stores of its reference stars. memory: MB that may be used, or what the job has on a
    node; frames that need more stay on disk, where the reduction can do with that. kind: who works;
    with others than threads the frames stay on disk.
    """
    if kind == "threads":
        _subtract(store, stars, reduction, folder, memory or job_memory())
        return
    asked = int(memory * 1e6) if memory else None
    with opened(kind, threads.budget(), asked) as workers:
        print(f"{workers.workers} workers", file=sys.stderr)
        _subtract(store, stars, reduction, folder, 0.0, workers)


def _subtract(
    store: Path,
    stars: tuple[Path, ...],
    reduction: Reduction,
    folder: Path,
    memory: float,
    workers: Cluster | None = None,
) -> None:
    """As `run`: in memory where that does for it; else the frames stay on disk."""
    if reduction.stars and not stars:
        raise BadInput("the reduction has reference stars: give each one's store by --star")
    stores, settings = (store, *stars), plain(reduction)
    with recorded("subtract", folder, [manifest_of(s) for s in stores], settings):
        stored = [Stored.open(one) for one in stores]
        shapes = [one.outline.cube.shape for one in stored]
        label = f"{stored[0].outline.label} {folder.name}"
        with progress(label) as told:
            if not workers and Work.of(reduction, shapes[0], shapes[1:]).fits(memory):
                images = _in_memory(stores, reduction, folder, told)
            else:
                images = _on_disk(stored, reduction, folder, told, workers)
        _write_images(images, stored[0].outline.observation, reduction, folder)


def _in_memory(
    stores: tuple[Path, ...], reduction: Reduction, folder: Path, progress: Progress
) -> Floats:
    """Reduce frames that fit into memory, and write their residuals; images (variant, y, x)."""
    sequence, *stars = (read_sequence(store) for store in stores)
    reduced = reduce(sequence, reduction, progress, stars)
    write_residuals(folder / "residuals.zarr", reduced)
    return reduced.images


def _on_disk(
    stored: list[Stored],
    reduction: Reduction,
    folder: Path,
    progress: Progress,
    workers: Cluster | None,
) -> Floats:
    """Reduce frames that stay on disk, and write their residuals; images (variant, y, x)."""
    cube = stored[0].outline.cube
    told = (reduction.model.variants, cube.shape, str(cube.dtype))
    with (
        writing_residuals(folder / "residuals.zarr", *told) as products,
        nullcontext(workers) if workers else opened("threads", threads.budget()) as several,
    ):
        return reduce_stored(stored, reduction, products, several, progress)


def _write_images(
    images: Floats, observation: Observation, reduction: Reduction, folder: Path
) -> None:
    """Write the image of every rank, and how it was made."""
    from exosift.io.fits import write_images  # astropy is slow to load, and not needed before

    variants = reduction.model.variants
    cards: dict[str, tuple[str | float | bool, str]] = {
        "REDUCTIO": (folder.name, "name of the reduction"),
        "MODEL": (reduction.model.kind, "PSF model"),
        "REGIONS": (reduction.regions.kind, "pixels modelled together"),
        "COMBINE": (reduction.combination, "of the derotated frames"),
        "KEEPNOIS": (reduction.keeps_noise, "noise stays noise: an S/N is a significance"),
        "NRANKS": (len(variants), "ranks tried"),
    }
    for i, rank in enumerate(variants, 1):
        cards[f"RANK{i}"] = (rank, "rank of this image; 0: model without ranks")
    write_images(folder / "image.fits", images, observation, cards)
