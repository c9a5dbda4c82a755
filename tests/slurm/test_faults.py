"""What goes wrong on a cluster, done to a real one: the run ends well, and its products are right."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.slurm import tiny
from tests.slurm.conftest import PROFILE, Slurm, digests, said, wait_for
from tests.workflow.conftest import ROOT, Run, Survey

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> dict[str, str]:
    """What the products are: of a run on this machine, on two cores."""
    survey = tiny.write(Survey(tmp_path_factory.mktemp("local")))
    run = survey.run()
    assert run.code == 0, run.text[-3000:]
    return digests(run.folder / "results")


def begun(survey: Survey, *arguments: str) -> subprocess.Popen:
    """Snakemake at work on the survey, through SLURM; what it says goes to said.txt."""
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--profile", str(PROFILE)]
    command += ["--configfile", str(survey.folder / "config.yaml")]
    command += ["--directory", str(survey.folder / "run"), *arguments]
    with (survey.folder / "said.txt").open("w") as text:
        return subprocess.Popen(command, stdout=text, stderr=text, start_new_session=True)


def ended(survey: Survey, process: subprocess.Popen) -> Run:
    """What came of it."""
    code = process.wait(timeout=600)
    return Run(code, (survey.folder / "said.txt").read_text(), survey.folder / "run")


def step_of(job: str, folder: Path) -> int | None:
    """The process of `exosift job` at work in a folder."""
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            at = (entry / "cwd").readlink()
        except OSError:
            continue
        if at == folder and job.encode() in command[1:4] and b"exosift" in command[1]:
            return int(entry.name)
    return None


def test_a_job_over_its_memory_dies(slurm):
    """Without this the tests below would prove nothing."""
    glutton = "import time; held = bytearray(400_000_000); time.sleep(60)"
    number = said("sbatch", "--parsable", "--mem=100", "--wrap", f"python3 -c '{glutton}'")
    over = {"OUT_OF_MEMORY", "FAILED", "CANCELLED"}
    wait_for(lambda: slurm.state(number) in over, "the death of a job over its memory", 30)


def test_killed_jobs_and_a_node_that_goes_down(slurm: Slurm, local, tmp_path):
    """One job is cancelled, one's process killed, one's node set down, and one asks for too little."""
    survey = tiny.write(Survey(tmp_path))
    little = "detect:mem_mb=attempt*attempt*attempt*100"
    process = begun(survey, "--set-resources", little, "--retries", "3")
    cancelled = slurm.running("rule_simulate_wildcards_A")
    said("scancel", cancelled.number)
    folder = (survey.folder / "run").resolve()
    killed = wait_for(lambda: step_of("register", folder), "exosift register")
    os.kill(killed, signal.SIGKILL)
    down = slurm.running("rule_subtract")
    said("scontrol", "update", f"NodeName={down.node}", "State=DOWN", "Reason=test")
    run = ended(survey, process)
    said("scontrol", "update", f"NodeName={down.node}", "State=RESUME")
    assert run.code == 0, run.text[-3000:]
    assert digests(run.folder / "results") == local
    states = {job.number: job.state for job in slurm.jobs()}
    assert states[cancelled.number] == "CANCELLED"
