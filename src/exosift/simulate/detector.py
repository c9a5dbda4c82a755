"""An infrared detector: its fixed patterns, and what it makes of the light that falls on it."""

from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.simulate.surfaces import smooth_modes
from exosift.types import Bools, Floats

_TRACK = 4  # px, the longest that a cosmic ray draws


@dataclass(frozen=True)
class Detector:
    """A detector; the defaults resemble NACO's CONICA.

    `gain` [electrons a count]; `bias` [counts] and `bias_pattern`, its rms from pixel to pixel
    [counts]; `read_noise` [electrons] of one exposure; `dark_current` [electrons/s];
    `saturation` [counts], up to which it is linear.

    `hot` and `dead`, shares of the pixels: hot ones have `hot_current` [electrons/s] on average,
    exponentially distributed, dead ones see less than a tenth of the light. `pixel_response`, rms
    from pixel to pixel; `large_response`, rms of its slow variation over the detector.

    `cosmic_rays` [1/px/s] leave on average `cosmic_electrons` along a track of a few pixels.
    """

    gain: float = 11.0
    bias: float = 400.0
    bias_pattern: float = 8.0
    read_noise: float = 48.0
    dark_current: float = 20.0
    saturation: float = 15000.0
    hot: float = 0.004
    hot_current: float = 2e5
    dead: float = 0.001
    pixel_response: float = 0.02
    large_response: float = 0.04
    cosmic_rays: float = 1e-4
    cosmic_electrons: float = 2e4

    def __post_init__(self) -> None:
        if self.gain <= 0:
            raise BadInput(f"gain is {self.gain:g} electrons a count, expected more than 0")
        if self.saturation <= self.bias:
            raise BadInput(
                f"saturation is {self.saturation:g} counts, expected more than the bias, "
                f"{self.bias:g}"
            )
        for name in ("hot", "dead", "pixel_response", "large_response"):
            if not 0 <= getattr(self, name) <= 0.2:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected a share from 0 to 0.2")
        for name in ("read_noise", "dark_current", "hot_current", "cosmic_rays", "bias_pattern"):
            if getattr(self, name) < 0:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected 0 or more")


@dataclass(frozen=True, eq=False)
class FixedPattern:
    """What a detector keeps from night to night, each (y, x): `bias` [counts], `dark` current
    [electrons/s], `response` to light, about 1, and which pixels are `hot` and `dead`."""

    bias: Floats
    dark: Floats
    response: Floats
    hot: Bools
    dead: Bools


def fixed_pattern(detector: Detector, size: int, rng: np.random.Generator) -> FixedPattern:
    """The fixed pattern of a square detector of `size` px, its mean response one but for the dead.

    No pixel is both hot and dead.
    """
    shape = (size, size)
    lot = rng.permutation(size * size).reshape(shape)
    hot = lot < round(detector.hot * size * size)
    dead = ~hot & (lot >= size * size - round(detector.dead * size * size))
    modes = smooth_modes(size)
    weight = rng.standard_normal(len(modes))
    slow = np.tensordot(weight / np.linalg.norm(weight), modes, axes=1)
    response = 1 + detector.large_response * slow
    response *= 1 + detector.pixel_response * rng.standard_normal(shape)
    response = response / response.mean()
    response[dead] *= 0.1 * rng.random(int(dead.sum()))
    dark = np.full(shape, detector.dark_current)
    dark[hot] += rng.exponential(detector.hot_current, int(hot.sum()))
    bias = detector.bias + detector.bias_pattern * rng.standard_normal(shape)
    return FixedPattern(bias, dark, response, hot, dead)


def read_out(
    light: Floats,
    seconds: float,
    pattern: FixedPattern,
    detector: Detector,
    rng: np.random.Generator,
) -> Floats:
    """Counts (exposure, y, x), whole numbers, of exposures of `seconds` to `light` (exposure, y, x)
    [electrons that a pixel of response one would hold].

    Electrons are Poisson-distributed (Janesick 2001, Scientific Charge-Coupled Devices, ch. 2: the
    variance of the counts grows as their mean over the gain); read noise is Gaussian; the response
    is linear up to saturation.
    """
    expected = light * pattern.response + pattern.dark * seconds
    electrons = rng.poisson(expected).astype(np.float64)
    electrons += cosmic_rays(expected.shape, seconds, detector, rng)
    electrons += detector.read_noise * rng.standard_normal(expected.shape)
    return np.minimum(np.rint(pattern.bias + electrons / detector.gain), detector.saturation)


def cosmic_rays(
    shape: tuple[int, ...], seconds: float, detector: Detector, rng: np.random.Generator
) -> Floats:
    """Electrons (exposure, y, x) that cosmic rays leave, along straight tracks of 1 to 4 px."""
    exposures, height, width = shape
    count = rng.poisson(detector.cosmic_rays * seconds * exposures * height * width)
    which = rng.integers(exposures, size=count)
    x, y = rng.random(count) * width, rng.random(count) * height
    heading, length = 2 * np.pi * rng.random(count), rng.integers(1, _TRACK + 1, size=count)
    charge = rng.exponential(detector.cosmic_electrons, count) / length
    hit = np.zeros(shape)
    for step in range(_TRACK):
        column = np.floor(x + step * np.cos(heading)).astype(int)
        row = np.floor(y + step * np.sin(heading)).astype(int)
        inside = (step < length) & (column < width) & (row < height) & (column >= 0) & (row >= 0)
        np.add.at(hit, (which[inside], row[inside], column[inside]), charge[inside])
    return hit
