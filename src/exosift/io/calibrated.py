"""`calibrated.zarr`: the frames of an observation before the star is looked for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import zarr

from exosift.compute.blocks import Block
from exosift.errors import BadInput
from exosift.io.store import Plan, open_store, read_part, read_whole, writing
from exosift.types import Floats

_CUBE = ("wavelength", "time", "y", "x")


@dataclass(frozen=True)
class Outline:
    """What is known of calibrated frames besides their pixels.

    instrument, pixel_scale [mas/px], exposure_time [s] of a frame; fwhm [px], a guess; wavelength
    [µm] of each channel, or one for all where theirs are not known. apart: the wavelengths were
    side by side on the detector, each with the star somewhere else. star_flux: empty where the
    frames of the star off the coronagraph are in counts of a science frame, else why not.
    history: how the frames were made, in words; sources: raw files and their SHA-256.
    """

    instrument: str
    filter: str
    pixel_scale: float
    exposure_time: float
    fwhm: float
    wavelength: tuple[float, ...]
    apart: bool = False
    star_flux: str = ""
    history: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A store of calibrated frames, read block by block.

    shape (wavelength, time, y, x); angle [deg], mjd [d] (time,); flux (wavelength, exposure, y, x):
    the star off the coronagraph; centre, the same: with satellite spots, at times centre_mjd.
    """

    outline: Outline
    group: zarr.Group
    angle: Floats
    mjd: Floats
    flux: Floats | None
    centre: Floats | None
    centre_mjd: Floats | None

    @classmethod
    def open(cls, store: Path) -> "Calibrated":
        """Raises BadInput when the store is something else, Failed when it is damaged."""
        group = open_store(store)
        try:
            told = dict(group.attrs)
            outline = Outline(**told | {"wavelength": tuple(told["wavelength"])})
            angle, mjd = read_whole(group, "angle"), read_whole(group, "mjd")
            others = ("flux", "centre", "centre_mjd")
            arrays = (read_whole(group, name) if name in group else None for name in others)
            return cls(outline, group, angle, mjd, *arrays)
        except (KeyError, TypeError) as error:
            raise BadInput(
                f"{store}: not a store of calibrated frames ({error}); run `exosift calibrate`"
            ) from error

    @property
    def shape(self) -> tuple[int, ...]:
        """(wavelength, time, y, x)."""
        return tuple(self.group["cube"].shape)

    def read(self, span: slice) -> Block:
        """The frames of a span of time."""
        part = (slice(None), span)
        variance = read_part(self.group, "variance", part) if "variance" in self.group else None
        return Block(
            read_part(self.group, "cube", part), read_part(self.group, "mask", part), variance
        )


@contextmanager
def writing_calibrated(
    store: Path,
    outline: Outline,
    shape: tuple[int, ...],
    size: int,
    arrays: Mapping[str, Floats],
    variance: bool,
) -> Iterator[Mapping[str, zarr.Array]]:
    """Arrays cube, mask (and variance) of `shape`, to be written `size` frames at a time.

    arrays: angle, mjd and, where there are any, flux, centre and centre_mjd, written at once.
    """
    chunks = (1, min(size, shape[1]), *shape[2:])
    plans = {
        "cube": Plan(_CUBE, shape, "float32", chunks, "count", compressed=False),
        "mask": Plan(_CUBE, shape, "bool", chunks),
    }
    if variance:
        plans["variance"] = Plan(_CUBE, shape, "float32", chunks, compressed=False)
    for name, values in arrays.items():
        axes = ("wavelength", f"{name}_time", f"{name}_y", f"{name}_x")
        dimensions = axes if values.ndim == 4 else ("centre_time" if "centre" in name else "time",)
        plans[name] = Plan(dimensions, values.shape, str(values.dtype), values.shape)
    with writing(store, plans, _plain(outline)) as empty:
        for name, values in arrays.items():
            empty[name][...] = values
        yield empty


def _plain(outline: Outline) -> dict[str, Any]:
    """An outline as JSON can hold it."""
    return {name: dict(v) if hasattr(v, "keys") else v for name, v in asdict(outline).items()}
