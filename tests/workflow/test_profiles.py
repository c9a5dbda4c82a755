"""Profiles: what a cluster is asked for, and that it is enough and not far too much."""

import ast
import csv
import json
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import ROOT, SURVEY, simulated

pytestmark = pytest.mark.workflow


def records(run: Path) -> dict[str, dict[str, str]]:
    """Snakemake's benchmark record of every job of a run, by its name there."""
    found = {}
    for path in sorted((run / "benchmarks").rglob("*.tsv")):
        with path.open() as lines:
            found[str(path.relative_to(run / "benchmarks"))] = next(
                csv.DictReader(lines, delimiter="\t")
            )
    return found


def peaks(run: Path) -> dict[str, int]:
    """The exact peak [MB] of every step of a run, by the name of its job's benchmark record.

    Snakemake samples memory each half a second, which says little of a job of two.
    """
    found = {}
    for path in sorted(
        [*run.glob("results/**/status/*.json"), *run.glob("data/*/*/status/*.json")]
    ):
        status = json.loads(path.read_text())
        where = path.parent.parent.relative_to(run).parts[1:]
        found["/".join((path.stem, *where)) + ".tsv"] = status["peak_mb"]
    return found


def held(run: Path) -> list[str]:
    """The jobs of a run, none of which may have been asked too little or too much memory for."""
    asked = {
        name: ast.literal_eval(record["resources"])["mem_mb"]
        for name, record in records(run).items()
    }
    for name, record in records(run).items():
        assert float(record["max_rss"]) <= asked[name], name
    taken = {name: peak for name, peak in peaks(run).items() if name in asked}
    wrong = {n: (asked[n], peak) for n, peak in taken.items() if not peak <= asked[n] <= 3 * peak}
    assert not wrong
    return sorted(taken)


def test_what_is_asked_for_is_enough_and_not_thrice_what_is_taken(finished):
    steps = {name.split("/")[0] for name in held(finished.folder / "run")}
    assert {"register", "subtract", "detect", "invert", "limits", "characterise", "roc"} <= steps


def test_production_profile_asks_for_its_partition_and_account(survey):
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="extra `slurm` not installed")
    survey.write(SURVEY, [simulated("A", "1")])
    profile = ROOT / "profiles/slurm"
    run = survey.run("--workflow-profile", str(profile), "--dry-run")
    assert run.code == 0, run.text[-3000:]
    assert run.text.count("slurm_partition=compute, slurm_account=my_project") >= run.jobs(
        "subtract"
    )
    for line in (profile / "config.yaml").read_text().splitlines():
        assert not line or "#" in line, f"says nothing of itself: {line}"
    settings = yaml.safe_load((profile / "config.yaml").read_text())
    looks = settings["slurm-init-seconds-before-status-checks"]
    assert 3 * looks <= 300  # MinJobAge where nobody has set it, for those who use squeue


def test_environments_of_jobs_have_what_networks_need():
    asked = yaml.safe_load((ROOT / "envs/exosift.yaml").read_text())["dependencies"]
    pip = next(one["pip"] for one in asked if isinstance(one, dict))
    assert pip[-1] == "${EXOSIFT_ROOT}[nn]"
    assert "/opt/exosift[slurm,nn]" in (ROOT / "envs/exosift.def").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = (ROOT / "envs/constraints.txt").read_text().splitlines()
    assert set(extras["optional-dependencies"]["nn"]) <= set(pinned)
