"""Full-frame PCA of a store in two passes over strips of pixels, by the workers of one job.

    srun -n 4 python -m tests.slurm.pca_job STORE OUTPUT.npz srun MEGABYTES

The Gram matrix is the sum of B Bᵀ over the strips B, read by whoever works on them; the
coefficients come back to the same workers, who take the star off each strip.
"""

import os
import sys
from functools import partial
from pathlib import Path

import numpy as np

from exosift.compute.cluster import opened
from exosift.io.sequences import read_sequence
from exosift.io.store import open_store, read_part
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import image
from exosift.psfsub.gram import CentredFrames, Gram, gram
from exosift.psfsub.linear import residuals
from exosift.psfsub.pca import Pca

RANKS = (2, 4)
STRIP = 8  # rows of pixels


def strip(store: Path, rows: slice) -> CentredFrames:
    """The frames (time, pixel) of a strip."""
    frames = read_part(open_store(store), "cube", (slice(0, 1), slice(None), rows))[0]
    return CentredFrames.of(frames.reshape(len(frames), -1))


def products(store: Path, rows: slice) -> np.ndarray:
    """B Bᵀ of a strip."""
    return gram(strip(store, rows)).product


def left(store: Path, rows: slice, coefficients) -> tuple[np.ndarray, int]:
    """A strip (variant, time, pixel) without its star, and the process that took it off."""
    return residuals(strip(store, rows), coefficients), os.getpid()


def main(store: Path, output: Path, kind: str, workers: int, memory: int) -> None:
    """Residuals, and the North-up images of them, into `output`."""
    with opened(kind, workers, memory) as cluster:
        sequence = read_sequence(store)
        _, frames, height, width = sequence.cube.shape
        strips = [slice(row, min(row + STRIP, height)) for row in range(0, height, STRIP)]
        product = cluster.total(partial(products, store), strips)
        none = np.zeros(frames)
        found = Gram(product, none, 0.0, none, height * width)
        coefficients = Pca(RANKS).coefficients(found, np.ones((frames, frames), dtype=bool))
        parts = cluster.over(partial(left, store), strips, coefficients)
        stars = np.concatenate([part for part, _ in parts], axis=2)
        cubes = stars.reshape(len(RANKS), frames, height, width)
        reduction = Reduction(Pca(RANKS))
        images = [image(cube, sequence.angle, reduction, sequence.mask[0]) for cube in cubes]
        workers_seen = len({process for _, process in parts})
        np.savez(output, residuals=cubes, images=images, workers=workers_seen)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], 2, int(sys.argv[4]) * 2**20)
