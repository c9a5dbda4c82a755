"""Pixels of regions as the columns of a scratch file: those modelled together lie side by side."""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from exosift import threads
from exosift.psfsub.gram import BLOCK
from exosift.types import Ints


@dataclass(frozen=True, eq=False)
class Columns:
    """Lists of pixels, one after another.

    pixels: flat index into a frame of the pixel of each column. spans: the columns of each list.
    edges: where blocks of columns begin, and the last one ends; a list has its own blocks.
    """

    pixels: Ints
    spans: tuple[slice, ...]
    edges: Ints

    @classmethod
    def of(cls, lists: Several[Ints]) -> "Columns":
        """The columns of lists of pixels, each in ascending order."""
        ends = accumulate((len(each) for each in lists), initial=0)
        spans = tuple(slice(first, last) for first, last in pairwise(ends))
        starts = [
            span.start + block.start
            for span in spans
            for block in threads.blocks(span.stop - span.start, BLOCK)
        ]
        count = spans[-1].stop
        return cls(np.concatenate(lists), spans, np.array([*starts, count], dtype=np.int64))

    def within(self, first: int, last: int) -> list[slice]:
        """The columns of pixels from `first` to before `last`: those of each list in one piece."""
        found = []
        for span in self.spans:
            low, high = np.searchsorted(self.pixels[span], [first, last])
            if low < high:
                found.append(slice(span.start + int(low), span.start + int(high)))
        return found
