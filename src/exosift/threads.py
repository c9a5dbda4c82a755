"""The one place that says how many threads a kernel may use.

Two kinds of parallelism compete for the cores: BLAS inside a product, and our own threads over
frames or regions. `limit(n)` gives both the same budget; `over(f, items)` runs independent pieces
of work on it with BLAS held to one thread each, so that they never multiply.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from itertools import pairwise
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

# Modules that load a BLAS, or OpenMP.
_BRING_BLAS = ("numpy.linalg", "scipy.linalg", "sklearn.utils")

_budget: ContextVar[int | None] = ContextVar("threads", default=None)


def _blas() -> ThreadpoolController:
    """The BLAS libraries of this process; NumPy and SciPy bring each its own, when first needed."""
    return _libraries(*(name in sys.modules for name in _BRING_BLAS))


@cache
def _libraries(*_: bool) -> ThreadpoolController:
    """Looking them up takes milliseconds, so it is done once for each state of what is loaded."""
    return ThreadpoolController()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that stay, with the memory that they have warmed up; inside them the budget is 1."""
    return ThreadPoolExecutor(threads, initializer=_budget.set, initargs=(1,))


def budget() -> int:
    """Threads that a kernel may use: what `limit` said, else the cores of this process."""
    return _budget.get() or len(os.sched_getaffinity(0))


@contextmanager
def limit(threads: int) -> Iterator[None]:
    """Hold our own threads and those of BLAS to `threads` inside the block."""
    token = _budget.set(threads)
    try:
        with _blas().limit(limits=threads):
            yield
    finally:
        _budget.reset(token)


def over(
    work: Callable[[Item], Result], items: Iterable[Item], products: bool = True
) -> list[Result]:
    """Apply `work` to every item on the threads of the budget; results keep the order of `items`.

    BLAS is held to one thread meanwhile, also when there is but one item: its own threads would
    go on spinning for tens of milliseconds after a small product, in the way of ours. Work that
    calls `over` from several threads runs its pieces one after another. Work without matrix
    `products` has no BLAS to hold back, and is spared the search for it.
    """
    pieces = list(items)
    threads = min(budget(), len(pieces))
    with _blas().limit(limits=1) if products else nullcontext():
        if threads <= 1:
            return [work(piece) for piece in pieces]
        return list(_pool(threads).map(work, pieces))


def blocks(count: int, size: int) -> list[slice]:
    """Cut `count` items into slices of at most `size`, whatever the budget.

    Sums over them are then the same on any number of threads, to the last bit.
    """
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def spans(count: int) -> list[slice]:
    """Cut `count` items into near-equal slices, one for each thread of the budget."""
    pieces = max(1, min(count, budget()))
    edges = [count * i // pieces for i in range(pieces + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]
