"""Pixel grids and the sky: centres, radii, position angles."""

import numpy as np

from exosift.types import Floats, Point


def centre_of(shape: tuple[int, ...]) -> Point:
    """Centre (x, y) [px] of an image whose last two axes are (y, x): (n − 1)/2 on each."""
    height, width = shape[-2:]
    return (width - 1) / 2, (height - 1) / 2


def radius_map(shape: tuple[int, ...], centre: Point | None = None) -> Floats:
    """Distance [px] of every pixel of a (y, x) image from `centre` (x, y)."""
    x0, y0 = centre if centre is not None else centre_of(shape)
    y, x = np.ogrid[: shape[-2], : shape[-1]]
    return np.asarray(np.hypot(x - x0, y - y0))


def azimuth_map(shape: tuple[int, ...]) -> Floats:
    """Azimuth [deg], 0 to 360, counter-clockwise from +x about the centre of a (y, x) image."""
    x0, y0 = centre_of(shape)
    y, x = np.ogrid[: shape[-2], : shape[-1]]
    return np.asarray(np.degrees(np.arctan2(y - y0, x - x0)) % 360.0)


def sky_position(x: float, y: float, centre: Point) -> tuple[float, float]:
    """Separation [px] and position angle [deg], from North through East, of a North-up image."""
    dx, dy = x - centre[0], y - centre[1]
    return float(np.hypot(dx, dy)), float(np.degrees(np.arctan2(-dx, dy)) % 360.0)


def pixel_position(separation: float, position_angle: float, centre: Point) -> Point:
    """Place (x, y) [px] of a source at `separation` [px] and `position_angle` [deg], North up."""
    x, y = raw_offset(separation, position_angle, np.zeros(()))
    return float(centre[0] + x), float(centre[1] + y)


def raw_offset(separation: float, position_angle: float, angle: Floats) -> Floats:
    """Offset (..., 2) of a source from the star, (x, y) in units of `separation`, in raw frames.

    A frame turned counter-clockwise by `angle` [deg] (...,) has North up and East left, so the
    source stands at position angle θ − angle, counter-clockwise from +y.
    """
    theta = np.radians(position_angle - angle)
    return separation * np.stack([-np.sin(theta), np.cos(theta)], axis=-1)
