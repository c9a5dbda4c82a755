"""A survey of many small observations: what fails is isolated and named, the rest is linked."""

import json

import pytest
from astropy.table import Table
from benchmarks import survey_batch
from click.testing import CliRunner

from exosift.cli import main

pytestmark = pytest.mark.workflow

COUNT = 20


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run, and what was said."""
    folder = tmp_path_factory.mktemp("batch")
    survey_batch.write(folder, COUNT)
    _, said = survey_batch.snakemake(folder, "--cores", "2")
    return folder / "run", said


def test_bad_observations_are_isolated_and_named(run):
    folder, said = run
    assert said.returncode != 0
    assert f"{COUNT} observations: {COUNT - 2} done, 2 not finished" in said.stdout + said.stderr
    done = {p.parent.parent for p in (folder / "results").glob("*/*/pca/candidates.ecsv")}
    assert len(done) == COUNT - 2
    page = (folder / "report/index.html").read_text()
    for label, line in zip(
        survey_batch.bad(COUNT), ("unreadable or truncated FITS", "no such file"), strict=True
    ):
        assert f"<strong>{label}</strong>" in page
        assert folder / "results" / label not in done
        assert line in page


def test_pages_stay_small_and_every_target_has_its_own(run):
    folder, _ = run
    page = (folder / "report/index.html").read_text()
    targets = {path.parent.name for path in (folder / "results").glob("*/2024-03-01")}
    for target in targets:
        assert f'href="target-{target}.html"' in page
        text = (folder / f"report/target-{target}.html").read_text()
        assert f"<h1>{target}</h1>" in text
        if target != "T006":  # of which one epoch is left
            assert f"{target}-epochs.png" in text
    assert 'class="observation"' not in page  # they are on the targets' pages
    assert len(page) < 60_000


def test_companions_are_linked_over_their_epochs(run):
    folder, _ = run
    table = Table.read(folder / "results/catalogue.ecsv")
    first = table[(table["target"] == "T005") & (table["track"] == 1)]
    assert len(first) == 3
    assert set(first["class"]) == {"companion"}
    assert abs(first["position_angle"] - 100).max() < 6
    assert (first["false_alarm_joint"] < 1e-4).all()
    singles = table[table["class"] == "single epoch"]
    assert set(singles["epochs"]) <= {1}


def test_products_are_as_they_were_written(run):
    folder, _ = run
    said = CliRunner().invoke(main, ["verify", str(folder / "results")])
    assert said.exit_code == 0, said.output
    for label in survey_batch.bad(COUNT):
        assert f"results/{label}: register: bad input" in said.output


def test_run_is_exported_as_a_crate(run, tmp_path):
    pytest.importorskip("rocrate", reason="the extra `crate` is not installed")
    folder, _ = run
    out = tmp_path / "crate"
    said = CliRunner().invoke(main, ["crate", str(folder / "results"), "--output", str(out)])
    assert said.exit_code == 0, said.output
    graph = json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]
    told = {entity["@id"]: entity for entity in graph}
    assert told["#run"]["actionStatus"]["@id"].endswith("FailedActionStatus")
    assert "results/catalogue.ecsv" in told
    assert (out / "results/catalogue.ecsv").is_file()
