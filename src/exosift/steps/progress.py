"""A bar that shows how much of a step is done."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """What is told (done, of), and shows it on stderr until the block ends."""
    with tqdm(desc=label, file=sys.stderr, leave=False) as bar:

        def told(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        yield told
