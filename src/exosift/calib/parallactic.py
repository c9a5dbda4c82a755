"""The parallactic angle from the spherical triangle of pole, zenith and star."""

import numpy as np

from exosift.types import Floats


def parallactic_angle(hour_angle: Floats, declination: Floats, latitude: float) -> Floats:
    """Angle at the star from the pole to the zenith, eastward [deg]:

        tan q = sin H / (cos δ tan φ − sin δ cos H)

    (Smart 1931, Spherical Astronomy, §28). hour_angle H west of the meridian, declination δ and
    latitude φ [deg]; H and δ of one equator, that of date if the angle is to be true to 0.01°.
    """
    H, dec, lat = (np.radians(np.asarray(a)) for a in (hour_angle, declination, latitude))
    angle = np.arctan2(np.sin(H), np.cos(dec) * np.tan(lat) - np.sin(dec) * np.cos(H))
    return np.asarray(np.degrees(angle))


def wrapped(angle: Floats | float) -> Floats:
    """Angles [deg] brought to (−180, 180]."""
    return 180.0 - (180.0 - np.asarray(angle, np.float64)) % 360.0
