"""Zarr v3 stores written once and believed only with their manifest.

Zarr reads a missing chunk as fill values, so an interrupted or damaged store looks like good data.
A store is therefore written beside its place, renamed when whole, and vouched for by a manifest,
`<name>.zarr.json`, written last: shapes, types, chunk counts and hashes of chunks and metadata.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from glob import escape
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from exosift import __version__
from exosift.compute.blocks import Block
from exosift.errors import Failed
from exosift.io.atomic import ask, whole, writer

Arrays = Mapping[str, tuple[tuple[str, ...], np.ndarray, str]]
"""Name → (dimension names, values, unit)."""

# A chunk is at most about so many bytes: large enough to read well, small enough to stream.
_CHUNK = 32 * 2**20


@dataclass(frozen=True)
class Plan:
    """An array to be written: dimension names, shape and type, unit, and its chunks.

    compressed: noise gains nothing by it.
    """

    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[int, ...]
    unit: str = ""
    compressed: bool = True


def manifest_of(store: Path) -> Path:
    """Where the manifest of a store lies: beside it."""
    return store.with_name(store.name + ".json")


@contextmanager
def writing(
    store: Path, plans: Mapping[str, Plan], attributes: Mapping[str, Any]
) -> Iterator[Mapping[str, zarr.Array]]:
    """A new store's empty arrays, to be filled chunk by chunk; vouched for when the block ends.

    What was at `store` is replaced; when the block fails nothing new is left. Whole chunks may be
    written from several threads. What others have begun beside it is removed: they were killed, or,
    if one still lives on another node, this one is to stay.
    """
    ask()
    manifest = manifest_of(store)
    manifest.unlink(missing_ok=True)
    for left in store.parent.glob(f"{escape(store.name)}.partial*"):
        shutil.rmtree(left, ignore_errors=True)
    partial = store.with_name(f"{store.name}.partial-{writer()}")
    partial.parent.mkdir(parents=True, exist_ok=True)
    group = zarr.create_group(partial, attributes=dict(attributes))
    arrays = {}
    for name, plan in plans.items():
        arrays[name] = group.create_array(
            name,
            shape=plan.shape,
            dtype=plan.dtype,
            chunks=plan.chunks,
            dimension_names=plan.dimensions,
            attributes={"units": plan.unit} if plan.unit else {},
            compressors=[*([ZstdCodec(level=1)] if plan.compressed else []), Crc32cCodec()],
            config={"write_empty_chunks": True},  # or a chunk of zeros would count as missing
        )
    try:
        yield arrays
        content = _describe(partial)
        ask()
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(store, ignore_errors=True)
    partial.replace(store)
    with whole(manifest) as path:
        path.write_text(json.dumps(content, indent=1) + "\n")


def blocks_written(arrays: Mapping[str, zarr.Array], span: slice, block: Block) -> None:
    """Put a block of frames into the arrays cube, mask (and variance) of a store."""
    for name in ("cube", "mask", "variance"):
        values = getattr(block, name)
        if values is not None:
            arrays[name][:, span] = values


def write_store(
    store: Path, arrays: Arrays, attributes: Mapping[str, Any], tiled: str = "y"
) -> None:
    """Write arrays and attributes to `store`, replacing what was there, and vouch for it.

    Large arrays are cut along the dimension `tiled`: "y" keeps all frames of a strip of pixels
    together (for subtraction), "time" keeps images whole (for transforms).
    """
    plans = {
        name: Plan(
            dimensions, values.shape, str(values.dtype), _chunks(values, dimensions, tiled), unit
        )
        for name, (dimensions, values, unit) in arrays.items()
    }
    with writing(store, plans, attributes) as empty:
        for name, (_, values, _) in arrays.items():
            empty[name][...] = values


def _chunks(values: np.ndarray, dimensions: tuple[str, ...], tiled: str) -> tuple[int, ...]:
    """Whole along every dimension but wavelength (one each) and `tiled` (as many as fit)."""
    shape = [
        1 if d in ("wavelength", "variant") else n
        for d, n in zip(dimensions, values.shape, strict=True)
    ]
    if tiled in dimensions:
        axis = dimensions.index(tiled)
        line = prod(shape) // shape[axis] * values.dtype.itemsize
        shape[axis] = max(1, min(shape[axis], _CHUNK // max(line, 1)))
    return tuple(shape)


def _describe(store: Path) -> dict[str, Any]:
    """What the manifest says of a store."""
    arrays = {}
    for name, array in sorted(zarr.open_group(store, mode="r").arrays()):
        chunks = _chunk_files(store / name)
        count = prod(ceil(n / c) for n, c in zip(array.shape, array.chunks, strict=True))
        if len(chunks) != count:
            raise Failed(f"{store}: {len(chunks)} of {count} chunks of {name} were written")
        arrays[name] = {"shape": array.shape, "dtype": str(array.dtype), "chunks": count}
    return {
        "arrays": arrays,
        "sha256": content_hash(store, arrays),
        "metadata": metadata_hash(store),
        "exosift": __version__,
    }


def content_hash(store: Path, arrays: Iterable[str]) -> str:
    """SHA-256 over the names, sizes and checksums of all chunks of some arrays of a store."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        for path in _chunk_files(store / name):
            digest.update(f"{path.relative_to(store)} {path.stat().st_size}".encode())
            digest.update(_checksum(path))
    return digest.hexdigest()


def metadata_hash(store: Path) -> str:
    """SHA-256 over a store's attributes and its arrays' descriptions."""
    digest = hashlib.sha256()
    for path in sorted(store.rglob("zarr.json")):
        digest.update(f"{path.relative_to(store)} ".encode() + path.read_bytes())
    return digest.hexdigest()


def _checksum(path: Path) -> bytes:
    """The CRC-32C that a chunk ends with: of what was written, for it was found before it was."""
    with path.open("rb") as chunk:
        chunk.seek(-4, 2)
        return chunk.read()


def _chunk_files(array: Path) -> list[Path]:
    """The chunk files of an array, sorted."""
    return sorted(path for path in (array / "c").rglob("*") if path.is_file())


def read_manifest(store: Path) -> dict[str, Any]:
    """The manifest of a store. Raises Failed when there is none or it makes no sense."""
    path = manifest_of(store)
    try:
        content = dict(json.loads(path.read_text()))
        content["arrays"] = dict(content["arrays"])
    except FileNotFoundError:
        raise Failed(
            f"{store}: no manifest {path.name} beside it; the store is not whole, "
            "run the step that writes it again"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(
            f"{path}: not a manifest ({error}); remove it and run the step that writes "
            "the store again"
        ) from error
    return content


def read_whole(group: zarr.Group, name: str) -> np.ndarray:
    """An array of a store. Raises Failed when a chunk is not what was written."""
    return read_part(group, name, ())


def read_part(group: zarr.Group, name: str, part: tuple[slice, ...]) -> np.ndarray:
    """A part of an array of a store. Raises Failed when a chunk is not what was written."""
    try:
        return np.asarray(group[name][part or ...])
    except ValueError as error:  # the checksum that each chunk carries
        raise Failed(
            f"{group.store_path}: a chunk of {name} is damaged ({error}); remove the store's "
            "manifest and run again to make it anew"
        ) from error


def open_store(store: Path) -> zarr.Group:
    """Open a store whose chunks are all there. Raises Failed naming the array that is damaged."""
    for name, expected in read_manifest(store)["arrays"].items():
        found = len(_chunk_files(store / name))
        if found != expected["chunks"]:
            raise Failed(
                f"{store}: array {name} has {found} of {expected['chunks']} chunks; remove "
                f"{manifest_of(store)} and run again to make the store anew"
            )
    try:
        return zarr.open_group(store, mode="r")
    except (OSError, ValueError, KeyError) as error:
        raise Failed(
            f"{store}: not a Zarr store ({error}); remove {manifest_of(store)} and run again"
        ) from error
