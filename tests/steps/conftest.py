"""A small simulated observation as FITS files, and the command line to call on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner

from exosift.cli import main
from exosift.simulate.scene import InjectedCompanion, Simulation
from exosift.simulate.sequence import simulate
from tests import raw_survey

SCENE = replace(Simulation(), size=51, frames=12, residual_screens=4, pupil_pixels=40, psf_size=21)
COMPANION = InjectedCompanion(separation=400, position_angle=300, contrast=6e-3)


@dataclass(frozen=True)
class Files:
    """Where the files of an observation lie, and the options that name them."""

    folder: Path

    def change(self, name: str, values: np.ndarray) -> None:
        fits.writeto(self.folder / f"{name}.fits", values, overwrite=True)

    def read(self, name: str) -> np.ndarray:
        return fits.getdata(self.folder / f"{name}.fits").astype(float)

    @property
    def row(self) -> str:
        paths = ", ".join(f"{n}: {self.folder / n}.fits" for n in ("cube", "angles", "psf"))
        return f"""{{target: T, epoch: '1', instrument: simulated, filter: "L'", {paths}}}"""

    @property
    def store(self) -> Path:
        return self.folder / "out/sequence.zarr"

    def register(self) -> list[str]:
        options = ["--observation", self.row, "--registration", "{method: symmetry}"]
        return ["register", *options, "--output", str(self.store)]


@pytest.fixture(scope="session")
def made():
    return simulate(SCENE, [COMPANION], np.random.default_rng(1))


@pytest.fixture
def files(made, tmp_path: Path) -> Files:
    files = Files(tmp_path)
    for name, values in (("cube", made.cube[0]), ("angles", made.angle), ("psf", made.psf[0])):
        files.change(name, values)
    return files


@pytest.fixture
def call() -> Callable[..., tuple[int, str]]:
    """Run the command line in this process: exit code, and what was said on stderr."""

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result.exit_code, result.stderr

    return run


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> raw_survey.Survey:
    """A small archive of raw files with its truth, sorted by ingest."""
    return raw_survey.make(tmp_path_factory.mktemp("raw"))
