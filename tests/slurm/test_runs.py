"""Surveys through a real SLURM give the products of a local run, to the last bit.

EXOSIFT_WHOLE=1 in the environment runs the demo and β Pictoris whole; else some of their products.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DATA
from tests.slurm import tiny
from tests.slurm.conftest import PROFILE
from tests.workflow.conftest import ROOT, Survey, digests

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("slurm")]

SOME = {
    "demo": [
        "results/SIM-A/2013-02-01/pca-full/candidates.ecsv",
        "results/SIM-B/2015-09-21/median/candidates.ecsv",
    ],
    "betapic": [
        f"results/betapic/2013-02-01/{reduction}/candidates.ecsv"
        for reduction in ("pca-full", "median", "andromeda")
    ],
}


def snakemake(folder: Path, *arguments: str, file: str = "Snakefile") -> None:
    """A run that ends well."""
    command = [str(Path(sys.executable).parent / "snakemake"), "--snakefile", str(ROOT / file)]
    command += ["--directory", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3000)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.mark.parametrize("name", SOME)
def test_products_are_those_of_a_local_run(name, tmp_path):
    if name == "betapic" and not (DATA / "naco_betapic").is_dir():
        pytest.skip(f"no real data: {DATA / 'naco_betapic'} does not exist (set EXOSIFT_DATA)")
    config = ["--configfile", str(ROOT / "config" / name / "config.yaml")]
    targets = [] if os.environ.get("EXOSIFT_WHOLE") else SOME[name]
    # What `make demo` and `make betapic` have left is not made again.
    snakemake(ROOT / "runs" / name, *config, "--cores", "2", *targets)
    snakemake(tmp_path, *config, "--profile", str(PROFILE), *targets)
    through = digests(tmp_path / "results")
    here = digests(ROOT / "runs" / name / "results")
    assert set(targets) <= {f"results/{product}" for product in through}
    assert through == {product: here[product] for product in through}
    if not targets:
        assert set(through) == set(here)


def test_runs_again_and_runs_on_two_nodes_together_give_the_same_bits(tmp_path):
    survey = tiny.write(Survey(tmp_path))
    product = "results/A/1/pca/candidates.ecsv"
    run = survey.run(product)
    assert run.code == 0, run.text[-3000:]
    shared = ["mpi=srun", "nodes=2", "tasks=4", "mem_mb=3000", "runtime=10"]
    together = ["--set-resources", *(f"subtract:{one}" for one in shared)]
    config = ["--configfile", str(tmp_path / "config.yaml"), "--profile", str(PROFILE)]
    for name, asked in {"together": together, "again": []}.items():
        folder = tmp_path / name
        snakemake(folder, *config, product, *asked)
        assert digests(folder / "results") == digests(run.folder / "results"), name
        log = (folder / "logs/subtract/A/1/pca.log").read_text()
        assert ("2 workers" in log) == (name == "together")
    # Scratch and meeting place were in the folder that the nodes share.
    assert not [*folder.glob("exosift-*"), *folder.glob(".scheduler*")]
