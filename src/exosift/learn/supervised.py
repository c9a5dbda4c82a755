"""Supervised detection as a method: one classifier a ring, and the map of its margins.

Noise changes with separation, so each ring has its own classifier. What is mapped is the margin, a
log-odds, at every pixel of the rings; it ranks, and says no probability before it is calibrated
against null frames that taught nothing.
"""

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.learn.classifier import Classifier, Told
from exosift.learn.clear import Place
from exosift.learn.labelled import Gathered, Labelled, Sampling, drawn
from exosift.learn.middle import framed, inside, middle_of
from exosift.learn.mlar import Mlar
from exosift.learn.model import Zone
from exosift.learn.ring import Ring, rings
from exosift.learn.room import IN_MEMORY, Keep, Room, in_memory
from exosift.learn.turned import Turned
from exosift.limits.methods import MapWith, Method
from exosift.photometry.injection import Companion
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints

# Samples of a ring that one of many sequences gives, at least.
_LEAST = 20

Shown = Callable[[tuple[float, float], Labelled], None]
"""Takes a ring's edges [FWHM] and its samples."""

# With a companion in the frames the map is made anew within so many FWHM of it: a peak on it, those
# within one FWHM of that, and what is higher within half of one of those.
_NEAR = 2.0


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


def teach(
    sequences: Several[Sequence],
    classifier: Classifier,
    asked: Mlar,
    sampling: Sampling,
    where: Rings,
    seed: int,
    told: Told | None = None,
    *,
    known: Several[Several[Place]] = (),
    room: Room = IN_MEMORY,
    shown: Shown | None = None,
) -> "Supervised":
    """Learn from sequences, each under angles of the other sign; `told(done, of)` after each ring.

    The sequence itself alone is the protocol "sequence", other stars "survey", both "pooled"; the
    samples are divided among them, 20 or more each. known: of each sequence, the companions that
    are in its frames; no sample is drawn where they are smeared. room: for samples, and for turned
    frames. shown: is given each ring's samples before they teach.
    Raises BadInput for sequences whose patches would differ in size, and as `rings` does.
    """
    sides = {asked.side(sequence.observation.fwhm[0]) for sequence in sequences}
    if len(sides) != 1:
        raise BadInput(
            f"{len(sequences)} sequences have patches of {sorted(sides)} px: teach with sequences "
            "of one FWHM"
        )
    share = shared(sampling, len(sequences))
    (side,) = sides
    shape = share.count * len(sequences), asked.levels, side, side
    samples = [Gathered.of(shape, room.samples) for _ in where.edges]
    there = known or [()] * len(sequences)
    for number, (sequence, companions) in enumerate(zip(sequences, there, strict=True)):
        middle = middle_of(sequence, asked, where.outer)
        turned = Turned.of(middle, -sequence.angle, asked.interpolation, room.turned)
        for ring, (own, some) in enumerate(
            zip(rings(turned, where.edges, asked), samples, strict=True)
        ):
            rng = np.random.default_rng([seed, ring, number])
            some.add(drawn(own, share, sequence.observation.fwhm[0], rng, companions))
    taught = []
    for edges, some in zip(where.edges, samples, strict=True):
        if shown:
            shown(edges, some.every)
        taught.append(_zone(edges, classifier, some.every, seed))
        if told:
            told(len(taught), len(samples))
    return Supervised(asked, tuple(taught), room.turned)


def shared(sampling: Sampling, sequences: int) -> Sampling:
    """What each of so many sequences gives of a ring's samples: its share, or a few at least."""
    return replace(sampling, samples=max(_LEAST, -(-sampling.samples // sequences)))


def _zone(edges: tuple[float, float], classifier: Classifier, samples: Labelled, seed: int) -> Zone:
    fitted = classifier.fit(samples.patches, samples.labels, samples.blocks, seed)
    companions = int(samples.labels.sum())
    return Zone(edges, fitted, companions, len(samples.labels) - companions)


@dataclass(frozen=True, eq=False)
class Supervised(Method):
    """Classifiers of rings, and how the patches that they take are made.

    The last sequence that was mapped is kept turned, for other orders of its angles; room: for
    that.
    """

    asked: Mlar
    taught: tuple[Zone, ...]
    room: Keep = in_memory
    _kept: dict[str, "_Kept"] = field(default_factory=dict, repr=False)

    def map(self, sequence: Sequence) -> Floats:
        """Margins (y, x), North up; NaN outside of the rings."""
        return framed(self._map(*self._rings(sequence)), sequence.cube.shape[-2:])

    def _map(self, order: Ints, prepared: Several[Ring]) -> Floats:
        """Margins in the middle of the frames."""
        found = np.full((prepared[0].size, prepared[0].size), np.nan, np.float32)
        for ring, own in zip(prepared, self.taught, strict=True):
            images = ring.images(order)
            patches = ring.noise(images).units(ring.patches(images, ring.pixels))
            found.flat[ring.pixels] = own.fitted.margin(patches)
        return found

    def injected(self, sequence: Sequence) -> MapWith:
        """In Gram space, within 2 FWHM of the companion; farther off the map is as without it."""
        order, prepared = self._rings(sequence)
        plain, shape = self._map(order, prepared), sequence.cube.shape[-2:]
        part = inside(shape[-1], plain.shape[-1])
        noise = [ring.noise(ring.images(order)) for ring in prepared]
        centre, fwhm = centre_of(plain.shape), sequence.observation.fwhm[0]

        def map_with(companion: Companion, seen: Bools) -> Floats:
            x, y = pixel_position(companion.separation, companion.position_angle, centre)
            near = (radius_map(plain.shape, (x, y)) <= _NEAR * fwhm) & seen[part]
            found = plain.copy()
            for ring, told, own in zip(prepared, noise, self.taught, strict=True):
                which = np.flatnonzero(near.ravel()[ring.pixels])
                if which.size:
                    pixels = ring.pixels[which]
                    patches = ring.lit(companion, np.ones(1), order, pixels)[0]
                    found.flat[pixels] = own.fitted.margin(told.of(which).units(patches))
            return framed(found, shape)

        return map_with

    def _rings(self, sequence: Sequence) -> tuple[Ints, list[Ring]]:
        """The order of a sequence's angles, and its rings turned by them."""
        kept = self._kept.get("last")
        if kept is None or not kept.holds(sequence):
            kept = self._kept["last"] = _Kept(sequence, {})
        sign = kept.sign(sequence.angle)
        turns = sign * kept.sequence.angle
        if sign not in kept.rings:
            middle = middle_of(sequence, self.asked, self.taught[-1].edges[1])
            turned = Turned.of(middle, turns, self.asked.interpolation, self.room)
            kept.rings[sign] = rings(turned, [one.edges for one in self.taught], self.asked)
        index = np.argsort(turns, kind="stable")
        return index[np.searchsorted(turns[index], sequence.angle)], kept.rings[sign]


@dataclass(frozen=True, eq=False)
class _Kept:
    """A sequence, and its rings under its angles (1) and under their negatives (−1)."""

    sequence: Sequence
    rings: dict[int, list[Ring]]

    def holds(self, sequence: Sequence) -> bool:
        """Whether it is of these frames, under some order of these angles or of their negatives."""
        return sequence.cube is self.sequence.cube and self.sign(sequence.angle) != 0

    def sign(self, angle: Floats) -> int:
        """Which sign of its angles these are; 0 for others."""
        own, asked = self.sequence.angle, np.sort(angle)
        return next((s for s in (1, -1) if np.array_equal(np.sort(s * own), asked)), 0)
