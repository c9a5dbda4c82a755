"""Nothing half-written: a product appears under its name only when it is whole.

What appears is noted, so that a step can vouch for all that it wrote.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_watching: list[list[Path]] = []


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it when the block ends well, else remove it.

    The suffix is kept, because writers choose their format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.replace(path)
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
        _watching.remove(written)
