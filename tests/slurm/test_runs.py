"""Surveys through a real SLURM give the products of a local run, to the last bit.

EXOSIFT_WHOLE=1 in the environment runs the demo and β Pictoris whole; else some of their products.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exosift.geometry.regions import FullFrame
from exosift.io.sequences import read_sequence
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.psfsub.pca import Pca
from tests.conftest import DATA
from tests.slurm import pca_job, tiny
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


@pytest.fixture(scope="module")
def sequence(tmp_path_factory) -> Path:
    """The store of a tiny sequence."""
    survey = tiny.write(Survey(tmp_path_factory.mktemp("sequence")))
    run = survey.run("results/A/1/sequence.zarr.json")
    assert run.code == 0, run.text[-3000:]
    return run.folder / "results/A/1/sequence.zarr"


def test_a_job_on_two_nodes_sums_the_gram_matrix(sequence, tmp_path, monkeypatch):
    pca_job.main(sequence, tmp_path / "here.npz", "threads", 2, 2**30)
    here = np.load(tmp_path / "here.npz")
    whole = reduce(read_sequence(sequence), Reduction(Pca(pca_job.RANKS), FullFrame()))
    scale = np.nanstd(whole.residuals)
    np.testing.assert_allclose(here["residuals"], whole.residuals[:, 0], atol=1e-5 * scale)
    np.testing.assert_allclose(here["images"], whole.images, atol=1e-5 * scale)

    shutil.copytree(sequence, tmp_path / "sequence.zarr")
    shutil.copy(f"{sequence}.json", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    arguments = ["--profile", str(PROFILE), "--workflow-profile", "none"]
    snakemake(tmp_path, *arguments, file="tests/slurm/several_nodes.smk")
    there = np.load(tmp_path / "pca.npz")
    assert there["workers"] == 2
    for product in ("residuals", "images"):
        np.testing.assert_array_equal(there[product], here[product])
    assert not list(tmp_path.glob(".scheduler*"))
