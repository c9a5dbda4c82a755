"""The raw files of a night, in the order in which they are taken."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.simulate.archive import Night
from exosift.simulate.dates import DAY, mjd_of
from exosift.types import Floats, Point

Kind = Literal["flux", "science", "sky", "flat", "dark"]

_OVERHEAD = 20.0  # s from the end of a file to the next, where these follow on one another
_READ = 0.2  # s that a coadd takes besides its exposure
_MORNING = 1800.0  # s after the last of the science


@dataclass(frozen=True)
class RawFile:
    """A file to take: what for; when it begins (MJD, UTC); `count` exposures of `seconds` each, one
    by one in a cube or as coadds; where the star stands on the detector, if it does."""

    kind: Kind
    mjd: float
    seconds: float
    count: int
    cube: bool
    place: Point | None = None

    @property
    def frames(self) -> int:
        """Frames that are told apart in it."""
        return self.count if self.cube else 1

    @property
    def lasts(self) -> float:
        """From its beginning to its end [s]."""
        return self.count * (self.seconds + (0.0 if self.cube else _READ))

    def middles(self) -> Floats:
        """Middle of every frame (frame,) (MJD, UTC)."""
        step = self.lasts / self.frames
        return self.mjd + (np.arange(self.frames) + 0.5) * step / DAY


def schedule(night: Night) -> tuple[RawFile, ...]:
    """The files of a night in their order: flux and its sky, science with skies between, flats,
    darks."""
    start, begun, files = mjd_of(night.start, "start"), 0.0, list[RawFile]()

    def take(kind: Kind, seconds: float, place: Point | None = None) -> RawFile:
        cube = night.cubes and kind in ("flux", "science", "sky")
        one = RawFile(kind, start + begun / DAY, seconds, night.exposures, cube, place)
        files.append(one)
        return one

    for _ in range(night.flux_files):
        begun += take("flux", night.flux_time, night.flux_place).lasts + _OVERHEAD
    begun += take("sky", night.flux_time).lasts + _OVERHEAD
    for number in range(night.files):
        shift = np.asarray(night.dithers[number % len(night.dithers)])
        moved = np.asarray(night.drift) * begun / 3600
        x, y = np.asarray(night.place) + shift + moved
        take("science", night.exposure_time, (float(x), float(y)))
        begun += night.interval
        if night.sky_every and (number + 1) % night.sky_every == 0:
            take("sky", night.exposure_time)
            begun += night.interval
    begun += _MORNING
    for _ in range(night.flats):
        begun += take("flat", night.flat_time).lasts + _OVERHEAD
    times = dict.fromkeys([night.exposure_time, night.flux_time, night.flat_time])
    for seconds in times:
        for _ in range(night.darks):
            begun += take("dark", seconds).lasts + _OVERHEAD
    return tuple(files)
