"""What is wrong with the machine and not the work: one line, nothing half-written, a retry."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from exosift.errors import BadInput, Failed, Transient
from exosift.io.atomic import whole
from exosift.io.store import manifest_of, open_store, write_store
from exosift.steps.recording import read_status, recorded

TRANSIENT = 5
CUBE = {"cube": (("time", "y", "x"), np.ones((4, 8, 8), np.float32), "")}


@pytest.fixture
def disk(tmp_path):
    """A disk of 200 kB, at the place where the products go."""
    folder = tmp_path / "out"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def files_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("room", [0, 40_000, 120_000])
def test_a_full_disk_is_told_in_one_line_and_nothing_half_written_is_left(files, call, disk, room):
    """Room for nothing at all, for the status, and for some of the store (150 kB)."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    filler = disk / "filler"
    filler.write_bytes(os.urandom(free - room))
    code, said = call(*files.register())
    assert (code, said.count("\n")) == (TRANSIENT, 1), said
    assert f"exosift register: transient: {disk}: No space left on device" in said
    assert set(files_under(disk)) <= {"filler", "status/register.json"}
    assert read_status(disk, "register").get("status") in (None, "started", "transient")

    filler.unlink()  # some space is freed, and Snakemake tries again
    subprocess.run(["mount", "-o", "remount,size=2m", disk], check=True)
    assert call(*files.register())[0] == 0
    open_store(files.store)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError("Unable to allocate 3 GiB"), "out of memory \\(Unable to allocate 3 GiB\\)"),
        (OSError(5, "Input/output error", "/far/cube"), "/far/cube: Input/output error"),
    ],
)
def test_what_the_machine_lacks_is_worth_another_try(tmp_path, error, line):
    with pytest.raises(Transient, match=line), recorded("subtract", tmp_path, [], {}):
        raise error
    status = read_status(tmp_path, "subtract")
    assert status["status"] == "transient"
    assert status["line"].startswith(line.split(" \\")[0])


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(PermissionError), recorded("subtract", tmp_path, [], {}):
        raise PermissionError(13, "Permission denied", "/etc/x")
    assert read_status(tmp_path, "subtract")["status"] == "failed"
    with pytest.raises(BadInput), recorded("subtract", tmp_path, [], {}):
        raise BadInput("no")
    assert read_status(tmp_path, "subtract")["status"] == "bad input"


def test_of_two_runs_of_a_step_the_last_one_started_counts(tmp_path):
    """As when Snakemake was killed and its jobs lived on."""
    store, table = tmp_path / "a.zarr", tmp_path / "a.ecsv"
    doubled = {"cube": (*CUBE["cube"][:1], 2 * CUBE["cube"][1], "")}

    def orphan():
        with recorded("register", tmp_path, [], 1):
            with recorded("register", tmp_path, [], 2):
                write_store(store, doubled, {})
                with whole(table) as partial:
                    partial.write_text("new")
            with pytest.raises(Failed, match="started anew"), whole(table) as partial:
                partial.write_text("old")
            write_store(store, CUBE, {})

    with pytest.raises(Failed, match="register was started anew"):
        orphan()
    assert table.read_text() == "new"
    assert open_store(store)["cube"][0, 0, 0] == 2
    assert read_status(tmp_path, "register")["settings"] == 2
    assert read_status(tmp_path, "register")["status"] == "done"


def test_what_killed_processes_left_is_removed(tmp_path):
    left = [".partial-elsewhere-7@a.ecsv", "a.zarr.partial-elsewhere-7", "a.zarr.partial"]
    others = [".partial-elsewhere-7@b.ecsv", ".partial-elsewhere-7@other-a.ecsv"]
    for name in left[:1] + others:
        (tmp_path / name).touch()
    for name in left[1:]:
        (tmp_path / name / "cube").mkdir(parents=True)
    with whole(tmp_path / "a.ecsv") as partial:
        partial.write_text("new")
    write_store(tmp_path / "a.zarr", CUBE, {})
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"a.ecsv", "a.zarr", manifest_of(tmp_path / "a.zarr").name, *others}


def test_the_peak_of_memory_is_recorded(tmp_path):
    with recorded("subtract", tmp_path, [], {}):
        held = np.ones(20_000_000)
        del held
    peak = json.loads((tmp_path / "status/subtract.json").read_text())["peak_mb"]
    assert 160 < peak < 4000
