"""What is drawn of sequences: labelled patches, ring by ring, for classifiers to learn from.

What a sequence gives follows from its own name and the settings. It can be drawn once, and teach
one classifier after another, with whichever other stars.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from exosift.errors import BadInput
from exosift.learn.classifier import Told
from exosift.learn.clear import Place
from exosift.learn.labelled import Gathered, Labelled, Sampling, drawn
from exosift.learn.middle import middle_of
from exosift.learn.mlar import Mlar
from exosift.learn.ring import rings
from exosift.learn.room import IN_MEMORY, Room
from exosift.learn.turned import Turned
from exosift.photometry.known import KnownCompanions
from exosift.sequence import Sequence

# Samples of a ring that one of many sequences gives, at least.
_LEAST = 20


@dataclass(frozen=True)
class Rings:
    """Rings `width` [FWHM] wide from `inner` to `outer` [FWHM]."""

    inner: float = 1.0
    outer: float = 9.0
    width: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.inner < self.outer or not 0 < self.width <= self.outer - self.inner:
            raise BadInput(
                f"rings from {self.inner:g} to {self.outer:g} FWHM, {self.width:g} wide: expected "
                "1 ≤ inner < outer, and a ring or more between them"
            )

    @property
    def edges(self) -> list[tuple[float, float]]:
        """Inner and outer edge [FWHM] of each; the last is as wide as the others, or wider."""
        count = int((self.outer - self.inner) / self.width + 1e-9)
        edges = [self.inner + i * self.width for i in range(count)] + [self.outer]
        return list(pairwise(edges))


@dataclass(frozen=True)
class Drawing:
    """How labelled patches are made: all that is asked of learning, but who learns from whom.

    mlar: levels and patches; sampling: how many, of which companions; rings: each has samples of
    its own; template: width [FWHM] of the PSF as companions are drawn; seed: of all random.
    """

    mlar: Mlar = field(default_factory=Mlar)
    sampling: Sampling = field(default_factory=Sampling)
    rings: Rings = field(default_factory=Rings)
    template: float = 3.0
    seed: int = 1


def shared(sampling: Sampling, sequences: int) -> Sampling:
    """What each of so many sequences gives of a ring's samples: its share, or a few at least."""
    return replace(sampling, samples=max(_LEAST, -(-sampling.samples // sequences)))


def gathered(
    sequences: Several[Sequence],
    asked: Drawing,
    known: Several[Several[Place]] = (),
    room: Room = IN_MEMORY,
    told: Told | None = None,
    among: int | None = None,
) -> list[Labelled]:
    """The samples of each ring, of sequences under angles of the other sign, divided among them.

    known: of each sequence, the companions that are in its frames; no sample is drawn where they
    are smeared. among: how many teach together, where others are drawn elsewhere. `told(done, of)`
    after each sequence. Raises BadInput for sequences whose patches would differ in size, and as
    `ring.rings` does.
    """
    sides = {asked.mlar.side(sequence.observation.fwhm[0]) for sequence in sequences}
    if len(sides) != 1:
        raise BadInput(
            f"{len(sequences)} sequences have patches of {sorted(sides)} px: teach with sequences "
            "of one FWHM"
        )
    share = shared(asked.sampling, among or len(sequences))
    (side,) = sides
    shape = share.count * len(sequences), asked.mlar.levels, side, side
    found = [Gathered.of(shape, room.samples) for _ in asked.rings.edges]
    there = known or [()] * len(sequences)
    for done, (sequence, companions) in enumerate(zip(sequences, there, strict=True), 1):
        middle = middle_of(sequence, asked.mlar, asked.rings.outer)
        turned = Turned.of(middle, -sequence.angle, asked.mlar.interpolation, room.turned)
        each = zip(rings(turned, asked.rings.edges, asked.mlar), found, strict=True)
        for number, (ring, some) in enumerate(each):
            rng = np.random.default_rng([asked.seed, number, *sequence.label.encode()])
            some.add(drawn(ring, share, sequence.observation.fwhm[0], rng, companions))
        if told:
            told(done, len(sequences))
    return [some.every for some in found]


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was drawn: the samples of each ring, how, and of which sequences.

    sequences: label and SHA-256 of each; filter: through which all were taken; known: companions
    in the frames of each, by its label, where there are any.
    """

    samples: list[Labelled]
    asked: Drawing
    sequences: tuple[tuple[str, str], ...]
    filter: str
    known: KnownCompanions

    @property
    def side(self) -> int:
        """Side [px] of the patches."""
        return int(self.samples[0].patches.shape[-1])
