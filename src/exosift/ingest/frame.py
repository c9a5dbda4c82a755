"""One raw file as ingest sees it, a row of frames.ecsv; and what may be wrong, a line each."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.instruments.description import Kind

Field = Literal["", "turns", "fixed", "interpolated"]
"""How the sky moves on the detector during a file: with the parallactic angle, not at all, or as
far as the header tells at start and end; empty when it is not known."""


@dataclass(frozen=True)
class Frame:
    """What a file is, when and how it was taken, and which calibrations are its own.

    file: absolute path; size [byte] and modified [s] tell whether it changed. kind, with the reason
    for it. observation: `target/epoch` that it belongs to. exposure_time: of one exposure [s], of
    which ndit were taken and `frames` are in the file one by one. mjd_first, mjd_last: middle of
    the first and last of these (UTC). angle_first, angle_last [deg]: what turns them North up
    (counter-clockwise); between them the angle is that of the zenith plus angle_offset where the
    field `turns`. mirrored: to be flipped left to right before. set: name of the calibrations that
    belong together; dark, flat, sky, badpixels: the set to use on this file, and why.
    """

    file: str
    size: int = 0
    modified: float = 0.0
    instrument: str = ""
    kind: Kind = "ignore"
    reason: str = ""
    observation: str = ""
    target: str = ""
    epoch: str = ""
    filter: str = ""
    camera: str = ""
    neutral_density: str = ""
    window: str = ""
    readout: str = ""
    exposure_time: float = math.nan
    ndit: int = 1
    combined: int = 1
    frames: int = 1
    mjd_first: float = math.nan
    mjd_last: float = math.nan
    ra: float = math.nan
    dec: float = math.nan
    field: Field = ""
    angle_first: float = math.nan
    angle_last: float = math.nan
    angle_offset: float = math.nan
    pixel_scale: float = math.nan
    mirrored: bool = False
    set: str = ""
    dark: str = ""
    dark_reason: str = ""
    flat: str = ""
    flat_reason: str = ""
    sky: str = ""
    sky_reason: str = ""
    badpixels: str = ""
    badpixels_reason: str = ""

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.file.rsplit("/", 1)[-1]

    @property
    def mjd(self) -> float:
        """Middle of the file (UTC)."""
        return (self.mjd_first + self.mjd_last) / 2

    @property
    def seconds(self) -> float:
        """Integration in the file [s]."""
        return self.exposure_time * max(self.ndit, self.frames)

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height of the window [px]; zeros when the file has no image."""
        width, _, height = self.window.partition("x")
        return (int(width), int(height)) if height else (0, 0)

    def times(self) -> np.ndarray:
        """Middle of every exposure (UTC, MJD); they follow each other evenly."""
        return np.linspace(self.mjd_first, self.mjd_last, self.frames)


def folder_name(text: str) -> str:
    """A target's or filter's name as a folder may be called."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", text.strip()).strip("_.+-") or "unknown"


@dataclass(frozen=True)
class Problem:
    """What is wrong with an observation (or with files of none), in one line."""

    observation: str
    line: str


def setting(frame: Frame) -> tuple[str, ...]:
    """What frames of one observation share."""
    return frame.target, frame.epoch, frame.instrument, frame.filter, frame.camera


def some(frames: Sequence[Frame]) -> str:
    """One file and how many more."""
    more = f" and {len(frames) - 1} more" if len(frames) > 1 else ""
    return f"{frames[0].name}{more}"
