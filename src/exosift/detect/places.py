"""How many independent places a frame holds, counted on noise like its own.

Neighbouring pixels of an S/N map share light, and which of them count as one place depends on how
far the image's noise is correlated, and on how rare a peak is asked for. So noise images are made
with the image's own power spectrum, mapped as it was, and their false peaks are counted by level:

    N(p) = count · (−ln p)^growth · p

is the number a frame of peaks with a false-positive fraction of p or less; rare peaks come
independently, so the chance of any is 1 − exp(−N). In a smooth Gaussian field in two dimensions
growth is 1 for rare peaks (Adler 1981, The Geometry of Random Fields, ch. 6), and 0 in the end
where few apertures tell the noise (Worsley 1994, Adv. Appl. Prob. 26, 13), so that what is fitted
to common peaks says too many, not too few, of the rarest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exosift.detect.peaks import peaks
from exosift.geometry.grid import radius_map
from exosift.types import Floats

# Peaks are counted from this fraction on: rare enough to come one by one, and many to count.
_COMMON = 0.003

# Noise images hold so many resolution elements together: 150 to 300 peaks, so N is off by 6 to 8 %.
_ELEMENTS = 12_000

# Values beyond so many standard deviations at their distance are no noise: companions, mostly.
_CLIP = 3.0

_GROWTH = np.linspace(0.0, 3.0, 301)

Map = Callable[[Floats], tuple[Floats, Floats]]
"""What makes an image (y, x) a map of S/N (y, x) and one of false-positive fractions (y, x)."""


@dataclass(frozen=True)
class Places:
    """The number of false peaks a frame, by their false-positive fraction."""

    count: float
    growth: float

    def false_alarms(self, fpf: float) -> float:
        """Peaks expected in a frame of noise with this fraction or a smaller one, at one rank."""
        rarity = max(-np.log(_COMMON), -np.log(max(fpf, 1e-300)))
        return float(self.count * rarity**self.growth * fpf)

    def false_alarm(self, fpf: float, trials: int = 1) -> float:
        """Chance of any such peak in a frame of noise, of which so many images were searched.

        The images count as independent, so it is an upper bound where they are alike.
        """
        return float(-np.expm1(-trials * self.false_alarms(fpf)))


def count_places(images: Floats, fwhm: float, measure: Map, rng: np.random.Generator) -> Places:
    """Count the false peaks in noise like that of images (image, y, x); FWHM [px]."""
    searched = np.isfinite(measure(images[0])[1])
    elements = max(1.0, searched.sum() / (np.pi * fwhm**2 / 4))
    frames = int(np.ceil(_ELEMENTS / elements))
    spectra = [noise_spectrum(image, fwhm) for image in images[: max(1, frames)]]
    rarities = []
    for frame in range(frames):
        noise = noise_like(images[frame % len(images)], spectra[frame % len(spectra)], rng)
        snr, fpf = measure(noise)
        found = peaks(snr, fwhm, fpf <= _COMMON)
        rarities.append(-np.log(fpf[found[:, 0], found[:, 1]]))
    return _fitted(np.concatenate(rarities), frames)


def noise_spectrum(image: Floats, fwhm: float) -> Floats:
    """Amplitudes (frequency) of image (y, x) brought to one spread at every distance."""
    from scipy import fft  # slow to load

    ring = (radius_map(image.shape) / fwhm).astype(int)
    seen = np.isfinite(image)
    flat = np.zeros(image.shape)
    for one in np.unique(ring[seen]):
        here = seen & (ring == one)
        values = image[here].astype(np.float64)
        apart = values - np.median(values)
        spread = 1.4826 * np.median(np.abs(apart))
        flat[here] = np.clip(apart / spread, -_CLIP, _CLIP) if spread > 0 else 0.0
    return np.asarray(np.abs(fft.rfft2(flat)))


def noise_like(image: Floats, spectrum: Floats, rng: np.random.Generator) -> Floats:
    """Gaussian noise of unit variance (y, x) with that spectrum, NaN where the image is."""
    from scipy import fft  # slow to load

    white = fft.rfft2(rng.normal(size=image.shape))
    noise = fft.irfft2(white * spectrum, image.shape)
    noise /= noise.std() or 1.0
    return np.where(np.isfinite(image), noise, np.nan).astype(np.float32)


def _fitted(rarity: Floats, frames: int) -> Places:
    """The most likely N(p) for peaks of −ln p = `rarity` (peak,) in so many frames."""
    if rarity.size < 2:
        return Places(1.0, 1.0)
    first = -np.log(_COMMON)
    growth = _GROWTH[:, None]
    slope = rarity**growth - growth * rarity ** (growth - 1)  # −dN/d rarity · exp(rarity)
    likelihood = np.log(slope).sum(axis=1) - rarity.size * growth[:, 0] * np.log(first)
    best = float(_GROWTH[likelihood.argmax()])
    return Places(float(rarity.size / frames / (first**best * _COMMON)), best)
