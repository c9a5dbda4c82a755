"""What this machine can do at best: products, transforms, copies. Floors are counted against it."""

import time
from dataclasses import dataclass

import numpy as np
from scipy import fft


@dataclass(frozen=True)
class Machine:
    """Peak rates: GEMM and real FFTs [flop/s], copies [byte/s, read and written], one eigh [s].

    All are those of every core at once, save for eigh: seconds for one symmetric 50 × 50 float64.
    """

    gemm32: float
    gemm64: float
    fft32: float
    copy: float
    eigh50: float


def best(work, repeats: int = 7) -> float:
    """Shortest of several runs [s]: a peak is what remains when nobody else is in the way."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(cores: int) -> Machine:
    """Measure the peaks."""
    rng = np.random.default_rng(0)
    n = 1024
    a = rng.normal(size=(n, n))
    single = a.astype(np.float32)
    lines = rng.normal(size=(2000, 243)).astype(np.float32)
    block = np.zeros(1 << 23)
    sample = rng.normal(size=(20, 50, 300))
    grams = sample @ sample.transpose(0, 2, 1)
    into = np.empty_like(block)
    return Machine(
        gemm32=2 * n**3 / best(lambda: single @ single),
        gemm64=2 * n**3 / best(lambda: a @ a),
        fft32=fft_flops(243) * len(lines) / best(lambda: fft.rfft(lines, workers=cores)),
        copy=2 * block.nbytes / best(lambda: np.copyto(into, block)),
        eigh50=best(lambda: np.linalg.eigh(grams)) / len(grams),
    )


def fft_flops(length: int) -> float:
    """Operations of one real transform: 5/2 · N · log₂ N."""
    return 2.5 * length * np.log2(length)
