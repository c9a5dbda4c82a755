"""Raw files of a star with a companion, of Gaussians, for instruments that are not simulated."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.io import fits

from exosift.geometry.grid import raw_offset
from exosift.ingest.angles import angles
from exosift.io.ephemeris import zenith_angle
from exosift.types import Floats
from tests.raw_headers import Cards

BIAS, NOISE = 200.0, 3.0


def spot(shape: tuple[int, int], x: float, y: float, fwhm: float, height: float = 1.0) -> Floats:
    """A round Gaussian in an image (y, x)."""
    rows, columns = np.indices(shape)
    squared = (columns - x) ** 2 + (rows - y) ** 2
    return height * np.exp(-4 * np.log(2) * squared / fwhm**2)


def aperture(fwhm: float) -> float:
    """Flux [px²] of a Gaussian of height 1 within an aperture of 1 FWHM: half of all of it."""
    return float(np.pi * fwhm**2 / (8 * np.log(2)))


def save(path: Path, cards: Cards, data: Floats) -> Path:
    """A FITS file with these cards and data."""
    header = fits.Header()
    structure = ("SIMPLE", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # long ESO keywords become HIERARCH cards
        for keyword, value in cards.items():
            if value is not None and keyword not in structure:
                header[keyword] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(data.astype(np.float32), header).writeto(path, overwrite=True)
    return path


@dataclass
class Scene:
    """A star at `star` (x, y) [px], behind a coronagraph or not, with a companion beside it.

    separation [px] at `position_angle` [deg]; heights [counts]; the same in every exposure.
    """

    shape: tuple[int, int]
    star: tuple[float, float]
    fwhm: float
    separation: float = 14.0
    position_angle: float = 120.0
    height: float = 4000.0
    companion: float = 800.0
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(4))

    def frame(self, angle: float, mirrored: bool = False) -> Floats:
        """An exposure (y, x) that `angle` [deg] turns North up; seen in a mirror if told so."""
        x, y = self.star
        image = spot(self.shape, x, y, self.fwhm, self.height)
        dx, dy = raw_offset(self.separation, self.position_angle, np.array(angle))
        dx = -dx if mirrored else dx
        return image + spot(self.shape, x + dx, y + dy, self.fwhm, self.companion)

    def noisy(self, image: Floats) -> Floats:
        """With the detector's bias and noise."""
        return image + BIAS + self.rng.normal(0, NOISE, image.shape)


def angles_of(frame, raw) -> Floats:
    """The angle [deg] of every exposure of a sorted file."""
    return angles(frame, zenith_angle, raw.site)
