"""Skies, variance and windows through the steps: dithers, principal components, cut flats."""

import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from exosift.io.calibrated import Calibrated
from exosift.io.planes import read_planes
from exosift.observations import Row
from exosift.raw.files import Files
from exosift.raw.masters import Masters
from exosift.settings import parse
from exosift.steps import ingest
from tests.raw_headers import naco, size
from tests.raw_scenes import Scene, save, spot
from tests.raw_survey import ROWS, SURVEY, Recipe, calibrated, chain, described, make

A = ROWS["A/2013-02-01"]
KEEP = {"method": "gaussian", "select": None}


@pytest.fixture(scope="module")
def dithered(tmp_path_factory):
    """A NACO night that nods between two places, without frames of the sky; small windows."""
    survey = deepcopy(SURVEY)
    naco = SURVEY["cameras"]["naco"]
    scene = naco["scene"] | {"pupil_pixels": 44}
    survey["cameras"] = {"naco": naco | {"size": 128, "scene": scene}}
    survey["nights"] = [
        SURVEY["nights"][0]
        | {"place": [42.3, 44.8], "dithers": [[0.0, 0.0], [44.0, 40.0]], "flux_place": [70.0, 60.0]}
        | {"files": 8, "exposures": 4, "sky_every": 0, "bad": 0, "darks": 3, "flats": 3},
    ]
    made = make(tmp_path_factory.mktemp("dithered"), survey)
    skies = [frame for frame in made.sorted.frames if frame.kind == "sky"]
    for frame in skies:  # that of the flux frames
        shutil.move(frame.file, made.folder)
    ingest.run((made.folder / "raw",), {}, made.table)
    return made


def pattern(frames, star):
    """The rms of what frames (time, y, x) have in common where their stars never are."""
    y, x = np.indices(frames.shape[1:])
    far = np.all([np.hypot(x - a, y - b) > 30 for a, b in star], axis=0)
    levels = np.nanmedian(frames[:, far], axis=1, keepdims=True)
    return np.nanstd(np.nanmean(frames[:, far] - levels, axis=0))


@pytest.mark.parametrize(
    "sky",
    [{"method": "median"}, {"method": "pca", "components": 2}, {"method": "nearest"}],
    ids=lambda sky: sky["method"],
)
def test_own_dithers_serve_as_sky(dithered, tmp_path, sky):
    sequence = chain(dithered.table, A, tmp_path, {"sky": sky, "star": 7.0}, KEEP)
    told = sequence.observation.history["sky"]
    assert told == f"{sky['method']} of 8 exposures, the target's own dithers"
    assert sequence.cube.shape[1] == 32
    truth = np.array([one["star"] for one in dithered.science(A.label)])
    found = np.array(sequence.observation.raw_star)
    np.testing.assert_allclose(found, np.median(truth, axis=0), atol=0.1)
    # Of the thermal background's pattern nothing is left; without a sky all of it is.
    left = Calibrated.open(tmp_path / "calibrated.zarr").read(slice(None)).cube[0]
    bare = calibrated(dithered.table, A, tmp_path / "bare", {"sky": None}).read(slice(None)).cube[0]
    assert pattern(left, truth) < 0.2 * pattern(bare, truth)


def test_variance_is_the_scatter(raw, tmp_path):
    """Far from the star a pixel's scatter in time is photons, reading and sky's noise alone."""
    recipe = {"variance": True, "gain": 11.0, "outliers": None}
    sequence = chain(raw.table, A, tmp_path, recipe)
    assert sequence.variance is not None
    calibrated = Calibrated.open(tmp_path / "calibrated.zarr").read(slice(None))
    cube, mask, variance = (
        one[0] for one in (calibrated.cube, calibrated.mask, calibrated.variance)
    )
    assert np.isinf(variance[mask]).all()
    assert np.isfinite(variance[~mask]).all()
    y, x = np.indices(cube.shape[1:])
    far = (np.hypot(x - 49, y - 47) > 40) & ~mask.any(axis=0)
    good = raw.good(A.label)
    apart = cube[good][:, far]
    apart = apart - np.median(apart, axis=1, keepdims=True)
    # Neighbouring pixels share the sky's noise over the night: differences in time do not see it.
    steps = np.diff(apart, axis=0) / np.sqrt(2)
    scatter = 1.4826 * np.median(np.abs(steps), axis=0)
    own = variance[good][:, far].mean(axis=0)
    assert np.median(scatter**2) / np.median(own) == pytest.approx(1.0, abs=0.2)
    moved = sequence.variance[0]
    assert np.isinf(moved[sequence.mask[0]]).any()
    middle = moved.shape[-1] // 2
    core, edge = moved[:, middle, middle], moved[:, middle, 2]
    assert np.median(core[np.isfinite(core)]) > 1.2 * np.median(edge[np.isfinite(edge)])


def test_windows_are_cut_from_larger_flats(raw, tmp_path):
    """NACO's windows are centred: the middle of the science files with their own windows' darks."""
    cut = slice(8, 88)
    for frame in raw.sorted.frames:
        if frame.instrument != "VLT/NACO":
            continue
        data, header = fits.getdata(frame.file, header=True)
        if frame.kind != "flat" and not (frame.kind == "dark" and frame.exposure_time == 0.3):
            data = data[..., cut, cut]
            header["ESO DET WIN NX"] = header["ESO DET WIN NY"] = 80
        (tmp_path / "raw").mkdir(exist_ok=True)
        fits.writeto(tmp_path / "raw" / frame.name, data, header)
    found = ingest.run((tmp_path / "raw",), {}, tmp_path / "frames.ecsv")
    assert found.problems == ()
    science = [frame for frame in found.frames if frame.kind == "science"]
    assert all("to be cut from 96x96" in frame.flat_reason for frame in science)
    recipe = {"star": 6.0, "sky": {"level": "none"}, "outliers": None}
    small = chain(tmp_path / "frames.ecsv", A, tmp_path / "small", recipe)
    whole = chain(raw.table, A, tmp_path / "whole", recipe)
    one, other = (
        Calibrated.open(tmp_path / name / "calibrated.zarr").read(slice(None)).cube[0]
        for name in ("small", "whole")
    )
    inside = other[:, cut, cut]
    # A flat is normalised over what is used of it.
    bright = inside > np.percentile(inside, 60)
    scale = np.median(one[bright] / inside[bright])
    assert scale == pytest.approx(1.0, abs=0.03)
    close = np.isclose(one, scale * inside, rtol=1e-4, atol=0.5)
    assert close[:, 3:-3, 3:-3].mean() > 0.98
    assert small.observation.raw_star == pytest.approx(
        np.array(whole.observation.raw_star) - 8, abs=0.02
    )


def test_cubes_longer_than_what_is_averaged(tmp_path):
    """Of a sky's or a dither's cube some planes in its middle serve; all of science's come out."""
    scene = Scene((40, 40), (19.6, 20.3), 3.6)
    glow = spot((40, 40), 8.0, 30.0, 30.0, 400.0)
    for number, kind in enumerate(("OBJECT", "SKY", "OBJECT")):
        star = scene.frame(10.0) if kind == "OBJECT" else np.zeros((40, 40))
        planes = np.stack([scene.noisy(star + glow) for _ in range(41)])
        cards = naco(kind, 100 * number, **{"ESO DET NDIT": 40}) | size(40, 40, 41)
        save(tmp_path / f"raw/{number}.fits", cards, planes)
    ingest.run((tmp_path / "raw",), {}, tmp_path / "frames.ecsv")
    row = Row("beta_Pic", "2013-02-01", "naco-l27", "L_prime", "raw")
    found = calibrated(tmp_path / "frames.ecsv", row, tmp_path / "out", {"star": 4.0})
    assert found.shape == (1, 80, 40, 40)
    cube = found.read(slice(None)).cube[0]
    assert np.abs(np.median(cube[:, :10, :10])) < 1.5
    assert cube[:, 25:35, 3:13].mean() == pytest.approx(0.0, abs=1.5)


def test_coadds_count_in_saturation_and_gain(raw):
    """A sum of n is full at n times one; a mean of n holds n times the electrons of its counts."""
    recipe = parse(Recipe, {"gain": 4.0, "saturation": 9000.0, "variance": True}, "recipe")

    def of(label, **changes):
        files = Files.of(raw.sorted, label, described())
        masters = Masters(files, recipe, lambda frame, at: read_planes(Path(frame.file), at))
        made = masters.of(replace(files.science[0], **changes))
        return made.saturation, made.gain

    assert of("B/2015-09-21") == (18000.0, 4.0)
    assert of("A/2013-02-01") == (9000.0, 4.0)
    assert of("A/2013-02-01", frames=1) == (9000.0, 20.0)
