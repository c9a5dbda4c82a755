"""Labelled patches as a Zarr store: all rings, with how they were drawn and of whose frames."""

from collections.abc import Sequence as Several
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exosift import __version__, threads
from exosift.errors import BadInput, Failed
from exosift.io.store import Plan, open_store, read_part, read_whole, writing
from exosift.learn.drawing import Drawing, Drawn
from exosift.learn.labelled import Gathered, Labelled
from exosift.learn.room import Keep, in_memory
from exosift.photometry.known import KnownCompanion, KnownCompanions
from exosift.settings import parse, plain
from exosift.types import Shape

# Samples of a chunk.
_TOGETHER = 256

_DIMENSIONS = ("ring", "sample", "level", "y", "x")

_Known = dict[str, tuple[KnownCompanion, ...]]

# What stores that are read together must have in common, in words.
_NAMES = {"asked": "settings", "filter": "filters"}


def write_samples(store: Path, drawn: Drawn) -> None:
    """Write samples, chunk by chunk, vouched for by the store's manifest."""
    rings, count = len(drawn.samples), len(drawn.samples[0].labels)
    patch = drawn.samples[0].patches.shape[1:]
    chunks = (1, min(_TOGETHER, count), *patch)
    plans = {
        "patches": Plan(_DIMENSIONS, (rings, count, *patch), "float32", chunks, compressed=False),
        "labels": Plan(_DIMENSIONS[:2], (rings, count), "bool", (rings, count)),
        "blocks": Plan(_DIMENSIONS[:2], (rings, count), "int64", (rings, count)),
    }
    told = {
        "exosift": __version__,
        "drawing": plain(drawn.asked),
        "edges": [list(each) for each in drawn.asked.rings.edges],  # [FWHM]
        "sequences": [list(each) for each in drawn.sequences],
        "filter": drawn.filter,
        "known": plain(dict(drawn.known)),
    }
    with writing(store, plans, told) as empty:
        for ring, samples in enumerate(drawn.samples):
            for some in threads.blocks(count, _TOGETHER):
                empty["patches"][ring, some] = samples.patches[some]
            empty["labels"][ring], empty["blocks"][ring] = samples.labels, samples.blocks


@dataclass(frozen=True, eq=False)
class KeptSamples:
    """What stores hold, before any patch is read.

    shape (ring, sample, level, y, x), the samples of all stores together.
    """

    stores: tuple[Path, ...]
    asked: Drawing
    sequences: tuple[tuple[str, str], ...]
    filter: str
    known: KnownCompanions
    shape: Shape

    @classmethod
    def open(cls, stores: Several[Path]) -> "KeptSamples":
        """Of one store or several. Raises Failed for one that is damaged or something else.

        Raises BadInput for stores drawn in different ways, and for a sequence that is in two.
        """
        first, *others = [cls._of(store) for store in stores]
        found = first
        for other in others:
            for name in ("asked", "filter"):
                if getattr(other, name) != getattr(first, name):
                    raise BadInput(
                        f"{first.stores[0]} and {other.stores[0]} were drawn with different "
                        f"{_NAMES[name]}: draw them alike"
                    )
            if found.shape[2:] != other.shape[2:]:
                raise BadInput(
                    f"{first.stores[0]} and {other.stores[0]} have patches of {first.shape[-1]} "
                    f"and {other.shape[-1]} px: learn from sequences of one FWHM"
                )
            if twice := set(dict(found.sequences)) & set(dict(other.sequences)):
                raise BadInput(f"{other.stores[0]}: {min(twice)} is in another store, too")
            count = found.shape[1] + other.shape[1]
            found = replace(
                found,
                stores=found.stores + other.stores,
                sequences=found.sequences + other.sequences,
                known={**found.known, **other.known},
                shape=(found.shape[0], count, *found.shape[2:]),
            )
        return found

    @classmethod
    def _of(cls, store: Path) -> "KeptSamples":
        """Of one store."""
        group = open_store(store)
        try:
            asked = parse(Drawing, dict(group.attrs["drawing"]), f"{store}: drawing")
            sequences = tuple((str(label), str(sha)) for label, sha in group.attrs["sequences"])
            known = parse(_Known, dict(group.attrs["known"]), f"{store}: known")
            return cls((store,), asked, sequences, str(group.attrs["filter"]), known, _shape(group))
        except (KeyError, ValueError) as error:
            raise Failed(f"{store}: no samples of `exosift sample` ({error})") from error

    def read(self, room: Keep = in_memory) -> Drawn:
        """The samples themselves, one ring of a store after another, into `room`."""
        found = [Gathered.of(self.shape[1:], room) for _ in range(self.shape[0])]
        for store in self.stores:
            group = open_store(store)
            labels, blocks = read_whole(group, "labels"), read_whole(group, "blocks")
            for ring, some in enumerate(found):
                patches = read_part(group, "patches", (slice(ring, ring + 1),))[0]
                some.add(Labelled(patches, labels[ring], blocks[ring]))
        every = [some.every for some in found]
        return Drawn(every, self.asked, self.sequences, self.filter, self.known)


def _shape(group: Any) -> Shape:
    return tuple(int(count) for count in group["patches"].shape)
