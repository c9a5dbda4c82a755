"""Field rotation: how the sky turns before an alt-azimuth telescope that keeps its pupil fixed."""

import numpy as np

from exosift.types import Floats

SIDEREAL_HOUR = 3590.170  # s of time in which the hour angle grows by one hour


def parallactic_angle(hour_angle: Floats, declination: float, latitude: float) -> Floats:
    """Position angle of the zenith, tan q = sin H / (tan φ cos δ − sin δ cos H).

    Meeus (1998, Astronomical Algorithms, eq. 14.1). hour_angle [h] (time,), in the order of the
    exposures; declination and latitude [deg]. The result [deg] (time,) is continuous, so it may
    leave ±180 where a target passes between the zenith and the pole.
    """
    H = np.radians(15 * np.asarray(hour_angle, dtype=float))
    delta, phi = np.radians(declination), np.radians(latitude)
    q = np.arctan2(np.sin(H), np.tan(phi) * np.cos(delta) - np.sin(delta) * np.cos(H))
    return np.asarray(np.degrees(np.unwrap(q)))
