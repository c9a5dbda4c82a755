"""A tiny simulated survey, and Snakemake run on it as a user would."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits

ROOT = Path(__file__).parents[2]

SURVEY = {
    "title": "tiny survey",
    "observations": "observations.tsv",
    "register": {"method": "symmetry"},
    "reductions": {
        "pca": {
            "model": {"kind": "pca", "ranks": [2, 4]},
            "regions": {"kind": "annuli", "inner": 2.0},
        },
        "median": {"model": {"kind": "median"}, "regions": {"kind": "full"}},
    },
    "inversions": {"andromeda": {"inner": 1.5}},
    "limits": {
        "reductions": ["pca"],
        "separations": [450],
        "fpf": 1e-3,
        "throughput": {"azimuths": 2, "brightness": 10.0},
        "azimuths": 4,
        "completeness": [0.5],
    },
    "characterise": {
        "reductions": ["pca"],
        "injections": 5,
        "sampling": None,
        "centring_error": 0.1,
    },
    "roc": {
        "methods": [{"method": "pca", "rank": 2}, {"method": "andromeda"}],
        "reference": {"method": "pca", "rank": 2},
        "bins": [[3, 6]],
        "injections": 4,
        "nulls": {"count": 4},
    },
    "known": {"A": [{"separation": 450, "position_angle": 60}]},
    "simulate": {
        "seed": 3,
        "scene": {"size": 61, "frames": 16, "residual_screens": 8, "pupil_pixels": 48},
        "companions": {
            "A/1": [{"separation": 450, "position_angle": 60, "contrast": 4e-3}],
        },
    },
}


@dataclass(frozen=True)
class Run:
    """What Snakemake said and left."""

    code: int
    text: str
    folder: Path

    def jobs(self, rule: str) -> int:
        """How many jobs of a rule were done."""
        return self.text.count(f"rule {rule}:")


@dataclass(frozen=True)
class Survey:
    """A survey in a folder of its own, to be changed and run again."""

    folder: Path

    def write(self, settings: dict, rows: list[tuple[str, ...]]) -> None:
        head = ("target", "epoch", "instrument", "filter", "cube", "angles", "psf", "star_flux")
        head += ("role",)
        lines = ["\t".join(row) for row in [head, *rows]]
        (self.folder / "observations.tsv").write_text("\n".join(lines) + "\n")
        (self.folder / "config.yaml").write_text(yaml.safe_dump(settings))

    def run(self, *arguments: str) -> Run:
        # By its path, as from an environment that is not activated.
        snakemake = Path(sys.executable).parent / "snakemake"
        command = [str(snakemake), "--snakefile", str(ROOT / "Snakefile")]
        command += ["--configfile", str(self.folder / "config.yaml"), "--cores", "2"]
        command += ["--directory", str(self.folder / "run"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        return Run(done.returncode, done.stdout + done.stderr, self.folder / "run")


def simulated(target: str, epoch: str, role: str = "science") -> tuple[str, ...]:
    """A row of the observations table for simulated data."""
    return (target, epoch, "simulated", "L'", "simulated", "simulated", "simulated", "psf", role)


def digests(results: Path) -> dict[str, str]:
    """A hash of the arrays of every product: stores by their manifests, images, tables' rows."""
    found = {}
    for path in sorted(results.rglob("*")):
        if path.name.endswith(".zarr.json"):
            found[str(path.relative_to(results))] = json.loads(path.read_text())["sha256"]
        elif path.suffix == ".fits" and not path.is_symlink():
            found[str(path.relative_to(results))] = _arrays(path)
        elif path.suffix == ".ecsv" and path.name != "frames.ecsv":  # of files and their dates
            rows = [line for line in path.read_text().splitlines() if not line.startswith("#")]
            found[str(path.relative_to(results))] = "\n".join(rows)
    return found


def _arrays(path: Path) -> str:
    """Hash of the arrays of a FITS file, and of their shapes."""
    digest = hashlib.sha256()
    with fits.open(path) as units:
        for unit in units:
            values = np.ascontiguousarray([] if unit.data is None else unit.data)
            digest.update(str(values.shape).encode() + values.tobytes())
    return digest.hexdigest()


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    return Survey(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """A survey that ran to its end; tests copy it (see `again`) rather than change it."""
    survey = Survey(tmp_path_factory.mktemp("finished"))
    survey.write(SURVEY, [simulated("A", "1"), simulated("B", "1")])
    run = survey.run()
    assert run.code == 0, run.text[-3000:]
    (survey.folder / "said.txt").write_text(run.text)
    return survey


@pytest.fixture
def again(finished: Survey, tmp_path: Path) -> Callable[[], Survey]:
    """A copy of the finished survey that a test may change."""

    def copy() -> Survey:
        shutil.copytree(finished.folder, tmp_path / "again", symlinks=True)
        return Survey(tmp_path / "again")

    return copy
