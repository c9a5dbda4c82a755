"""Orbits and background tracks against integration, closed forms and astropy."""

from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from scipy.integrate import solve_ivp

from exosift.errors import BadInput
from exosift.geometry.astrometry import background_offset, offset_of, parallactic_shift, polar
from exosift.io.horizon import earth
from exosift.simulate.archive import BackgroundStar, Planet, Target
from exosift.simulate.companions import companions
from exosift.simulate.dates import date_of, mjd_of
from exosift.simulate.orbits import YEAR, Orbit, eccentric_anomaly, sky_offset

T0 = mjd_of("2000-01-01", "date")
ECCENTRIC = Orbit(9.0, 0.6, 40.0, 75.0, 210.0, "2000-01-01")


@pytest.mark.parametrize("eccentricity", [0.0, 0.1, 0.7, 0.99, 0.9999])
def test_keplers_equation(eccentricity):
    M = np.linspace(-20, 20, 4001)
    E = eccentric_anomaly(M, eccentricity)
    left = np.remainder(E - eccentricity * np.sin(E) - M + np.pi, 2 * np.pi) - np.pi
    np.testing.assert_allclose(left, 0, atol=1e-11)


def test_circle_seen_from_above_turns_evenly_towards_east():
    offset = sky_offset(Orbit(4.0), T0 + YEAR * np.array([0.0, 2.0, 4.0]), mass=1.0)
    # 4 au about one solar mass take 8 years.
    np.testing.assert_allclose(offset, [[0, 4], [4, 0], [0, -4]], atol=1e-9)


def test_inclined_circle_is_an_ellipse_about_its_node():
    orbit = Orbit(4.0, inclination=60.0, node=90.0)
    offset = sky_offset(orbit, T0 + YEAR * np.array([0.0, 2.0]), mass=1.0)
    np.testing.assert_allclose(offset, [[4, 0], [0, -2]], atol=1e-9)
    back = sky_offset(replace(orbit, inclination=120.0), T0 + YEAR * np.array([2.0]), 1.0)
    np.testing.assert_allclose(back, [[0, 2]], atol=1e-9)  # over 90° it goes the other way


def test_orbit_is_what_gravity_makes_of_it():
    """Integrated from periapsis in the orbit's plane, which is then turned by matrices."""
    a, e, mass = ECCENTRIC.semi_major, ECCENTRIC.eccentricity, 1.75
    gravity = 4 * np.pi**2 * mass  # au³/yr²
    speed = np.sqrt(gravity / a * (1 + e) / (1 - e))

    def pull(_time, state):
        r = state[:2]
        return [*state[2:], *(-gravity * r / np.hypot(*r) ** 3)]

    years = np.linspace(0, 30, 13)
    path = solve_ivp(
        pull, (0, 30), [a * (1 - e), 0, 0, speed], t_eval=years, rtol=1e-11, atol=1e-12
    )
    omega, node, tilt = np.radians([75.0, 210.0, 40.0])

    def about(axis, angle):
        c, s = np.cos(angle), np.sin(angle)
        rows = {"z": [[c, -s, 0], [s, c, 0], [0, 0, 1]], "x": [[1, 0, 0], [0, c, -s], [0, s, c]]}
        return np.array(rows[axis])

    turn = about("z", node) @ about("x", tilt) @ about("z", omega)
    north, east, _ = turn @ np.vstack([path.y[:2], np.zeros(len(years))])
    found = sky_offset(ECCENTRIC, T0 + YEAR * years, mass)
    np.testing.assert_allclose(found, np.stack([east, north], axis=1), atol=1e-6)


@pytest.mark.parametrize("place", [(86.8212, -51.0665), (346.87, 21.13), (200.0, 60.0)])
def test_background_star_stays_where_astropy_leaves_it(place):
    """The star moved by astropy, both seen from where the Earth is, without aberration."""
    ra, dec = place
    parallax, motion, start = 51.4, (120.0, -83.0), (700.0, -400.0)
    mjd = T0 + YEAR * np.array([0.0, 0.3, 1.5, 4.0])
    star = SkyCoord(
        ra * u.deg,
        dec * u.deg,
        distance=(1000 / parallax) * u.pc,
        pm_ra_cosdec=motion[0] * u.mas / u.yr,
        pm_dec=motion[1] * u.mas / u.yr,
        radial_velocity=0 * u.km / u.s,
        obstime=Time(T0, format="mjd"),
    )
    places = earth(mjd)
    seen = []
    for day, where in zip(mjd, places, strict=True):
        moved = star.apply_space_motion(new_obstime=Time(day, format="mjd"))
        vector = moved.cartesian.xyz.to_value(u.au) - where
        seen.append(SkyCoord(*vector, representation_type="cartesian"))
    seen = [SkyCoord(one.spherical.lon, one.spherical.lat) for one in seen]
    behind = seen[0].spherical_offsets_by(*(np.array(start) * u.mas))
    expected = [[part.to_value(u.mas) for part in one.spherical_offsets_to(behind)] for one in seen]
    shift = parallactic_shift(parallax, ra, dec, places)
    found = background_offset(start, (mjd - T0) / YEAR, motion, shift - shift[0])
    # Offsets of an arcsecond differ from the tangent plane's by micro-arcseconds; the star's
    # motion takes its axes with it, by 0.1 mas here.
    np.testing.assert_allclose(found, expected, atol=0.1)
    assert np.ptp(found, axis=0).min() > 200


def test_companions_of_a_target():
    """A planet on its orbit, and a star that stays when the target has no motion."""
    target = Target(
        10.0,
        20.0,
        parallax=50.0,
        planets={"b": Planet(Orbit(4.0), 1e-3)},
        background={"bg": BackgroundStar(900.0, 310.0, 2e-4)},
    )
    there = earth(np.array([T0, T0]))
    found = companions(target, T0 + 2 * YEAR, there)
    assert found.names == ("b", "bg")
    np.testing.assert_allclose(found.separation, [200, 900], rtol=1e-9)
    np.testing.assert_allclose(found.position_angle, [90, 310], rtol=1e-9)
    assert found.contrast.tolist() == [1e-3, 2e-4]
    assert companions(Target(10.0, 20.0), T0, there).separation.shape == (0,)


def test_polar_and_back():
    assert polar(np.array(offset_of(900.0, 310.0))) == pytest.approx([900, 310])
    assert offset_of(2.0, 90.0) == pytest.approx((2, 0))


def test_dates():
    assert mjd_of("1858-11-17", "date") == 0
    assert mjd_of("2013-02-01T12:00:00", "date") == 56324.5
    assert date_of(56324.5) == "2013-02-01T12:00:00.000"
    with pytest.raises(BadInput, match="start is 'Friday', expected YYYY-MM-DD"):
        mjd_of("Friday", "start")


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"semi_major": 0.0}, "semi_major is 0 au, expected more than 0"),
        ({"eccentricity": 1.0}, "eccentricity is 1, expected from 0 to less than 1"),
        ({"inclination": -3.0}, "inclination is -3°, expected from 0 to 180"),
        ({"periapsis_date": "then"}, "periapsis_date is 'then', expected YYYY-MM-DD"),
    ],
)
def test_orbits_that_cannot_be(wrong, line):
    with pytest.raises(BadInput, match=line):
        replace(ECCENTRIC, **wrong)
