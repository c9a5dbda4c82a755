"""The scene: telescope, star, sky and noise of a simulated observation, and what comes of them."""

from dataclasses import dataclass

from exosift.errors import BadInput
from exosift.types import Floats


@dataclass(frozen=True)
class Simulation:
    """An observation of one star in pupil tracking; the defaults resemble VLT/NACO in L′.

    `diameter` of the telescope [m]; `obstruction` and `spider`, the central obstruction's diameter
    and the vanes' width as fractions of it; `pupil_pixels` across the computed pupil; `wavelength`
    [µm]; `pixel_scale` [mas/px]; `size` of a frame and `psf_size` of the PSF image [px], odd;
    `frames` in the sequence.

    `declination` of the star and `latitude` of the observatory [deg]; `hour_angle_start` and
    `hour_angle_end` [h], of the first and the last frame.

    `star_electrons`, all the light of the star a frame [electrons]; `background` [electrons/px a
    frame], subtracted on average but not its photon noise; `read_noise` [electrons].

    `static_rms` and `drifting_rms` [nm], aberrations that stay and that change with
    `correlation_time` [s], both of spectrum f^`aberration_slope`; `residual_rms` [nm] of the
    adaptive optics, which controls `control_radius` [cycles per diameter], averaged in each frame
    over `residual_screens` independent screens.

    `pointing_jitter` [px], rms on each axis of the star behind the coronagraph from frame to frame;
    `decentring_x` and `decentring_y` [px], of the coronagraph's axis from the frame's centre.
    """

    diameter: float = 8.2
    obstruction: float = 0.14
    spider: float = 0.005
    pupil_pixels: int = 64
    wavelength: float = 3.8
    pixel_scale: float = 27.19
    size: int = 101
    psf_size: int = 39
    frames: int = 60
    declination: float = -51.07
    latitude: float = -24.63
    hour_angle_start: float = -1.5
    hour_angle_end: float = 1.5
    star_electrons: float = 3e9
    background: float = 4e6
    read_noise: float = 100.0
    static_rms: float = 160.0
    drifting_rms: float = 80.0
    correlation_time: float = 10000.0
    aberration_slope: float = -2.5
    residual_rms: float = 180.0
    control_radius: float = 7.0
    residual_screens: int = 48
    pointing_jitter: float = 0.05
    decentring_x: float = 0.4
    decentring_y: float = -0.3

    def __post_init__(self) -> None:
        for name in ("size", "psf_size"):
            if getattr(self, name) % 2 == 0:
                raise BadInput(f"{name} is {getattr(self, name)} px, expected an odd number")
        for name in ("diameter", "pixel_scale", "wavelength", "star_electrons", "correlation_time"):
            if getattr(self, name) <= 0:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected more than 0")
        for name in ("frames", "residual_screens"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}, expected at least 1")
        if self.hour_angle_end <= self.hour_angle_start:
            raise BadInput(
                f"hour_angle_end is {self.hour_angle_end} h, expected more than "
                f"hour_angle_start, {self.hour_angle_start} h"
            )


@dataclass(frozen=True)
class InjectedCompanion:
    """A point source beside the star.

    `separation` [mas]; `position_angle` [deg], North through East; `contrast`, its flux in units of
    the star's.
    """

    separation: float
    position_angle: float
    contrast: float


@dataclass(frozen=True, eq=False)
class Simulated:
    """A calibrated sequence and the truth behind it.

    `cube` (time, y, x) float32 [electrons]; `angle` (time,) [deg], counter-clockwise to North up;
    `elapsed` (time,) [s] since the first frame; `psf` (y, x), the star off the coronagraph in cube
    units, centred, free of noise; `fwhm` of `psf` [px]; `star_flux`, that of `psf` in the aperture
    of one FWHM diameter [electrons]; `star` (time, 2), its true (x, y) [px] in each frame;
    `companions` (companion, time, 2), theirs.
    """

    cube: Floats
    angle: Floats
    elapsed: Floats
    psf: Floats
    fwhm: float
    star_flux: float
    star: Floats
    companions: Floats
