"""`sequence.zarr`, the data model on disk, and `residuals.zarr`, what subtraction leaves of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import zarr

from exosift.errors import BadInput
from exosift.io.store import Plan, open_store, read_whole, write_store, writing
from exosift.psfsub.engine import Reduced
from exosift.sequence import Observation, Sequence
from exosift.types import Floats

_CUBE = ("wavelength", "time", "y", "x")
_DIMENSIONS = {
    "cube": _CUBE,
    "mask": _CUBE,
    "variance": _CUBE,
    "angle": ("time",),
    "mjd": ("time",),
    "wavelength": ("wavelength",),
    "psf": ("wavelength", "psf_y", "psf_x"),
}
_UNITS = {"angle": "deg", "mjd": "d", "wavelength": "um"}


def write_sequence(store: Path, sequence: Sequence) -> None:
    """Write a sequence as a Zarr v3 group that xarray reads as it is."""
    arrays = {
        name: (dimensions, getattr(sequence, name), _UNITS.get(name, ""))
        for name, dimensions in _DIMENSIONS.items()
        if getattr(sequence, name) is not None
    }
    write_store(store, arrays, _plain(sequence.observation))


@contextmanager
def writing_sequence(
    store: Path,
    observation: Observation,
    arrays: Mapping[str, Floats],
    side: int,
    size: int,
    variance: bool,
) -> Iterator[Mapping[str, zarr.Array]]:
    """Arrays cube, mask (and variance) of a sequence, to be written `size` frames at a time.

    arrays: angle, mjd, wavelength and psf, written at once; side of the frames [px].
    """
    shape = (len(arrays["wavelength"]), len(arrays["angle"]), side, side)
    chunks = (1, min(size, shape[1]), side, side)
    plans = {
        "cube": Plan(_CUBE, shape, "float32", chunks),
        "mask": Plan(_CUBE, shape, "bool", chunks),
    }
    if variance:
        plans["variance"] = Plan(_CUBE, shape, "float32", chunks)
    for name, values in arrays.items():
        kind, unit = str(values.dtype), _UNITS.get(name, "")
        plans[name] = Plan(_DIMENSIONS[name], values.shape, kind, values.shape, unit)
    with writing(store, plans, _plain(observation)) as empty:
        for name, values in arrays.items():
            empty[name][...] = values
        yield empty


def _plain(observation: Observation) -> dict[str, Any]:
    """An observation's fields as JSON can hold them."""
    return {
        field.name: dict(value)
        if hasattr(value := getattr(observation, field.name), "keys")
        else value
        for field in fields(observation)
    }


def read_sequence(store: Path) -> Sequence:
    """Read a sequence. Raises BadInput when the store is damaged or is not one."""
    group = open_store(store)
    attributes = dict(group.attrs)
    try:
        flux = attributes["star_flux"]
        observation = Observation(
            **attributes
            | {name: tuple(attributes[name]) for name in ("fwhm", "star", "raw_star")}
            | {"star_flux": None if flux is None else tuple(flux)}
            | {name: MappingProxyType(dict(attributes[name])) for name in ("sources", "history")}
        )
        arrays = {name: read_whole(group, name) for name in _DIMENSIONS if name in group}
        return Sequence(observation=observation, **arrays)
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"{store}: not a sequence store ({error}); run `exosift register`"
        ) from error


def read_header(store: Path) -> tuple[dict[str, Any], Floats]:
    """The attributes and the angles [deg] of a sequence, without its cube."""
    group = open_store(store)
    return dict(group.attrs), read_whole(group, "angle")


def read_times(store: Path) -> Floats:
    """When the frames of a sequence were taken (time,) (MJD); NaN where that is not known."""
    return read_whole(open_store(store), "mjd")


def read_residuals(store: Path) -> Floats:
    """Residuals (variant, wavelength, time, y, x) of a reduction, before derotation."""
    group = open_store(store)
    if "residuals" not in group:
        raise BadInput(f"{store}: not the residuals of a reduction; run `exosift subtract`")
    return read_whole(group, "residuals")


def write_residuals(store: Path, reduced: Reduced) -> None:
    """Write the residuals of a reduction, not derotated, and the image of each wavelength."""
    arrays = {
        "residuals": (("variant", *_CUBE), reduced.residuals, ""),
        "image": (("variant", "wavelength", "y", "x"), reduced.channels, ""),
        "variant": (("variant",), np.asarray(reduced.variants), ""),
    }
    comment = "residuals: frames minus star, not derotated; image: derotated, combined over time"
    write_store(store, arrays, {"comment": comment}, tiled="time")
