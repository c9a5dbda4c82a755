"""Where stars stand in the sky of a place and time: apparent places and sidereal time by astropy.

Earth's rotation comes from the tables that astropy carries; nothing is downloaded. Beyond the last
entry UT1 is taken as UTC, less than a second away, which turns the sky by at most 0.004°.
"""

import warnings

import numpy as np

from exosift.calib.parallactic import parallactic_angle, wrapped
from exosift.instruments.description import Site
from exosift.types import Floats

_STEP = 1.0 / 60.0
"""How far north of a star [deg] the direction of North is taken."""

_SUPPORT = 300.0
"""Seconds between which Earth's place is interpolated: half the work, nothing lost."""


def zenith_angle(ra: Floats, dec: Floats, mjd: Floats, site: Site) -> Floats:
    """Position angle of the zenith from ICRS North through East [deg], one a star and time.

    The parallactic angle of the place of date (apparent, topocentric, without refraction, which
    acts along the vertical), less the angle from ICRS North to that of the equator of date. ra, dec
    (ICRS) [deg], mjd (UTC); broadcast together. With ICRS coordinates in the formula instead it
    would be wrong by tenths of a degree.
    """
    # Slow to load, and needed only here.
    from astropy import units
    from astropy.coordinates import TETE, EarthLocation, SkyCoord
    from astropy.coordinates.erfa_astrom import ErfaAstromInterpolator, erfa_astrom
    from astropy.time import Time
    from astropy.utils import iers
    from astropy.utils.exceptions import AstropyWarning
    from erfa import ErfaWarning

    place = EarthLocation.from_geodetic(site.longitude, site.latitude, site.height)
    with (
        warnings.catch_warnings(),
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("auto_max_age", None),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
        erfa_astrom.set(ErfaAstromInterpolator(_SUPPORT * units.s)),
    ):
        for told in (ErfaWarning, AstropyWarning):  # of dates beyond the tables
            warnings.simplefilter("ignore", told)
        time = Time(mjd, format="mjd", scale="utc", location=place)
        of_date = TETE(obstime=time, location=place)
        star = SkyCoord(ra, dec, unit=units.deg, frame="icrs")
        north = star.directional_offset_by(0 * units.deg, _STEP * units.deg)
        place_of_date = star.transform_to(of_date)
        tilt = place_of_date.position_angle(north.transform_to(of_date)).deg
        hour_angle = time.sidereal_time("apparent").deg - place_of_date.ra.deg
    angle = parallactic_angle(hour_angle, place_of_date.dec.deg, site.latitude)
    return np.asarray(wrapped(angle - tilt))
