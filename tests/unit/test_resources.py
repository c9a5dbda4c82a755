"""What the workflow asks for grows with the observation and with every attempt."""

import subprocess
import sys
from dataclasses import replace

import pytest

from exosift.compute.resources import (
    Work,
    detect_memory,
    register_memory,
    subtract_memory,
    subtract_minutes,
)

SHAPE = (1, 200, 201, 201)


def test_each_attempt_asks_for_more():
    for ask in (
        lambda n: register_memory(SHAPE, n),
        lambda n: subtract_memory(Work(SHAPE), n),
        lambda n: detect_memory(SHAPE, n),
        lambda n: subtract_minutes(Work(SHAPE), n),
    ):
        assert ask(1) < ask(2) == 2 * ask(1) or ask(2) - 2 * ask(1) in (0, 1)


def test_memory_follows_the_bytes():
    small, large = (subtract_memory(Work((1, n, 101, 101), ranks=3), 1) for n in (100, 1100))
    assert large - small == pytest.approx(9.5 * 1.3 * 1000 * 101**2 * 4 / 1e6, abs=1)
    alone = Work(SHAPE, ranks=3)
    for more in ({"ranks": 6}, {"stars": (SHAPE,)}, {"aligned": True}):
        assert subtract_memory(replace(alone, **more), 1) > subtract_memory(alone, 1)


def test_minutes_follow_the_frames_that_model_each_other():
    alone = Work((5, 100, 101, 101))
    apart = subtract_minutes(alone, 1)
    assert subtract_minutes(replace(alone, aligned=True), 1) > 5 * apart
    for more in ({"stars": ((5, 100, 101, 101),) * 3}, {"rounds": 50}, {"ranks": 90}):
        assert subtract_minutes(replace(alone, **more), 1) > apart


def test_an_unknown_shape_asks_for_the_least():
    assert register_memory((), 1) == subtract_memory(Work(()), 1) == detect_memory((), 1) == 400
    assert subtract_minutes(Work(()), 1) == 2


STEP = """
import resource
import numpy as np
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
reduce(sequence, Reduction(Pca((3, 6, 9)), references=References(wavelengths={wavelengths!r})))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
"""


@pytest.mark.parametrize(
    ("shape", "wavelengths"), [(SHAPE, "same"), ((2, 200, 201, 201), "all")], ids=["ADI", "SDI"]
)
def test_a_reduction_stays_within_what_was_asked_for(shape, wavelengths):
    step = STEP.format(shape=shape, wavelengths=wavelengths)
    done = subprocess.run([sys.executable, "-c", step], check=True, capture_output=True, text=True)
    peak = float(done.stdout)
    asked = subtract_memory(Work(shape, ranks=3, aligned=wavelengths == "all"), 1)
    assert peak < asked < 3 * peak
