"""The masters that an observation's files are to be calibrated with, from the sets ingest chose."""

from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from exosift.calib.calibration import Calibrations
from exosift.calib.masters import (
    MasterDark,
    MasterFlat,
    master_dark,
    master_flat,
    not_linear,
)
from exosift.calib.recipe import Recipe
from exosift.errors import BadInput
from exosift.ingest.frame import Frame
from exosift.raw.files import Files, Read
from exosift.types import Bools, Floats, Shape

Values = TypeVar("Values", Floats, Bools)

# Planes of a set that make its master, at most: more would only cost memory.
_PLANES = 64

# Exposure times that tell a straight line from another.
_RAMP = 3


@dataclass(frozen=True, eq=False)
class Masters:
    """Makes the masters of an observation, each once."""

    files: Files
    recipe: Recipe
    read: Read
    darks: dict[str, MasterDark] = field(default_factory=dict)
    flats: dict[tuple[str, Shape], MasterFlat] = field(default_factory=dict)
    maps: dict[tuple[str, Shape], Bools] = field(default_factory=dict)

    def of(self, frame: Frame) -> Calibrations:
        """What calibrates a file; without a dark, flat or map none is taken."""
        width, height = frame.shape
        shape = (height, width)
        detector = self.files.raw.detector(frame.readout)
        gain = self.recipe.gain or detector.gain
        saturation = self.recipe.saturation or detector.saturation or np.inf
        if self.recipe.variance and gain is None and not self.files.raw.calibrated:
            raise BadInput(
                f"{frame.file}: the gain of {frame.instrument} in readout {frame.readout or '?'} "
                "is not known, and the variance needs it; give calibrate.gain"
            )
        coadds = 1 if frame.frames > 1 else frame.ndit
        if self.files.raw.coadds == "sum":
            saturation *= coadds
        elif gain is not None:
            gain *= coadds  # a mean of n holds n times the electrons of its counts
        return Calibrations(
            self._dark(frame.dark, shape),
            self._flat(frame.flat, shape),
            self._map(frame.badpixels, shape),
            saturation,
            gain if self.recipe.variance else None,
        )

    def _dark(self, name: str, shape: Shape) -> MasterDark:
        if not name:
            nothing = np.zeros(shape, np.float32)
            return MasterDark(nothing, nothing, 0.0, nothing > 0)
        if name not in self.darks:
            planes = np.concatenate([some for _, some in self._planes(name)])
            self.darks[name] = master_dark(planes, self.recipe.hot)
        return self.darks[name]

    def _flat(self, name: str, shape: Shape) -> MasterFlat:
        if not name:
            nothing = np.zeros(shape, np.float32)
            return MasterFlat(nothing + 1, nothing, nothing > 0)
        if (name, shape) not in self.flats:
            self.flats[name, shape] = self._made_flat(name, shape)
        return self.flats[name, shape]

    def _made_flat(self, name: str, shape: Shape) -> MasterFlat:
        """Each flat less its own dark; with three exposure times, who is not linear shows."""
        lit, seconds = [], []
        for file, planes in self._planes(name):
            dark = self._dark(file.dark, planes.shape[1:]).frame
            # A master flat is near 1 already, and its dark is in it.
            left = planes.astype(np.float32) - (0 if file.combined > 1 else dark)
            lit.append(_centre(left, shape))
            seconds += [file.exposure_time] * len(planes)
        lamp, times = np.concatenate(lit), np.array(seconds)
        flat = master_flat(lamp, np.zeros(shape, np.float32), self.recipe.response)
        if len(several := np.unique(times)) < _RAMP:
            return flat
        ramp = np.stack([lamp[times == time].mean(axis=0) for time in several])
        return replace(flat, bad=flat.bad | not_linear(ramp, several, self.recipe.linearity))

    def _map(self, name: str, shape: Shape) -> Bools:
        if not name:
            return np.zeros(shape, dtype=bool)
        if (name, shape) not in self.maps:
            maps = np.concatenate([some for _, some in self._planes(name)])
            marked = _centre((maps != 0).any(axis=0), shape)
            # Some maps mark the good pixels.
            self.maps[name, shape] = ~marked if marked.mean() > 0.5 else marked
        return self.maps[name, shape]

    def _planes(self, name: str) -> list[tuple[Frame, Floats]]:
        """Files of a set with their planes (plane, y, x); some, spread evenly, of many."""
        files = self.files.sets[name]
        each = max(1, _PLANES // len(files))
        chosen = files[:: -(-len(files) // _PLANES)]
        return [(file, self.read(file, middle(file, each))) for file in chosen]


def middle(frame: Frame, most: int) -> slice:
    """At most so many planes of a file, one run in its middle."""
    first = max(0, (frame.frames - most) // 2)
    return slice(first, min(frame.frames, first + most))


def _centre(image: Values, shape: Shape) -> Values:
    """The middle of image (…, y, x), of the shape (y, x) of a centred window."""
    top, left = ((a - b) // 2 for a, b in zip(image.shape[-2:], shape, strict=True))
    if top < 0 or left < 0:
        raise BadInput(
            f"a calibration of {image.shape[-1]}×{image.shape[-2]} px for frames of "
            f"{shape[1]}×{shape[0]} px; take one of the same window"
        )
    return image[..., top : top + shape[0], left : left + shape[1]]
