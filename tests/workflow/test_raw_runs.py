"""The workflow from raw files: what is wrong with one night leaves the other alone."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
import yaml
from astropy.io import fits
from astropy.table import Table

from exosift.observations import Row
from tests import raw_survey
from tests.workflow.conftest import Survey

pytestmark = pytest.mark.workflow

CONFIG = {
    "title": "raw survey",
    "observations": "observations.tsv",
    "raw": ["raw"],
    "calibrate": raw_survey.RECIPE,
    "register": raw_survey.REGISTRATION,
    "reductions": {"pca": {"model": {"kind": "pca", "ranks": [4]}, "regions": {"kind": "full"}}},
}
A, B = raw_survey.ROWS.values()


@pytest.fixture(scope="module")
def nights(tmp_path_factory) -> Path:
    """Raw files of two nights."""
    survey = raw_survey.SURVEY
    first, second = survey["nights"]
    few = [first | {"files": 5, "flats": 3, "darks": 3}]
    few.append(second | {"files": 12, "interval": 700.0, "flats": 3, "darks": 3})
    return raw_survey.make(tmp_path_factory.mktemp("nights"), survey | {"nights": few}).folder


@pytest.fixture
def survey(nights: Path, tmp_path: Path) -> Survey:
    """A survey of them, the observations table by ingest."""
    shutil.copytree(nights / "raw", tmp_path / "raw")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    lines = ["\t".join(("target", "epoch", "instrument", "filter", "cube"))]
    for row in (A, B):
        lines.append("\t".join((row.target, row.epoch, row.instrument, row.filter, row.cube)))
    (tmp_path / "observations.tsv").write_text("\n".join(lines) + "\n")
    return Survey(tmp_path)


def files(survey: Survey, row: Row) -> list[Path]:
    """Raw files of a night; each target has but one."""
    (folder,) = (survey.folder / "raw").glob(f"{row.target}-*")
    return sorted(folder.iterdir())


def kind(path: Path) -> tuple[str, float]:
    """What a file is of, and its exposure time [s]."""
    header = fits.getheader(path)
    time = header.get("ITIME", header.get("ESO DET DIT"))
    return header.get("ESO DPR CATG", header["OBJECT"]), time


def test_damaged_night_leaves_the_other_alone(survey):
    science = [path for path in files(survey, A) if "SCIENCE" in kind(path)]
    packed = bytearray(gzip.compress(science[-1].read_bytes()))
    packed[len(packed) // 2] ^= 255
    broken = science[-1].with_name(science[-1].name + ".gz")
    broken.write_bytes(bytes(packed))
    science[-1].unlink()
    run = survey.run()
    assert run.code != 0
    line = f"{A.label}: bad input: {broken}: its image cannot be read"
    assert line in run.text
    results = run.folder / "results"
    status = json.loads((results / A.label / "status/calibrate.json").read_text())
    assert (status["status"], status["refused_again"]) == ("bad input", 1)
    assert not list((results / A.label).glob("calibrated.zarr*"))
    assert not (results / A.label / "sequence.zarr").exists()
    assert len(Table.read(results / B.label / "pca/candidates.ecsv")) >= 1
    assert "its image cannot be read" in (run.folder / "report/index.html").read_text()


def test_night_without_science_and_one_without_psf_are_both_told(survey):
    for path in files(survey, B):
        if kind(path) == ("B", 0.2):
            path.unlink()
    for path in files(survey, A):
        if kind(path)[0] == "SCIENCE":
            path.unlink()
    run = survey.run()
    assert run.code != 0
    assert f"{B.label}: bad input: {B.label}: no frames of the star off the coronagraph" in run.text
    page = (run.folder / "report/index.html").read_text()
    assert "no frames of the star off the coronagraph" in page
    assert (run.folder / "results" / B.label / "calibrated.zarr.json").exists()
    assert f"{A.label}: bad input: {A.label}: no science frame among the raw files" in run.text
    assert not (run.folder / "results" / A.label / "calibrated.zarr").exists()
