"""The off-axis PSF: its centre and FWHM by a Gaussian fit, and its normalisation."""

from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.photometry.apertures import aperture_flux
from exosift.types import Floats, Point

_FWHM = 2 * np.sqrt(2 * np.log(2))


@dataclass(frozen=True)
class Gaussian:
    """A round Gaussian: amplitude [image units], centre (x, y) [px], FWHM [px]."""

    amplitude: float
    centre: Point
    fwhm: float


def fit_gaussian(image: Floats, start: Point, fwhm: float, radius: float) -> Gaussian | None:
    """Least-squares round Gaussian on the pixels of image (y, x) within `radius` [px] of `start`.

    No background: Airy wings would trade against it and make the core look narrower.

    `fwhm` [px] is the first guess. None when the fit leaves the window or does not converge.
    """
    from scipy.optimize import least_squares  # takes 0.3 s, and most images hold nothing to fit

    y, x = np.nonzero(np.isfinite(image))
    near = np.hypot(x - start[0], y - start[1]) <= radius
    y, x = y[near], x[near]
    values = image[y, x].astype(np.float64)
    peak = float(values.max()) if values.size > 4 else 0.0
    if peak <= 0.0:
        return None

    def misfit(p: Floats) -> Floats:
        squared = (x - p[1]) ** 2 + (y - p[2]) ** 2
        return np.asarray(p[0] * np.exp(-squared * (_FWHM / p[3]) ** 2 / 2) - values / peak)

    fit = least_squares(misfit, [1.0, *start, fwhm])
    amplitude, x0, y0, width = (float(p) for p in fit.x)
    if not fit.success or np.hypot(x0 - start[0], y0 - start[1]) > radius or amplitude <= 0:
        return None
    return Gaussian(amplitude * peak, (x0, y0), abs(width))


def normalised_psf(psf: Floats) -> tuple[Floats, float, float]:
    """Centre a PSF (y, x) on its middle pixel and scale it to unit flux in the 1-FWHM aperture.

    Returns the template (odd, square), its FWHM [px] and the flux that it had in that aperture.
    Raises BadInput when the image holds no point source.
    """
    from exosift.geometry.shifting import shift  # scipy.fft is slow to load, fits do without

    if not np.isfinite(psf).any():
        raise BadInput(
            "the PSF has no finite pixel: give an unsaturated off-axis image of the star"
        )
    size = min(psf.shape) - (min(psf.shape) + 1) % 2
    peak = np.unravel_index(np.nanargmax(psf), psf.shape)
    guess = (float(peak[1]), float(peak[0]))
    first = fit_gaussian(psf, guess, 4.0, size / 4)
    found = first and fit_gaussian(psf, first.centre, first.fwhm, first.fwhm)
    if not found or not 1.0 < found.fwhm < size / 2:
        raise BadInput(
            f"the PSF ({psf.shape[1]}×{psf.shape[0]} px, peak at x={peak[1]}, y={peak[0]}) holds "
            "no point source that a Gaussian fits: give an unsaturated off-axis image of the star"
        )
    middle = (size - 1) / 2
    centred = shift(psf[None], np.array([[middle - found.centre[0], middle - found.centre[1]]]))
    template = np.nan_to_num(centred[0, :size, :size])
    flux = aperture_flux(template, middle, middle, found.fwhm / 2)
    return template / flux, found.fwhm, flux
