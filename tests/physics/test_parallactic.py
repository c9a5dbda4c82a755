"""Parallactic angles against astropy's horizontal frame, which does not use the formula."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from exosift.calib.parallactic import parallactic_angle, wrapped
from exosift.instruments import described
from exosift.instruments.description import Site
from exosift.io.ephemeris import zenith_angle

PARANAL = described("naco").raw.site
KECK = described("nirc2").raw.site
MJD = 56324.0 + np.linspace(0.0, 0.4, 9)
STARS = {"beta Pic": (86.8212, -51.0665), "near the pole": (37.95, 89.26), "passing overhead": None}


def zenith_in_the_sky(ra, dec, mjd, site: Site, apart: float):
    """Position angle, in ICRS, from a star to a point so far above it, or to the point overhead."""
    place = EarthLocation.from_geodetic(site.longitude, site.latitude, site.height)
    star = SkyCoord(ra, dec, unit="deg")
    with iers.conf.set_temp("auto_download", False):
        frame = AltAz(obstime=Time(mjd, format="mjd"), location=place)
        seen = star.transform_to(frame)
        height = np.minimum(seen.alt.deg + apart, 90.0) * u.deg
        up = SkyCoord(AltAz(az=seen.az, alt=height, obstime=frame.obstime, location=place))
        return star.position_angle(up.icrs).deg


@pytest.mark.parametrize("site", [PARANAL, KECK], ids=["Paranal", "Keck"])
@pytest.mark.parametrize("name", STARS)
@pytest.mark.parametrize("year", [2003, 2013, 2024])
def test_zenith_angle_is_that_of_the_horizontal_frame(site, name, year):
    ra, dec = STARS[name] or (86.8212, site.latitude + 1.0)
    mjd = MJD + 365.25 * (year - 2013)
    found = zenith_angle(np.array(ra), np.array(dec), mjd, site)
    expected = zenith_in_the_sky(ra, dec, mjd, site, apart=1 / 60)
    np.testing.assert_allclose(wrapped(found - expected), 0, atol=1e-3)
    assert np.ptp(wrapped(found)) > 1


def test_so_is_the_way_to_the_zenith_itself():
    """Aberration bends it by some 0.005°; an image shows the sky beside the star."""
    ra, dec = STARS["beta Pic"]
    found = zenith_angle(np.array(ra), np.array(dec), MJD, PARANAL)
    expected = zenith_in_the_sky(ra, dec, MJD, PARANAL, apart=180)
    np.testing.assert_allclose(wrapped(found - expected), 0, atol=0.01)


def test_precession_is_not_forgotten():
    """ICRS coordinates in the formula, as is often done, are wrong by more than is allowed."""
    ra, dec = STARS["beta Pic"]
    with iers.conf.set_temp("auto_download", False):
        place = EarthLocation.from_geodetic(PARANAL.longitude, PARANAL.latitude)
        lst = Time(MJD, format="mjd", location=place).sidereal_time("apparent").deg
    careless = parallactic_angle(lst - ra, np.array(dec), PARANAL.latitude)
    careful = zenith_angle(np.array(ra), np.array(dec), MJD, PARANAL)
    assert np.abs(wrapped(careless - careful)).max() > 0.1


def test_many_stars_at_once():
    ra, dec = np.array([[10.0], [200.0]]), np.array([[-20.0], [5.0]])
    found = zenith_angle(ra, dec, np.stack([MJD, MJD + 1]), PARANAL)
    assert found.shape == (2, 9)
    alone = zenith_angle(ra[1, 0], dec[1, 0], MJD + 1, PARANAL)
    np.testing.assert_allclose(found[1], alone, atol=1e-9)


def test_a_date_beyond_the_tables():
    found = zenith_angle(np.array(10.0), np.array(-20.0), np.array([70000.0]), PARANAL)
    assert np.isfinite(found).all()


def test_on_the_meridian_and_east_of_it():
    # South of the zenith North is up, north of it down.
    assert parallactic_angle(np.array(0.0), np.array(-60.0), -24.6) == pytest.approx(0)
    assert parallactic_angle(np.array(0.0), np.array(10.0), -24.6) == pytest.approx(180)
    assert parallactic_angle(np.array(-20.0), np.array(20.0), 40.0) < 0
    assert parallactic_angle(np.array(20.0), np.array(20.0), 40.0) > 0


@pytest.mark.parametrize(("angle", "expected"), [(190, -170), (180, 180), (-180, 180), (0, 0)])
def test_wrapping(angle, expected):
    assert wrapped(angle) == expected
    assert wrapped(angle + 720) == expected
