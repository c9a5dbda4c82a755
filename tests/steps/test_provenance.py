"""Where products come from: `exosift verify` and `exosift crate`, by what steps recorded."""

import contextlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.io import fits
from astropy.table import Table
from click.testing import CliRunner

from exosift import __version__
from exosift.cli import main
from exosift.io.public import sha256
from exosift.steps.recording import read_status

Verify = Callable[[], tuple[int, str]]


ROW = {"target": "T", "epoch": "1", "instrument": "simulated", "filter": "L'"}
ROW |= {name: f"{name}.fits" for name in ("cube", "angles", "psf")}
RESULTS = Path("results")


def register(folder: Path, **changes: str) -> int:
    """Register the observation of a row into `folder`, paths as the workflow gives them."""
    row = json.dumps(ROW | changes)
    how = ["--observation", row, "--registration", "{method: symmetry}"]
    done = CliRunner().invoke(main, ["register", *how, "--output", str(folder / "sequence.zarr")])
    return done.exit_code


@pytest.fixture(scope="module")
def whole(made, tmp_path_factory) -> Path:
    """A run's folder: a sequence, a reduction and its candidates."""
    run = tmp_path_factory.mktemp("whole")
    for name, values in (("cube", made.cube[0]), ("angles", made.angle), ("psf", made.psf[0])):
        fits.writeto(run / f"{name}.fits", values)
    with contextlib.chdir(run):
        place = RESULTS / "T/1"
        assert register(place) == 0
        reduction = "{model: {kind: pca, ranks: [2]}, regions: {kind: full}}"
        subtract = ["subtract", str(place / "sequence.zarr"), "--reduction", reduction]
        pca = str(place / "pca")
        for step in (subtract, ["detect", f"{pca}/image.fits"]):
            done = CliRunner().invoke(main, [*step, "--output", pca])
            assert done.exit_code == 0, done.output
    return run


@pytest.fixture
def results(whole, tmp_path, monkeypatch) -> Path:
    """The results of a copy of that run, to be damaged; the test runs in its folder."""
    shutil.copytree(whole, tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")
    return RESULTS


@pytest.fixture
def verify(results) -> Verify:
    def run() -> tuple[int, str]:
        said = CliRunner().invoke(main, ["verify", str(results)])
        return said.exit_code, said.output

    return run


def a_chunk(results: Path) -> Path:
    chunks = (results / "T/1/pca/residuals.zarr/residuals/c").rglob("*")
    return next(path for path in chunks if path.is_file())


def test_untouched_products_are_as_they_were_written(verify):
    code, said = verify()
    assert code == 0, said
    # Two stores, their two figures and a table; an image, its map, candidates and a figure.
    assert re.search(r"results: 9 products are as they were written", said)


@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_byte_of_a_chunk_is_noticed(results, verify, place):
    chunk = a_chunk(results)
    content = bytearray(chunk.read_bytes())
    content[round(place * (len(content) - 1))] ^= 1
    chunk.write_bytes(content)
    code, said = verify()
    assert code == 4
    name = chunk.relative_to(results / "T/1/pca/residuals.zarr").as_posix()
    assert f"residuals.zarr: altered: chunk {name} does not fit its checksum" in said
    assert "1 faults in 9 products" in said


def test_a_chunk_of_another_store_is_noticed(results, verify):
    """Whole by itself, and not the one that was written."""
    store = results / "T/1/pca/residuals.zarr"
    (store / "variant/c/0").write_bytes((results / "T/1/sequence.zarr/wavelength/c/0").read_bytes())
    code, said = verify()
    assert code == 4
    assert f"{store}: altered: its chunks are whole, and not those that were written" in said


def test_a_missing_chunk_is_named(results, verify):
    chunk = a_chunk(results)
    chunk.unlink()
    code, said = verify()
    assert code == 4
    assert "chunk residuals/c/" in said
    assert "is missing" in said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('"shape": [', '"shape": [ 7,'), "array cube is missing or unreadable"),
        (('"pixel_scale": ', '"pixel_scale": 1'), "altered: its metadata (zarr.json)"),
    ],
    ids=["shape", "attribute"],
)
def test_altered_metadata_are_noticed(results, verify, change, told):
    store = results / "T/1/sequence.zarr"
    path = store / "zarr.json" if "scale" in change[0] else store / "cube/zarr.json"
    text = re.sub(r"\[\s+", "[", path.read_text())
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    code, said = verify()
    assert code == 4
    assert told in said


def test_a_changed_row_of_a_table_is_noticed(results, verify):
    path = results / "T/1/pca/candidates.ecsv"
    table = Table.read(path)
    table["snr"][0] += 1e-3
    table.write(path, overwrite=True)
    code, said = verify()
    assert code == 4
    assert f"{path}: altered since detect wrote it on 20" in said


def test_missing_products_are_named(results, verify):
    (results / "T/1/pca/image.fits").unlink()
    (results / "T/1/sequence.zarr.json").unlink()
    code, said = verify()
    assert code == 4
    assert f"{results / 'T/1/pca/image.fits'}: missing; subtract wrote it on 20" in said
    assert f"{results / 'T/1/sequence.zarr'}: no manifest sequence.zarr.json beside it" in said


def test_products_of_another_input_are_out_of_date(results, verify):
    angles = fits.getdata("angles.fits")
    fits.writeto("angles.fits", angles + 0.1, overwrite=True)
    assert register(results / "T/1") == 0
    code, said = verify()
    assert code == 4
    told = f"{results / 'T/1/pca'}: out of date: subtract read another"
    assert f"{told} results/T/1/sequence.zarr.json than is there now" in said


def test_steps_that_did_not_end_well_are_told_and_are_no_fault(results, verify):
    assert register(results / "U/1", target="U", cube="none.fits") == 2
    code, said = verify()
    assert code == 0
    assert "not finished: results/U/1: register: bad input: none.fits: no such file" in said


def test_a_step_says_what_its_products_come_from(results):
    told = read_status(results / "T/1", "register")
    assert told["inputs"] == {
        f"../../../{name}.fits": sha256(Path(f"{name}.fits")) for name in ("cube", "angles", "psf")
    }
    assert set(told["outputs"]) == {
        "sequence.zarr.json",
        "selection.ecsv",
        "selection.png",
        "registration.png",
    }
    assert told["versions"]["exosift"]
    assert told["exosift"] == __version__
    assert len(told["config"]) == 64
    assert told["begun"] <= told["at"]
    subtract = read_status(results / "T/1/pca", "subtract")
    manifest = results / "T/1/sequence.zarr.json"
    assert subtract["inputs"] == {"../sequence.zarr.json": sha256(manifest)}


def test_seeds_and_the_command_are_recorded(tmp_path, call, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/exosift", "simulate", "--seed", "5"])
    scene = "{size: 41, frames: 3, residual_screens: 2, pupil_pixels: 32, psf_size: 15}"
    made = ("simulate", "--scene", scene, "--seed", "5", "--output", str(tmp_path / "data"))
    assert call(*made)[0] == 0
    told = read_status(tmp_path / "data", "simulate")
    assert told["seeds"] == {"seed": 5, "scene.instrument_seed": 0}
    assert told["command"] == "exosift simulate --seed 5"
    assert set(told["outputs"]) == {
        *(f"{name}.fits" for name in ("cube", "angles", "psf", "wavelengths")),
        "truth.json",
    }


def test_a_run_may_be_moved_as_a_whole(results, tmp_path):
    moved = (tmp_path / "run").rename(tmp_path / "elsewhere")
    said = CliRunner().invoke(main, ["verify", str(moved / results)])
    assert said.exit_code == 0, said.output
    (moved / results / "T/1/sequence.zarr.json").unlink()
    assert CliRunner().invoke(main, ["verify", str(moved / results)]).exit_code == 4


def test_no_folder_is_told(tmp_path):
    said = CliRunner().invoke(main, ["verify", str(tmp_path / "none")])
    assert said.exit_code == 2
    assert "no such folder; give the results of a run" in said.output


ROOT = Path(__file__).parents[2]


@pytest.fixture
def crate(results, tmp_path) -> dict[str, dict]:
    """The entities of a crate of the run, by their identifiers."""
    pytest.importorskip("rocrate", reason="the extra `crate` is not installed")
    Path("observations.tsv").write_text("target\tepoch\n")
    told = {"title": "A run", "observations": str(Path("observations.tsv").absolute())}
    told |= {"reductions": {"pca": {"model": {"kind": "pca"}}}, "search": {"threshold": 5.0}}
    Path("logs").mkdir()
    Path("logs/configuration.json").write_text(json.dumps(told))
    workflow = {"folder": str(ROOT), "command": "snakemake --cores 2", "snakemake": "9.27.1"}
    Path("logs/workflow.json").write_text(json.dumps(workflow))
    assert register(results / "U/1", target="U", cube="none.fits") == 2
    out = tmp_path / "crate"
    said = CliRunner().invoke(main, ["crate", str(results), "--output", str(out)])
    assert said.exit_code == 0, said.output
    graph = json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]
    return {entity["@id"]: entity for entity in graph}


def names(value) -> set[str]:
    """Identifiers that a property points to."""
    return {one["@id"] for one in (value if isinstance(value, list) else [value])}


def test_crate_conforms_to_the_profiles_of_workflow_runs(crate):
    root = crate["./"]
    profiles = {f"https://w3id.org/ro/wfrun/{n}/0.5" for n in ("process", "workflow", "provenance")}
    assert profiles <= names(root["conformsTo"])
    assert "https://w3id.org/workflowhub/workflow-ro-crate/1.0" in names(root["conformsTo"])
    assert root["mainEntity"] == {"@id": "Snakefile"}
    assert names(root["license"]) == {"https://spdx.org/licenses/CC-BY-4.0"}
    assert "ComputationalWorkflow" in crate["Snakefile"]["@type"]
    assert "#run" in names(root["mentions"])
    language = crate[crate["Snakefile"]["programmingLanguage"]["@id"]]
    assert (language["name"], language["version"]) == ("Snakemake", "9.27.1")


def test_crate_says_what_ran_on_what_and_made_what(crate, results):
    run = crate["#run"]
    assert run["instrument"] == {"@id": "Snakefile"}
    assert run["startTime"] < run["endTime"]
    made = {"results/T/1/pca/candidates.ecsv", "results/T/1/pca/image.fits"}
    assert made <= names(run["result"])
    cube = next(e for e in crate.values() if e.get("sha256") == sha256(Path("cube.fits")))
    settings = {"#setting-search.threshold", "logs/configuration.json", "config/observations.tsv"}
    assert settings | {cube["@id"]} <= names(run["object"])
    assert crate["#setting-search.threshold"]["value"] == "5.0"
    steps = [crate[one] for one in crate if re.fullmatch(r"#run-\d+", one)]
    told = {one["name"]: one for one in steps}
    subtract = told["subtract of results/T/1/pca"]
    assert names(subtract["object"]) == {"results/T/1/sequence.zarr.json"}
    assert subtract["instrument"] == {"@id": "#exosift-subtract"}
    assert crate["#exosift-subtract"]["softwareVersion"] == __version__
    image = crate["results/T/1/pca/image.fits"]
    assert image["sha256"] == sha256(results / "T/1/pca/image.fits")
    failed = told["register of results/U/1"]
    assert failed["actionStatus"] == {"@id": "http://schema.org/FailedActionStatus"}
    assert failed["error"].startswith("none.fits: no such file")


def test_crate_is_whole(crate, tmp_path):
    """Every reference is to an entity, every file is there, every step has its place."""

    def references(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if set(value) == {"@id"} else []
        for one in value if isinstance(value, list) else []:
            yield from references(one)

    for entity in crate.values():
        for name, value in entity.items():
            for one in references(value):
                outside = one.startswith(("http://schema.org", "https://"))
                assert one in crate or outside, (entity["@id"], name, one)
        if "File" in entity["@type"] and not entity["@id"].startswith("ni:"):
            assert (tmp_path / "crate" / entity["@id"]).is_file()
    for action in (one for one in crate.values() if one["@type"] == "ControlAction"):
        step = crate[action["instrument"]["@id"]]
        assert crate[action["object"]["@id"]]["instrument"] == step["workExample"]
        assert step["@id"] in names(crate["Snakefile"]["step"])
    parameters = names(crate["Snakefile"]["input"]) | names(crate["Snakefile"]["output"])
    assert all(crate[one]["@type"] == "FormalParameter" for one in parameters)


def test_crate_of_no_run_is_refused(results, tmp_path):
    pytest.importorskip("rocrate", reason="the extra `crate` is not installed")
    out = str(tmp_path / "crate.zip")
    said = CliRunner().invoke(main, ["crate", str(results), "--output", out])
    assert said.exit_code == 2
    assert "a crate is made of a run of the workflow" in said.output
    assert not Path(out).exists()
