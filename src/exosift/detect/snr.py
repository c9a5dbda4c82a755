"""The small-sample S/N map (Mawet et al. 2014, ApJ 792, 97).

At radius r there are only about 2πr/FWHM independent resolution elements. The S/N of a pixel
compares the flux in an aperture of one FWHM centred on it with those of the n other apertures that
fit on the same circle: (f − mean) / (s √(1 + 1/n)) follows Student's t, n − 1 degrees of freedom.
"""

import numpy as np

from exosift import threads
from exosift.geometry.grid import centre_of, radius_map
from exosift.photometry.apertures import ApertureSums
from exosift.types import Floats, Ints, Point

# Apertures of one piece of work: enough to keep a thread busy, few enough to stay near its core;
# far out, so many for each pixel under them that tabulating the discs on it pays.
_APERTURES = 1 << 16
_READINGS = 32

# An aperture that misses more than this share of its area to NaN is not used.
_MISSING = 1e-3


def resolution_elements(radius: Floats, fwhm: float) -> Ints:
    """How many apertures of 1 FWHM fit side by side on a circle of `radius` ≥ FWHM/2 [px].

    Neighbours touch when their chord is one FWHM: ⌊π / asin(FWHM / 2r)⌋.
    """
    half_chord = np.minimum(fwhm / (2 * np.asarray(radius, dtype=np.float64)), 1.0)
    return np.asarray(np.floor(np.pi / np.arcsin(half_chord) + 1e-9).astype(int))


def snr_map(image: Floats, fwhm: float) -> Floats:
    """S/N of every pixel of image (y, x) from 1 FWHM [px] out to where the last aperture fits.

    NaN elsewhere. Apertures that touch NaN are left out of the noise; a pixel is NaN when its own
    aperture touches NaN or when fewer than three are left to tell the noise from.
    """
    x0, y0 = centre_of(image.shape)
    radius = radius_map(image.shape)
    inside = (radius >= fwhm) & (radius <= (min(image.shape) - 1 - fwhm) / 2)
    y, x = np.nonzero(inside)
    elements = resolution_elements(radius[inside], fwhm)
    unseen = np.isnan(image)
    sums = ApertureSums.of(np.where(unseen, 0.0, image).astype(np.float32), fwhm / 2)
    gaps = None
    if unseen[radius <= radius[inside].max(initial=0.0) + fwhm].any():
        gaps = ApertureSums.of(unseen.astype(np.float32), fwhm / 2)
    snr = np.full(image.shape, np.nan, dtype=np.float32)

    def work(here: Ints) -> None:
        aperture = np.arange(elements[here].max())
        offset = (x[here] - x0, y[here] - y0)
        flux = _on_circles(sums, offset, aperture, (x0, y0), fwhm)
        if gaps is not None:
            missing = _on_circles(gaps, offset, aperture, (x0, y0), fwhm)
            flux[missing > _MISSING * np.pi * fwhm**2 / 4] = np.nan
        flux[aperture >= elements[here, None]] = np.nan
        snr[y[here], x[here]] = _compare(flux)

    threads.over(work, _pieces(elements, radius[inside]))
    return snr


def snr_at(image: Floats, x: float, y: float, fwhm: float) -> float:
    """S/N of the place (x, y) [px] of image (y, x), as in `snr_map` but between pixels, too."""
    centre = centre_of(image.shape)
    offset = np.array([x - centre[0]]), np.array([y - centre[1]])
    elements = resolution_elements(np.hypot(*offset), fwhm)
    unseen = np.isnan(image)
    sums, gaps = (
        ApertureSums.of(values.astype(np.float32), fwhm / 2)
        for values in (np.where(unseen, 0.0, image), unseen)
    )
    circle = (offset, np.arange(elements[0]), centre, fwhm)
    missing = _on_circles(gaps, *circle) > _MISSING * np.pi * fwhm**2 / 4
    return float(_compare(np.where(missing, np.nan, _on_circles(sums, *circle)))[0])


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
    sums: ApertureSums, offset: tuple[Floats, Floats], aperture: Ints, centre: Point, fwhm: float
) -> Floats:
    """Sums (pixel, aperture): touching apertures 0, 1, … around the centre, 0 on the pixel.

    offset is (x, y) [px] of the pixels from the centre. The apertures follow each other clockwise
    and leave the rest of the circle as a gap before the first.
    """
    x0, y0 = centre
    dx, dy = (each.astype(np.float32)[:, None] for each in offset)
    step = 2 * np.arcsin(fwhm / 2 / np.hypot(dx, dy))
    turn = step * aperture.astype(np.float32)
    cos, sin = np.cos(turn), np.sin(turn)
    return sums.at(x0 + dx * cos + dy * sin, y0 + dy * cos - dx * sin)


def _compare(flux: Floats) -> Floats:
    """S/N (pixel,) of the first aperture of (pixel, aperture) among the others."""
    source, noise = flux[:, 0], flux[:, 1:]
    unseen = np.isnan(noise)
    count = noise.shape[1] - np.count_nonzero(unseen, axis=1)
    enough = count >= 3
    n = np.where(enough, count, 1).astype(flux.dtype)
    mean = np.where(unseen, 0, noise).sum(axis=1) / n
    apart = np.where(unseen, 0, noise - mean[:, None])
    std = np.sqrt(np.einsum("pa,pa->p", apart, apart) / np.maximum(n - 1, 1))
    snr = np.full(len(flux), np.nan, dtype=np.float32)
    usable = enough & (std > 0)
    scale = std * np.sqrt(1 + 1 / n)
    return np.asarray(np.divide(source - mean, scale, out=snr, where=usable))
