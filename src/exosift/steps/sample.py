"""`exosift sample`: labelled patches of sequences, drawn once, for any classifier to learn from."""

from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

from exosift import threads
from exosift.compute.lessons import Lesson, draw_need
from exosift.compute.room import roomy
from exosift.errors import BadInput
from exosift.io.samples import write_samples
from exosift.io.sequences import Stored
from exosift.io.store import manifest_of, read_manifest
from exosift.learn.classifier import Told
from exosift.learn.clear import Place
from exosift.learn.drawing import Drawn, gathered
from exosift.learn.learning import Learning
from exosift.learn.room import Room
from exosift.limits.judging import without_known
from exosift.limits.recovery import trimmed
from exosift.photometry.known import KnownCompanions, known_in
from exosift.sequence import Sequence
from exosift.settings import plain
from exosift.steps.middle import reaching, read_middle
from exosift.steps.progress import progress
from exosift.steps.recording import recorded
from exosift.types import Shape


def settings_of(asked: Learning, known: KnownCompanions, among: int) -> dict[str, Any]:
    """What is recorded of how samples were drawn."""
    return {"drawing": plain(asked.drawing), "known": plain(dict(known)), "among": among}


def run(
    stores: Several[Path],
    asked: Learning,
    known: KnownCompanions,
    folder: Path,
    among: int | None = None,
    memory: float | None = None,
) -> None:
    """Write the samples of sequences into the store samples.zarr in `folder`; see `drawn`."""
    inputs, settings = list(map(manifest_of, stores)), settings_of(asked, known, among or 0)
    with recorded("sample", folder, inputs, settings):
        need = draw_need(Lesson(asked, shapes_of(stores)), threads.budget(), among)
        with roomy(need, memory) as room, progress(f"{folder.name} sequences") as told:
            write_samples(folder / "samples.zarr", drawn(stores, asked, known, room, told, among))


def drawn(
    stores: Several[Path],
    asked: Learning,
    known: KnownCompanions,
    room: Room,
    told: Told,
    among: int | None = None,
) -> Drawn:
    """The samples of the sequences in `stores`.

    known: companions in their frames. among: how many sequences teach together, where others are
    drawn elsewhere. Raises BadInput for several filters.
    """
    outer = asked.rings.outer
    every = [trimmed(read_middle(one, asked.mlar, outer), asked.template) for one in stores]
    sequences, there = zip(*(_without_known(one, known) for one in every), strict=True)
    bands = {one.observation.filter for one in sequences}
    if len(bands) > 1:
        raise BadInput(
            f"{len(sequences)} sequences in filters {', '.join(sorted(bands))}: learn from one"
        )
    samples = gathered(sequences, asked.drawing, there, room, told, among)
    labels = [one.label for one in sequences]
    named = tuple(zip(labels, hashes_of(stores), strict=True))
    companions = {label: found for label in labels if (found := known_in(label, known))}
    return Drawn(samples, asked.drawing, named, bands.pop(), companions)


def shapes_of(stores: Several[Path]) -> tuple[tuple[Shape, float], ...]:
    """Shape and FWHM [px] of sequences."""
    outlines = [Stored.open(store).outline for store in stores]
    return tuple((one.cube.shape, one.observation.fwhm[0]) for one in outlines)


def hashes_of(stores: Several[Path]) -> list[str]:
    """SHA-256 of sequences, as their manifests have them."""
    return [str(read_manifest(store)["sha256"]) for store in stores]


def _without_known(sequence: Sequence, known: KnownCompanions) -> tuple[Sequence, Several[Place]]:
    """A sequence without its companions of known flux, and the places of the others."""
    return without_known(sequence, reaching(known_in(sequence.label, known), sequence))
