"""The off-axis PSF: its centre and FWHM by a Gaussian fit, and its normalisation."""

from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.photometry.apertures import aperture_flux
from exosift.types import Floats, Point

_FWHM = 2 * np.sqrt(2 * np.log(2))
_RIM = 2  # px of the PSF's square that count as background


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


@dataclass(frozen=True)
class FluxScale:
    """What brings a star in off-axis frames to its brightness in the science frames.

    exposure and science_exposure: of one frame of each, in any one unit; transmission: share of the
    light that the neutral density let through in the off-axis frames, at this wavelength.
    """

    exposure: float = 1.0
    science_exposure: float = 1.0
    transmission: float = 1.0

    def __post_init__(self) -> None:
        for name in ("exposure", "science_exposure", "transmission"):
            if not 0 < getattr(self, name) < np.inf:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected more than 0")
        if self.transmission > 1:
            raise BadInput(
                f"transmission is {self.transmission:g}, expected at most 1: a neutral density of "
                "3.5 lets 10^-3.5 through"
            )

    @property
    def factor(self) -> float:
        """By how much the star is brighter in the science frames."""
        return self.science_exposure / self.exposure / self.transmission


def off_axis_psf(frames: Floats, fwhm: float, size: int, scale: FluxScale) -> Floats:
    """Mean of the star in off-axis frames (time, y, x), in counts of one science frame.

    In each frame the star, its brightest source, is found by a Gaussian fit, moved to the middle of
    `size` × `size` px (odd), and what the frame has outside, with that square's own rim, is taken
    off. A pixel is the mean of the frames that saw it. fwhm [px] is a guess. `normalised_psf` makes
    a template of the result. Raises BadInput naming a frame without a star, or with one less than
    size/2 from its edge.
    """
    from exosift.geometry.shifting import shift  # scipy.fft is slow to load, fits do without

    if size % 2 == 0 or size < 4 * _RIM:
        raise BadInput(f"the PSF's size is {size} px, expected an odd number from {4 * _RIM + 1}")
    half = size // 2

    def work(index: int) -> Floats:
        frame = frames[index]
        x, y = _brightest(frame, fwhm, f"off-axis frame {index}")
        column, row = round(x), round(y)
        if not (half <= column < frame.shape[1] - half and half <= row < frame.shape[0] - half):
            raise BadInput(
                f"off-axis frame {index}: the star at x={x:.1f}, y={y:.1f} is less than {half} px "
                f"from the edge of {frame.shape[1]}×{frame.shape[0]} px; lower the PSF's size"
            )
        rows, columns = (slice(middle - half, middle + half + 1) for middle in (row, column))
        inside = tuple(slice(at.start + _RIM, at.stop - _RIM) for at in (rows, columns))
        around = frame.astype(np.float64)
        around[inside] = np.nan
        moved = shift(frame[None], np.array([[column - x, row - y]]))[0, rows, columns]
        return np.asarray(moved - np.nanmedian(around))

    each = np.stack(threads.over(work, range(len(frames)), products=False))
    seen = np.isfinite(each)
    count = seen.sum(axis=0)
    mean = np.where(seen, each, 0).sum(axis=0) / np.where(count, count, np.nan)
    return np.asarray(scale.factor * mean)


def room_around(frames: Floats, fwhm: float) -> int:
    """Pixels on either side of the star that all off-axis frames (time, y, x) have; fwhm [px]."""
    height, width = frames.shape[1:]
    stars = [_brightest(frame, fwhm, f"off-axis frame {n}") for n, frame in enumerate(frames)]
    column, row = np.rint(stars).astype(int).T
    return int(np.min([column, row, width - 1 - column, height - 1 - row]))


def _brightest(frame: Floats, fwhm: float, name: str) -> Point:
    """Centre (x, y) [px] of the brightest source of frame (y, x)."""
    from scipy import ndimage  # slow to load

    seen = np.isfinite(frame)
    if not seen.any():
        raise BadInput(f"{name}: no pixel has a value; leave it out")
    level = float(np.median(frame[seen]))
    light = np.where(seen, frame, level) - level
    smooth = ndimage.gaussian_filter(light, fwhm / _FWHM)
    row, column = np.unravel_index(smooth.argmax(), smooth.shape)
    found = fit_gaussian(
        np.where(seen, light, np.nan), (float(column), float(row)), fwhm, 1.5 * fwhm
    )
    if found is None:
        raise BadInput(
            f"{name}: no Gaussian fits its brightest place, x={column}, y={row}; leave it out, or "
            "give unsaturated frames and their FWHM"
        )
    return found.centre


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
