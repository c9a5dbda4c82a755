"""Supervised detection as a method: one classifier a ring, and the map of its margins.

Noise changes with separation, so each ring has its own classifier. What is mapped is the margin, a
log-odds, at every pixel of the rings; it ranks, and says no probability before it is calibrated
against null frames that taught nothing.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass, field

import numpy as np

from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.learn.classifier import Classifier, Told
from exosift.learn.clear import Place
from exosift.learn.drawing import Drawing, gathered
from exosift.learn.labelled import Labelled
from exosift.learn.middle import framed, inside, middle_of
from exosift.learn.mlar import Mlar
from exosift.learn.model import Zone
from exosift.learn.ring import Ring, rings
from exosift.learn.room import Keep, in_memory
from exosift.learn.turned import Turned
from exosift.limits.methods import MapWith, Method
from exosift.photometry.injection import Companion
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints

# With a companion in the frames the map is made anew within so many FWHM of it: a peak on it, those
# within one FWHM of that, and what is higher within half of one of those.
_NEAR = 2.0


def teach(
    sequences: Several[Sequence],
    classifier: Classifier,
    asked: Drawing,
    known: Several[Several[Place]] = (),
) -> "Supervised":
    """Learn from sequences, each under angles of the other sign.

    The sequence itself alone is the protocol "sequence", other stars "survey", both "pooled".
    known, and what it raises: as of `drawing.gathered`.
    """
    samples = gathered(sequences, asked, known)
    return Supervised(asked.mlar, fitted(samples, classifier, asked))


def fitted(
    samples: Several[Labelled], classifier: Classifier, asked: Drawing, told: Told | None = None
) -> tuple[Zone, ...]:
    """Learn from the samples of each ring; `told(done, of)` after each."""
    taught = []
    for edges, some in zip(asked.rings.edges, samples, strict=True):
        taught.append(_zone(edges, classifier, some, asked.seed))
        if told:
            told(len(taught), len(samples))
    return tuple(taught)


def _zone(edges: tuple[float, float], classifier: Classifier, samples: Labelled, seed: int) -> Zone:
    learnt = classifier.fit(samples.patches, samples.labels, samples.blocks, seed)
    companions = int(samples.labels.sum())
    return Zone(edges, learnt, companions, len(samples.labels) - companions)


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
