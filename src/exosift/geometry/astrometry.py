"""A star far behind another: it stays where it is while the one in front moves on.

Beside the star in front it seems to go the other way, and to swing with the Earth's year, which is
how it is told from a planet.
"""

import numpy as np

from exosift.types import Floats, Point


def background_offset(start: Point, years: Floats, motion: Point, shift: Floats) -> Floats:
    """Offset (time, 2) of a source without motion and parallax from the star, (East, North) [mas].

    It is `start` at years = 0; `years` (time,) since then; `motion`, the star's proper motion
    [mas/yr]; `shift` (time, 2), what its parallax has moved it by since.
    """
    return np.asarray(np.asarray(start) - years[:, None] * np.asarray(motion) - shift)


def parallactic_shift(parallax: float, ra: float, dec: float, earth: Floats) -> Floats:
    """How far a parallax [mas] moves a star at ra, dec [deg] from where the Sun's system sees it.

    Its parallax times the Earth's place on the sky's tangent plane, turned round (ESA 1997,
    SP-1200, vol. 1, §1.2.8). earth (…, 3), from the barycentre along ICRS [au]; (…, 2) = (East,
    North) [mas].
    """
    alpha, delta = np.radians([ra, dec])
    east = np.array([-np.sin(alpha), np.cos(alpha), 0.0])
    north = np.array(
        [-np.cos(alpha) * np.sin(delta), -np.sin(alpha) * np.sin(delta), np.cos(delta)]
    )
    return np.asarray(-parallax * earth @ np.stack([east, north], axis=1))


def moved(ra: float, dec: float, years: float, motion: Point) -> Point:
    """A star's place [deg] after `years` of proper motion (East, North) [mas/yr]."""
    east, north = (years * rate / 3.6e6 for rate in motion)
    return ra + east / float(np.cos(np.radians(dec))), dec + north


def offset_of(separation: float, position_angle: float) -> Point:
    """Offset (East, North) at a separation and position angle [deg], North through East."""
    theta = np.radians(position_angle)
    return float(separation * np.sin(theta)), float(separation * np.cos(theta))


def polar(offset: Floats) -> Floats:
    """Separation and position angle [deg] (…, 2) of offsets (…, 2) = (East, North)."""
    east, north = np.moveaxis(offset, -1, 0)
    return np.stack([np.hypot(east, north), np.degrees(np.arctan2(east, north)) % 360.0], axis=-1)
