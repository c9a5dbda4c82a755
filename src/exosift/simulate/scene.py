"""The scene: telescope, star, sky and noise of a simulated observation, and what comes of them."""

from dataclasses import dataclass
from typing import Literal

from exosift.errors import BadInput
from exosift.types import Floats


@dataclass(frozen=True)
class Simulation:
    """An observation of one star in pupil tracking; the defaults resemble VLT/NACO in L′.

    `diameter` of the telescope [m]; `obstruction` and `spider`, the central obstruction's diameter
    and the vanes' width as fractions of it; `pupil_pixels` across the computed pupil; `pixel_scale`
    [mas/px]; `size` of a frame and `psf_size` of the PSF image [px], odd; `frames` in the sequence.

    `wavelength` [µm], the central one; of an integral-field spectrograph the `channels`, evenly
    spaced over `bandwidth` [µm] from the first one's centre to the last one's.

    `declination` of the star and `latitude` of the observatory [deg]; `hour_angle_start` and
    `hour_angle_end` [h], of the first and the last frame.

    `star_electrons`, all the light of the star a frame and channel [electrons]; `background`
    [electrons/px a frame and channel], subtracted on average but not its photon noise; `read_noise`
    [electrons].

    `static_rms` and `drifting_rms` [nm], aberrations that stay and that change with
    `correlation_time` [s], both of spectrum f^`aberration_slope`; `residual_rms` [nm] of the
    adaptive optics, which controls `control_radius` [cycles per diameter], averaged in each frame
    over `residual_screens` independent screens. `out_of_pupil_rms` [nm], aberrations that stay, of
    optics `out_of_pupil_distance` [km] from the pupil in a beam as wide as the telescope, which is
    (D/d)² times the distance in a beam of diameter d.

    `common`, the share of the variance of what stays that belongs to the instrument and is the
    same for every star with the same `instrument_seed`.

    `leakage`, the share of the light that the coronagraph lets through as if it were not there, as
    vortices leak one polarisation and grey masks are seen through; 1 is no coronagraph.

    `pointing_jitter` [px], rms on each axis of the star behind the coronagraph from frame to frame;
    `decentring_x` and `decentring_y` [px], of the coronagraph's axis from the frame's centre.
    """

    diameter: float = 8.2
    obstruction: float = 0.14
    spider: float = 0.005
    pupil_pixels: int = 64
    wavelength: float = 3.8
    channels: int = 1
    bandwidth: float = 0.0
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
    out_of_pupil_rms: float = 0.0
    out_of_pupil_distance: float = 0.0
    common: float = 0.0
    instrument_seed: int = 0
    leakage: float = 0.0
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
        for name in ("frames", "residual_screens", "channels"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}, expected at least 1")
        if self.hour_angle_end <= self.hour_angle_start:
            raise BadInput(
                f"hour_angle_end is {self.hour_angle_end} h, expected more than "
                f"hour_angle_start, {self.hour_angle_start} h"
            )
        for name in ("common", "leakage"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected a share from 0 to 1")
        if (self.channels > 1) != (self.bandwidth > 0) or self.bandwidth >= 2 * self.wavelength:
            raise BadInput(
                f"bandwidth is {self.bandwidth:g} µm for {self.channels} channels at "
                f"{self.wavelength:g} µm: one channel has none, several need more than 0"
            )

    @property
    def wavelengths(self) -> tuple[float, ...]:
        """Central wavelengths [µm] of the channels, ascending."""
        low = self.wavelength - self.bandwidth / 2
        step = self.bandwidth / max(self.channels - 1, 1)
        return tuple(low + step * channel for channel in range(self.channels))


@dataclass(frozen=True)
class InjectedCompanion:
    """A point source beside the star.

    `separation` [mas]; `position_angle` [deg], North through East; `contrast`, its flux in units of
    the star's, times its `spectrum`: "flat", of the star's colour; "t-type", a T5 dwarf's, one at
    its peak in J; or the values themselves, one a channel.
    """

    separation: float
    position_angle: float
    contrast: float
    spectrum: Literal["flat", "t-type"] | tuple[float, ...] = "flat"


@dataclass(frozen=True, eq=False)
class Simulated:
    """A calibrated sequence and the truth behind it.

    `cube` (wavelength, time, y, x) float32 [electrons]; `wavelength` (wavelength,) [µm]; `angle`
    (time,) [deg], counter-clockwise to North up; `elapsed` (time,) [s] since the first frame.

    `psf` (wavelength, y, x), the star off the coronagraph in cube units, centred, free of noise;
    one a wavelength, `fwhm` of `psf` [px] and `star_flux`, that of `psf` in the aperture of one
    FWHM diameter [electrons].

    `star` (time, 2), its true (x, y) [px] in each frame; `companions` (companion, time, 2), theirs;
    `contrast` (companion, wavelength), their fluxes in units of the star's.
    """

    cube: Floats
    wavelength: Floats
    angle: Floats
    elapsed: Floats
    psf: Floats
    fwhm: tuple[float, ...]
    star_flux: tuple[float, ...]
    star: Floats
    companions: Floats
    contrast: Floats
