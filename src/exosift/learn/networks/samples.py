"""Labelled patches as a training meets them: left out by azimuth, shuffled, turned and mirrored.

Everything drawn depends on the seed and the epoch alone, so a training can go on from any epoch.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.learn.room import Readable
from exosift.types import Bools, Floats, Ints

SYMMETRIES = 8
"""Of the square: four turns, mirrored or not."""

# Patches looked at together where all are: those on disk stay there.
_SPAN = 4096


@dataclass(frozen=True, eq=False)
class Samples:
    """Patches (sample, level, y, x), labels (sample,), azimuth blocks (sample,)."""

    patches: Readable
    labels: Bools
    blocks: Ints

    def __post_init__(self) -> None:
        count = len(self.patches)
        if len(self.patches.shape) != 4 or len(self.labels) != count or len(self.blocks) != count:
            raise BadInput(
                f"samples: patches {self.patches.shape}, {len(self.labels)} labels and "
                f"{len(self.blocks)} blocks: expected (sample, level, y, x) and one each a sample"
            )
        if self.patches.shape[2] != self.patches.shape[3]:
            raise BadInput(f"samples: patches are {self.patches.shape[2:]} px, expected square")
        for span in threads.blocks(count, _SPAN):
            finite = np.isfinite(self.patches[span]).all(axis=(1, 2, 3))
            if not finite.all():
                first = span.start + int(np.argmin(finite))
                raise BadInput(f"samples: patch {first} is not finite; leave out masked places")

    def split(self, share: float, seed: int) -> tuple[Ints, Ints]:
        """Which samples to learn from, and which to validate on: whole blocks, drawn.

        Blocks numbered in a row are one ring of a sequence. Of many rings (other stars), whole ones
        are left out; else an arc of each, and with it one block on either side that neither part
        has, where half of the ring is still left to learn from. Raises BadInput where a part lacks
        companions or nulls.
        """
        blocks = np.unique(self.blocks)
        rings = np.split(blocks, 1 + np.flatnonzero(np.diff(blocks) > 1))
        rng = np.random.default_rng(seed)
        many = int(share * len(rings))
        if many:
            drawn = rng.choice(len(rings), many, replace=False)
            out, guard = np.concatenate([rings[i] for i in drawn]), blocks[:0]
        else:
            arcs = [_arc(ring, share, rng) for ring in rings]
            out, guard = (np.concatenate(parts) for parts in zip(*arcs, strict=True))
        held, beside = np.isin(self.blocks, out), np.isin(self.blocks, guard)
        parts = np.flatnonzero(~held & ~beside), np.flatnonzero(held)
        for part, name in zip(parts, ("learn from", "validate on"), strict=True):
            companions = int(self.labels[part].sum())
            if not 0 < companions < part.size:
                raise BadInput(
                    f"samples: {part.size} to {name}, {companions} of them with a companion, in "
                    f"{len(blocks)} azimuth blocks; expected both kinds: give more samples"
                )
        return parts

    def digest(self) -> str:
        """SHA-256 of all samples."""
        found = hashlib.sha256(repr(self.patches.shape).encode())
        for span in threads.blocks(len(self.patches), _SPAN):
            found.update(np.ascontiguousarray(self.patches[span], dtype=np.float32).data)
        found.update(np.ascontiguousarray(self.labels, dtype=bool).data)
        found.update(np.ascontiguousarray(self.blocks, dtype=np.int64).data)
        return found.hexdigest()


def _arc(ring: Ints, share: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Blocks of a ring to leave out, next to each other, and those that guard them."""
    if len(ring) < 2:
        return ring[:0], ring[:0]
    turned = np.roll(ring, -int(rng.integers(len(ring))))
    count = max(1, round(share * len(ring)))
    guarded = 2 * (count + 2) <= len(ring)
    return turned[:count], turned[[count, -1]] if guarded else ring[:0]


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of one step: which, how each is turned, and the masks (sample, unit) of dropout."""

    index: Ints
    symmetry: Ints
    kept: Floats

    def __getitem__(self, part: slice) -> "Batch":
        return Batch(self.index[part], self.symmetry[part], self.kept[part])


def batches(
    index: Ints, size: int, units: int, dropout: float, rng: np.random.Generator
) -> Iterator[Batch]:
    """The steps of an epoch over the samples `index`, shuffled."""
    order = rng.permutation(index)
    for span in threads.blocks(len(order), size):
        chosen = order[span]
        kept = rng.random((len(chosen), units), dtype=np.float32) >= dropout
        yield Batch(
            chosen,
            rng.integers(SYMMETRIES, size=len(chosen)),
            (kept / (1.0 - dropout)).astype(np.float32),
        )


def turned(patches: Floats, symmetry: Ints) -> Floats:
    """Patches (sample, level, y, x), each by its symmetry of the square (sample,).

    0 to 3: as many quarter turns, counter-clockwise; 4 to 7: mirrored in x first.
    """
    result = np.empty_like(patches)
    for number in range(SYMMETRIES):
        alike = symmetry == number
        if alike.any():
            part = patches[alike][..., ::-1] if number >= SYMMETRIES // 2 else patches[alike]
            result[alike] = np.rot90(part, -(number % 4), axes=(2, 3))
    return result
