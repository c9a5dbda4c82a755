"""Angles of raw frames: each instrument's recipe on top of astropy's zenith, at mid-exposure."""

import numpy as np
import pytest

from exosift.calib.parallactic import wrapped
from exosift.ingest.angles import angles
from exosift.ingest.archive import sort_archive
from exosift.ingest.frame import Frame
from exosift.instruments import described, descriptions
from exosift.io.ephemeris import zenith_angle
from tests.conftest import DATA
from tests.physics.test_parallactic import zenith_in_the_sky
from tests.raw_headers import BETAPIC, eris, naco, nirc2, sphere

START = 56324.0 + 1 / 24
"""When the first exposure of the made-up headers begins (MJD)."""


def only(cards) -> Frame:
    cards = {k: v for k, v in cards.items() if v is not None}
    archive = sort_archive([(Frame("/raw/a.fits"), cards)], descriptions(), zenith_angle)
    assert not [p for p in archive.problems if "a.fits:" in p.line], archive.problems
    return archive.frames[0]


def sky(name: str, ra: float, dec: float, seconds) -> np.ndarray:
    """Zenith's position angle, independently, so many seconds after the start."""
    site = described(name).raw.site
    return zenith_in_the_sky(ra, dec, START + np.asarray(seconds) / 86400, site, apart=1 / 60)


def agree(name: str, cards, expected) -> None:
    frame = only(cards)
    found = angles(frame, zenith_angle, described(name).raw.site)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(wrapped(found - expected), 0, atol=2e-3)
    np.testing.assert_allclose(found[[0, -1]], [frame.angle_first, frame.angle_last], atol=1e-4)


MIDDLES = 0.1 + 0.2 * np.arange(10)
HD95086 = 15 * (10 + 57 / 60 + 3.017 / 3600), -(68 + 40 / 60 + 2.45 / 3600)


def test_naco_keeps_the_pupil_still():
    q = sky("naco", **BETAPIC, seconds=MIDDLES)
    agree("naco", naco(), q - (90 + 89.44 - 74.6) + 0.45)
    agree(
        "naco",
        naco(**{"ESO TEL ROT ALTAZTRACK": None, "ESO DPR TECH": "IMAGE,CUBE,PT"}),
        q - 104.39,
    )


def test_naco_pupil_from_the_position_angle():
    start = sky("naco", **BETAPIC, seconds=0.0)
    q = sky("naco", **BETAPIC, seconds=MIDDLES)
    agree("naco", naco(**{"ESO ADA PUPILPOS": None}), q - start + 12.0 + 180 - 179.44 + 0.45)


def test_naco_keeps_the_field_still():
    agree("naco", naco(**{"ESO TEL ROT ALTAZTRACK": False}), np.full(10, 12.45))


@pytest.mark.parametrize(
    ("arm", "name", "seconds", "constant"),
    [("IRDIS", "irdis", 8.5 + 17 * np.arange(4), 135.99), ("IFS", "ifs", [8.5], 135.99 - 100.48)],
)
@pytest.mark.parametrize("late", [False, True])
def test_sphere(arm, name, seconds, constant, late):
    """Before 2016-07-12 the derotator slipped: ALT 45°, DROT2 20° give atan tan 5°."""
    seconds = np.asarray(seconds) + 86400 * (1300 if late else 0)
    cards = sphere(arm, seconds=86400 * 1300 if late else 0)
    expected = sky(name, *HD95086, seconds) + constant - 1.75 + (0 if late else 5.0)
    agree(name, cards, expected)


def test_sphere_slip_is_that_of_the_mirror_not_of_the_circle():
    cards = sphere(**{"ESO INS4 DROT2 BEGIN": None, "ESO INS4 DROT2 START": -60.0})  # 45 + 120
    expected = sky("irdis", *HD95086, 8.5 + 17 * np.arange(4)) + 135.99 - 1.75 - 15.0
    agree("irdis", cards, expected)


def test_sphere_keeps_the_field_still():
    cards = sphere("IFS", **{"ESO INS4 DROT2 MODE": "SKY", "ESO INS4 DROT2 POSANG": 30.0})
    agree("ifs", cards, np.array([30 - 100.48 - 1.75]))


def test_nirc2_at_the_middle_of_the_exposure():
    q = sky("nirc2", 3.9878, 4.2511, [11.0])
    agree("nirc2", nirc2(), q + 4.4 - 0.7 - 0.252)
    agree("nirc2", nirc2(ROTMODE="position angle"), np.array([4.4 - 0.7 - 0.252]))
    agree("nirc2", nirc2(CAMNAME="wide"), q + 3.7)


def test_eris_follows_its_position_angle():
    middles = 1.0 + 2.0 * np.arange(5)
    turned = sky("eris-nix", **BETAPIC, seconds=middles) - sky("eris-nix", **BETAPIC, seconds=0.0)
    agree("eris-nix", eris(), -33.0 + 0.4 + turned)
    agree("eris-nix", eris(**{"ESO ADA POSANG END": 33.0}), np.full(5, -33.0 + 0.4))
    wide = {"ESO INS2 NXCW NAME": "27mas-JHK"}
    assert not only(eris(**wide)).mirrored
    agree("eris-nix", eris(**wide), -33.0 - 1.55 + turned)


def test_header_serves_where_the_place_is_not_known():
    told = {"RA": None, "ESO TEL PARANG START": 179.0, "ESO TEL PARANG END": -179.0}
    frame = only(naco(**told))
    assert frame.field == "interpolated"
    expected = 179.0 + 2.0 * MIDDLES / 2.0 - 104.84 + 0.45
    np.testing.assert_allclose(
        angles(frame, zenith_angle, described("naco").raw.site), expected, atol=1e-5
    )


@pytest.mark.parametrize("place", [{"DEC": 95.0}, {"RA": 1e99}, {"DEC": -1e99}])
def test_impossible_place_leaves_only_its_file_out(place):
    headers = [(Frame("/raw/a.fits"), naco() | place), (Frame("/raw/b.fits"), naco(seconds=60))]
    archive = sort_archive(headers, descriptions(), zenith_angle)
    assert [frame.kind for frame in archive.frames] == ["ignore", "science"]
    assert "/raw/a.fits: neither a place (RA, DEC)" in archive.problems[0].line


def test_angles_have_no_jump_where_the_zenith_passes_the_south():
    """A star that culminates between zenith and pole, from ±180°."""
    cards = naco(**{"ESO DET DIT": 600.0, "ESO ADA PUPILPOS": 179.44}) | {"RA": 83.0, "DEC": -20.0}
    found = angles(only(cards), zenith_angle, described("naco").raw.site)
    assert np.ptp(wrapped(found)) > 200
    assert np.abs(np.diff(found)).max() < 90


@pytest.mark.real_data
def test_zenith_angle_is_that_of_real_headers():
    """NIRC2 writes the astrometric parallactic angle of the start of each exposure."""
    from exosift.ingest.exposures import exposures
    from exosift.io.headers import read_header

    folder = DATA / "nirc2_raw_ks"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set EXOSIFT_DATA)")
    raw = described("nirc2").raw
    for path in sorted(folder.glob("n00*.fits.gz")):
        cards = read_header(path)
        start = exposures(cards, raw).start
        found = zenith_angle(
            *(np.array(cards[k]) for k in ("RA", "DEC")), np.array(start), raw.site
        )
        assert found == pytest.approx(cards["PARANG"], abs=0.01)
