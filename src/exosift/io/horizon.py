"""The sky over a telescope by astropy's horizontal frame, and the Earth's place among the stars.

The simulator's own way to the parallactic angle: by the direction of a point above the star,
without the formula that `ephemeris` uses for real data. Nothing is downloaded.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

import numpy as np
from astropy import units
from astropy.coordinates import TETE, AltAz, EarthLocation, SkyCoord, get_body_barycentric
from astropy.time import Time
from astropy.utils import iers
from astropy.utils.exceptions import AstropyWarning
from erfa import ErfaWarning

from exosift.instruments.description import Site
from exosift.types import Floats

_ABOVE = 1.0 / 60.0
"""How far above a star [deg] the direction to the zenith is taken: beside it, as in an image."""


@dataclass(frozen=True, eq=False)
class Horizontal:
    """A star over a site, each (time, …) [deg]: position angle of the `zenith` from ICRS North, the
    `parallactic` angle from North of date, `altitude`, `azimuth` from North through East,
    `hour_angle` and `sidereal` time."""

    zenith: Floats
    parallactic: Floats
    altitude: Floats
    azimuth: Floats
    hour_angle: Floats
    sidereal: Floats

    def at(self, index: int) -> "Horizontal":
        """One of several times, or pair of times."""
        return Horizontal(*(getattr(self, one.name)[index] for one in fields(self)))


def over(site: Site, ra: float, dec: float, mjd: Floats) -> Horizontal:
    """A star (ICRS) [deg] over a site at mjd (time, …) (UTC), without refraction."""
    place = EarthLocation.from_geodetic(site.longitude, site.latitude, site.height)
    with _offline():
        time = Time(mjd, format="mjd", scale="utc", location=place)
        horizon, of_date = AltAz(obstime=time, location=place), TETE(obstime=time, location=place)
        star = SkyCoord(ra, dec, unit=units.deg, frame="icrs")
        seen = star.transform_to(horizon)
        raised = SkyCoord(az=seen.az, alt=seen.alt + _ABOVE * units.deg, frame=horizon)
        here, up = star.transform_to(of_date), raised.transform_to(of_date)
        sidereal = time.sidereal_time("apparent").deg
        return Horizontal(
            zenith=np.asarray(star.position_angle(raised.icrs).deg),
            parallactic=np.asarray(here.position_angle(up).wrap_at(180 * units.deg).deg),
            altitude=np.asarray(seen.alt.deg),
            azimuth=np.asarray(seen.az.deg),
            hour_angle=np.asarray((sidereal - here.ra.deg + 180) % 360 - 180),
            sidereal=np.asarray(sidereal),
        )


def earth(mjd: Floats) -> Floats:
    """The Earth's place from the barycentre of the solar system (time, 3) [au], axes of ICRS."""
    with _offline():
        found = get_body_barycentric("earth", Time(mjd, format="mjd", scale="utc"), "builtin")
    return np.asarray(found.xyz.to_value(units.au).T)


@contextmanager
def _offline() -> Iterator[None]:
    """Earth's rotation from the tables that astropy carries, silently where a date is beyond."""
    with (
        warnings.catch_warnings(),
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("auto_max_age", None),
        iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
    ):
        for told in (ErfaWarning, AstropyWarning):
            warnings.simplefilter("ignore", told)
        yield
