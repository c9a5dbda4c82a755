"""A sequence: the frames of one target at one epoch, with all that is needed to reduce them.

This is the package's one data model. `cube` holds NaN where a pixel has no value at all; `mask` is
True wherever a pixel was not measured, interpolated ones included, so NaN implies masked.

Conventions (fixed, tested): the star sits at `Observation.star`, the centre pixel of an odd frame
after registration; `angle` is what a frame is turned counter-clockwise by to bring North up and
East left, so that a source at position angle θ lies at θ − angle in the raw frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from exosift.errors import BadInput
from exosift.types import Bools, Floats, Point


@dataclass(frozen=True)
class Observation:
    """What is known of a sequence besides its pixels.

    `pixel_scale` is in mas/px; `fwhm` [px] has one value a wavelength; `star` is (x, y) [px], and
    `raw_star` where it was (median over frames) before registration; `exposure_time` is in s;
    `transmission` is that of the coronagraph off axis; `star_flux`, in cube units inside the
    1-FWHM aperture, has one value a wavelength, or is None where the data carry none. `sources`
    maps input files to their SHA-256; `history` keeps, as text, how each number above was found.
    """

    target: str
    epoch: str
    instrument: str
    filter: str
    pixel_scale: float
    fwhm: tuple[float, ...]
    star: Point
    raw_star: Point
    exposure_time: float | None = None
    transmission: float = 1.0
    star_flux: tuple[float, ...] | None = None
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    history: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, eq=False)
class Sequence:
    """Frames, angles and PSF of one observation.

    Shapes: cube and mask (wavelength, time, y, x); variance the same or None; angle [deg] and mjd
    [d] (time,); psf (wavelength, y, x), unit flux in the 1-FWHM aperture; wavelength [µm]
    (wavelength,). Raises BadInput when they do not fit together.
    """

    cube: Floats
    angle: Floats
    psf: Floats
    wavelength: Floats
    mjd: Floats
    mask: Bools
    observation: Observation
    variance: Floats | None = None

    def __post_init__(self) -> None:
        if self.cube.ndim != 4:
            raise BadInput(f"{self.label}: cube has {self.cube.ndim} axes, expected 4")
        channels, frames = self.cube.shape[:2]
        expected = {
            "angle": (frames,),
            "mjd": (frames,),
            "wavelength": (channels,),
            "mask": self.cube.shape,
        }
        if self.variance is not None:
            expected["variance"] = self.cube.shape
        for name, shape in expected.items():
            found = getattr(self, name).shape
            if found != shape:
                raise BadInput(f"{self.label}: {name} has shape {found}, the cube asks for {shape}")
        if self.psf.ndim != 3 or self.psf.shape[0] != channels:
            raise BadInput(
                f"{self.label}: psf has shape {self.psf.shape}, expected ({channels}, y, x)"
            )
        if len(self.observation.fwhm) != channels:
            raise BadInput(
                f"{self.label}: {len(self.observation.fwhm)} FWHM for {channels} wavelengths"
            )
        flux = self.observation.star_flux
        if flux is not None and len(flux) != channels:
            raise BadInput(f"{self.label}: {len(flux)} star fluxes for {channels} wavelengths")
        if not np.isfinite(self.angle).all():
            bad = int(np.flatnonzero(~np.isfinite(self.angle))[0])
            raise BadInput(f"{self.label}: the angle of frame {bad} is not a number")

    @property
    def label(self) -> str:
        """Target and epoch, as messages name them."""
        return f"{self.observation.target}/{self.observation.epoch}"
