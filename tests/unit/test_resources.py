"""What the workflow asks for grows with the observation and with every attempt."""

import resource
import subprocess
import sys

import pytest

from exosift.compute.resources import (
    detect_memory,
    register_memory,
    subtract_memory,
    subtract_minutes,
)

SHAPE = (1, 200, 201, 201)


def test_each_attempt_asks_for_more():
    for ask in (
        lambda n: register_memory(SHAPE, n),
        lambda n: subtract_memory(SHAPE, 3, n),
        lambda n: detect_memory(SHAPE, n),
        lambda n: subtract_minutes(SHAPE, 3, n),
    ):
        assert ask(1) < ask(2) == 2 * ask(1) or ask(2) - 2 * ask(1) in (0, 1)


def test_memory_follows_the_bytes():
    small, large = (subtract_memory((1, n, 101, 101), 3, 1) for n in (100, 1100))
    assert large - small == pytest.approx(12 * 1.3 * 1000 * 101**2 * 4 / 1e6, abs=1)
    assert subtract_memory(SHAPE, 6, 1) > subtract_memory(SHAPE, 3, 1)


def test_an_unknown_shape_asks_for_the_least():
    assert register_memory((), 1) == subtract_memory((), 3, 1) == detect_memory((), 1) == 400
    assert subtract_minutes((), 3, 1) == 2


STEP = """
import numpy as np
from exosift.sequence import Observation, Sequence
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.psfsub.pca import Pca
shape = {shape}
rng = np.random.default_rng(0)
cube = rng.normal(size=shape).astype(np.float32)
star = (100.0, 100.0)
told = Observation("T", "1", "I", "L", 27.0, (4.5,), star, star)
ones = np.ones(1)
time = np.linspace(0, 80, shape[1])
mask = np.zeros(shape, bool)
sequence = Sequence(cube, time, np.ones((1, 9, 9)), ones, time, mask, told)
reduce(sequence, Reduction(Pca((3, 6, 9))))
"""


def test_a_reduction_stays_within_what_was_asked_for():
    subprocess.run([sys.executable, "-c", STEP.format(shape=SHAPE)], check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    assert peak < subtract_memory(SHAPE, 3, 1) < 3 * peak
