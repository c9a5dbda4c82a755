"""Register a sequence: find the star, bring it to the centre pixel of an odd square frame."""

from dataclasses import dataclass

import numpy as np

from exosift.calib.badpixels import fill_isolated
from exosift.calib.centring import Centring, find_star
from exosift.errors import BadInput
from exosift.geometry.shifting import shift, shift_mask
from exosift.types import Bools, Floats


@dataclass(frozen=True, eq=False)
class Registered:
    """Frames (wavelength, time, y, x) with the star on the centre pixel, their mask, and the star's
    position (time, 2) = (x, y) [px] in the frames as they came."""

    cube: Floats
    mask: Bools
    star: Floats


def register(cube: Floats, fwhm: Floats, centring: Centring) -> Registered:
    """Align cube (wavelength, time, y, x) on the star; fwhm (wavelength,) [px].

    The star is found in the mean over wavelengths; satellite spots, which move with wavelength, in
    each, and the median taken. Isolated bad pixels are filled first, and remembered in the mask.
    Frames are cropped to the largest odd square that every one covers. Raises BadInput when the
    star is too near the edge.
    """
    height, width = cube.shape[-2:]
    filled, mask = fill_isolated(cube.reshape(-1, height, width))
    filled, mask = filled.reshape(cube.shape), mask.reshape(cube.shape)
    star = _star(filled, fwhm, centring)
    middle = np.rint(np.median(star, axis=0))
    far = np.array([width - 1, height - 1])
    room = np.minimum(star, far - star).min(axis=1)
    reach = int(np.floor(min(room.min(), *middle, *(far - middle)) + 1e-6))
    if reach < 2 * np.max(fwhm):
        x, y = star[room.argmin()]
        raise BadInput(
            f"frame {room.argmin()}: the star lies at x={x:.1f}, y={y:.1f} in {width}×{height} px: "
            "less than 2 FWHM are left around it; give larger frames or another register.method"
        )
    crop = tuple(slice(int(m) - reach, int(m) + reach + 1) for m in middle[::-1])
    moved = np.stack([shift(channel, middle - star)[:, *crop] for channel in filled])
    masked = np.stack([shift_mask(channel, middle - star)[:, *crop] for channel in mask])
    return Registered(moved, masked | np.isnan(moved), star)


def _star(cube: Floats, fwhm: Floats, centring: Centring) -> Floats:
    """Star positions (time, 2) = (x, y) [px] in cube (wavelength, time, y, x)."""
    if centring.method != "waffle":
        return find_star(cube.mean(axis=0), float(np.mean(fwhm)), centring)
    each = [
        find_star(channel, float(width), centring)
        for channel, width in zip(cube, fwhm, strict=True)
    ]
    return np.asarray(np.median(each, axis=0))
