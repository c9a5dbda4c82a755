"""Labelled patches: with a companion (C+), and without (C−), of one ring or of many.

Both are made under angles of the other sign, at which no companion of the sky adds up, handed on by
any number of frames, which keeps the speckles' correlation in time. C+ has a companion injected
into the raw frames, of an S/N between bounds; C− is what the same frames hold at any place, some
just where a companion was put, so that the pair differs by it alone. A patch is in units of the
noise of each level on its own circle, but for its own place: amplitude is information, and noise
differs between frames and separations. Nothing is drawn where a known companion is smeared (see
`clear`).
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, sky_position
from exosift.learn.clear import Place, clear_pixels
from exosift.learn.ring import Ring
from exosift.learn.room import Keep, Values, in_memory
from exosift.photometry.apertures import disc_overlap
from exosift.photometry.injection import Companion
from exosift.types import Bools, Floats, Ints, Shape

# Null frames of a ring that its noise is measured on, at most, and companions for its throughput.
_NULLS, _PILOTS = 10, 8


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
    fluxes: int = 12
    paired: float = 0.1
    mixed: float = 0.1

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

    @property
    def count(self) -> int:
        """Samples that are drawn: as many of both kinds."""
        return self.samples // 2 * 2


@dataclass(frozen=True, eq=False)
class Labelled:
    """Patches (sample, level, y, x), labels (sample,), and the azimuth block (sample,) of each."""

    patches: Values
    labels: Bools
    blocks: Ints


def unit_flux(
    ring: Ring, clear: Ints, fwhm: float, rng: np.random.Generator, nulls: int = _NULLS
) -> float:
    """The flux of a companion with an S/N of one, at the level where that is least.

    In an aperture of one FWHM, on so many null frames; what the levels leave is measured on some
    five times as bright. clear: numbers of the ring's pixels where it is measured.
    """
    disc = _disc(ring.side, fwhm)
    some = rng.choice(ring.pixels[clear], min(200, len(clear)), replace=False)
    shifts = np.linspace(0, ring.orders, min(nulls, ring.orders), endpoint=False).astype(int)
    maps = {shift: ring.images(_handed_on(ring, shift)) for shift in shifts}
    noise = np.std([_fluxes(ring.patches(m, some), disc) for m in maps.values()], axis=(0, 1))
    guess = 5 * float(noise[len(noise) // 2])
    left = []
    for shift in rng.choice(shifts, _PILOTS):
        companion, pixel = _placed(ring, clear, rng)
        at = ring.pixels[[pixel]]
        lit = ring.lit(companion, np.array([guess]), _handed_on(ring, shift), at)[0, 0]
        left.append(_fluxes(lit - ring.patches(maps[shift], at)[0], disc) / guess)
    through = np.mean(left, axis=0)
    unit = np.divide(noise, through, out=np.full(len(noise), np.inf), where=through > 0)
    return float(unit.min())


def drawn(
    ring: Ring,
    asked: Sampling,
    fwhm: float,
    rng: np.random.Generator,
    known: Several[Place] = (),
) -> Labelled:
    """Draw the labelled patches of a ring under angles at which its own sky does not add up.

    known: companions that are in the frames.
    """
    clear = clear_pixels(ring, known, fwhm)
    half = asked.count // 2
    tracks = -(-half // asked.fluxes)
    # Of few samples, as in one of many stars, no more orders of the angles than they fill.
    unit = unit_flux(ring, clear, fwhm, rng, min(tracks, _NULLS))
    snr = rng.uniform(*asked.snr, (tracks, asked.fluxes))
    places = [_placed(ring, clear, rng) for _ in range(tracks)]
    paired = min(int(asked.paired * half), tracks)
    nulls = clear[rng.integers(len(clear), size=half - paired)]
    shifts = rng.permutation(ring.orders)[:tracks]
    of_track, of_null = (np.array_split(np.arange(n), len(shifts)) for n in (tracks, len(nulls)))

    def work(i: int) -> tuple[Floats, Floats, Floats]:
        order = _handed_on(ring, shifts[i])
        images = ring.images(order)
        noise = ring.noise(images)
        chosen = nulls[of_null[i]]
        minus = noise.of(chosen).units(ring.patches(images, ring.pixels[chosen]))
        plus, before = [], []
        for track in of_track[i]:
            companion, pixel = places[track]
            at, own = ring.pixels[[pixel]], noise.of(np.array([pixel]))
            plus.append(own.units(ring.lit(companion, snr[track] * unit, order, at))[:, 0])
            before.append(own.units(ring.patches(images, at)))
        shape = (0, *minus.shape[1:])
        return (
            np.concatenate([np.empty(shape, np.float32), *plus]),
            minus,
            np.concatenate([np.empty(shape, np.float32), *before]),
        )

    every = threads.over(work, range(len(shifts)))
    plus, minus, before = (np.concatenate(some) for some in zip(*every, strict=True))
    at = np.array([pixel for _, pixel in places])
    where = np.concatenate([np.repeat(at, asked.fluxes)[:half], nulls, at[:paired]])
    blocks = _blocks(ring.pixels[where], ring)
    minus = _mixed(minus, blocks[half : half + len(nulls)], asked.mixed, rng)
    patches = np.concatenate([plus[:half], minus, before[:paired]])
    return Labelled(patches, np.arange(len(patches)) < half, blocks)


@dataclass(eq=False)
class Gathered:
    """Samples of a ring from many sequences, put together as they are drawn.

    Arrays as of `Labelled`, for all that there will be; filled: how many there are so far.
    """

    patches: Values
    labels: Bools
    blocks: Ints
    filled: int = 0

    @classmethod
    def of(cls, shape: Shape, room: Keep = in_memory) -> "Gathered":
        """To hold patches of a shape (sample, level, y, x), in `room`."""
        return cls(room(shape), np.zeros(shape[0], bool), np.zeros(shape[0], int))

    def add(self, some: Labelled) -> None:
        """Take the samples of the next sequence; its blocks are nobody's neighbours."""
        here = slice(self.filled, self.filled + len(some.labels))
        apart = int(self.blocks[: self.filled].max()) + 2 if self.filled else 0
        self.patches[here] = some.patches[:]
        self.labels[here], self.blocks[here] = some.labels, some.blocks + apart
        self.filled = here.stop

    @property
    def every(self) -> Labelled:
        """All, once they are there."""
        return Labelled(self.patches, self.labels, self.blocks)


def _handed_on(ring: Ring, shift: int) -> Ints:
    """The order of the angles, handed on by `shift` frames."""
    return np.roll(np.arange(ring.orders), shift)


def _placed(ring: Ring, clear: Ints, rng: np.random.Generator) -> tuple[Companion, int]:
    """A companion of unit flux on any clear pixel of a ring, and the number of that pixel."""
    pixel = int(clear[rng.integers(len(clear))])
    y, x = divmod(int(ring.pixels[pixel]), ring.size)
    beside = rng.uniform(-0.5, 0.5, 2)
    place = sky_position(x + beside[0], y + beside[1], centre_of((ring.size, ring.size)))
    return Companion(*place, (1.0,)), pixel


def _mixed(patches: Floats, blocks: Ints, share: float, rng: np.random.Generator) -> Floats:
    """Patches of which a share are cos α and sin α of two of one block, the second turned.

    That keeps their variance; a mean would not.
    """
    chosen = rng.choice(len(patches), int(share * len(patches)), replace=False)
    first = chosen[np.argsort(blocks[chosen], kind="stable")]
    second = np.roll(first, 1)
    alike = blocks[first] == blocks[second]
    first, second = first[alike], second[alike]
    angle = rng.uniform(0, np.pi / 2, (len(first), 1, 1, 1))
    other = np.rot90(patches[second], int(rng.integers(4)), (2, 3))[..., ::-1]
    found = patches.copy()
    found[first] = np.cos(angle) * patches[first] + np.sin(angle) * other
    return found


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
    return np.asarray(disc_overlap(x.astype(float), y.astype(float), fwhm / 2)[0])


def _fluxes(patches: Floats, disc: Floats) -> Floats:
    """Flux (…,) in that aperture of patches (…, y, x)."""
    return np.asarray(patches.reshape(*patches.shape[:-2], -1) @ disc)
