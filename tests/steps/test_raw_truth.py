"""A made-up archive, calibrated and registered: star, angles, masters, frames kept, the companion.

The truth is the simulator's own, written beside the files.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from exosift.geometry.grid import centre_of, pixel_position
from exosift.io.planes import read_planes
from exosift.io.store import read_manifest
from exosift.raw.files import Files
from exosift.raw.masters import Masters
from exosift.settings import parse
from tests.raw_survey import RECIPE, ROWS, Recipe, chain, described, registered

A, B = ROWS


@pytest.fixture(scope="module", params=ROWS, ids=("NACO", "NIRC2"))
def reduced(request, raw, tmp_path_factory):
    """An observation's row, its sequence, and the folder of its products."""
    folder = tmp_path_factory.mktemp("reduced")
    row = ROWS[request.param]
    return row, chain(raw.table, row, folder), folder


def test_stars_are_found_and_bad_frames_dropped(raw, reduced):
    row, sequence, folder = reduced
    table = Table.read(folder / "selection.ecsv")
    truth, good = raw.science(row.label), raw.good(row.label)
    star = np.array([one["star"] for one in truth])
    found = np.stack([table["x"], table["y"]], axis=1)
    kept = np.array(table["kept"])
    assert np.sqrt(np.mean((found - star)[good] ** 2)) < 0.05
    assert not kept[~good].any()
    assert (~kept[good]).sum() <= 0.05 * good.sum()
    assert sequence.cube.shape[1] == kept.sum()
    assert all(table["reason"][~kept])
    assert not any(table["reason"][kept])


def test_angles_and_times_are_those_of_the_sky(raw, reduced):
    row, sequence, folder = reduced
    kept = np.array(Table.read(folder / "selection.ecsv")["kept"])
    truth = [one for one, k in zip(raw.science(row.label), kept, strict=True) if k]
    apart = sequence.angle - [one["angle"] for one in truth]
    assert np.abs((apart + 180) % 360 - 180).max() < 0.01
    np.testing.assert_allclose(sequence.mjd, [one["mjd"] for one in truth], atol=1e-7)


def test_star_flux_is_the_known_one_of_an_exposure(raw, reduced):
    row, sequence, _ = reduced
    seconds = {"naco-l27": 0.2, "nirc2-narrow": 2 * 10.0}[row.instrument]
    truth = raw.observation(row.label)["star_flux"] * seconds
    assert sequence.observation.star_flux == pytest.approx((truth,), rel=0.02)
    assert sequence.observation.fwhm == pytest.approx(
        (raw.observation(row.label)["fwhm"],), rel=0.01
    )


def test_what_was_done_is_told(raw, reduced):
    _, sequence, _ = reduced
    told = sequence.observation.history
    assert "7 of the same exposure time" in told["dark"]
    assert "7 of the same filter" in told["flat"]
    assert "exposures, frames of the sky" in told["sky"]
    assert told["psf"].startswith("2 of 2 files of the star off the coronagraph")
    used = set(sequence.observation.sources)
    kinds = {frame.kind for frame in raw.sorted.frames if frame.file in used}
    assert kinds == {"science", "flux", "sky", "dark", "flat"}
    assert not any("-x-" in file for file in used)


def test_companion_is_found_where_it_truly_is(raw, reduced, call):
    row, sequence, folder = reduced
    reduction = "{model: {kind: pca, ranks: [4]}, regions: {kind: full}}"
    store, output = str(folder / "sequence.zarr"), str(folder / "pca")
    assert call("subtract", store, "--reduction", reduction, "--output", output)[0] == 0
    assert call("detect", f"{output}/image.fits", "--output", output)[0] == 0
    top = Table.read(f"{output}/candidates.ecsv")[0]
    (truth,) = raw.observation(row.label)["companions"]
    scale = sequence.observation.pixel_scale
    x, y = pixel_position(
        truth["separation"] / scale, truth["position_angle"], centre_of(sequence.cube.shape)
    )
    assert np.hypot(top["x"] - x, top["y"] - y) < 0.5
    assert top["snr"] > 5


def masters_of(raw, label):
    files = Files.of(raw.sorted, label, described())
    return files, Masters(files, parse(Recipe, RECIPE, "recipe"), read).of(files.science[0])


def read(frame, planes):
    return read_planes(Path(frame.file), planes)


@pytest.mark.parametrize(("label", "camera", "coadds"), [(A, "naco", 1), (B, "nirc2", 2)])
def test_masters_are_the_maps_within_photon_noise(raw, label, camera, coadds):
    files, masters = masters_of(raw, label)
    truth, detector = raw.pattern(camera), raw.detector(camera)
    usable = ~(truth["hot"] | truth["dead"])
    seconds = files.science[0].exposure_time
    gain, per_file = detector["gain"], 1 if camera == "naco" else 2
    # A dark file holds the mean of NACO's exposures, and the sum of NIRC2's.
    exposures = 5 if camera == "naco" else 2
    current = truth["dark"] * seconds / gain
    expected = coadds * (truth["bias"] + current)
    electrons = detector["read_noise"] ** 2 + truth["dark"] * seconds
    noise = np.sqrt(electrons / exposures / 7) / gain * per_file
    off = (masters.dark.frame - expected)[usable] / noise[usable]
    # Counts are whole numbers, which adds 1/12 to the variance of each reading.
    assert off.std() == pytest.approx(1.0, abs=0.06)
    assert abs(off.mean()) < 0.06
    assert (masters.dark.hot & truth["hot"]).sum() > 0.5 * truth["hot"].sum()
    assert (masters.dark.hot & usable).sum() <= 0.001 * usable.sum()
    flat = masters.flat.response / np.median(masters.flat.response[usable])
    response = truth["response"] / np.median(truth["response"][usable])
    full = (detector["saturation"] - detector["bias"]) * gain / 2
    photons = np.sqrt(1 / (full * exposures * 7))
    assert (flat / response - 1)[usable].std() < 1.3 * photons
    assert masters.flat.bad[truth["dead"]].all()


@pytest.mark.parametrize("label", [A], ids=["NACO"])
def test_any_block_and_any_number_of_threads_give_the_same_bits(raw, tmp_path, monkeypatch, label):
    hashes = []
    for number, (block, budget) in enumerate([(16 << 20, 2), (16 << 20, 1), (96 * 96 * 4 * 7, 2)]):
        monkeypatch.setattr("exosift.compute.blocks.BLOCK", block)
        monkeypatch.setattr("tests.raw_survey.THREADS", budget)
        folder = tmp_path / str(number)
        sequence = chain(raw.table, ROWS[label], folder)
        hashes.append([sequence.cube.tobytes(), sequence.mask.tobytes(), sequence.psf.tobytes()])
        chunks = read_manifest(folder / "calibrated.zarr")["arrays"]["cube"]["chunks"]
        assert chunks == (1 if block > 1 << 20 else 7)
    assert hashes[0] == hashes[1] == hashes[2]


def test_second_call_replaces_the_first_and_leaves_nothing_else(reduced, tmp_path):
    row, sequence, folder = reduced
    shutil.copytree(folder, tmp_path / "again")
    again = registered(row, tmp_path / "again", {"size": 41})
    assert again.cube.shape[2:] == (41, 41)
    middle = (sequence.cube.shape[-1] - 41) // 2
    inside = np.s_[..., middle : middle + 41, middle : middle + 41]
    # The sinc that moves a frame ends a few pixels beyond it.
    noise = np.median(np.abs(np.diff(sequence.cube[inside], axis=1)))
    assert (again.cube - sequence.cube[inside]).std() < 0.15 * noise
    names = {path.name for path in (tmp_path / "again").iterdir()} - {"pca"}
    assert names == {
        *(f"{name}.zarr{end}" for name in ("calibrated", "sequence") for end in ("", ".json")),
        *("selection.ecsv", "selection.png", "registration.png", "status"),
    }
    status = json.loads((tmp_path / "again/status/register.json").read_text())
    assert status["status"] == "done"
