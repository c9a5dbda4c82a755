"""Labelled patches as Zarr stores, one a ring, with who gave them and how they were drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exosift import __version__, threads
from exosift.io.store import Plan, writing
from exosift.learn.labelled import Labelled

# Samples of a chunk.
_TOGETHER = 256

_DIMENSIONS = ("sample", "level", "y", "x")


def store_of(folder: Path, edges: tuple[float, float]) -> Path:
    """Where the samples of a ring lie; edges [FWHM]."""
    return folder / "{:g}-{:g}.zarr".format(*edges)


def write_samples(store: Path, samples: Labelled, told: Mapping[str, Any]) -> None:
    """Write a ring's samples, chunk by chunk; told: what is kept beside them."""
    shape, count = samples.patches.shape, len(samples.labels)
    chunks = (min(_TOGETHER, count), *shape[1:])
    plans = {
        "patches": Plan(_DIMENSIONS, shape, "float32", chunks, compressed=False),
        "labels": Plan(_DIMENSIONS[:1], (count,), "bool", (count,)),
        "blocks": Plan(_DIMENSIONS[:1], (count,), "int64", (count,)),
    }
    with writing(store, plans, {"exosift": __version__, **told}) as empty:
        for some in threads.blocks(count, _TOGETHER):
            empty["patches"][some] = samples.patches[some]
        empty["labels"][...], empty["blocks"][...] = samples.labels, samples.blocks
