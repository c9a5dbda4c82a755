"""Nothing half-written: a product appears under its name only when it is whole.

What appears is noted, so that a step can vouch for all that it wrote.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from glob import escape
from pathlib import Path

_watching: list[list[Path]] = []


def _always() -> None:
    """No objection."""


_check: ContextVar[Callable[[], None]] = ContextVar("check", default=_always)


@contextmanager
def checked(check: Callable[[], None]) -> Iterator[None]:
    """Inside the block `check()` is asked before anything takes its place; it may raise."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def ask() -> None:
    """Whether something whole may take its place: raises what the check raises."""
    _check.get()()


def writer() -> str:
    """A name for this process that none has on another node."""
    return f"{socket.gethostname()}-{os.getpid()}"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it when the block ends well, else remove it.

    The suffix is kept, because writers choose their format by it. What processes that were killed
    have left is removed, too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{writer()}@{path.name}")
    try:
        yield partial
        ask()
        partial.replace(path)
        for left in path.parent.glob(f".partial-*@{escape(path.name)}"):
            left.unlink(missing_ok=True)
        for written in _watching:
            written.append(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def watched() -> Iterator[list[Path]]:
    """The files that appear by `whole` while the block runs, in a list that grows."""
    written: list[Path] = []
    _watching.append(written)
    try:
        yield written
    finally:
        # By identity: lists of blocks within each other may be equal.
        _watching[:] = [one for one in _watching if one is not written]
