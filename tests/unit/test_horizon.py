"""The sky over a telescope beside what a real header says of it."""

import numpy as np
import pytest

from exosift.instruments import described
from exosift.io.horizon import earth, over

KECK = described("nirc2").raw.site
MJD = np.array([55664 + (5 * 3600 + 37 * 60 + 43.75) / 86400])  # UTC of n0031.fits


def test_nirc2_header_of_2011():
    """RA, DEC, EL, AZ, HA, LST and PARANG of a real frame (`nirc2_raw_ks/n0031.fits`)."""
    sky = over(KECK, 150.43402, 2.95156, MJD)
    assert sky.altitude[0] == pytest.approx(63.79415, abs=0.06)  # with its flexure
    assert sky.azimuth[0] == pytest.approx(127.56127, abs=0.01)
    assert sky.hour_angle[0] == pytest.approx(-20.55914, abs=1e-3)
    assert sky.sidereal[0] / 15 == pytest.approx(8 + 40 / 60 + 6.82 / 3600, abs=1e-4)
    # Its "parallactic angle astrometric" is from North of 2000, not of date.
    assert sky.zenith[0] - 360 == pytest.approx(-48.33769, abs=0.005)


def test_north_of_date_is_not_that_of_the_catalogue():
    sky = over(KECK, 150.43402, 2.95156, MJD)
    turned = (sky.zenith - sky.parallactic + 180) % 360 - 180
    # Precession since 2000: n sin α / cos δ, 20.04″ a year (Meeus 1998, eq. 21.1).
    expected = 11.28 * 20.04 / 3600 * np.sin(np.radians(150.43)) / np.cos(np.radians(2.95))
    assert abs(turned[0]) == pytest.approx(expected, abs=3e-3)


def test_several_times_keep_their_shape():
    sky = over(KECK, 150.4, 2.9, MJD + np.array([[0.0, 0.01], [0.02, 0.03]]))
    assert sky.zenith.shape == (2, 2)
    assert sky.at(1).altitude.tolist() == sky.altitude[1].tolist()


def test_earth_goes_round_the_sun_in_a_year():
    places = earth(57000 + np.array([0.0, 182.6, 365.25]))
    assert np.linalg.norm(places, axis=1) == pytest.approx([1, 1, 1], abs=0.03)
    assert places[0] == pytest.approx(-places[1], abs=0.05)
    assert places[0] == pytest.approx(places[2], abs=0.01)
