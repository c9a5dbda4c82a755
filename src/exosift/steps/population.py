"""`exosift simulate --population`: sequences of many stars without a companion, ready to reduce.

In the folder: `stars-1.ecsv`, what each star's scene is (a table a fold), and a folder a star with
`sequence.zarr`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from exosift.io.sequences import write_sequence
from exosift.settings import plain
from exosift.simulate.population import Fold, Population, observed, rotation_of
from exosift.steps.recording import recorded


def run(population: Population, fold: Fold, seed: int, folder: Path) -> None:
    """Write the sequences of a fold's stars into `folder`."""
    from exosift.io.population import write_stars  # slow to load

    settings = {"population": plain(population), "fold": plain(fold), "seed": seed}
    rows: list[Mapping[str, Any]] = []
    varied = (*population.even, *population.logarithmic)
    with recorded(f"simulate-{fold.number}-of-{fold.folds}", folder, [], settings):
        for name in tqdm(fold.of(population.names), desc="stars", file=sys.stderr, leave=False):
            sequence, scene = observed(population, name, seed)
            write_sequence(store_of(folder, name), sequence)
            own = {key: getattr(scene, key) for key in varied}
            fwhm = sequence.observation.fwhm[0]
            rows.append({"star": name, "rotation": rotation_of(scene), "fwhm": fwhm} | own)
        write_stars(folder / f"stars-{fold.number}.ecsv", rows, settings)


def store_of(folder: Path, name: str) -> Path:
    """Where the sequence of a star lies."""
    return folder / name / "sequence.zarr"
