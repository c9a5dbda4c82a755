"""What a YAML description may say: an instrument's cameras, and how to tell its raw files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from fnmatch import fnmatchcase
from typing import Literal

from exosift.errors import BadInput

Kind = Literal["science", "centre", "flux", "sky", "dark", "flat", "badpixels", "wave", "ignore"]
"""What a file is for: centre has satellite spots, flux is the star off the coronagraph."""

Fact = Literal["exposure_time", "ndit", "filter", "camera", "neutral_density", "window", "readout"]
"""What calibrations are matched by."""

Recipe = Literal["naco", "sphere", "nirc2", "eris", "parallactic", "header"]
"""How the sky lies on the detector: see `exosift.ingest.rotation`."""

Wanted = str | bool | float | None
Conditions = Mapping[str, Wanted | tuple[Wanted, ...]]
"""Keyword → what it must be: a pattern (`OBJECT*`, case ignored), a number, true or false, null for
absent, or a list of which one is enough. `FILE` is the file's name."""


@dataclass(frozen=True)
class Joined:
    """Several keywords in one value, such as two filter wheels; `without`: values left out."""

    join: tuple[str, ...]
    by: str = "+"
    without: tuple[str, ...] = ()


Source = str | Joined | tuple[str | Joined, ...]
"""Where a value stands in the header; of several places the first that is there."""


@dataclass(frozen=True)
class Keywords:
    """Where the header says what; empty where it does not.

    start, end: UTC, of the first and last exposure in the file. exposure_time: of one exposure
    (DIT) [s]; ndit: how many of them, or coadds. delay: between exposures [s]. pixel_scale
    [arcsec/px]. ra, dec: degrees, packed HHMMSS.sss, or sexagesimal text. parang_start, parang_end:
    parallactic angle [deg]. combined: how many files went into a master. checksum: of the data.
    """

    target: Source = "OBJECT"
    start: Source = "DATE-OBS"
    end: Source = ""
    delay: Source = ""
    exposure_time: Source = "EXPTIME"
    ndit: Source = ""
    filter: Source = ""
    camera: Source = ""
    neutral_density: Source = ""
    readout: Source = ""
    pixel_scale: Source = ""
    ra: Source = "RA"
    dec: Source = "DEC"
    parang_start: Source = ""
    parang_end: Source = ""
    combined: Source = "NCOMBINE"
    checksum: Source = ("DATAMD5", "DATASUM")

    def named(self, fact: str) -> str:
        """The keywords behind a fact, as a message names them."""
        source = getattr(self, fact, "NAXIS1" if fact == "window" else "")
        places = source if isinstance(source, tuple) else (source,)
        return " or ".join("+".join(p.join) if isinstance(p, Joined) else p for p in places)


@dataclass(frozen=True)
class Rule:
    """A kind, and what a header must say for it. The first rule that holds decides."""

    kind: Kind
    when: Conditions
    because: str = ""


@dataclass(frozen=True)
class Match:
    """Facts that a calibration must share with the frame, and those that break a tie."""

    same: tuple[Fact, ...]
    prefer: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Matching:
    """What each kind of calibration is matched by."""

    dark: Match = Match(("exposure_time", "window", "readout"), ("filter", "camera"))
    flat: Match = Match(("filter", "camera", "window"), ("neutral_density",))
    sky: Match = Match(("exposure_time", "filter", "camera", "window", "neutral_density"))
    badpixels: Match = Match(("window",), ("camera", "filter"))


@dataclass(frozen=True)
class Rotation:
    """From the parallactic angle to that of the frames [deg].

    offset is always added, pupil_offset where the pupil stands still and the field turns.
    """

    recipe: Recipe = "parallactic"
    offset: float = 0.0
    pupil_offset: float = 0.0


@dataclass(frozen=True)
class Site:
    """Geodetic latitude and longitude (east positive) [deg], height [m]."""

    latitude: float
    longitude: float
    height: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a place that is not on Earth."""
        if not (abs(self.latitude) <= 90 and abs(self.longitude) <= 360):
            raise BadInput(
                f"latitude {self.latitude:g}°, longitude {self.longitude:g}°: no place on Earth; "
                "give degrees, east positive"
            )


@dataclass(frozen=True)
class Detector:
    """Of one readout mode (a pattern): gain [e-/count], read noise [e-], saturation [count]."""

    readout: str = "*"
    gain: float | None = None
    read_noise: float | None = None
    saturation: float | None = None


@dataclass(frozen=True)
class Raw:
    """How raw files are told from others, sorted, timed and oriented.

    files: sets of conditions, any one of which makes a file this instrument's. planes: what the
    third axis counts; extra_planes: at the end of a cube that are no exposures. windows: `centred`
    ones are cut from a larger flat or bad-pixel map. fields: images of one field side by side, each
    at its own wavelength. coadds: whether exposures in one frame are
    summed or averaged. calibrated: files need no dark, flat or sky. flux: the star off the
    coronagraph is told by the `header`, or by a `setup` (shorter exposures or neutral density) that
    is not that of the science frames.
    """

    files: tuple[Conditions, ...]
    classes: tuple[Rule, ...]
    site: Site
    keywords: Keywords = field(default_factory=Keywords)
    rotation: Rotation = field(default_factory=Rotation)
    match: Matching = field(default_factory=Matching)
    detectors: tuple[Detector, ...] = ()
    coordinates: Literal["degrees", "packed"] = "degrees"
    planes: Literal["time", "wavelength"] = "time"
    extra_planes: int = 0
    windows: Literal["placed", "centred"] = "placed"
    fields: int = 1
    coadds: Literal["mean", "sum"] = "mean"
    calibrated: bool = False
    flux: Literal["header", "setup"] = "header"

    def detector(self, readout: str) -> Detector:
        """What is known of the detector in a readout mode."""
        return next((d for d in self.detectors if fnmatchcase(readout, d.readout)), Detector())


@dataclass(frozen=True)
class Camera:
    """A camera, `until` a date (YYYY-MM-DD) on which its values changed.

    pixel_scale [mas/px], true_north [deg] and their errors, null where none is published; mirrored:
    East lies right of North on the detector.
    """

    camera: str
    pixel_scale: float
    true_north: float = 0.0
    until: str = ""
    mirrored: bool = False
    pixel_scale_error: float | None = None
    true_north_error: float | None = None

    def __post_init__(self) -> None:
        """Refuse a date that is none."""
        try:
            date.fromisoformat(self.until or "2000-01-01")
        except ValueError:
            raise BadInput(f"until is {self.until!r}, expected YYYY-MM-DD") from None


@dataclass(frozen=True)
class Description:
    """An instrument: one scale and north, or those of its cameras; and its raw files, if known.

    pixel_scale [mas/px], true_north [deg] and their errors as of a `Camera`; true_north and
    derotator_offset [deg] turn a stored parallactic angle into that of true North (null where it
    changes from night to night); wavelengths [µm] of its filters, one or one a channel; diameter
    [m] of the telescope.
    """

    name: str
    telescope: str
    source: str
    diameter: float | None = None
    pixel_scale: float | None = None
    true_north: float = 0.0
    pixel_scale_error: float | None = None
    true_north_error: float | None = None
    derotator_offset: float | None = None
    wavelengths: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)
    cameras: tuple[Camera, ...] = ()
    raw: Raw | None = None

    def __post_init__(self) -> None:
        """Refuse an instrument without a scale."""
        if self.pixel_scale is None and not self.cameras:
            raise BadInput("neither pixel_scale nor cameras; give the scale [mas/px]")

    @property
    def only_camera(self) -> Camera:
        """The nameless camera of an instrument that has but one."""
        return Camera(
            "",
            self.pixel_scale or 0.0,
            self.true_north,
            pixel_scale_error=self.pixel_scale_error,
            true_north_error=self.true_north_error,
        )

    def camera(self, name: str, day: str = "") -> Camera | None:
        """Scale and north of a camera on a day (YYYY-MM-DD; now when empty); None if not known."""
        if not self.cameras and self.pixel_scale is not None:
            return self.only_camera
        return next(
            (
                c
                for c in self.cameras
                if c.camera.lower() == name.lower() and (not c.until or (day and day < c.until))
            ),
            None,
        )


CALIBRATIONS = tuple(f.name for f in fields(Matching))
"""Kinds that are matched to other frames."""
