"""Sources of several epochs: bound to their star, left behind by it, or noise."""

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord, get_body_barycentric
from astropy.time import Time
from scipy.stats import multivariate_normal

from exosift.config import load
from exosift.errors import BadInput
from exosift.geometry.astrometry import offset_of
from exosift.io.horizon import earth
from exosift.simulate.companions import companions
from exosift.simulate.dates import mjd_of
from exosift.simulate.orbits import Orbit, sky_offset
from exosift.steps.catalogue import star_of
from exosift.survey.catalogue import Astrometry, Epoch, Peak, Source, of_any, sources_of
from exosift.survey.linking import Linking
from exosift.survey.motion import Motion, Star, fit, sky_of
from exosift.survey.verdict import joint_false_alarm, linked

ROOT = Path(__file__).parents[2]
STAR = Star(motion=(-30.0, 70.0), parallax=40.0, place=(80.0, -40.0), mass=1.4)
MJD = np.array([57000.0, 57400.0, 57900.0])
REACH, FWHM = 2000.0, 80.0


def epoch(number, mjd, reductions=("pca",)):
    return Epoch(str(number), mjd, FWHM, REACH, reductions)


def source(at, offset, error=6.0, false_alarm=1e-6):
    peak = Peak("pca", float(np.hypot(*offset)), 0.0, 12.0, false_alarm=false_alarm)
    return Source(at, peak, ("pca",), np.array(offset), error**2 * np.eye(2), false_alarm)


def seen(*places, mjd=MJD, **changes):
    """Epochs of sources, from places (epoch, 2) of each object."""
    return [
        [source(epoch(n, time), place[n], **changes) for place in places]
        for n, time in enumerate(mjd)
    ]


def background(start, mjd=MJD, star=STAR):
    return np.array(start) + sky_of(star, mjd, earth_at(tuple(mjd))).passed


@cache
def earth_at(mjd):
    return earth(np.array(mjd))


def told(sources, star=STAR, mjd=MJD, how=None):
    return linked(star, sources, mjd, earth_at(tuple(mjd)), how or Linking())


def test_two_places_without_motion_follow_the_closed_form():
    places = np.array([[0.0, 0.0], [3.0, -4.0]])
    found = fit(places, np.tile(4.0 * np.eye(2), (2, 1, 1)), np.array([0.0, 2.0]), Motion(0.0))
    assert found.chi2 == pytest.approx(25 / 8)
    assert found.log_evidence == pytest.approx(-25 / 16 - math.log(2 * math.pi * 8))


def test_evidence_is_the_density_of_the_differences():
    rng = np.random.default_rng(0)
    places, years = rng.normal(0, 20, (4, 2)), np.array([0.0, 0.7, 2.0, 3.1])
    errors = [np.cov(rng.normal(size=(2, 9))) * 10 for _ in range(4)]
    found = fit(places, np.array(errors), years, Motion(7.0, 3.0))
    time = years - years.mean()
    shared = 49 * np.outer(time, time) + 9 * np.outer(time**2, time**2) / 4
    noise = np.kron(shared, np.eye(2))
    for n, one in enumerate(errors):
        noise[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] += one
    difference = np.kron(np.column_stack([-np.ones(3), np.eye(3)]), np.eye(2))
    spread = difference @ noise @ difference.T
    apart = difference @ places.ravel()
    oracle = multivariate_normal(np.zeros(6), spread)
    assert found.log_evidence == pytest.approx(oracle.logpdf(apart))
    assert found.chi2 == pytest.approx(apart @ np.linalg.solve(spread, apart))


def test_background_goes_as_the_directions_of_stars_say():
    times = Time(np.linspace(57000, 57900, 7), format="mjd")
    star = SkyCoord(
        *(angle * units.deg for angle in STAR.place),
        distance=1000 / STAR.parallax * units.pc,
        pm_ra_cosdec=STAR.motion[0] * units.mas / units.yr,
        pm_dec=STAR.motion[1] * units.mas / units.yr,
        radial_velocity=0 * units.km / units.s,
        obstime=times[0],
    )
    behind = SkyCoord(*STAR.place, unit="deg")
    offsets = []
    for time in times:
        there = star.apply_space_motion(new_obstime=time).cartesian.without_differentials()
        here = SkyCoord(there - get_body_barycentric("earth", time, "builtin"))
        offsets.append([one.to_value("mas") for one in here.spherical_offsets_to(behind)])
    offsets = np.array(offsets) - offsets[0]
    passed = sky_of(STAR, times.mjd, earth(times.mjd)).passed
    np.testing.assert_allclose(passed, offsets, atol=0.05)
    assert np.ptp(passed[:, 0]) > 50  # the parallax shows


def test_orbits_go_no_faster_than_is_allowed_for():
    allowed = STAR.orbit(400.0)
    radius = 400.0 / STAR.parallax
    speed = 2 * math.pi * math.sqrt(STAR.mass / radius) * STAR.parallax
    assert allowed.velocity == pytest.approx(speed / 2)
    assert allowed.acceleration == pytest.approx(speed**2 / 400.0 / 2)
    rng = np.random.default_rng(4)
    speeds, accelerations = [], []
    for _ in range(300):
        turned = (rng.uniform(0, 0.7), np.degrees(np.arccos(rng.uniform(-1, 1))))
        orbit = Orbit(radius, *turned, *rng.uniform(0, 360, 2))
        time = 51544 + rng.uniform(0, 1) * 365.25 * math.sqrt(radius**3 / STAR.mass)
        day = 20.0
        place = [sky_offset(orbit, np.array(time + k * day), STAR.mass) for k in (-1, 0, 1)]
        east = np.array(place) * STAR.parallax
        here = STAR.orbit(float(np.hypot(*east[1])))
        step = day / 365.25
        speeds += list((east[2] - east[0]) / (2 * step) / here.velocity)
        accelerations += list((east[2] - 2 * east[1] + east[0]) / step**2 / here.acceleration)
    assert np.sqrt(np.mean(np.square(speeds))) < 1.1
    assert np.sqrt(np.mean(np.square(accelerations))) < 1.1


def test_planet_and_background_star_are_told_apart():
    orbit = Orbit(12.0, 0.1, 35.0, 200.0, 32.0, "2013-10-01")
    planet = STAR.parallax * sky_offset(orbit, MJD, STAR.mass)
    rng = np.random.default_rng(1)
    star = background((700.0, -500.0))
    noisy = [place + rng.normal(0, 6, place.shape) for place in (planet, star)]
    found = told(seen(*noisy))
    assert [len(one.sources) for one in found] == [3, 3]
    kinds = {round(float(np.hypot(*o.sources[0].offset))) // 300: o.verdict for o in found}
    assert (kinds[1].kind, kinds[2].kind) == ("companion", "background")
    assert kinds[1].log_odds > 5 > -5 > kinds[2].log_odds
    assert kinds[1].reason == f"log odds {kinds[1].log_odds:+.1f}"
    assert max(kinds[1].companion, kinds[2].background) < 15 < kinds[1].background
    assert kinds[1].joint < 1e-9


def test_decided_is_seldom_wrong():
    rng = np.random.default_rng(2)
    mjd = MJD[:2]
    wrong = decided = 0
    for _ in range(150):
        radius = rng.uniform(8, 40)
        turned = (rng.uniform(0, 0.5), np.degrees(np.arccos(rng.uniform(-1, 1))))
        orbit = Orbit(radius, *turned, *rng.uniform(0, 360, 2))
        star = replace(STAR, motion=tuple(rng.normal(0, 40, 2)))
        planet = STAR.parallax * sky_offset(orbit, mjd, STAR.mass)
        behind = background(rng.uniform(-1400, 1400, 2), mjd, star)
        for place, kind in ((planet, "companion"), (behind, "background")):
            noisy = place + rng.normal(0, 6, place.shape)
            (*_, verdict) = [one.verdict for one in told(seen(noisy, mjd=mjd), star, mjd)]
            decided += verdict.kind in ("companion", "background")
            wrong += verdict.kind in {"companion", "background"} - {kind}
    assert decided > 150
    assert wrong <= 3  # log odds of 5 and more: fewer than 1 in 150


def test_joint_false_alarm_of_noise_comes_true():
    rng = np.random.default_rng(3)
    mjd, how = MJD[:2], Linking()
    few = 4.0  # peaks of noise a frame
    chances = []
    for _ in range(300):
        frames = []
        for n, time in enumerate(mjd):
            strengths = np.cumsum(rng.exponential(size=20))
            strengths = strengths[strengths < few]
            r, turn = REACH * np.sqrt(rng.uniform(size=99)), rng.uniform(0, 360, 99)
            frames.append(
                [
                    source(epoch(n, time), offset_of(a, b), 30.0, -math.expm1(-s))
                    for s, a, b in zip(strengths, r, turn, strict=False)
                ]
            )
        found = [one for one in told(frames, mjd=mjd, how=how) if len(one.sources) == 2]
        chances.append(min((one.verdict.joint for one in found), default=1.0))
    for level in (0.02, 0.1):
        share = np.mean(np.array(chances) <= level)
        assert level / 4 < share < level + 2.5 * math.sqrt(level / 300)


def test_every_source_is_in_one_track():
    rng = np.random.default_rng(5)
    close = [rng.normal(0, 60, (3, 2)) + 300 for _ in range(5)]
    frames = seen(*close, error=30.0)
    frames[1] = frames[1][:3]
    found = [id(s) for one in told(frames) for s in one.sources]
    assert sorted(found) == sorted(id(s) for each in frames for s in each)


def test_joint_false_alarm_of_one_epoch_is_its_own():
    one = source(epoch(0, 57000.0), (300.0, 0.0), false_alarm=1e-3)
    assert joint_false_alarm([one], [[one]], ()) == pytest.approx(1e-3)
    assert joint_false_alarm([one], [[one], []], ()) == pytest.approx(2e-3, rel=1e-3)


def test_source_seen_once_is_no_companion():
    frames = seen(np.tile([300.0, 0.0], (3, 1)))
    frames[1], frames[2] = [], []
    (found,) = told(frames)
    assert found.verdict.kind == "single epoch"
    assert found.verdict.reason == "seen in 1 of 3 epochs, false alarm 3e-06"


@pytest.mark.parametrize(
    ("changes", "star", "reason"),
    [
        ({"false_alarm": 0.9, "error": 60.0}, STAR, "joint false alarm 0."),
        ({"false_alarm": math.nan, "error": 60.0}, STAR, "joint false alarm 0."),
        ({}, Star(), "no proper motion of the star is known"),
        ({}, replace(STAR, motion=(0.5, 0.5), parallax=0.1), "short of 5"),
    ],
)
def test_what_cannot_be_told_is_undecided(changes, star, reason):
    (found,) = told(seen(np.tile([300.0, 0.0], (3, 1)), **changes), star)
    assert found.verdict.kind == "undecided"
    assert reason in found.verdict.reason


def test_without_times_nothing_is_linked():
    frames = seen(np.tile([300.0, 0.0], (3, 1)))
    found = linked(STAR, frames, np.array([57000.0, np.nan, np.nan]), np.zeros((3, 3)), Linking())
    assert [one.verdict.reason for one in found] == ["no time: nothing is linked"] * 3


def test_one_epoch_needs_no_time():
    (found,) = linked(STAR, seen([[300.0, 0.0]], mjd=[np.nan]), np.array([np.nan]), None, Linking())
    assert found.verdict.reason == "one epoch, false alarm 1e-06"


def test_faint_planet_beside_a_bright_star_keeps_its_own_sources():
    planet = np.tile([300.0, 0.0], (3, 1))
    found = told(seen(planet, background((340.0, 120.0))))
    assert sorted(one.verdict.kind for one in found) == ["background", "companion"]
    for one in found:
        assert len(one.sources) == 3


PEAK = Peak("pca", 400.0, 90.0, 9.0, 1e-6, 1e-3, rank=5)


def test_rows_within_a_fwhm_are_one_source():
    near = replace(PEAK, reduction="loci", position_angle=95.0, snr=11.0, false_alarm=2e-5)
    far = replace(PEAK, reduction="median", position_angle=130.0)
    dark = replace(PEAK, reduction="llsg", snr=30.0, fpf=math.nan, false_alarm=math.nan)
    tried = ("pca", "loci", "median", "llsg")
    found = sources_of(epoch(0, 1.0, tried), [PEAK, far, near, dark], [], 0.1)
    assert [one.reductions for one in found] == [("loci", "pca", "llsg"), ("median",)]
    assert found[0].best == near
    assert found[0].false_alarm == pytest.approx(4 * 2e-5, rel=1e-3)
    assert found[1].separation == (
        pytest.approx(400),
        pytest.approx(FWHM * math.hypot(0.1, 1 / (2.355 * 9)), rel=1e-3),
    )
    assert found[1].position_angle[0] == pytest.approx(130)


def test_calibrated_chance_goes_first():
    told_ = replace(PEAK, conformal=0.02)
    assert sources_of(epoch(0, 1.0), [told_], [], 0.1)[0].false_alarm == pytest.approx(0.02)
    assert math.isnan(of_any([math.nan], 3))


def test_measured_place_and_errors_go_before_light():
    measured = Astrometry("pca", 410.0, 92.0, 3.0, 1.5)
    poor = Astrometry("loci", 405.0, 91.0, 9.0, 4.5)
    (found,) = sources_of(epoch(0, 1.0), [PEAK], [poor, measured], 0.1)
    assert found.measured == measured
    assert found.separation == (pytest.approx(410), pytest.approx(3.0))
    assert found.position_angle == (pytest.approx(92), pytest.approx(1.5))
    east = 3.0 * math.sin(math.radians(92)), 410 * math.radians(1.5) * math.cos(math.radians(92))
    assert found.covariance[0, 0] == pytest.approx(east[0] ** 2 + east[1] ** 2)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"error": 0.0}, "error is 0, expected more than 0"),
        ({"gate": -1.0}, "gate is -1, expected more than 0"),
        ({"orbital_motion": -1.0}, "orbital_motion is -1, expected 0 or more"),
    ],
)
def test_bad_parameters_are_refused(given, line):
    with pytest.raises(BadInput, match=line):
        Linking(**given)


def test_planets_and_background_star_of_the_demo_are_told_apart():
    survey = load(ROOT / "config/demo/config.yaml")
    archive = survey.config.simulate.archive
    kinds = {}
    for name, target in archive.targets.items():
        nights = [n for n in archive.nights if n.target == name]
        mjd = np.array([mjd_of(n.start, "start") for n in nights])
        dated = [earth(np.array([mjd_of(target.date, "date"), time])) for time in mjd]
        true = [companions(target, time, place) for time, place in zip(mjd, dated, strict=True)]
        fwhm = {"naco": 92.0, "nirc2": 42.0}[nights[0].instrument]
        places = np.array(
            [
                [offset_of(*place) for place in zip(t.separation, t.position_angle, strict=True)]
                for t in true
            ]
        )
        sources = seen(*places.swapaxes(0, 1), mjd=mjd, error=Linking().error * fwhm)
        for one in told(sources, star_of(name, survey.rows), mjd):
            number = np.argmin(np.hypot(*(places[0] - one.sources[0].offset).T))
            kinds[name, true[0].names[number]] = one.verdict.kind
    assert kinds == {
        ("SIM-A", "b"): "companion",
        ("SIM-A", "bg"): "background",
        ("SIM-B", "b"): "companion",
    }
