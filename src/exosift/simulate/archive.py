"""A small survey to make up, as a configuration describes it: stars, cameras, nights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from exosift.errors import BadInput
from exosift.geometry.astrometry import moved
from exosift.simulate.background import Background
from exosift.simulate.dates import mjd_of
from exosift.simulate.detector import Detector
from exosift.simulate.orbits import YEAR, Orbit
from exosift.simulate.scene import Simulation
from exosift.types import Point

Flavour = Literal["naco", "nirc2"]
"""Whose raw files: VLT/NACO in L′ (a cube a file) or Keck/NIRC2 in Ks (coadds in one plane)."""

_ELSEWHERE = (
    *("wavelength", "channels", "bandwidth", "pixel_scale", "size", "frames", "declination"),
    *("latitude", "hour_angle_start", "hour_angle_end", "star_electrons", "background"),
    *("read_noise", "decentring_x", "decentring_y"),
)
"""Of a scene, what the night, the instrument or the detector say."""


@dataclass(frozen=True)
class Planet:
    """A planet: its `orbit`, and its `contrast`, its flux in units of the star's."""

    orbit: Orbit
    contrast: float


@dataclass(frozen=True)
class BackgroundStar:
    """A star far behind: `separation` [mas] and `position_angle` [deg] on the target's date, and
    `contrast`, its flux in units of the star's."""

    separation: float
    position_angle: float
    contrast: float


@dataclass(frozen=True)
class Target:
    """A star: `ra`, `dec` (ICRS) [deg] on its `date`; `parallax` [mas]; `motion`, proper motion
    (East, North) [mas/yr]; `mass` [solar masses]; `planets` and `background` stars by name."""

    ra: float
    dec: float
    date: str = "2000-01-01"
    parallax: float = 20.0
    motion: Point = (0.0, 0.0)
    mass: float = 1.0
    planets: Mapping[str, Planet] = field(default_factory=dict)
    background: Mapping[str, BackgroundStar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        mjd_of(self.date, "date")
        if not (0 <= self.ra < 360 and abs(self.dec) <= 90):
            raise BadInput(f"ra {self.ra:g}°, dec {self.dec:g}°: no place in the sky; give degrees")
        for name in ("parallax", "mass"):
            if getattr(self, name) <= 0:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected more than 0")
        twice = self.planets.keys() & self.background.keys()
        if twice:
            raise BadInput(f"{min(twice)} is both a planet and a background star; rename one")

    def place(self, mjd: float) -> Point:
        """Right ascension and declination [deg] on a date, by proper motion."""
        years = (mjd - mjd_of(self.date, "date")) / YEAR
        return moved(self.ra, self.dec, years, self.motion)


@dataclass(frozen=True)
class Camera:
    """A camera: `size` of its window [px], `detector`, thermal `background`; of the `scene` the
    telescope, its aberrations, the coronagraph's leakage and the jitter behind it."""

    size: int = 192
    scene: Simulation = field(default_factory=Simulation)
    detector: Detector = field(default_factory=Detector)
    background: Background = field(default_factory=Background)

    def __post_init__(self) -> None:
        if self.size < 2 * self.scene.psf_size:
            raise BadInput(f"size is {self.size} px, expected at least {2 * self.scene.psf_size}")


@dataclass(frozen=True)
class Night:
    """A target on a night: raw files of the star behind the coronagraph, the sky, and calibrations.

    `start` (UTC), of the first file; `electrons`, all the light of the star on the detector
    [electrons/s]. Science: `files` of `exposures` (planes of a cube, or coadds) of `exposure_time`
    [s] begin every `interval` [s], with a file of blank sky after every `sky_every` of them (0:
    none). The star stands at `place` (x, y) [px] and drifts by `drift` (x, y) [px/h]; files take
    turns in the `dithers` (x, y) [px] from there. `flux_files`, before all these, have the star off
    the coronagraph at `flux_place`, in exposures of `flux_time` [s]; one of sky follows.

    After the science come `flats` of `flat_time` [s], half full, and `darks` for every exposure
    time. In `bad` of the science frames, in turn, the loop of the adaptive optics is open, or the
    star slips off the coronagraph with most of its light lost.
    """

    target: str
    instrument: Flavour
    start: str
    electrons: float
    place: Point
    flux_place: Point
    files: int = 12
    exposures: int = 5
    exposure_time: float = 0.2
    interval: float = 600.0
    sky_every: int = 3
    drift: Point = (0.0, 0.0)
    dithers: tuple[Point, ...] = ((0.0, 0.0),)
    flux_files: int = 2
    flux_time: float = 0.05
    flats: int = 7
    flat_time: float = 0.3
    darks: int = 7
    bad: int = 2

    def __post_init__(self) -> None:
        mjd_of(self.start, "start")
        for name in ("electrons", "exposure_time", "flux_time", "flat_time", "interval"):
            if getattr(self, name) <= 0:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected more than 0")
        for name in ("files", "exposures", "flux_files", "flats", "darks"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}, expected at least 1")
        if self.flux_time >= self.exposure_time:
            raise BadInput(
                f"flux_time is {self.flux_time:g} s, expected less than exposure_time, "
                f"{self.exposure_time:g} s: headers tell the star's own frames by it alone"
            )
        if not self.dithers:
            raise BadInput("dithers is empty; give one place at least, such as [0, 0]")
        if not 0 <= self.bad <= self.frames // 2:
            raise BadInput(f"bad is {self.bad} of {self.frames} science frames: at most half")
        if self.interval < 1.5 * self.exposures * self.exposure_time:
            raise BadInput(
                f"interval is {self.interval:g} s, too short for {self.exposures} exposures of "
                f"{self.exposure_time:g} s: half as much again is needed"
            )

    @property
    def cubes(self) -> bool:
        """Whether a file holds its exposures one by one, and not their sum."""
        return self.instrument == "naco"

    @property
    def frames(self) -> int:
        """Science frames of the night."""
        return self.files * (self.exposures if self.cubes else 1)


@dataclass(frozen=True)
class Archive:
    """A survey of raw files: `targets` and `cameras` by name, and the `nights`."""

    targets: Mapping[str, Target]
    cameras: Mapping[Flavour, Camera]
    nights: tuple[Night, ...]

    def __post_init__(self) -> None:
        for flavour, camera in self.cameras.items():
            _refuse_unread(camera.scene, f"cameras.{flavour}.scene")
        starts = [(night.target, night.instrument, night.start) for night in self.nights]
        for number, night in enumerate(self.nights):
            if starts[number] in starts[:number]:
                raise BadInput(f"nights[{number}] is listed twice; remove one")
            if night.target not in self.targets:
                raise BadInput(
                    f"nights[{number}].target is {night.target}: not among the targets, "
                    f"{', '.join(self.targets)}"
                )
            if night.instrument not in self.cameras:
                raise BadInput(
                    f"nights[{number}].instrument is {night.instrument}: not among the cameras, "
                    f"{', '.join(self.cameras)}"
                )
            size = self.cameras[night.instrument].size
            for name, point in (("place", night.place), ("flux_place", night.flux_place)):
                if not all(0 <= x < size for x in point):
                    raise BadInput(
                        f"nights[{number}].{name} is {list(point)}, outside a window of {size} px"
                    )


def _refuse_unread(scene: Simulation, where: str) -> None:
    """Raise BadInput for what a scene says in vain."""
    usual = Simulation()
    for name in _ELSEWHERE:
        if getattr(scene, name) != getattr(usual, name):
            raise BadInput(
                f"{where}.{name} is not read: the instrument, the night, the detector or the "
                "background says it; leave it out"
            )
