"""`sequence.zarr`, the data model on disk: read whole, or opened with its frames left there."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import zarr

from exosift import threads
from exosift.errors import BadInput
from exosift.io.store import Plan, open_store, read_part, read_whole, write_store, writing
from exosift.sequence import Observation, Sequence
from exosift.types import Bools, Floats

CUBE = ("wavelength", "time", "y", "x")
"""Dimensions of what has the shape of the cube."""

_DIMENSIONS = {
    "cube": CUBE,
    "mask": CUBE,
    "variance": CUBE,
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
        "cube": Plan(CUBE, shape, "float32", chunks, compressed=False),
        "mask": Plan(CUBE, shape, "bool", chunks),
    }
    if variance:
        plans["variance"] = Plan(CUBE, shape, "float32", chunks, compressed=False)
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


@dataclass(frozen=True, eq=False)
class Stored:
    """A sequence whose frames stay on disk.

    outline: all but its pixels, for which zeros stand.
    """

    store: Path
    outline: Sequence
    group: zarr.Group

    @classmethod
    def open(cls, store: Path) -> "Stored":
        """Raises BadInput when the store is not a sequence, Failed when it is damaged."""
        group = open_store(store)

        def empty(name: str) -> Floats:
            return np.broadcast_to(np.zeros((), group[name].dtype), group[name].shape)

        return cls(store, _sequence(store, group, empty), group)

    def __reduce__(self) -> tuple[Any, ...]:  # or its zeros would be sent along
        return Stored.open, (self.store,)

    @property
    def chunks(self) -> tuple[int, int]:
        """How many frames, and how many of their rows, are read together."""
        _, frames, rows, _ = self.group["cube"].chunks
        return int(frames), int(rows)

    def frames(self, channel: int, times: slice, rows: slice) -> Floats:
        """Some rows of some frames of a wavelength: (time, y, x)."""
        return np.asarray(self._part("cube", channel, times, rows))

    def mask(self, channel: int, times: slice) -> Bools:
        """What was not measured in some frames of a wavelength: (time, y, x)."""
        return np.asarray(self._part("mask", channel, times, slice(None)))

    def within(self, name: str, rows: slice, columns: slice) -> Any:
        """Of an array of the cube's shape, some rows and columns of all frames, read by chunks."""
        channels, count, *_ = self.outline.cube.shape
        shape = channels, count, rows.stop - rows.start, columns.stop - columns.start
        found = np.empty(shape, self.group[name].dtype)
        for channel in range(channels):
            for times in threads.blocks(count, self.group[name].chunks[1]):
                found[channel, times] = self._part(name, channel, times, rows)[..., columns]
        return found

    def _part(self, name: str, channel: int, times: slice, rows: slice) -> Any:
        return read_part(self.group, name, (slice(channel, channel + 1), times, rows))[0]


def read_sequence(store: Path) -> Sequence:
    """Read a sequence. Raises BadInput when the store is damaged or is not one."""
    group = open_store(store)
    return _sequence(store, group, lambda name: read_whole(group, name))


def _sequence(store: Path, group: zarr.Group, large: Callable[[str], Any]) -> Sequence:
    """A sequence, with arrays of the cube's shape as `large` has them."""
    attributes = dict(group.attrs)
    try:
        flux = attributes["star_flux"]
        observation = Observation(
            **attributes
            | {name: tuple(attributes[name]) for name in ("fwhm", "star", "raw_star")}
            | {"star_flux": None if flux is None else tuple(flux)}
            | {name: MappingProxyType(dict(attributes[name])) for name in ("sources", "history")}
        )
        arrays = {
            name: large(name) if axes == CUBE else read_whole(group, name)
            for name, axes in _DIMENSIONS.items()
            if name in group
        }
        return Sequence(observation=observation, **arrays)
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"{store}: not a sequence store ({error}); run `exosift register`"
        ) from error


def read_header(store: Path) -> tuple[dict[str, Any], Floats]:
    """The attributes and the angles [deg] of a sequence, without its cube."""
    group = open_store(store)
    return dict(group.attrs), read_whole(group, "angle")


def read_psf(store: Path) -> Floats:
    """The PSF (wavelength, y, x) of a sequence, without its cube."""
    return read_whole(open_store(store), "psf")


def read_times(store: Path) -> Floats:
    """When the frames of a sequence were taken (time,) (MJD); NaN where that is not known."""
    return read_whole(open_store(store), "mjd")
