"""A simulated raw archive: sorted by `exosift ingest`, and true to its own truth."""

import copy
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from scipy import ndimage

from exosift import threads
from exosift.calib.centring import Centring, find_star
from exosift.geometry.grid import centre_of, pixel_position
from exosift.geometry.shifting import shift
from exosift.ingest.angles import angles
from exosift.instruments import described
from exosift.io.ephemeris import zenith_angle
from exosift.io.frames import read_frames
from exosift.photometry.psf import fit_gaussian
from exosift.settings import parse
from exosift.simulate.archive import Archive
from exosift.steps import archive as step
from exosift.steps import ingest

ROOT = Path(__file__).parents[2]
BAD_INPUT = 2

_SCENE = {
    "pupil_pixels": 32,
    "psf_size": 21,
    "residual_screens": 4,
    "static_rms": 60.0,
    "drifting_rms": 30.0,
    "residual_rms": 120.0,
    "leakage": 0.1,
}
SURVEY = {
    "targets": {
        "A": {
            "ra": 86.8212,
            "dec": -51.0665,
            "date": "2013-02-01",
            "parallax": 50.0,
            "motion": [60.0, 80.0],
            "planets": {"b": {"orbit": {"semi_major": 9.0, "node": 211.0}, "contrast": 0.02}},
        },
        "B": {
            "ra": 3.9889,
            "dec": 4.2511,
            "date": "2015-09-21",
            "background": {"bg": {"separation": 190.0, "position_angle": 100.0, "contrast": 0.03}},
        },
    },
    "cameras": {
        "naco": {"size": 64, "scene": _SCENE, "background": {"pattern_drift": 0.002}},
        "nirc2": {
            "size": 64,
            "scene": _SCENE | {"diameter": 10.0, "obstruction": 0.2},
            "detector": {
                "gain": 4.0,
                "bias": 600.0,
                "read_noise": 38.0,
                "dark_current": 0.1,
                "saturation": 18000.0,
                "hot_current": 200.0,
                "cosmic_rays": 1e-5,
            },
            "background": {"level": 12.0},
        },
    },
    "nights": [
        {
            "target": "A",
            "instrument": "naco",
            "start": "2013-02-01T00:40:00",
            "electrons": 5e7,
            "place": [33.3, 30.8],
            "flux_place": [24.0, 40.0],
            "drift": [0.3, -0.2],
            "files": 6,
            "exposures": 3,
            "interval": 1200.0,
            "flux_time": 0.03,
            "flux_files": 1,
            "darks": 3,
            "flats": 3,
        },
        {
            "target": "B",
            "instrument": "nirc2",
            "start": "2015-09-21T09:30:00",
            "electrons": 1.5e6,
            "place": [29.6, 33.2],
            "flux_place": [40.0, 24.0],
            "files": 12,
            "exposures": 2,
            "exposure_time": 5.0,
            "interval": 700.0,
            "flux_time": 0.2,
            "flux_files": 1,
            "flat_time": 2.0,
            "darks": 3,
            "flats": 3,
        },
    ],
}


def changed(*places_and_values):
    """The survey with other values at places like ("nights", 0, "files")."""
    survey = copy.deepcopy(SURVEY)
    for place, value in places_and_values:
        inside = survey
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = copy.deepcopy(value)
    return survey


def make(folder: Path, survey=None, seed=7, budget=2):
    with threads.limit(budget):
        step.run(parse(Archive, survey or SURVEY, "archive"), seed, folder)
    return json.loads((folder / "truth.json").read_text())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder, truth, and what ingest makes of the files."""
    folder = tmp_path_factory.mktemp("archive")
    truth = make(folder)
    return folder, truth, ingest.run((folder / "raw",), {}, folder / "frames.ecsv")


def science(truth, number):
    return [one for one in truth["observations"][number]["frames"] if one["kind"] == "science"]


def rows(made):
    folder, _, archive = made
    return {str(Path(one.file).relative_to(folder)): one for one in archive.frames}


def test_ingest_finds_nothing_wrong(made):
    _, truth, archive = made
    assert archive.problems == ()
    assert {one.label: one.instrument for one in archive.observations} == {
        "A/2013-02-01": "VLT/NACO",
        "B/2015-09-21": "Keck/NIRC2",
    }
    named = [f"{one['target']}/{one['epoch']}" for one in truth["observations"]]
    assert named == [one.label for one in archive.observations]


def test_every_file_is_of_the_kind_that_it_was_made_for(made):
    _, _, archive = made
    kinds = Counter((one.instrument[-5:].strip("/"), one.kind) for one in archive.frames)
    assert kinds == {
        ("NACO", "flux"): 1,
        ("NACO", "science"): 6,
        ("NACO", "sky"): 3,
        ("NACO", "flat"): 3,
        ("NACO", "dark"): 9,
        ("NIRC2", "flux"): 1,
        ("NIRC2", "science"): 12,
        ("NIRC2", "sky"): 5,
        ("NIRC2", "flat"): 3,
        ("NIRC2", "dark"): 9,
    }


def test_every_frame_has_its_calibrations(made):
    _, _, archive = made
    for one in archive.frames:
        if one.kind in ("science", "flux"):
            assert one.dark, one.name
            assert one.flat, one.name
            assert one.sky, one.name
        if one.kind in ("flat", "sky"):
            assert one.dark, one.name


def test_angles_that_the_reader_finds_are_those_of_the_horizontal_frame(made):
    """Its recipe beside astropy's AltAz, all the way: zenith, derotator, true North, times."""
    _, truth, _ = made
    found = rows(made)
    for seen in truth["observations"]:
        site = described(seen["instrument"]).raw.site
        for one in seen["frames"]:
            if one["kind"] == "science":
                row = found[one["file"]]
                angle = angles(row, zenith_angle, site)[one["plane"]]
                assert abs((angle - one["angle"] + 180) % 360 - 180) < 1e-3
                assert row.times()[one["plane"]] == pytest.approx(one["mjd"], abs=2e-8)
    span = [one["angle"] for one in science(truth, 0)]
    assert np.ptp(np.unwrap(span, period=360)) > 40


def test_angles_of_the_header_are_those_of_the_sky(made):
    """At the start of a file; ESO's parallactic angle is of date, 0.1° off."""
    folder, truth, _ = made
    one = science(truth, 0)[0]
    header = fits.getheader(folder / one["file"])
    offset = 74.6 - (90 + 89.44) + 0.45
    told = header["ESO TEL PARANG START"] + offset
    assert abs((told - one["angle"] + 180) % 360 - 180) < 0.15
    by_position = header["ESO ADA POSANG"] + 180 - (90 + 89.44) + 0.45
    assert abs((by_position - one["angle"] + 180) % 360 - 180) < 0.01
    one = science(truth, 1)[0]
    header = fits.getheader(folder / one["file"])
    told = header["PARANG"] + header["ROTPOSN"] - header["INSTANGL"] - 0.262
    assert abs((told - one["angle"] + 180) % 360 - 180) < 0.2


def frames_of(folder, truth, number):
    """Science frames less dark and sky and divided by the flat, bad pixels filled: the truth's."""
    seen = truth["observations"][number]
    name = seen["instrument"]
    pattern = {p.stem.split("-")[1]: np.load(p) for p in (folder / "truth").glob(f"{name}-*.npy")}
    kind = {"naco": "ESO DPR TYPE", "nirc2": "OBJECT"}[name]
    time = {"naco": "ESO DET DIT", "nirc2": "ITIME"}[name]
    groups: dict[tuple[str, float], list[np.ndarray]] = {}
    planes = {}
    for path in sorted((folder / "raw").glob(f"{seen['target']}-*/*.fits")):
        data, header = fits.getdata(path, header=True)
        cube = data[:-1] if data.ndim == 3 else data[None]
        groups.setdefault((header[kind], header[time]), []).extend(cube.astype(float))
        planes[str(path.relative_to(folder))] = cube.astype(float)
    science_time = {"naco": 0.2, "nirc2": 5.0}[name]
    sky = np.median(groups["SKY" if name == "naco" else "B sky", science_time], axis=0)
    wrong = pattern["hot"] | pattern["dead"]
    cube = np.array([planes[one["file"]][one["plane"]] for one in science(truth, number)])
    cube = (cube - sky) / np.where(wrong, 1, pattern["response"])
    spread = np.array([ndimage.median_filter(one, 5) for one in cube])
    cube = np.where(wrong, spread, cube)
    return (cube - np.median(cube, axis=(1, 2), keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("number", [0, 1], ids=["NACO", "NIRC2"])
def test_star_and_companion_are_where_the_truth_says(made, number):
    folder, truth, _ = made
    found, seen = rows(made), truth["observations"][number]
    told = science(truth, number)
    good = np.array([not one["wrong"] for one in told])
    cube = frames_of(folder, truth, number)[good]
    star = np.array([one["star"] for one in told])[good]
    place = find_star(cube, seen["fwhm"], Centring("gaussian", 0.7))
    assert np.sqrt(np.mean((place - star) ** 2)) < 0.05
    centre = centre_of(cube.shape)
    centred = np.nan_to_num(shift(cube, np.array(centre) - star))
    site = described(seen["instrument"]).raw.site
    turn = [
        angles(found[one["file"]], zenith_angle, site)[one["plane"]] for one in np.array(told)[good]
    ]
    residual = centred - np.median(centred, axis=0)
    image = np.mean(
        [
            ndimage.rotate(frame, -angle, reshape=False)
            for frame, angle in zip(residual, turn, strict=True)
        ],
        axis=0,
    )
    (companion,) = seen["companions"]
    separation = companion["separation"] / seen["pixel_scale"]
    x, y = pixel_position(separation, companion["position_angle"], centre)
    peak = np.unravel_index(image.argmax(), image.shape)
    assert peak == (round(y), round(x)) or np.hypot(peak[1] - x, peak[0] - y) < 1.5
    fit = fit_gaussian(image, (x, y), seen["fwhm"], seen["fwhm"])
    assert np.hypot(fit.centre[0] - x, fit.centre[1] - y) < 0.3


def test_planet_stands_where_its_orbit_puts_it(made):
    """A circle face-on of 9 au about one solar mass, 27 years, from the node on 2000-01-01."""
    _, truth, _ = made
    (planet,) = truth["observations"][0]["companions"]
    middle = np.mean([one["mjd"] for one in science(truth, 0)])
    years = (middle - 51544.0) / 365.25
    assert planet["separation"] == pytest.approx(450.0, rel=1e-6)
    assert planet["position_angle"] == pytest.approx((211.0 + 360 * years / 27) % 360, abs=0.01)


def test_bad_frames_are_bad(made):
    folder, truth, _ = made
    for number in (0, 1):
        told = science(truth, number)
        wrong = [one["wrong"] for one in told]
        assert sorted(filter(None, wrong)) == ["adaptive optics open", "guiding slipped"]
        cube = frames_of(folder, truth, number)
        opened, slipped = (wrong.index(w) for w in ("adaptive optics open", "guiding slipped"))
        core = np.array(
            [
                frame[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].sum()
                for frame, (x, y) in zip(cube, (one["star"] for one in told), strict=True)
            ]
        )
        usual = np.median(core)
        assert core[opened] < 0.5 * usual
        apart = np.array(told[slipped]["star"]) - np.array(told[slipped - 1]["star"])
        assert np.hypot(*apart) > 4


def test_darks_and_flats_are_those_of_the_maps(made):
    folder, _, _ = made
    pattern = {p.stem: np.load(p) for p in (folder / "truth").glob("*.npy")}
    darks, flats = [], []
    for path in sorted((folder / "raw").glob("A-*/*.fits")):
        data, header = fits.getdata(path, header=True)
        if header["ESO DPR TYPE"] == "DARK" and header["ESO DET DIT"] == 0.3:
            darks.append(data.astype(float))
        elif header["ESO DPR TYPE"] == "FLAT,LAMP":
            flats.append(data.astype(float))
    usable = ~(pattern["naco-hot"] | pattern["naco-dead"])
    off = (np.mean(darks, axis=0) - pattern["naco-bias"] - 0.3 * pattern["naco-dark"] / 11)[usable]
    # Each is the mean of three exposures with the detector's read noise.
    assert off.std() == pytest.approx(48 / 11 / 3, rel=0.1)
    assert abs(np.median(off)) < 0.1
    flat = np.mean(flats, axis=0) - np.mean(darks, axis=0)
    ratio = flat / np.median(flat[usable]) / pattern["naco-response"]
    assert ratio[usable].std() < 2 / np.sqrt(9 * (15000 - 400) * 11 / 2)


def test_nights_and_pixels_of_naco_and_nirc2(made):
    """NACO: a cube, and the mean of its planes at the end; NIRC2: the sum of coadds, int32."""
    folder, truth, _ = made
    cube = fits.getdata(folder / science(truth, 0)[0]["file"])
    assert cube.shape == (4, 64, 64)
    np.testing.assert_allclose(cube[-1], cube[:-1].mean(axis=0), rtol=1e-6)
    plane = fits.getdata(folder / science(truth, 1)[0]["file"])
    assert (plane.shape, plane.dtype.kind, plane.dtype.itemsize) == ((64, 64), "i", 4)
    assert np.median(plane) == pytest.approx(2 * (600 + 60 / 4), rel=0.1)


def test_star_flux_is_that_of_the_flux_frames(made):
    folder, truth, _ = made
    seen = truth["observations"][1]
    (flux,) = (one for one in seen["frames"] if one["kind"] == "flux")
    image = fits.getdata(folder / flux["file"]).astype(float)
    x, y = flux["star"]
    rows_, columns = np.indices(image.shape)
    inside = np.hypot(columns - x, rows_ - y) <= seen["fwhm"] / 2
    counts = (image[inside] - np.median(image)).sum()
    assert counts == pytest.approx(2 * 0.2 * seen["star_flux"], rel=0.15)


def digests(folder: Path):
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.parent.name != "status"]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_same_seed_same_bytes_on_any_number_of_threads(tmp_path):
    survey = changed((("nights",), SURVEY["nights"][:1]), (("nights", 0, "files"), 2))
    once, again, other = (tmp_path / name for name in ("once", "again", "other"))
    make(once, survey, budget=2)
    make(again, survey, budget=1)
    make(other, survey, seed=8)
    assert digests(once) == digests(again)
    assert digests(once)["truth.json"] != digests(other)["truth.json"]


def test_an_earlier_archive_is_replaced_and_nothing_else(call, tmp_path):
    one = changed((("nights",), SURVEY["nights"][:1]), (("nights", 0, "files"), 2))
    later = changed((("nights",), one["nights"]), (("nights", 0, "start"), "2013-02-02T00:40:00"))
    make(tmp_path / "made", one)
    make(tmp_path / "made", later)
    assert [p.name for p in (tmp_path / "made/raw").glob("A*")] == ["A-2013-02-02T004000"]
    real = tmp_path / "real/raw/night.fits"
    real.parent.mkdir(parents=True)
    real.touch()
    for survey in (one, one, later):
        options = ["--archive", yaml.safe_dump(survey), "--output", str(tmp_path / "real")]
        code, said = call("simulate", *options)
        assert code == BAD_INPUT
        assert "raw: there already, and not made by this step; give another folder" in said
        assert real.exists()


def test_stars_can_be_dithered(tmp_path):
    survey = changed(
        (("nights",), SURVEY["nights"][:1]),
        (("nights", 0, "dithers"), [[0, 0], [6, -5]]),
        (("nights", 0, "drift"), [0, 0]),
        (("nights", 0, "bad"), 0),
    )
    told = science(make(tmp_path, survey), 0)
    apart = np.subtract(told[3]["star"], told[0]["star"])
    np.testing.assert_allclose(apart, [6, -5], atol=0.4)  # the jitter aside


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        (("nights", 0, "target"), "C", "nights[0].target is C: not among the targets, A, B"),
        (("nights", 0, "start"), "noon", "nights.0: start is 'noon', expected YYYY-MM-DD"),
        (("nights", 0, "bad"), 10, "nights.0: bad is 10 of 18 science frames: at most half"),
        (("nights", 0, "interval"), 0.7, "nights.0: interval is 0.7 s, too short for 3 exposures"),
        (("nights", 0, "place"), [80, 3], "nights[0].place is [80.0, 3.0], outside a window of 64"),
        (("nights", 0, "flux_time"), 0.2, "nights.0: flux_time is 0.2 s, expected less than"),
        (("nights", 1), SURVEY["nights"][0], "nights[1] is listed twice; remove one"),
        (("cameras", "naco", "size"), 30, "cameras.naco: size is 30 px, expected at least 42"),
        (("cameras", "naco", "scene", "size"), 99, "cameras.naco.scene.size is not read"),
        (("targets", "A", "dec"), 95.0, "ra 86.8212°, dec 95°: no place in the sky"),
        (("targets", "A", "background"), {"b": {}}, "background.b.separation: field required"),
        (
            ("targets", "A", "planets", "b", "orbit", "eccentricity"),
            1.2,
            "planets.b.orbit: eccentricity is 1.2, expected from 0 to less than 1",
        ),
        (
            ("nights", 0, "start"),
            "2013-02-01T08:30:00",
            "A 2013-02-01T08:30:00: the star is -3° high at some time, expected at least 10°",
        ),
        (
            ("targets", "A", "planets", "b", "orbit", "semi_major"),
            20.0,
            "A 2013-02-01T00:40:00: b is 37 px from the star, whose place is 30 px from the edge",
        ),
    ],
)
def test_bad_input_is_told_in_one_line(call, tmp_path, place, value, line):
    text = yaml.safe_dump(changed((place, value)))
    code, said = call("simulate", "--archive", text, "--output", str(tmp_path))
    assert code == BAD_INPUT
    assert said.startswith("exosift simulate: bad input: ")
    assert line in said
    assert said.count("\n") == 1


def test_command_line_makes_an_archive(call, tmp_path):
    survey = changed((("nights",), SURVEY["nights"][:1]), (("nights", 0, "files"), 2))
    options = ["--archive", yaml.safe_dump(survey), "--seed", "3", "--threads", "2"]
    code, _ = call("simulate", *options, "--output", str(tmp_path))
    assert code == 0
    assert json.loads((tmp_path / "truth.json").read_text())["seed"] == 3
    frames = tmp_path / "frames.ecsv"
    assert call("ingest", str(tmp_path / "raw"), "--output", str(frames))[0] == 0
    assert len(read_frames(frames).observations) == 1
