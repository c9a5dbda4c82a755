"""Raw counts to calibrated ones: (x − dark) / flat, with the mask and the variance they come with.

One frame after another, so that any chunk of frames can be worked on by itself: what stays in
memory is the chunk, its result and the masters.
"""

from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.calib.badpixels import fill
from exosift.calib.masters import MasterDark, MasterFlat
from exosift.errors import BadInput
from exosift.types import Bools, Floats


@dataclass(frozen=True, eq=False)
class Exposures:
    """Frames (time, y, x) with the time of each, mjd (time,) [d].

    mask (time, y, x): True where a pixel was not measured; its value is NaN, or a filled-in guess.
    variance (time, y, x) [counts²] of the frames, or None where it is not propagated.
    """

    frames: Floats
    mjd: Floats
    mask: Bools
    variance: Floats | None = None


@dataclass(frozen=True, eq=False)
class Calibrations:
    """What calibrates one kind of exposures.

    dark, of their exposure time; flat, of their filter; bad (y, x), a map of bad pixels beside
    those of the two. saturation [counts]: raw values from there on are not used. gain [electrons a
    count]: when given, the variance is propagated.
    """

    dark: MasterDark
    flat: MasterFlat
    bad: Bools
    saturation: float = np.inf
    gain: float | None = None

    def __post_init__(self) -> None:
        shapes = {
            "dark": self.dark.frame.shape,
            "flat": self.flat.response.shape,
            "bad pixel map": self.bad.shape,
        }
        if len(set(shapes.values())) > 1:
            told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise BadInput(f"calibrations of different shapes (y, x): {told}; give one window's")
        if self.gain is not None and self.gain <= 0:
            raise BadInput(f"gain is {self.gain:g} electrons a count, expected more than 0")

    @property
    def unusable(self) -> Bools:
        """Pixels (y, x) that are bad in every frame."""
        return np.asarray(self.dark.hot | self.flat.bad | self.bad)


def calibrate(raw: Floats, mjd: Floats, calibrations: Calibrations) -> Exposures:
    """Calibrated frames (x − dark) / flat, float32, NaN where bad or saturated, from raw counts.

    raw (time, y, x) of any type. With the gain g the variance of one pixel is that of its photons
    and of its reading, then of the masters (Newberry 1991, PASP 103, 122):
    [(x − dark)/g + read_noise² + σ²_dark] / flat² + (signal σ_flat / flat)².
    """
    shape = calibrations.bad.shape
    if raw.shape[1:] != shape or len(raw) != len(mjd):
        raise BadInput(
            f"frames of shape {raw.shape} with {len(mjd)} times, for calibrations of {shape}: "
            "give those of the same window, and one time a frame"
        )
    dark = calibrations.dark.frame.astype(np.float32)
    with np.errstate(divide="ignore"):
        inverse = np.where(calibrations.unusable, np.nan, 1 / calibrations.flat.response)
    inverse = inverse.astype(np.float32)
    frames = np.empty(raw.shape, np.float32)
    mask = np.empty(raw.shape, bool)
    variance = None if calibrations.gain is None else np.empty(raw.shape, np.float32)

    def work(index: int) -> None:
        frame = frames[index]
        np.subtract(raw[index], dark, out=frame, casting="same_kind", dtype=np.float32)
        if variance is not None:
            variance[index] = _variance(frame, inverse, calibrations)
        frame *= inverse
        if calibrations.saturation < np.inf:
            frame[raw[index] >= calibrations.saturation] = np.nan
        np.isnan(frame, out=mask[index])

    threads.over(work, range(len(raw)), products=False)
    return Exposures(frames, np.asarray(mjd), mask, variance)


def _variance(counts: Floats, inverse: Floats, calibrations: Calibrations) -> Floats:
    """Variance (y, x) of counts (y, x) above the dark, once multiplied by `inverse`."""
    assert calibrations.gain is not None
    reading = np.float32(calibrations.dark.read_noise**2) + calibrations.dark.variance
    photons = np.maximum(counts, 0) / np.float32(calibrations.gain)
    response = calibrations.flat.variance * (counts * inverse) ** 2
    return np.asarray((photons + reading + response) * inverse**2)


def cleaned(exposures: Exposures, bad: Bools | None = None, layers: int = 4) -> Exposures:
    """The exposures with their NaN, and pixels `bad` in (y, x) or (time, y, x), filled in.

    They stay in the mask; their variance is that of a pixel not measured: infinite.
    """
    filled, mask = fill(exposures.frames, bad, layers)
    mask |= exposures.mask
    variance = exposures.variance
    if variance is not None:
        variance = np.where(mask, np.float32(np.inf), variance)
    return Exposures(filled, exposures.mjd, mask, variance)
