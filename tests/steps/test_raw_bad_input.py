"""Wrong raw data and wrong tables: one clear line with the file and keyword, and nothing left."""

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from exosift.errors import BadInput
from exosift.instruments import described
from exosift.io.frames import read_frames
from exosift.io.sequences import read_sequence
from tests.raw_headers import naco, size
from tests.raw_scenes import Scene, save, spot
from tests.raw_survey import ROWS, calibrated

BAD_INPUT = 2
LABEL = "beta_Pic/2013-02-01"
ROW = "{target: beta_Pic, epoch: '2013-02-01', instrument: naco-l27, filter: L_prime, cube: raw}"
SIDE = 48


def cube(draw, planes=3):
    """Planes of a NACO cube, and their mean."""
    frames = np.stack([draw() for _ in range(planes)])
    return np.concatenate([frames, frames.mean(axis=0, keepdims=True)])


def headed(kind="OBJECT", seconds=0.0, planes=3, **more):
    axes = (SIDE, SIDE, planes + 1) if planes else (SIDE, SIDE)
    cards = naco(kind, seconds, **{"ESO DET NDIT": planes or 10})
    return cards | size(*axes) | more


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """A small NACO night: science, flux behind shorter exposures, darks, flats."""
    folder = tmp_path_factory.mktemp("night")
    scene = Scene((SIDE, SIDE), (24.2, 23.6), 3.6)
    for n in range(6):
        cards = headed(seconds=300 * n)
        save(folder / f"sci{n}.fits", cards, cube(lambda: scene.noisy(scene.frame(10.0))))
    flux = headed(seconds=-300, **{"ESO DET DIT": 0.02})
    psf = spot((SIDE, SIDE), 24.0, 24.0, 3.6, 1500.0)
    save(folder / "flux.fits", flux, cube(lambda: scene.noisy(psf)))
    blank = np.zeros((SIDE, SIDE))
    for n, dit in enumerate((0.2, 0.2, 0.02, 0.02)):
        cards = headed("DARK", 9000 + 60 * n, 0, **{"ESO DET DIT": dit})
        save(folder / f"dark{n}.fits", cards, scene.noisy(blank))
    for n in range(2):
        cards = headed("FLAT,SKY", 12000 + 60 * n, 0)
        save(folder / f"flat{n}.fits", cards, scene.noisy(blank + 9000.0))
    return folder


@pytest.fixture
def night(good, tmp_path) -> Path:
    """A copy of it that a test may change."""
    shutil.copytree(good, tmp_path / "raw")
    return tmp_path / "raw"


Steps = Callable[..., tuple[str, str]]


@pytest.fixture
def steps(call) -> Steps:
    """Ingest, calibrate and, when that ends well, register: what the first and the last said."""

    def run(night: Path, recipe=None, row=ROW, registration=None) -> tuple[str, str]:
        frames, output = night.parent / "frames.ecsv", night.parent / "out"
        sorted_ = call("ingest", str(night), "--output", str(frames))[1]
        recipe = {"sky": None} | (recipe or {})
        store = str(output / "calibrated.zarr")
        options = ["--observation", LABEL, "--recipe", json.dumps(recipe), "--output", store]
        code, said = call("calibrate", str(frames), *options)
        if code == 0:
            how = json.dumps(registration or {"method": "gaussian"})
            options = ["--observation", row, "--registration", how, "--calibrated", store]
            code, said = call("register", *options, "--output", str(output / "sequence.zarr"))
            store = str(output / "sequence.zarr")
        if code:
            assert code == BAD_INPUT, said
            assert not list(output.glob(f"{Path(store).name}*"))
            status = json.loads((output / f"status/{said.split()[1][:-1]}.json").read_text())
            assert status["status"] == "bad input"
            assert status["line"] in said
        told = "".join(part for part in said.splitlines(keepends=True) if "frame/s" not in part)
        return sorted_, told.strip()

    return run


def one_line(said: str, *parts: str) -> None:
    """A single line that has all of these in it."""
    last = said.rsplit("\r", maxsplit=1)[-1].strip()
    assert last.startswith("exosift "), said
    assert "\n" not in last
    for part in parts:
        assert part in last, last


def changed(path: Path, **cards) -> None:
    """Other values in a header; None removes a keyword."""
    data, header = fits.getdata(path, header=True)
    for keyword, value in cards.items():
        name = keyword.replace("_", " ")
        if value is None:
            del header[name]
        else:
            header[name] = value
    fits.writeto(path, data, header, overwrite=True)


def test_the_night_is_good(night, steps):
    sorted_, said = steps(night)
    assert "bad input" not in said
    assert len([line for line in sorted_.splitlines() if "no sky for" in line]) == 2
    assert len(sorted_.splitlines()) == 2


def test_no_dark_of_that_exposure_time_is_told_and_done_without(night, steps):
    for path in night.glob("dark[01].fits"):
        path.unlink()
    sorted_, said = steps(night)
    assert (
        "no dark for sci0.fits and its like (ESO DET DIT): none of exposure time 0.20s; there "
        in (sorted_)
    )
    assert "add one of these, or calibrate without" in sorted_
    assert "bad input" not in said


def test_no_sky_and_no_dithers_is_told_in_the_history(night, steps):
    sorted_, said = steps(night, {"sky": {}, "star": 4.0})
    assert "no sky for" in sorted_
    assert "bad input" not in said
    told = read_sequence(night.parent / "out/sequence.zarr").observation.history["sky"]
    assert told == "not taken off: neither frames of the sky nor dithers"


def test_star_hides_all_of_the_sky(raw, tmp_path):
    line = r"no pixel of 96×96 px is \d+ px from the star.* lower calibrate\.star \(30 FWHM\)"
    with pytest.raises(BadInput, match=line):
        calibrated(raw.table, ROWS["A/2013-02-01"], tmp_path, {"star": 30.0})
    assert not list(tmp_path.glob("calibrated*"))


def test_mixed_filters_are_separate_observations(night, steps):
    for path in night.glob("sci[45].fits"):
        changed(path, ESO_INS_OPTI6_NAME="Ks")
    sorted_, said = steps(night)
    assert "mixed filters or cameras: L_prime L27 (sci0.fits), Ks L27 (sci4.fits)" in sorted_
    one_line(said, f"{LABEL}", "mixed filters", "beta_Pic/2013-02-01-L_prime")


def test_unreadable_files_are_named_and_the_rest_goes_on(night, steps):
    (night / "sci3.fits").write_bytes((night / "sci3.fits").read_bytes()[:9000])
    (night / "dark1.fits").write_text("no FITS")
    sorted_, said = steps(night)
    assert "sci3.fits: truncated: 9,000 bytes" in sorted_
    assert "dark1.fits: not FITS" in sorted_
    assert "bad input" not in said
    frames = read_frames(night.parent / "frames.ecsv").frames
    assert {f.name for f in frames if f.kind == "ignore"} == {"sci3.fits", "dark1.fits"}


def test_file_that_fails_only_when_its_data_are_read(night, steps):
    packed = bytearray(gzip.compress((night / "sci2.fits").read_bytes()))
    (night / "sci2.fits").unlink()
    packed[len(packed) // 2] ^= 255
    (night / "sci2.fits.gz").write_bytes(bytes(packed))
    sorted_, said = steps(night)
    assert "sci2" not in sorted_.replace("sci0.fits", "")
    one_line(said, "sci2.fits.gz: its image cannot be read", "fetch or copy the file again")


def test_file_that_changed_since_it_was_sorted(night, steps, call):
    steps(night)
    path = night / "sci1.fits"
    frames, store = night.parent / "frames.ecsv", night.parent / "again/calibrated.zarr"
    options = ["--observation", LABEL, "--recipe", "{sky: null}", "--output", str(store)]
    whole = path.read_bytes()
    path.write_bytes(whole[:-2880])
    code, said = call("calibrate", str(frames), *options)
    assert code == BAD_INPUT
    one_line(said, f"{path}: ", "bytes when it was sorted; run `exosift ingest` again")
    path.unlink()
    code, said = call("calibrate", str(frames), *options)
    one_line(said, f"{path}: not there any more")
    path.write_bytes(whole)
    assert call("calibrate", str(frames), *options)[0] == 0


def test_header_without_angle_keywords(night, steps):
    for path in night.glob("sci*.fits"):
        changed(path, ESO_ADA_PUPILPOS=None, ESO_ADA_POSANG=None)
    sorted_, said = steps(night)
    assert "sci0.fits: no number in ESO ADA PUPILPOS" in sorted_
    one_line(said, LABEL, "no number in ESO ADA PUPILPOS")


def test_file_that_appears_twice_counts_once(night, steps):
    shutil.copy(night / "sci1.fits", night / "copy.fits")
    sorted_, said = steps(night)
    assert "sci1.fits: the same exposure as copy.fits (DATE-OBS); remove one of the two" in sorted_
    assert "bad input" not in said
    assert len(read_sequence(night.parent / "out/sequence.zarr").angle) == 18


def test_star_that_is_saturated_off_the_coronagraph(night, steps):
    said = steps(night, {"saturation": 1200.0})[1]
    one_line(
        said, f"{night}/flux.fits: the star is saturated, as in all 1 files", "neutral density"
    )


def test_no_science_frame(night, steps):
    for path in night.glob("sci*.fits"):
        changed(path, ESO_DPR_TYPE="WAVE,LAMP")
    changed(night / "flux.fits", ESO_DPR_TYPE="SKY")
    sorted_, said = steps(night)
    assert "no observation among" in sorted_ or "no science frame" in sorted_
    one_line(said, f"{LABEL}: no science frame")


def test_no_star_off_the_coronagraph_and_no_psf(night, steps):
    (night / "flux.fits").unlink()
    said = steps(night)[1]
    one_line(said, f"{LABEL}: no frames of the star off the coronagraph", "the column psf")


def test_unknown_filter(night, steps):
    for path in night.glob("*.fits"):
        changed(path, ESO_INS_OPTI6_NAME="NB_4.05")
    said = steps(night)[1]
    one_line(said, "sci0.fits: filter NB_4.05 of VLT/NACO: its wavelength is not known")


def test_table_that_means_another_filter_or_instrument(night, steps):
    given = described("naco").wavelengths
    assert "L_prime" in given
    row = ROW.replace("naco-l27", "nirc2-narrow").replace("L_prime", "Ks")
    said = steps(night, row=row)[1]
    one_line(said, f"{LABEL}: its raw files are of VLT/NACO L27", "correct the instrument column")


def test_unknown_neutral_density(night, steps):
    changed(night / "flux.fits", ESO_INS_OPTI4_NAME="ND_Long")
    said = steps(night)[1]
    assert "bad input" not in said
    found = read_sequence(night.parent / "out/sequence.zarr").observation
    assert found.star_flux is None
    assert "behind ND_Long" in found.history["star_flux"]
    assert "calibrate.neutral_densities" in found.history["star_flux"]


def test_frames_of_two_exposure_times(night, steps):
    for path in night.glob("sci[0-2].fits"):
        changed(path, **{"ESO_DET_DIT": 0.4})
    sorted_, said = steps(night)
    assert "left out; ingest them by themselves" in sorted_
    assert "bad input" not in said


def test_variance_without_a_gain(night, steps):
    said = steps(night, {"variance": True})[1]
    one_line(said, "sci0.fits: the gain of VLT/NACO", "give calibrate.gain")


def test_camera_without_a_scale(night, steps):
    for path in night.glob("*.fits"):
        changed(path, ESO_INS_OPTI7_NAME="S99")
    said = steps(night)[1]
    one_line(said, "sci0.fits: the pixel scale of VLT/NACO's camera S99", "ESO INS PIXSCALE")


def test_table_is_not_written_over(night, call):
    table = night.parent / "observations.tsv"
    options = ["--output", str(night.parent / "frames.ecsv"), "--observations", str(table)]
    assert call("ingest", str(night), *options)[0] == 0
    assert table.read_text().splitlines() == [
        "target\tepoch\tinstrument\tfilter\tcube",
        "beta_Pic\t2013-02-01\tnaco-l27\tL_prime\traw",
    ]
    code, said = call("ingest", str(night), *options)
    assert code == BAD_INPUT
    one_line(said, f"{table}: there already, and not written over")


def test_table_leaves_out_what_is_not_described(night, call):
    for path in night.glob("*.fits"):
        changed(path, ESO_INS_OPTI6_NAME="NB_4.05")
    table = night.parent / "observations.tsv"
    options = ["--output", str(night.parent / "frames.ecsv"), "--observations", str(table)]
    code, said = call("ingest", str(night), *options)
    assert code == 0
    line = f"{LABEL}: filter NB_4.05 is none of L', L_prime"
    assert f"{line}; left out of observations.tsv" in said
    assert table.read_text().splitlines()[1:] == [f"# {line}"]


def test_rows_of_the_made_up_archive_are_those_that_ingest_writes(raw, call, tmp_path):
    table = tmp_path / "observations.tsv"
    options = ["--output", str(tmp_path / "frames.ecsv"), "--observations", str(table)]
    assert call("ingest", str(raw.folder / "raw"), *options)[0] == 0
    lines = [line.split("\t") for line in table.read_text().splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    expected = [{k: v for k, v in asdict(row).items() if k in lines[0]} for row in ROWS.values()]
    assert rows == expected
