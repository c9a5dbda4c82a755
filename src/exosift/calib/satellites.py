"""The star behind a coronagraph, from the four satellite spots that a waffle of the mirror makes.

The spots stand in two opposite pairs, and the lines that join the pairs cross at the star
(Sivaramakrishnan & Oppenheimer 2006, ApJ 647, 620). Their distance grows with the wavelength, as
the FWHM does, and a broad filter draws them out along the radius: that moves a spot along its line,
and leaves the crossing alone.
"""

from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput, Failed
from exosift.types import Floats, Point

# A spot must explain this share of the variance that a plane leaves; fits to noise stay below.
_EXPLAINED = 0.3
_NARROWEST, _WIDEST = 0.3, 3.0  # half widths at 1/e of a spot [FWHM]


@dataclass(frozen=True)
class Waffle:
    """Where the spots are: `separation` from the star [FWHM], `angle` of the first one [deg].

    Angles run counter-clockwise from +x, the others follow every 90°: 45 makes ×, 0 makes +. In
    FWHM the separation is the same at all wavelengths; SPHERE's spots lie at about 13.
    """

    separation: float
    angle: float = 45.0

    def __post_init__(self) -> None:
        if self.separation <= 0:
            raise BadInput(f"separation is {self.separation:g} FWHM, expected more than 0")


def crossing(image: Floats, start: Point, fwhm: float, waffle: Waffle, radius: float) -> Point:
    """Centre (x, y) [px] where the lines through opposite spots of image (y, x) cross.

    Each spot is fitted within `radius` of the brightest place as near to where `start` (x, y) and
    the waffle put it; fwhm, radius and start [px]. Raises Failed telling the spot that is missing.
    """
    directions = np.radians(waffle.angle + 90 * np.arange(4))
    outwards = np.stack([np.cos(directions), np.sin(directions)], axis=1)
    guesses = np.asarray(start) + waffle.separation * fwhm * outwards
    spots = np.array(
        [
            _spot(image, guess, outward, fwhm, radius)
            for guess, outward in zip(guesses, outwards, strict=True)
        ]
    )
    along = spots[2:] - spots[:2]
    normals = np.stack([-along[:, 1], along[:, 0]], axis=1)
    x, y = np.linalg.solve(normals, (normals * spots[:2]).sum(axis=1))
    return float(x), float(y)


def _spot(image: Floats, guess: Floats, outward: Floats, fwhm: float, radius: float) -> Floats:
    """Place (x, y) [px] of the spot near `guess`: a Gaussian, long along `outward`, on a plane."""
    from scipy.optimize import least_squares  # takes 0.3 s

    peak = _brightest(image, guess, fwhm, radius)
    y, x = np.nonzero(np.isfinite(image))
    near = np.hypot(x - peak[0], y - peak[1]) <= radius
    dx, dy, values = x[near] - peak[0], y[near] - peak[1], image[y[near], x[near]].astype(float)
    where = f"no satellite spot near x={guess[0]:.0f}, y={guess[1]:.0f}"
    if values.size < 12:
        raise Failed(f"{where}: {values.size} pixels with a value there")
    values /= max(float(np.ptp(values)), 1e-300)
    plane = np.stack([np.ones(values.size), dx, dy], axis=1)

    def misfit(p: Floats) -> Floats:
        away = np.stack([dx - p[0], dy - p[1]])
        radial, across = outward @ away, outward[0] * away[1] - outward[1] * away[0]
        spot = np.exp(-((radial / p[2]) ** 2) - (across / p[3]) ** 2)
        return _left_by(np.column_stack([spot, plane]), values)

    low = [-radius, -radius, _NARROWEST * fwhm, _NARROWEST * fwhm]
    high = [radius, radius, _WIDEST * fwhm, _WIDEST * fwhm]
    fit = least_squares(misfit, [0, 0, fwhm, 0.6 * fwhm], bounds=(low, high))
    explained = 1 - 2 * fit.cost / max(float(np.sum(_left_by(plane, values) ** 2)), 1e-300)
    if not fit.success or explained < _EXPLAINED:
        raise Failed(
            f"{where}: the fit explains {explained:.0%} of the variance; check register.waffle"
        )
    return np.asarray(peak + fit.x[:2])


def _brightest(image: Floats, guess: Floats, fwhm: float, window: float) -> Floats:
    """The place (x, y) within `window` [px] of `guess` that stands out most at the PSF's size."""
    from scipy import ndimage  # slow to load

    reach = int(np.ceil(window + 4 * fwhm))
    x0, y0 = (max(0, round(float(place)) - reach) for place in guess)
    box = image[y0 : y0 + 2 * reach + 1, x0 : x0 + 2 * reach + 1]
    if not np.isfinite(box).any():
        raise Failed(f"no satellite spot near x={guess[0]:.0f}, y={guess[1]:.0f}: no values there")
    whole = np.where(np.isfinite(box), box, np.nanmedian(box)).astype(float)
    bump = ndimage.gaussian_filter(whole, fwhm / 3) - ndimage.gaussian_filter(whole, fwhm)
    y, x = np.ogrid[y0 : y0 + box.shape[0], x0 : x0 + box.shape[1]]
    bump = np.where(np.hypot(x - guess[0], y - guess[1]) <= window, bump, -np.inf)
    row, column = np.unravel_index(bump.argmax(), bump.shape)
    return np.array([x0 + column, y0 + row], dtype=float)


def _left_by(basis: Floats, values: Floats) -> Floats:
    """What the best combination of the columns of basis (pixel, ·) leaves of values (pixel,)."""
    shares = np.linalg.lstsq(basis, values, rcond=None)[0]
    return np.asarray(values - basis @ shares)
