"""The small-sample S/N map (Mawet et al. 2014, ApJ 792, 97).

At radius r there are only about 2πr/FWHM independent resolution elements. The S/N of a pixel
compares the flux in an aperture of one FWHM centred on it with those of the n other apertures that
fit on the same circle: (f − mean) / (s √(1 + 1/n)) follows Student's t, n − 1 degrees of freedom.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from exosift import threads
from exosift.geometry.grid import centre_of, radius_map
from exosift.photometry.apertures import ApertureSums
from exosift.types import Bools, Floats, Ints, Point, Shape

# Apertures of one piece of work: enough to keep a thread busy, few enough to stay near its core;
# far out, so many for each pixel under them that tabulating the discs on it pays.
_APERTURES = 1 << 16
_READINGS = 32

# An aperture that misses more than this share of its area to NaN is not used.
_MISSING = 1e-3


@dataclass(frozen=True, eq=False)
class SmallSample:
    """S/N (y, x), and the number of apertures (y, x) that its noise was told from; 0 where none."""

    snr: Floats
    noise: Ints


class Measured(Protocol):
    """What is measured at any place (x, y) [px] of an image, such as the flux in an aperture."""

    def at(self, x: Floats, y: Floats) -> Floats:
        """One value a place; NaN where it cannot be measured."""
        ...


@dataclass(frozen=True, eq=False)
class Apertures:
    """Flux in apertures of 1 FWHM, NaN where one misses more than a thousandth of its area."""

    sums: ApertureSums
    gaps: ApertureSums | None
    missing: float

    @classmethod
    def of(cls, image: Floats, fwhm: float) -> "Apertures":
        """Apertures over image (y, x), as far out as they are read."""
        unseen = np.isnan(image)
        sums = ApertureSums.of(np.where(unseen, 0.0, image).astype(np.float32), fwhm / 2)
        gaps = None
        if unseen[radius_map(image.shape) <= (min(image.shape) - 1 + fwhm) / 2].any():
            gaps = ApertureSums.of(unseen.astype(np.float32), fwhm / 2)
        return cls(sums, gaps, _MISSING * np.pi * fwhm**2 / 4)

    def at(self, x: Floats, y: Floats) -> Floats:
        """Fluxes in the apertures centred at (x, y) [px]."""
        flux = self.sums.at(x, y)
        if self.gaps is not None:
            flux[self.gaps.at(x, y) > self.missing] = np.nan
        return flux


def resolution_elements(radius: Floats, fwhm: float) -> Ints:
    """How many apertures of 1 FWHM fit side by side on a circle of `radius` ≥ FWHM/2 [px].

    Neighbours touch when their chord is one FWHM: ⌊π / asin(FWHM / 2r)⌋.
    """
    half_chord = np.minimum(fwhm / (2 * np.asarray(radius, dtype=np.float64)), 1.0)
    return np.asarray(np.floor(np.pi / np.arcsin(half_chord) + 1e-9).astype(int))


def snr_map(image: Floats, fwhm: float) -> Floats:
    """S/N (y, x) of `small_sample`, without the numbers of apertures."""
    return small_sample(image, fwhm).snr


def small_sample(image: Floats, fwhm: float, left_out: Bools | None = None) -> SmallSample:
    """S/N of every pixel of image (y, x) from 1 FWHM [px] out to where the last aperture fits.

    NaN elsewhere. Apertures that touch NaN, or pixels `left_out` (y, x) such as those of known
    companions, do not count as noise; a pixel is NaN when its own aperture touches NaN or when
    fewer than three are left to tell the noise from.
    """
    source = Apertures.of(image, fwhm)
    if left_out is None or not left_out.any():
        return compare(source, source, image.shape, fwhm)
    noise = Apertures.of(np.where(left_out, np.nan, image), fwhm)
    return compare(source, noise, image.shape, fwhm)


def compare(source: Measured, noise: Measured, shape: Shape, fwhm: float) -> SmallSample:
    """S/N of every pixel of an image of `shape`: its value as a `source` among those of `noise`.

    Noise is measured at touching places on the pixel's circle, from 1 FWHM [px] out to the edge.
    """
    x0, y0 = centre_of(shape)
    radius = radius_map(shape)
    inside = (radius >= fwhm) & (radius <= (min(shape) - 1 - fwhm) / 2)
    y, x = np.nonzero(inside)
    elements = resolution_elements(radius[inside], fwhm)
    snr = np.full(shape, np.nan, dtype=np.float32)
    count = np.zeros(shape, dtype=np.int32)

    def work(here: Ints) -> None:
        offset = x[here] - x0, y[here] - y0
        values = _values(source, noise, offset, elements[here], (x0, y0), fwhm)
        snr[y[here], x[here]], count[y[here], x[here]] = among_others(values)

    threads.over(work, _pieces(elements, radius[inside]))
    return SmallSample(snr, count)


def snr_at(image: Floats, x: float, y: float, fwhm: float) -> float:
    """S/N of one place; see `sample_at`."""
    return float(sample_at(image, np.array([x]), np.array([y]), fwhm).snr[0])


def sample_at(image: Floats, x: Floats, y: Floats, fwhm: float) -> SmallSample:
    """S/N (place,) of image (y, x) at places (x, y) [px], as in `snr_map` but between pixels, too.

    They must lie from half an FWHM from the star on to where the last aperture fits.
    """
    centre = centre_of(image.shape)
    offset = x - centre[0], y - centre[1]
    elements = resolution_elements(np.hypot(*offset), fwhm)
    source = Apertures.of(image, fwhm)
    return SmallSample(*among_others(_values(source, source, offset, elements, centre, fwhm)))


def _at_once(radius: Floats) -> Floats:
    """How many apertures at `radius` [px] make one piece of work; a circle lies on ~4πr pixels."""
    return np.asarray(np.maximum(_APERTURES, _READINGS * 4 * np.pi * radius))


def _pieces(elements: Ints, radius: Floats) -> list[Ints]:
    """Pixels by their number of apertures, as many together as make one piece of work."""
    order = np.argsort(elements, kind="stable")
    share = elements[order] / _at_once(radius[order])
    piece = np.cumsum(share).astype(int)
    return [p for p in np.split(order, np.flatnonzero(np.diff(piece)) + 1) if p.size]


def _on_circles(
    offset: tuple[Floats, Floats], aperture: Ints, centre: Point, fwhm: float
) -> tuple[Floats, Floats]:
    """Places (x, y) (pixel, aperture): touching apertures around the centre, 0 on the pixel.

    offset is (x, y) [px] of the pixels from the centre. The apertures follow each other clockwise
    and leave the rest of the circle as a gap before the first.
    """
    x0, y0 = centre
    dx, dy = (each.astype(np.float32)[:, None] for each in offset)
    step = 2 * np.arcsin(fwhm / 2 / np.hypot(dx, dy))
    turn = step * aperture.astype(np.float32)
    cos, sin = np.cos(turn), np.sin(turn)
    return x0 + dx * cos + dy * sin, y0 + dy * cos - dx * sin


def _values(
    source: Measured,
    noise: Measured,
    offset: tuple[Floats, Floats],
    elements: Ints,
    centre: Point,
    fwhm: float,
) -> Floats:
    """Values (place, aperture) on the circles through places `offset` (x, y) [px] from the centre.

    The first of each is the source's; NaN where there are more than its `elements` (place,).
    """
    aperture = np.arange(elements.max())
    x, y = _on_circles(offset, aperture, centre, fwhm)
    values = noise.at(x, y)
    if source is not noise:
        values[:, :1] = source.at(x[:, :1], y[:, :1])
    values[aperture >= elements[:, None]] = np.nan
    return values


def among_others(values: Floats) -> tuple[Floats, Ints]:
    """S/N (pixel,) of the first of values (pixel, aperture) among the others, and their number.

    NaN is left out. Where fewer than three are left, or all are equal, NaN and 0.
    """
    source, noise = values[:, 0], values[:, 1:]
    unseen = np.isnan(noise)
    count = noise.shape[1] - np.count_nonzero(unseen, axis=1)
    enough = count >= 3
    n = np.where(enough, count, 1).astype(values.dtype)
    mean = np.where(unseen, 0, noise).sum(axis=1) / n
    apart = np.where(unseen, 0, noise - mean[:, None])
    std = np.sqrt(np.einsum("pa,pa->p", apart, apart) / np.maximum(n - 1, 1))
    snr = np.full(len(values), np.nan, dtype=np.float32)
    usable = enough & (std > 0) & ~np.isnan(source)
    scale = std * np.sqrt(1 + 1 / n)
    np.divide(source - mean, scale, out=snr, where=usable)
    return snr, np.where(usable, count, 0)
