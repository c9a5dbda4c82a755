"""Supervised detection as a method: one classifier a ring, and the map of its margins.

Noise changes with separation, so each ring has its own classifier. What is mapped is the margin, a
log-odds, at every pixel of the rings; it ranks, and says no probability before it is calibrated
against null frames that taught nothing.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.learn.classifier import Classifier, Told
from exosift.learn.labelled import Labelled, Sampling, drawn, joined, scale_of
from exosift.learn.mlar import Mlar
from exosift.learn.model import Zone
from exosift.learn.ring import Ring, rings
from exosift.learn.turned import Turned
from exosift.limits.methods import MapWith, Method
from exosift.photometry.injection import Companion
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints

# With a companion in the frames the map is made anew within so many FWHM of it.
_NEAR = 3.0


@dataclass(frozen=True)
class Rings:
    """Rings `width` [FWHM] wide from `inner` to `outer` [FWHM]."""

    inner: float = 1.0
    outer: float = 9.0
    width: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.inner < self.outer or not 0 < self.width <= self.outer - self.inner:
            raise BadInput(
                f"rings from {self.inner:g} to {self.outer:g} FWHM, {self.width:g} wide: expected "
                "0 < inner < outer, and a ring or more between them"
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
) -> "Supervised":
    """Learn from sequences, each under angles of the other sign; `told(done, of)` after each ring.

    The sequence itself alone is the protocol "sequence", other stars "survey", both "pooled".
    Raises BadInput for sequences whose patches would differ in size, and as `rings` does.
    """
    sides = {asked.side(sequence.observation.fwhm[0]) for sequence in sequences}
    if len(sides) != 1:
        raise BadInput(
            f"{len(sequences)} sequences have patches of {sorted(sides)} px: teach with sequences "
            "of one FWHM"
        )
    prepared = [
        rings(Turned.of(sequence, -sequence.angle, asked.interpolation), where.edges, asked)
        for sequence in sequences
    ]
    taught = []
    for number, edges in enumerate(where.edges):
        samples = [
            drawn(each[number], sampling, sequence.observation.fwhm[0], _draw(seed, number, label))
            for label, (sequence, each) in enumerate(zip(sequences, prepared, strict=True))
        ]
        taught.append(_zone(edges, classifier, joined(samples), seed))
        if told:
            told(number + 1, len(where.edges))
    return Supervised(asked, tuple(taught))


def _draw(seed: int, ring: int, sequence: int) -> np.random.Generator:
    return np.random.default_rng([seed, ring, sequence])


def _zone(edges: tuple[float, float], classifier: Classifier, samples: Labelled, seed: int) -> Zone:
    order = np.random.default_rng(seed).permutation(len(samples.labels))
    fitted = classifier.fit(
        samples.patches[order], samples.labels[order], samples.blocks[order], seed
    )
    companions = int(samples.labels.sum())
    return Zone(edges, fitted, companions, len(samples.labels) - companions)


@dataclass(frozen=True, eq=False)
class Supervised(Method):
    """Classifiers of rings, and how the patches that they take are made.

    The last sequence that was mapped is kept turned, for other orders of its angles.
    """

    asked: Mlar
    taught: tuple[Zone, ...]
    _kept: dict[str, "_Prepared"] = field(default_factory=dict, repr=False)

    def map(self, sequence: Sequence) -> Floats:
        """Margins (y, x), North up; NaN outside of the rings."""
        prepared, rings_of, order = self._of(sequence)
        found = np.full(sequence.cube.shape[-2:], np.nan, np.float32)
        scales = prepared.scale_of(rings_of)
        for ring, scale, own in zip(rings_of, scales, self.taught, strict=True):
            patches = ring.patches(ring.images(order), ring.pixels)
            found.flat[ring.pixels] = own.fitted.margin(patches / scale[:, None, None])
        return found

    def injected(self, sequence: Sequence) -> MapWith:
        """In Gram space, within 3 FWHM of the companion; farther off the map is as without it."""
        prepared, rings_of, order = self._of(sequence)
        plain = self.map(sequence)
        centre, fwhm = centre_of(plain.shape), sequence.observation.fwhm[0]
        scales = prepared.scale_of(rings_of)

        def map_with(companion: Companion, seen: Bools) -> Floats:
            x, y = pixel_position(companion.separation, companion.position_angle, centre)
            near = (radius_map(plain.shape, (x, y)) <= _NEAR * fwhm) & seen
            found, one = plain.copy(), np.ones(1)
            for ring, scale, own in zip(rings_of, scales, self.taught, strict=True):
                pixels = ring.pixels[near.ravel()[ring.pixels]]
                if pixels.size:
                    patches = ring.lit(companion, one, order, pixels)[0]
                    found.flat[pixels] = own.fitted.margin(patches / scale[:, None, None])
            return found

        return map_with

    def _of(self, sequence: Sequence) -> tuple["_Prepared", list[Ring], Ints]:
        """The sequence turned, its rings under the sign of its angles, and their order."""
        kept = self._kept.get("last")
        if kept is None or not kept.holds(sequence):
            edges = [one.edges for one in self.taught]
            kept = self._kept["last"] = _Prepared.of(sequence, edges, self.asked)
        negative, order = kept.order(sequence.angle)
        return kept, kept.signs[negative], order


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A sequence's rings under its angles and under their negatives, and their null noise.

    signs: rings of either; scales (ring,): of either, measured under the other.
    """

    cube: Floats
    angle: Floats
    signs: tuple[list[Ring], list[Ring]]
    scales: tuple[list[Floats], list[Floats]]

    @classmethod
    def of(
        cls, sequence: Sequence, edges: Several[tuple[float, float]], asked: Mlar
    ) -> "_Prepared":
        both = [
            rings(Turned.of(sequence, sign * sequence.angle, asked.interpolation), edges, asked)
            for sign in (1, -1)
        ]
        noise = [[scale_of(ring) for ring in one] for one in both]
        return cls(sequence.cube, sequence.angle, (both[0], both[1]), (noise[1], noise[0]))

    def holds(self, sequence: Sequence) -> bool:
        """Whether it is of these frames, under some order of these angles or of their negatives."""
        return sequence.cube is self.cube and any(
            np.array_equal(np.sort(sign * self.angle), np.sort(sequence.angle)) for sign in (1, -1)
        )

    def order(self, angle: Floats) -> tuple[int, Ints]:
        """Whether angles (time,) are of the other sign, and which of the turns each is."""
        for negative, sign in enumerate((1, -1)):
            turns = sign * self.angle
            if np.array_equal(np.sort(turns), np.sort(angle)):
                index = np.argsort(turns, kind="stable")
                return negative, index[np.searchsorted(turns[index], angle)]
        raise AssertionError("angles that it does not hold")

    def scale_of(self, some: list[Ring]) -> list[Floats]:
        """The null noise of rings of either sign."""
        return self.scales[0 if some is self.signs[0] else 1]
