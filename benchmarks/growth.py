"""`python -m benchmarks.growth`: how the time of Gram-space PCA grows with the number of frames.

One region of 10⁴ pixels in float32. A library that every target shares costs N²p and one
eigendecomposition; a library a target (rotation threshold) much more, of which a few targets are
timed and the rest reckoned. Times are those of one core at work, so that a busy machine
hardly changes them. Prints seconds, and the exponents of N that they follow.
"""

import sys
import time

import numpy as np

from benchmarks.harness import Row, Work, table
from exosift import threads
from exosift.psfsub.engine import fit
from exosift.psfsub.gram import CentredFrames, gram
from exosift.psfsub.pca import Pca

PIXELS, TURN = 10_000, 80.0  # and degrees of rotation
MODEL = Pca((5, 10, 20))
COUNTS = (125, 250, 500, 1000, 2000)
FEW, MORE, REPEATS = 4, 12, 2
# Radius of the region [FWHM], and the most frames of a library.
LIBRARIES = {
    "per target, 3 FWHM": (3.0, max(COUNTS)),
    "per target, 10 FWHM": (10.0, max(COUNTS)),
    "per target, 10 FWHM, nearest 200": (10.0, 200),
}


def sequence(count: int) -> np.ndarray:
    """Frames (count, pixel): patterns of falling strength that change slowly in time, and noise.

    The strongest live as long as a sixth of the sequence, as on β Pic, whatever its sampling.
    """
    rng = np.random.default_rng(count)
    order = np.arange(1, 201)
    keep = np.exp(-6 * order**0.7 / count)
    white = rng.normal(size=(count, len(order)))
    state = np.empty_like(white)
    state[0] = white[0]
    for i in range(1, count):
        state[i] = keep * state[i - 1] + np.sqrt(1 - keep**2) * white[i]
    patterns = rng.normal(size=(len(order), PIXELS))
    noise = rng.normal(size=(count, PIXELS))
    return (100 + (state * 30 * order**-1.25) @ patterns + noise).astype(np.float32)


def core_seconds(work: Work) -> float:
    """Shortest of several calls, on one core."""
    seconds = []
    with threads.limit(1):
        for _ in range(REPEATS):
            start = time.thread_time()
            work()
            seconds.append(time.thread_time() - start)
    return min(seconds)


def shared(frames: np.ndarray) -> float:
    """Core seconds of a region whose targets share one library."""
    usable = np.ones((len(frames), len(frames)), bool)
    return core_seconds(lambda: fit(frames, usable, MODEL))


def separate(frames: np.ndarray, radius: float, most: int) -> float:
    """Core seconds of a region with a library a target, reckoned from some in mid-sequence.

    A library holds the frames in which a companion has moved by 1 FWHM, at most so many of them.
    """
    count = len(frames)
    middle = np.roll(np.arange(count), MORE // 2 - count // 2)  # mid-sequence first
    angle = np.linspace(0, TURN, count)[middle]
    apart = np.abs(angle[:MORE, None] - angle)
    apart[2 * radius * np.sin(np.radians(apart) / 2) < 1] = np.inf
    farthest = np.sort(apart, axis=1)[:, min(most, count) - 1, None]
    usable = np.isfinite(apart) & (apart <= farthest)
    products = gram(CentredFrames.of(frames[middle]))
    few = core_seconds(lambda: MODEL.coefficients(products, usable[:FEW]))
    more = core_seconds(lambda: MODEL.coefficients(products, usable))
    return few + (more - few) * (count - FEW) / (MORE - FEW)


def exponent(counts: list[int], seconds: list[float]) -> float:
    """The power of N that the last three points follow."""
    return float(np.polyfit(np.log(counts[-3:]), np.log(seconds[-3:]), 1)[0])


def main(*counts: str) -> None:
    """Measure at `counts` frames, print."""
    numbers = [int(count) for count in counts] or list(COUNTS)
    rows: list[Row] = []
    for count in numbers:
        frames = sequence(count)
        row: Row = {"frames": count, "shared": shared(frames)}
        rows.append(row | {name: separate(frames, *rule) for name, rule in LIBRARIES.items()})
    columns = list(rows[0])
    if len(rows) > 1:
        grown = {name: exponent(numbers, [row[name] for row in rows]) for name in columns[1:]}
        rows.append({"frames": "N to the", **grown})
    print(table(rows, columns))


if __name__ == "__main__":
    main(*sys.argv[1:])
