"""What goes wrong on a cluster, done to a real one: runs end well, and their products are right."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slurm import tiny
from tests.slurm.conftest import PROFILE, Slurm, said, wait_for
from tests.workflow.conftest import ROOT, Run, Survey, digests

pytestmark = pytest.mark.slurm

# What SLURM calls a job that it killed for its memory; which, depends on who notices first.
KILLED = {"OUT_OF_MEMORY", "FAILED", "CANCELLED"}


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> dict[str, str]:
    """What the products are: of a run on this machine, on two cores."""
    survey = tiny.write(Survey(tmp_path_factory.mktemp("local")))
    run = survey.run()
    assert run.code == 0, run.text[-3000:]
    return digests(run.folder / "results")


def begun(survey: Survey, *arguments: str) -> subprocess.Popen:
    """Snakemake at work on the survey, through SLURM; what it says goes to said.txt."""
    snakemake = Path(sys.executable).parent / "snakemake"
    command = [str(snakemake), "--snakefile", str(ROOT / "Snakefile"), "--profile", str(PROFILE)]
    command += ["--configfile", str(survey.folder / "config.yaml")]
    command += ["--directory", str(survey.folder / "run"), *arguments]
    with (survey.folder / "said.txt").open("w") as text:
        return subprocess.Popen(command, stdout=text, stderr=text)


def ended(survey: Survey, process: subprocess.Popen) -> Run:
    """What came of it."""
    code = process.wait(timeout=600)
    return Run(code, (survey.folder / "said.txt").read_text(), survey.folder / "run")


def step_at_work(step: str, folder: Path) -> int | None:
    """The process of `exosift step` in a run's folder."""
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            at = (entry / "cwd").readlink()
        except OSError:  # no process, or gone meanwhile
            continue
        if at == folder and step.encode() in command and b"exosift" in b"".join(command[:2]):
            return int(entry.name)
    return None


def test_a_job_over_its_memory_dies(slurm, tmp_path):
    """Without this, the next test would prove nothing."""
    glutton = "import time; held = bytearray(400_000_000); time.sleep(100)"
    options = ["--parsable", "--mem=100", f"--output={tmp_path}/said.txt"]
    number = said("sbatch", *options, "--wrap", f"python3 -c '{glutton}'")
    wait_for(lambda: slurm.state(number) in KILLED, "the death of a job over its memory", 60)


def test_killed_jobs_a_node_down_and_too_little_memory(slurm: Slurm, local, tmp_path):
    survey = tiny.write(Survey(tmp_path))
    folder = (survey.folder / "run").resolve()
    # The first attempt has not enough for `exosift detect` beside the Snakemake that runs it.
    process = begun(survey, "--set-resources", "detect:mem_mb=250*attempt*attempt")

    cancelled = slurm.running("rule_simulate_wildcards_A")
    said("scancel", cancelled.number)
    os.kill(wait_for(lambda: step_at_work("register", folder), "register"), signal.SIGKILL)
    hit = slurm.running("rule_subtract")
    said("scontrol", "update", f"NodeName={hit.node}", "State=DOWN", "Reason=test")
    requeued = wait_for(lambda: slurm.state(hit.number) in ("PENDING", "RUNNING"), "its requeuing")
    run = ended(survey, process)
    said("scontrol", "update", f"NodeName={hit.node}", "State=RESUME")

    assert run.code == 0, run.text[-3000:]
    assert digests(run.folder / "results") == local
    assert requeued
    states = {job.number: job for job in slurm.jobs()}
    assert states[cancelled.number].state == "CANCELLED"
    assert states[hit.number].state == "COMPLETED"  # the same job, on the other node
    assert states[hit.number].node != hit.node
    detected = [job.state for job in states.values() if job.comment.startswith("rule_detect")]
    assert sum(state in KILLED for state in detected) == 3
    assert detected.count("COMPLETED") == 3
    assert run.text.count("Trying to restart job") == 5


def test_snakemake_killed_and_started_again(slurm: Slurm, local, tmp_path):
    """Its jobs live on, and the next run starts them anew: the last start counts."""
    survey = tiny.write(Survey(tmp_path))
    process = begun(survey)
    slurm.running("rule_subtract")
    process.kill()
    process.wait()
    finished = (survey.folder / "said.txt").read_text().count("(Rule: register)")
    assert finished
    stores = (survey.folder / "run").glob("results/*/1/sequence.zarr.json")
    made = {path: path.stat().st_mtime_ns for path in stores}

    assert ended(survey, begun(survey, "--unlock")).code == 0
    run = ended(survey, begun(survey))
    assert run.code == 0, run.text[-3000:]
    assert digests(run.folder / "results") == local
    assert run.jobs("simulate") == 0
    assert run.jobs("register") <= 3 - finished
    assert sum(path.stat().st_mtime_ns == time for path, time in made.items()) >= finished
