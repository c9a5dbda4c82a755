"""`exosift subtract`: a sequence through one reduction, to residuals and a North-up image."""

import sys
from pathlib import Path

from tqdm import tqdm

from exosift.errors import BadInput
from exosift.io.sequences import read_sequence, write_residuals
from exosift.io.store import manifest_of
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.settings import plain
from exosift.steps.recording import recorded


def run(store: Path, stars: tuple[Path, ...], reduction: Reduction, folder: Path) -> None:
    """Write residuals.zarr and image.fits of the sequence in `store` into `folder`.

    stars: the stores of its reference stars.
    """
    if reduction.stars and not stars:
        raise BadInput("the reduction has reference stars: give each one's store by --star")
    settings = plain(reduction)
    with recorded("subtract", folder, [manifest_of(s) for s in (store, *stars)], settings):
        sequence = read_sequence(store)
        others = [read_sequence(star) for star in stars]
        with tqdm(desc=f"{sequence.label} {folder.name}", file=sys.stderr, leave=False) as bar:

            def progress(done: int, of: int) -> None:
                bar.total = of
                bar.update(done - bar.n)

            reduced = reduce(sequence, reduction, progress, others)
        from exosift.io.fits import write_images  # astropy is slow to load, and not needed before

        write_residuals(folder / "residuals.zarr", reduced)
        cards: dict[str, tuple[str | float | bool, str]] = {
            "REDUCTIO": (folder.name, "name of the reduction"),
            "MODEL": (reduction.model.kind, "PSF model"),
            "REGIONS": (reduction.regions.kind, "pixels modelled together"),
            "COMBINE": (reduction.combination, "of the derotated frames"),
            "KEEPNOIS": (reduction.keeps_noise, "noise stays noise: an S/N is a significance"),
            "NRANKS": (len(reduced.variants), "ranks tried"),
        }
        for i, rank in enumerate(reduced.variants, 1):
            cards[f"RANK{i}"] = (rank, "rank of this image; 0: model without ranks")
        write_images(folder / "image.fits", reduced.images, sequence.observation, cards)
