"""Instruments, each described by one YAML file in this folder; `description.py` says what it holds.

An instrument with several cameras goes by the file's name and the camera's: `naco-l27`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from exosift.errors import BadInput
from exosift.instruments.description import Camera, Description
from exosift.settings import parse


@dataclass(frozen=True)
class Instrument:
    """What an instrument adds to its data: scales [mas/px], angles [deg], wavelengths [µm]."""

    name: str
    telescope: str
    pixel_scale: float
    derotator_offset: float | None
    true_north: float
    wavelengths: Mapping[str, float | tuple[float, ...]]
    source: str
    pixel_scale_error: float | None = None
    true_north_error: float | None = None

    def channels(self, filter_name: str) -> tuple[float, ...]:
        """Central wavelengths [µm] of a filter's channels; BadInput names the filters known."""
        if filter_name not in self.wavelengths:
            raise BadInput(
                f"filter {filter_name}: {self.name} has {', '.join(self.wavelengths)}; correct the "
                "filter column"
            )
        found = self.wavelengths[filter_name]
        return found if isinstance(found, tuple) else (found,)

    def wavelength(self, filter_name: str) -> float:
        """Central wavelength [µm] of a filter, the mean of its channels."""
        channels = self.channels(filter_name)
        return sum(channels) / len(channels)


def known() -> list[str]:
    """Names of the instruments described here, camera by camera."""
    return sorted(name for file in _names() for name in _cameras(file, described(file)))


def load(name: str, given: Mapping[str, Description] | None = None) -> Instrument:
    """An instrument with its camera, as it is now, of those given or known.

    Raises BadInput, naming the nearest, when there is none.
    """
    given = given or {}
    for file in sorted({*given, *_names()}, key=len, reverse=True):
        if name == file or name.startswith(f"{file}-"):
            found = given.get(file) or described(file)
            if name in (cameras := _cameras(file, found)):
                return _instrument(found, cameras[name])
    near = get_close_matches(name, known(), 1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known())}"
    raise BadInput(f"instrument {name}: not known; {hint}")


def calibration_errors(name: str, pixel_scale: float) -> tuple[float | None, float | None]:
    """Errors of scale [mas/px] and true North [deg] of the instrument that a sequence names.

    A camera's values change with time: those of this `pixel_scale` [mas/px]. None: not known.
    """
    for file in _names():
        found = described(file)
        for camera in found.cameras or (found.only_camera,):
            label = f"{found.name} {camera.camera}".strip()
            if label == name and abs(camera.pixel_scale - pixel_scale) < 1e-6:
                return camera.pixel_scale_error, camera.true_north_error
    return None, None


@cache
def described(file: str) -> Description:
    """A description of this folder."""
    return read_description(
        yaml.safe_load((files(__package__) / f"{file}.yaml").read_text()), f"{file}.yaml"
    )


def descriptions(given: Mapping[str, Description] | None = None) -> dict[str, Description]:
    """Every instrument whose raw files are described: those given first, then this folder's."""
    everything = dict(given or {}) | {f: described(f) for f in _names() if f not in (given or {})}
    return {name: found for name, found in everything.items() if found.raw is not None}


def read_description(given: Any, where: str) -> Description:
    """Check plain YAML values against the shape of a description."""
    return parse(Description, given, where)


@cache
def _names() -> tuple[str, ...]:
    """Files of this folder."""
    entries = (entry.name for entry in files(__package__).iterdir())
    return tuple(sorted(e.removesuffix(".yaml") for e in entries if e.endswith(".yaml")))


def _cameras(file: str, found: Description) -> dict[str, Camera]:
    """Name → camera, with the values that hold now; one nameless camera when it has but one."""
    if not found.cameras:
        return {file: found.only_camera}
    return {f"{file}-{c.camera.lower()}": c for c in found.cameras if not c.until}


def _instrument(found: Description, camera: Camera) -> Instrument:
    """One camera of an instrument."""
    return Instrument(
        name=f"{found.name} {camera.camera}".strip(),
        telescope=found.telescope,
        pixel_scale=camera.pixel_scale,
        derotator_offset=found.derotator_offset,
        true_north=camera.true_north,
        wavelengths=found.wavelengths,
        source=found.source,
        pixel_scale_error=camera.pixel_scale_error,
        true_north_error=camera.true_north_error,
    )
