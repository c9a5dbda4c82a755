"""`exosift ingest` on folders of files: the table, the lines, the exit codes; headers alone."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.table import Table

from exosift.errors import BadInput
from exosift.io.frames import read_frames
from exosift.steps.ingest import run
from tests.conftest import DATA
from tests.raw_headers import naco, nirc2, size, sphere, write

BAD_INPUT, NOTHING = 2, 3

BADPIX = {
    "badpix": {
        "name": "Keck/NIRC2",
        "telescope": "Keck II",
        "source": "github fuhaiastro/nirc2",
        "pixel_scale": 39.686,
        "raw": {
            "files": [{"FILE": "badpix*"}],
            "classes": [{"kind": "badpixels", "when": {}, "because": "its name"}],
            "site": {"latitude": 19.826, "longitude": -155.4733},
        },
    }
}


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """A NACO night of small files."""
    raw = tmp_path / "raw"
    for n in range(3):
        write(raw / f"sci{n}.fits", naco(seconds=60 * n) | size(64, 66, 11))
    write(raw / "cal/dark.fits.gz", naco("DARK", 7200) | size(64, 66))
    write(raw / "cal/flat.fits", naco("FLAT,SKY", 9000) | size(128, 128))
    write(raw / "sky.fits", naco("SKY", 30) | size(64, 66, 11))
    return raw


def table_of(call, folder: Path, *more: str):
    output = folder.parent / "out/frames.ecsv"
    code, said = call("ingest", str(folder), "--output", str(output), *more)
    return code, said, output


def test_table_is_one_row_a_file(call, night):
    code, said, output = table_of(call, night, "--threads", "2")
    assert (code, said) == (0, "")
    archive = read_frames(output)
    kinds = {frame.name: frame.kind for frame in archive.frames}
    assert kinds == {
        "dark.fits.gz": "dark",
        "flat.fits": "flat",
        "sci0.fits": "science",
        "sci1.fits": "science",
        "sci2.fits": "science",
        "sky.fits": "sky",
    }
    science = archive.frames[2]
    assert Path(science.file) == night / "sci0.fits"
    assert science.size == Path(science.file).stat().st_size
    assert all((science.dark, science.flat, science.sky))
    (observation,) = archive.observations
    assert observation.files == {"science": 3, "sky": 1}
    assert json.loads((output.parent / "status/ingest.json").read_text())["status"] == "done"


def test_table_reads_as_any_ecsv_and_back(call, night):
    output = table_of(call, night)[2]
    table = Table.read(output)
    assert str(table["angle_first"].unit) == "deg"
    assert len(table.meta["observations"]) == 1
    archive = run((night,), {}, output)
    back = read_frames(output)
    assert back.observations == archive.observations
    for one, other in zip(archive.frames, back.frames, strict=True):
        for name, value in vars(one).items():
            found = getattr(other, name)
            assert type(found) is type(value), name
            if isinstance(value, float):
                np.testing.assert_allclose(found, value, atol=1e-5)
            else:
                assert found == value


def test_observations_are_told_on_stdout(night, tmp_path):
    from click.testing import CliRunner

    from exosift.cli import main

    arguments = ["ingest", str(night), "--output", str(tmp_path / "f.ecsv")]
    said = CliRunner().invoke(main, arguments).stdout
    assert said.startswith(
        "beta_Pic/2013-02-01: VLT/NACO L27 L_prime: 3 science, 1 sky files; 6 s of"
    )


def test_bad_files_are_told_one_line_each_and_the_rest_goes_on(call, night):
    (night / "broken.fits").write_bytes((night / "sky.fits").read_bytes()[:9000])
    (night / "text.fits").write_text("not FITS at all")
    (night / "link.fits").symlink_to("nowhere.fits")
    (night / "folder.fits").mkdir()
    write(night / "copy.fits.gz", naco(seconds=60) | size(64, 66, 11))
    write(night / "other.fits", size(8, 8) | {"INSTRUME": "UVES"})
    turned = naco(seconds=900) | size(64, 66, 11) | {"ESO TEL ROT ALTAZTRACK": False}
    write(night / "lost.fits", {k: v for k, v in turned.items() if k != "ESO ADA POSANG"})
    write(night / "flux.fits", sphere(kind="OBJECT,FLUX") | size(16, 16))
    code, said, output = table_of(call, night)
    assert code == 0
    told = said.splitlines()
    expected = (
        "broken.fits: truncated: 9,000 bytes",
        "text.fits: not FITS",
        "link.fits: not there (No such file or directory); mend or remove",
        "other.fits: no instrument's description fits",
        "sci1.fits: the same exposure as copy.fits.gz (DATE-OBS); remove one",
        "lost.fits: no number in ESO ADA POSANG",
        "HD_95086/2013-02-01-DB_H23: no science frame (1 flux; flux.fits)",
    )
    assert len(told) == len(expected), said
    for line in expected:
        assert sum(line in one for one in told) == 1, line
    archive = read_frames(output)
    assert len(archive.frames) == 13
    assert all(frame.reason for frame in archive.frames)
    assert [p.line for p in archive.problems] == told
    assert [found.label for found in archive.observations] == ["beta_Pic/2013-02-01"]


def test_nothing_to_observe(call, tmp_path):
    write(tmp_path / "raw/d.fits", naco("DARK") | size(8, 8))
    code, said, output = table_of(call, tmp_path / "raw")
    assert code == NOTHING
    assert said.count("\n") == 1
    assert "no observation among 1 files" in said
    assert read_frames(output).frames[0].kind == "dark"


def test_no_usable_science_is_bad_input(call, tmp_path):
    lost = {k: v for k, v in naco().items() if k not in ("RA", "DEC")} | size(8, 8, 11)
    write(tmp_path / "raw/a.fits", lost)
    code, said, _ = table_of(call, tmp_path / "raw")
    assert code == BAD_INPUT
    assert said.count("\n") == 1
    assert "a.fits: neither a place (RA, DEC)" in said


@pytest.mark.parametrize(
    ("folder", "line"), [("none", "none: no such folder"), ("empty", "empty: no FITS file")]
)
def test_no_files_at_all(call, tmp_path, folder, line):
    (tmp_path / "empty").mkdir()
    code, said, output = table_of(call, tmp_path / folder)
    assert code == BAD_INPUT
    assert line in said
    assert not output.exists()


def test_wrong_description_on_the_command_line(call, night):
    code, said, _ = table_of(call, night, "--instruments", "{mine: {name: x}}")
    assert code == BAD_INPUT
    assert "instruments.mine.telescope: field required" in said


def test_table_of_something_else(tmp_path):
    Table({"a": [1]}).write(tmp_path / "t.ecsv")
    with pytest.raises(BadInput, match=r"t\.ecsv: not a table of `exosift ingest`"):
        read_frames(tmp_path / "t.ecsv")
    with pytest.raises(BadInput, match=r"none\.ecsv: no such table"):
        read_frames(tmp_path / "none.ecsv")


def bytes_read() -> int:
    """Bytes that this process has read so far."""
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="bytes are counted by Linux")
def test_headers_alone_are_read(night, tmp_path):
    """Files of 100 MB each: reading their data would show."""
    run((night,), {}, tmp_path / "warm.ecsv")  # loads what is slow to load
    for n in range(50):
        write(tmp_path / f"many/{n:02d}.fits", naco(seconds=n) | size(2048, 2048, 12))
    assert (tmp_path / "many/00.fits").stat().st_size > 1e8
    before = bytes_read()
    run((tmp_path / "many",), {}, tmp_path / "frames.ecsv")
    assert bytes_read() - before < 50 * 30_000


def test_your_own_description_serves_a_file_without_keywords(call, tmp_path):
    write(tmp_path / "raw/badpix_1.fits", size(1024, 1024))
    write(tmp_path / "raw/a.fits", nirc2())
    given = tmp_path / "mine.yaml"
    given.write_text(yaml.safe_dump(BADPIX))
    output = table_of(call, tmp_path / "raw", "--instruments", f"@{given}")[2]
    science, badpix = read_frames(output).frames
    assert science.badpixels == badpix.set


@pytest.mark.real_data
def test_real_nirc2_night(call, tmp_path):
    folder = DATA / "nirc2_raw_ks"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set EXOSIFT_DATA)")
    output = tmp_path / "frames.ecsv"
    options = ["--instruments", json.dumps(BADPIX), "--output", str(output)]
    code, said = call("ingest", str(folder), *options)
    assert code == 0
    assert said.splitlines() == [
        "COSMOS01/2011-04-13: no sky for n0031.fits.gz and its like (ITIME): no such file; add "
        "one, or the science frames' own dithers must serve"
    ]
    archive = read_frames(output)
    assert [frame.kind for frame in archive.frames] == [
        "badpixels",
        "dark",
        "flat",
        *["science"] * 10,
    ]
    badpix, dark, flat, *science = archive.frames
    assert (dark.combined, flat.combined) == (10, 8)
    for frame in science:
        assert (frame.badpixels, frame.dark, frame.flat) == (badpix.set, dark.set, flat.set)
        assert (frame.camera, frame.filter, frame.exposure_time) == ("wide", "Ks", 80.0)
        assert (frame.field, frame.angle_first) == ("fixed", 0.0)
    minutes = np.diff([frame.mjd for frame in science]) * 1440
    assert np.all((minutes > 1.5) & (minutes < 4))
    assert os.path.commonpath([frame.file for frame in science]) == str(folder)
