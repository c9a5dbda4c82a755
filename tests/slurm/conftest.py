"""A real SLURM of two nodes on this machine, and surveys run through it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROFILE = ROOT / "profiles/ci-slurm"

# What tests/slurm/start.sh cannot do without, in Debian's packages slurm-wlm and munge.
NEEDED = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "munged")


Found = TypeVar("Found")


def said(*command: str) -> str:
    """What a command says."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


@dataclass(frozen=True)
class Job:
    """A job as `squeue` knows it; the comment is Snakemake's: its rule and wildcards."""

    number: str
    state: str
    node: str
    comment: str


@dataclass(frozen=True)
class Slurm:
    """The cluster, as a user sees it."""

    folder: Path

    def jobs(self) -> list[Job]:
        """All jobs that it remembers."""
        lines = said("squeue", "--noheader", "--states=all", "--format=%i|%T|%N|%k").splitlines()
        return [Job(*line.split("|", 3)) for line in lines]

    def state(self, number: str) -> str:
        """The state of a job."""
        return next(job.state for job in self.jobs() if job.number == number)

    def running(self, comment: str, timeout: float = 600) -> Job:
        """The first job to run whose comment begins so."""

        def found() -> Job | None:
            mine = [job for job in self.jobs() if job.comment.startswith(comment)]
            return next((job for job in mine if job.state == "RUNNING"), None)

        return wait_for(found, f"a running job {comment}", timeout)


def wait_for(look: Callable[[], Found | None], what: str, timeout: float = 600) -> Found:
    """What `look` finds, as soon as it does."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.3)
    raise TimeoutError(f"{what}: not within {timeout} s")


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A cluster of two nodes, started for these tests and ended after them."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        pytest.skip(f"no SLURM here: {', '.join(missing)} not found (install slurm-wlm, munge)")
    if os.geteuid() != 0:
        pytest.skip("the SLURM of the tests is started by root")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # sockets want short paths
    try:
        started = subprocess.run(
            [HERE / "start.sh", folder], stderr=subprocess.PIPE, text=True, check=False, timeout=180
        )
        if started.returncode == 3:
            pytest.skip(started.stderr.strip())
        assert started.returncode == 0, started.stderr
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
        yield Slurm(folder)
    finally:
        os.environ.pop("SLURM_CONF", None)
        subprocess.run([HERE / "stop.sh", folder], check=True, timeout=120)
