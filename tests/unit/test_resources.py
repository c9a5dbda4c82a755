"""What the workflow asks for grows with the observation and with every attempt."""

import subprocess
import sys
from dataclasses import replace

import pytest

from exosift.compute.memory import job_memory, machine_memory
from exosift.compute.resources import (
    Work,
    characterise_minutes,
    detect_memory,
    invert_memory,
    invert_minutes,
    limits_memory,
    limits_minutes,
    register_memory,
    roc_memory,
    roc_minutes,
    simulate_memory,
    streamed_memory,
    subtract_asked,
    subtract_memory,
    subtract_minutes,
    subtract_streamed,
    threads,
)
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.library import References
from exosift.psfsub.median import Median

SHAPE, SPECTRAL, LONG = (1, 200, 201, 201), (2, 200, 201, 201), (1, 700, 201, 201)


def test_each_attempt_asks_for_more():
    for ask in (
        lambda n: register_memory(SHAPE, n),
        lambda n: simulate_memory(SHAPE, n),
        lambda n: subtract_memory(Work(SHAPE), n),
        lambda n: detect_memory(SHAPE, n),
        lambda n: subtract_minutes(Work(SHAPE), n),
        lambda n: invert_memory(SHAPE, n),
        lambda n: invert_minutes(SHAPE, n),
        lambda n: limits_memory(Work(SHAPE), 20, n),
        lambda n: limits_minutes(Work(SHAPE), 0, (6, 20), n),
        lambda n: roc_memory([Work(SHAPE)], SHAPE, 20, n),
        lambda n: roc_minutes([Work(SHAPE)], [SHAPE], 700, n),
        lambda n: characterise_minutes(Work(SHAPE), 20, 1, n),
    ):
        assert ask(1) < ask(2) == 2 * ask(1) or ask(2) - 2 * ask(1) in (0, 1)


def test_memory_follows_the_bytes():
    small, large = (subtract_memory(Work((1, n, 101, 101), ranks=3), 1) for n in (100, 1100))
    assert large - small == pytest.approx(9.5 * 1.3 * 1000 * 101**2 * 4 / 1e6, abs=1)
    alone = Work(SHAPE, ranks=3)
    for more in ({"ranks": 6}, {"stars": (SHAPE,)}, {"aligned": True}):
        assert subtract_memory(replace(alone, **more), 1) > subtract_memory(alone, 1)
    small, large = (invert_memory((2, n, 101, 101), 1) for n in (100, 1100))
    assert large - small == pytest.approx(12 * 1.3 * 1000 * 101**2 * 4 / 1e6, abs=1)
    assert invert_minutes((4, 4000, 401, 401), 1) > 10 * invert_minutes((4, 400, 401, 401), 1) > 20


def test_minutes_follow_the_frames_that_model_each_other():
    alone = Work((5, 100, 101, 101))
    apart = subtract_minutes(alone, 1)
    assert subtract_minutes(replace(alone, aligned=True), 1) > 5 * apart
    for more in ({"stars": ((5, 100, 101, 101),) * 3}, {"rounds": 50}, {"ranks": 90}):
        assert subtract_minutes(replace(alone, **more), 1) > apart


def test_frames_stay_on_disk_where_a_job_cannot_have_the_memory_for_them():
    large = Work.of(Reduction(), (1, 2000, 1024, 1024), [])
    assert subtract_memory(large, 1) > 50_000
    assert subtract_asked(large, 2, 1) == subtract_memory(large, 1)
    assert subtract_asked(large, 2, 1, 60_000) == subtract_streamed(large, 2, 1) < 2500
    assert subtract_asked(large, 2, 2, 60_000) == 2 * subtract_streamed(large, 2, 1)
    assert subtract_asked(large, 2, 2, 3000) == 3000  # more cannot be had
    assert subtract_asked(large, 2, 1, 100) == subtract_streamed(large, 2, 1)
    assert large.fits(10**6)
    assert not large.fits(10_000)
    for held in (Median(), None), (None, References(wavelengths="all")):
        model, references = held
        chosen = {"model": model} if model else {"references": references}
        there = Work.of(replace(Reduction(), **chosen), (2, 2000, 1024, 1024), [])
        assert there.fits(1)
        assert subtract_asked(there, 2, 2, 100) == subtract_memory(there, 2)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SLURM_MEM_PER_NODE": "1000"}, 1048.576),
        ({"SLURM_MEM_PER_CPU": "1000", "SLURM_CPUS_ON_NODE": "3"}, 3145.728),
        ({"SLURM_MEM_PER_NODE": "0"}, machine_memory()),
        ({}, machine_memory()),
    ],
)
def test_a_job_may_use_what_was_asked_for(variables, expected, monkeypatch):
    for name in ("SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert job_memory() == pytest.approx(expected)


def test_an_unknown_shape_asks_for_the_least():
    assert register_memory((), 1) == subtract_memory(Work(()), 1) == detect_memory((), 1) == 250
    assert invert_memory((), 1) == simulate_memory((0,), 1) == 250
    assert subtract_minutes(Work(()), 1) == invert_minutes((), 1) == 2
    assert limits_minutes(Work(()), 10, (6, 20), 1) == 2


def test_minutes_of_limits_follow_the_injections():
    few = limits_minutes(Work(SHAPE), 5, (6, 20), 1)
    assert limits_minutes(Work(SHAPE), 10, (6, 20), 1) == pytest.approx(2 * few, rel=0.2)
    assert limits_minutes(Work(SHAPE), 5, (6, 200), 1) > 5 * few
    assert limits_minutes(Work(SHAPE, ranks=3), 5, (6, 20), 1) > 2 * few


def test_minutes_of_curves_follow_maps_and_methods_and_memory_the_greediest():
    one = roc_minutes([Work(SHAPE)], [], 700, 1)
    assert roc_minutes([Work(SHAPE)], [], 1400, 1) == pytest.approx(2 * one, rel=0.05)
    assert roc_minutes([Work(SHAPE)] * 2, [], 700, 1) == pytest.approx(2 * one, rel=0.05)
    assert roc_minutes([Work(SHAPE)], [SHAPE], 700, 1) > one
    assert roc_minutes([Work(())], [()], 0, 1) == 2
    both = roc_memory([Work(SHAPE), Work((1, 400, 201, 201))], (), 20, 1)
    assert both == limits_memory(Work((1, 400, 201, 201)), 20, 1)
    assert roc_memory([], SHAPE, 20, 1) == invert_memory(SHAPE, 1)


@pytest.mark.parametrize(("count", "workers", "peak"), [(120, 1, 570), (120, 2, 694)])
def test_registration_by_blocks_is_asked_what_it_took(count, workers, peak):
    # Calibrated frames of 1024² px, the star found in each (`python -m benchmarks.raw`).
    asked = streamed_memory((1, count, 1024, 1024), True, workers, 1)
    assert peak < asked < 3 * peak
    # However long, and more where frames are held for their median.
    assert streamed_memory((1, 9000, 1024, 1024), True, workers, 1) == asked
    assert streamed_memory((1, 120, 1024, 1024), False, workers, 1) > asked
    assert streamed_memory((), True, workers, 1) < asked
    assert streamed_memory((1, 10, 101, 101), True, workers, 1) < 300


STEP = """
import tempfile
from pathlib import Path
import numpy as np
from exosift.io.residuals import writing_residuals
from exosift.io.sequences import Stored, write_sequence
from exosift import threads
from exosift.compute.cluster import opened
from exosift.compute.outofcore import reduce_stored
from exosift.geometry.regions import FullFrame
from exosift.inverse.andromeda import Andromeda, invert
from exosift.sequence import Observation, Sequence
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.psfsub.library import References
from exosift.psfsub.pca import Pca
shape = {shape}
rng = np.random.default_rng(0)
cube = rng.normal(size=shape).astype(np.float32)
star = (100.0, 100.0)
told = Observation("T", "1", "I", "L", 27.0, (4.5,) * shape[0], star, star)
time = np.linspace(0, 80, shape[1])
mask = np.zeros(shape, bool)
psf = np.ones((shape[0], 9, 9))
sequence = Sequence(cube, time, psf, 1.0 + np.arange(shape[0]), time, mask, told)
def on_disk(sequence):
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_sequence(place / "s.zarr", sequence)
        told = (9,), shape, "float32"
        with writing_residuals(place / "r.zarr", *told) as products, opened("threads", 2) as two:
            Path("/proc/self/clear_refs").write_text("5")
            reduction = Reduction(Pca((9,)), FullFrame())
            return reduce_stored([Stored.open(place / "s.zarr")], reduction, products, two)
with threads.limit(2):
    {work}
told = open("/proc/self/status").read()
print(int(told.split("VmHWM:")[1].split()[0]) * 1.024 / 1e3)
"""


@pytest.mark.parametrize(
    ("shape", "work", "asked"),
    [
        (
            SHAPE,
            "reduce(sequence, Reduction(Pca((3, 6, 9))))",
            subtract_memory(Work(SHAPE, ranks=3), 1),
        ),
        (
            SPECTRAL,
            "reduce(sequence, Reduction(Pca((3, 6, 9)), references=References(wavelengths='all')))",
            subtract_memory(Work(SPECTRAL, ranks=3, aligned=True), 1),
        ),
        (SHAPE, "invert(sequence, Andromeda())", invert_memory(SHAPE, 1)),
        (LONG, "on_disk(sequence)", subtract_streamed(Work(LONG), 2, 1)),
    ],
    ids=["ADI", "SDI", "inversion", "on disk"],
)
def test_a_step_stays_within_what_was_asked_for(shape, work, asked):
    # The most that a process of its own held; getrusage would count this one's before it began.
    step = STEP.format(shape=shape, work=work)
    done = subprocess.run([sys.executable, "-c", step], check=True, capture_output=True, text=True)
    peak = float(done.stdout)
    assert peak < asked < 3 * peak


def test_small_cubes_are_given_one_thread():
    assert threads((1, 61, 101, 101)) == 1
    assert threads((1, 61, 201, 201)) == 2
    assert threads(()) == 2
