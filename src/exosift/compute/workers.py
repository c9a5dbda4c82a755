"""Pieces of work for several workers; results come in the order of the pieces, a few at a time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Any, Protocol, TypeVar

from exosift import threads

Item = TypeVar("Item")
Result = TypeVar("Result")

# Pieces on their way for each worker: one at work, one that waits for it. More would only fill the
# memory of the one who takes the results.
_AHEAD = 2


class Workers(Protocol):
    """Who does the work: a function of a module, so that it can be sent elsewhere."""

    def each(
        self, work: Callable[..., Result], items: Iterable[Item], *shared: Any
    ) -> Iterator[Result]:
        """`work(item, *shared)` of every item, in their order, as they are taken."""
        ...


class Threads:
    """The threads of the budget, each alone with its piece: BLAS has one thread there."""

    def each(
        self, work: Callable[..., Result], items: Iterable[Item], *shared: Any
    ) -> Iterator[Result]:
        """`work(item, *shared)` of every item, in their order, as they are taken."""
        count, rest = threads.budget(), iter(items)
        with threads.limit(1), ThreadPoolExecutor(count) as pool:
            alone = copy_context()

            def send(item: Item) -> Any:
                return pool.submit(alone.copy().run, work, item, *shared)

            sent = deque(map(send, islice(rest, _AHEAD * count)))
            while sent:
                result: Result = sent.popleft().result()
                sent.extend(map(send, islice(rest, 1)))
                yield result
