"""Labelled patches: with a companion (C+), and without (C−), of one ring or of many.

Both are made under angles of the other sign, at which no companion of the sky adds up, handed on by
any number of frames, which keeps the speckles' correlation in time. C+ has a companion injected
into the raw frames, of an S/N between bounds; C− is what the same frames hold at any place, some
just where a companion was put, so that the pair differs by it alone. A patch is in units of the
standard deviation of each level over all null frames of its ring: amplitude is information.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, sky_position
from exosift.learn.ring import Ring
from exosift.photometry.apertures import disc_overlap
from exosift.photometry.injection import Companion
from exosift.types import Bools, Floats, Ints

Protocol = Literal["sequence", "survey", "pooled"]
"""What teaches: the sequence itself at negated angles, other stars, or both."""

# Null frames of a ring that its noise is measured on, and companions that its throughput is.
_NULLS, _PILOTS = 20, 12


@dataclass(frozen=True)
class Sampling:
    """How many patches, and of which companions.

    samples: of each ring, half with companions. snr: between which that of the companions is drawn,
    in an aperture of the level where they stand out most. fluxes: of each companion's place.
    paired: share of C− that is cut where a companion was put. mixed: share that is of two patches
    together, turned and mirrored.
    """

    samples: int = 6000
    snr: tuple[float, float] = (1.5, 5.0)
    fluxes: int = 8
    paired: float = 0.15
    mixed: float = 0.15

    def __post_init__(self) -> None:
        if self.samples < 20 or self.fluxes < 1:
            raise BadInput(
                f"samples is {self.samples} and fluxes {self.fluxes}, expected 20 and 1 or more"
            )
        if not 0 < self.snr[0] <= self.snr[1]:
            raise BadInput(f"snr is {self.snr[0]:g} to {self.snr[1]:g}, expected 0 < low ≤ high")
        if min(self.paired, self.mixed) < 0 or self.paired + self.mixed > 1:
            raise BadInput(
                f"paired is {self.paired:g} and mixed {self.mixed:g}, expected shares of C−"
            )


@dataclass(frozen=True, eq=False)
class Labelled:
    """Patches (sample, level, y, x), labels (sample,), and the azimuth block (sample,) of each."""

    patches: Floats
    labels: Bools
    blocks: Ints


@dataclass(frozen=True, eq=False)
class Noise:
    """A ring's noise: scale (level,) of pixels, and the flux that has an S/N of one.

    The latter is that in an aperture of one FWHM at the level where it is least.
    """

    scale: Floats
    unit: float


def scale_of(ring: Ring) -> Floats:
    """Standard deviation (level,) of the level images over null frames of a ring."""
    where = ring.number[ring.pixels]
    maps = [ring.images(order)[:, where] for order in _shifts(ring, _NULLS)]
    return np.asarray(np.std(np.stack(maps), axis=(0, 2), dtype=np.float64), np.float32)


def noise_of(ring: Ring, fwhm: float, rng: np.random.Generator) -> Noise:
    """Measure a ring's noise, and what its levels leave of companions, a few times as bright."""
    scale = scale_of(ring)
    disc = _disc(ring.side, fwhm)
    some = rng.choice(ring.pixels, min(200, len(ring.pixels)), replace=False)
    shifts = _shifts(ring, _NULLS)
    flux = np.stack([_fluxes(ring.patches(ring.images(order), some), disc) for order in shifts])
    noise = flux.std(axis=(0, 1))
    guess = 5 * float(noise[len(noise) // 2])
    orders = [shifts[i % len(shifts)] for i in range(_PILOTS)]
    pairs = [_pair(ring, *_placed(ring, rng), np.array([guess]), order) for order in orders]
    through = np.mean([_fluxes(lit[0] - before, disc) for lit, before in pairs], axis=0) / guess
    with np.errstate(divide="ignore"):
        unit = np.where(through > 0, noise / through, np.inf)
    return Noise(scale, float(unit.min()))


def drawn(ring: Ring, asked: Sampling, fwhm: float, rng: np.random.Generator) -> Labelled:
    """Draw the labelled patches of a ring under angles at which its own sky does not add up."""
    noise = noise_of(ring, fwhm, rng)
    half = asked.samples // 2
    tracks = -(-half // asked.fluxes)
    places = [_placed(ring, rng) for _ in range(tracks)]
    snr = rng.uniform(*asked.snr, (tracks, asked.fluxes))
    orders = [np.roll(np.arange(ring.orders), s) for s in rng.integers(ring.orders, size=tracks)]

    def work(i: int) -> tuple[Floats, Floats]:
        return _pair(ring, *places[i], snr[i] * noise.unit, orders[i])

    pairs = threads.over(work, range(tracks))
    at = np.array([pixel for _, pixel in places])
    plus = np.concatenate([one for one, _ in pairs])[:half]
    of_plus = np.repeat(at, asked.fluxes)[:half]
    count = min(int(asked.paired * half), tracks)
    minus, of_minus = _nulls(ring, half - count, asked.mixed, rng)
    before = np.stack([one for _, one in pairs])[:count]
    patches = np.concatenate([plus, minus, before]) / noise.scale[:, None, None]
    labels = np.arange(len(patches)) < half
    blocks = _blocks(np.concatenate([of_plus, of_minus, at[:count]]), ring)
    return Labelled(np.asarray(patches, np.float32), labels, blocks)


def joined(some: Several[Labelled]) -> Labelled:
    """Samples of several rings, or stars, together; their blocks stay apart."""
    offset, blocks = 0, []
    for one in some:
        blocks.append(one.blocks + offset)
        offset += int(one.blocks.max()) + 2  # nobody's neighbour
    return Labelled(
        np.concatenate([one.patches for one in some]),
        np.concatenate([one.labels for one in some]),
        np.concatenate(blocks),
    )


def _shifts(ring: Ring, count: int) -> list[Ints]:
    """Orders in which the angles are handed on, evenly spread."""
    steps = np.linspace(0, ring.orders, min(count, ring.orders), endpoint=False).astype(int)
    return [np.roll(np.arange(ring.orders), step) for step in steps]


def _placed(ring: Ring, rng: np.random.Generator) -> tuple[Companion, int]:
    """A companion of unit flux anywhere in a ring, and the pixel that it is on."""
    pixel = int(rng.choice(ring.pixels))
    y, x = divmod(pixel, ring.size)
    beside = rng.uniform(-0.5, 0.5, 2)
    place = sky_position(x + beside[0], y + beside[1], centre_of((ring.size, ring.size)))
    return Companion(*place, (1.0,)), pixel


def _pair(
    ring: Ring, companion: Companion, pixel: int, fluxes: Floats, order: Ints
) -> tuple[Floats, Floats]:
    """Patches (flux, level, y, x) with a companion, and the patch (level, y, x) without."""
    at = np.array([pixel])
    return ring.lit(companion, fluxes, order, at)[:, 0], ring.unlit(order, at)[0]


def _nulls(ring: Ring, count: int, mixed: float, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Patches (sample, level, y, x) of null frames and the pixels (sample,) that they are about.

    Mixed ones are cos α and sin α of two, which keeps their variance; a mean would not.
    """
    shifts = rng.permutation(ring.orders)
    each = np.array_split(np.arange(count), len(shifts))
    patches, at = [], []
    for shift, some in zip(shifts, each, strict=True):
        if not some.size:
            continue
        pixels = rng.choice(ring.pixels, len(some))
        patches.append(ring.patches(ring.images(np.roll(np.arange(ring.orders), shift)), pixels))
        at.append(pixels)
    found, pixels = np.concatenate(patches), np.concatenate(at)
    chosen = rng.choice(count, int(mixed * count), replace=False)
    # Both of a pair come from one block, so that a block held back is in no other.
    order = np.argsort(_blocks(pixels[chosen], ring), kind="stable")
    first, second = chosen[order], chosen[np.roll(order, 1)]
    alike = _blocks(pixels[first], ring) == _blocks(pixels[second], ring)
    first, second = first[alike], second[alike]
    turn = np.radians(rng.uniform(0, 90, (len(first), 1, 1, 1)))
    other = np.rot90(found[second], int(rng.integers(4)), (2, 3))[..., ::-1]
    found[first] = np.cos(turn) * found[first] + np.sin(turn) * other
    return found, pixels


def _blocks(pixels: Ints, ring: Ring) -> Ints:
    """Azimuth blocks (pixel,), each a patch's diagonal long or more on the ring's inner edge."""
    middle = (ring.size - 1) / 2
    y, x = np.divmod(pixels, ring.size)
    count = max(1, int(2 * np.pi * max(ring.bounds[0], 1.0) / (np.sqrt(2) * ring.side)))
    azimuth = np.arctan2(y - middle, x - middle) % (2 * np.pi)
    return np.asarray(np.minimum(azimuth * count / (2 * np.pi), count - 1).astype(int))


def _disc(side: int, fwhm: float) -> Floats:
    """An aperture of one FWHM in the middle of a patch, as weights (pixel,)."""
    y, x = np.mgrid[:side, :side].reshape(2, 1, -1) - side // 2
    return disc_overlap(x.astype(float), y.astype(float), fwhm / 2)[0]


def _fluxes(patches: Floats, disc: Floats) -> Floats:
    """Flux (…,) in that aperture of patches (…, y, x)."""
    return np.asarray(patches.reshape(*patches.shape[:-2], -1) @ disc)
