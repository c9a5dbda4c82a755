"""What the workflow asks for grows with the observation and with every attempt."""

import subprocess
import sys

import pytest

from exosift.compute.resources import (
    detect_memory,
    invert_memory,
    invert_minutes,
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
        lambda n: invert_memory(SHAPE, n),
        lambda n: invert_minutes(SHAPE, n),
    ):
        assert ask(1) < ask(2) == 2 * ask(1) or ask(2) - 2 * ask(1) in (0, 1)


def test_memory_follows_the_bytes():
    small, large = (subtract_memory((1, n, 101, 101), 3, 1) for n in (100, 1100))
    assert large - small == pytest.approx(12 * 1.3 * 1000 * 101**2 * 4 / 1e6, abs=1)
    assert subtract_memory(SHAPE, 6, 1) > subtract_memory(SHAPE, 3, 1)
    small, large = (invert_memory((2, n, 101, 101), 1) for n in (100, 1100))
    assert large - small == pytest.approx(12 * 1.3 * 1000 * 101**2 * 4 / 1e6, abs=1)
    assert invert_minutes((4, 4000, 401, 401), 1) > 10 * invert_minutes((4, 400, 401, 401), 1) > 20


def test_an_unknown_shape_asks_for_the_least():
    assert register_memory((), 1) == subtract_memory((), 3, 1) == detect_memory((), 1) == 400
    assert invert_memory((), 1) == 400
    assert subtract_minutes((), 3, 1) == invert_minutes((), 1) == 2


STEP = """
import numpy as np
from exosift import threads
from exosift.inverse.andromeda import Andromeda, invert
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
with threads.limit(2):
    {work}
"""


@pytest.mark.parametrize(
    ("work", "asked"),
    [
        ("reduce(sequence, Reduction(Pca((3, 6, 9))))", subtract_memory(SHAPE, 3, 1)),
        ("invert(sequence, Andromeda())", invert_memory(SHAPE, 1)),
    ],
    ids=["subtract", "invert"],
)
def test_a_step_stays_within_what_was_asked_for(work, asked):
    # The most that a process of its own used, in kB; those of other tests do not count.
    code = STEP.format(shape=SHAPE, work=work)
    code += "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    peak = int(done.stdout) / 1e3
    assert peak < asked < 4 * peak
