"""Memory and run time to ask for, from the shape of an observation alone.

Bytes are counted, not guessed: each step holds so many copies of the cube at its peak, on top of
the interpreter with its libraries. A retry asks for more. An unknown shape asks for the least.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, pi, prod

from exosift.compute.blocks import BLOCK, SAMPLE, TILE, USUAL
from exosift.psfsub.catalogue import Reduction, streams
from exosift.types import Shape

SNAKEMAKE = 350
"""MB of a job on a cluster that are not its step's: Snakemake runs twice in it, nested."""

_BASE = 250  # MB: interpreter, NumPy, SciPy, Zarr, Astropy, Matplotlib
_VALUE = 4  # bytes of a float32, the precision of cubes

# Values that a core reduces in about a second, which is what a step takes to start.
_SMALL = 1_000_000
_MARGIN = 1.3

# Copies of the cube alive at the peak of a step. Register: as read (doubles at worst), the float32
# one, the filled one, masks, the padded frames and spectrum of a shift (complex), the result.
_REGISTER = 10
# Simulate: the light of each frame, its parts, and what the detector makes of them.
_SIMULATE = 10

# Calibrate: masters, and the library of skies, up to 64 frames as they are and less their levels;
# and for each thread so many copies of a block. A window not known yet is taken for a detector's.
_SKIES, _DETECTOR, _CALIBRATED = 3 * 64, (1024, 1024), 7

# Register calibrated frames: copies of a block a thread; of the frames whose median is taken.
_BLOCKS, _SAMPLED = 12, 2

# Subtract: the cube and its mask, one region's centred frames in both precisions, the star; and a
# residual for each rank, as they are stored and as they are derotated.
_SUBTRACT = 5
_RANK = 1.5

# Subtract, the frames on disk: copies of a tile alive in a thread; of a frame, in Fourier shears of
# 2.35 times its side; and inner products of all frames. In an eigendecomposition, of the latter.
_TILES, _TURNED, _PRODUCTS, _SOLVED = 4, 30, 4, 12

# Invert: the filtered and the weighted frames, those matched with the PSF, their differences and
# ones in double precision, mixed frames of two annuli at work; of images alone, matched patterns.
_INVERT, _MAPS = 8, 80

# Limits: changes to the residuals, of some injections at once (16 million values at most), the
# matrices that derotate them, and what is measured of them; rounds of a search for a flux, and of
# its throughput; pixels from one separation to the next where none are named, at least.
_BATCH, _CHANGES, _SEARCHED, _TWICE, _STEP = 16_000_000, 5, 6, 2, 3

# Characterise: a fit, in whole reductions of one rank.
_FIT = 10

# Search: 64 neighbours a pixel for the aperture sums; discs at 49² places for the pixels under the
# outermost circle, and ten arrays over the apertures of a piece of work.
_NEIGHBOURS, _PLACES, _READINGS, _ARRAYS = 64, 49**2, 32, 10

# ROC: seconds for the S/N map of an image of some 100² px on a slow core.
_SNR = 0.5

# STIM: both maps' moments in double precision, and what is on the way to them, in frames.
_MOMENTS = 24


def simulate_memory(shape: Shape, attempt: int) -> int:
    """MB to simulate frames of `shape` (…, y, x); of an archive, those of one night."""
    return grown(_SIMULATE * prod(shape) * _VALUE, attempt)


def threads(shape: Shape, most: int = 2) -> int:
    """Threads worth having for a cube of `shape`: most of a small one's time is its step's start.

    On so many cores a survey of small observations then has as many jobs at a time. `most` where
    the shape is not known.
    """
    return 1 if shape and prod(shape) < _SMALL else most


def calibrate_memory(window: Shape, threads: int, attempt: int) -> int:
    """MB to calibrate frames of a window (y, x), however many; () where it is not known."""
    skies = _SKIES * prod(window or _DETECTOR) * _VALUE
    return grown(skies + threads * _CALIBRATED * BLOCK, attempt)


def streamed_memory(shape: Shape, each: bool, threads: int, attempt: int) -> int:
    """MB to register a sequence of `shape` (wavelength, time, y, x), of any length, by blocks.

    each: the star is found in each frame, and not in the median of some.
    """
    if len(shape) != 4:
        return grown(threads * _BLOCKS * BLOCK, attempt)
    frame = shape[0] * shape[2] * shape[3] * _VALUE
    blocks = min(threads * BLOCK, shape[1] * frame)
    held = min(shape[1], USUAL if each else SAMPLE) * frame
    return grown(_BLOCKS * blocks + _SAMPLED * held, attempt)


def register_memory(shape: Shape, attempt: int) -> int:
    """MB to register a cube of `shape` (…, time, y, x)."""
    return grown(_REGISTER * prod(shape) * _VALUE, attempt)


@dataclass(frozen=True)
class Work:
    """What subtracting has to go through.

    shape of the sequence (wavelength, time, y, x); shapes of its reference stars'; ranks asked for;
    rounds, one and one an iteration; aligned: all wavelengths model each other; streams: its frames
    may stay on disk.
    """

    shape: Shape
    stars: tuple[Shape, ...] = ()
    ranks: int = 1
    rounds: int = 1
    aligned: bool = False
    streams: bool = False

    @classmethod
    def of(cls, reduction: Reduction, shape: Shape, stars: Sequence[Shape]) -> "Work":
        """That of a reduction, from the shapes of a sequence and of its reference stars."""
        stages = [stage for stage in (reduction.first, reduction) if stage]
        aligned = any(stage.references.wavelengths == "all" for stage in stages)
        ranks, rounds = len(reduction.model.variants), 1 + reduction.iterations
        return cls(shape, tuple(stars), ranks, rounds, aligned, streams(reduction))

    def fits(self, memory: float) -> bool:
        """Whether the frames may all be in so many MB of memory; they must be if they cannot stay
        on disk."""
        return not self.streams or subtract_memory(self, 1) <= memory


def subtract_asked(work: Work, threads: int, attempt: int, most: float = inf) -> int:
    """MB to ask for, where a job can have no more than `most`."""
    if work.fits(most):
        return subtract_memory(work, attempt)
    least = subtract_streamed(work, threads, 1)
    return max(least, int(min(attempt * least, most)))


def subtract_streamed(work: Work, threads: int, attempt: int) -> int:
    """MB to reduce a sequence whose frames stay on disk.

    Each thread has some tiles, a frame's Fourier transforms, and inner products of all frames; the
    coefficients of all are found while the threads wait.
    """
    if len(work.shape) != 4:
        return grown(0, attempt)
    rows = work.shape[1] + sum(star[1] for star in work.stars if len(star) == 4)
    frame, products = _VALUE * prod(work.shape[2:]), 8 * rows**2
    each = _tiles(work.shape) + _TURNED * frame + _PRODUCTS * products
    return grown(max(threads * each, (_SOLVED + 2 * work.ranks) * products), attempt)


def subtract_memory(work: Work, attempt: int) -> int:
    """MB to reduce a sequence in memory; scaling to other wavelengths makes a copy each way."""
    values = _SUBTRACT + work.aligned, _RANK + work.aligned
    frames = prod(work.shape) + sum(map(prod, work.stars))
    needed = values[0] * frames + values[1] * work.ranks * prod(work.shape)
    return grown(needed * _VALUE, attempt)


def invert_memory(shape: Shape, attempt: int) -> int:
    """MB to invert a sequence of `shape` (wavelength, time, y, x), one wavelength at a time."""
    frames = prod(shape[1:]) if len(shape) == 4 else 0
    values = 2 * prod(shape) + _INVERT * frames + _MAPS * prod(shape[2:])
    return grown(values * _VALUE, attempt)


def detect_memory(shape: Shape, attempt: int, frames: Shape = ()) -> int:
    """MB to search images of `shape` (…, y, x), with STIM of `frames` (wavelength, time, y, x).

    STIM turns the frames a few at a time.
    """
    under = 4 * pi * max(shape[-2:], default=0) / 2
    values = 2 * _NEIGHBOURS * prod(shape[-2:]) + (_PLACES + _READINGS * _ARRAYS) * under
    if frames:
        values += (_TURNED + _MOMENTS) * prod(frames[-2:]) + _tiles(frames) / _VALUE
    return grown(values * _VALUE, attempt)


def _tiles(shape: Shape) -> float:
    """Bytes of the tiles at work in a thread, of a sequence (…, time, y, x)."""
    frame = _VALUE * prod(shape[-2:])
    return _TILES * min(max(TILE, frame), frame * shape[-3])


def subtract_minutes(work: Work, attempt: int) -> int:
    """Minutes to reduce a sequence; an unknown shape asks for the least."""
    return attempt * (2 + int(subtract_seconds(work) / 60))


def subtract_seconds(work: Work) -> float:
    """Seconds to reduce a sequence, at a slow core's 1 GFLOP/s; 0 for an unknown shape.

    Per pixel of n rows: n products a row for the Gram matrix and for each rank's star, six Fourier
    transforms of some 50 operations a frame and rank; 10 n³ for each frame's own eigenproblem.
    """
    if len(work.shape) != 4:
        return 0.0
    channels, frames, height, width = work.shape
    pixels = height * width
    together = channels if work.aligned else 1  # wavelengths whose frames share a stack
    targets = together * frames
    rows = targets + together * sum(star[1] for star in work.stars if len(star) == 4)
    products = 2 * rows * (rows + targets * work.ranks) * pixels
    transforms = 300 * targets * pixels * work.ranks
    operations = channels // together * (products + transforms + 10 * targets * rows**3)
    return work.rounds * operations / 1e9


def limits_memory(work: Work, places: int, attempt: int) -> int:
    """MB for the limits of a reduction: one rank at a time, its residuals kept as they derotate.

    places: companions injected one beside the other, such as the azimuths of a separation.
    """
    frames = prod(work.shape) + sum(map(prod, work.stars))
    changes = _CHANGES * min(_BATCH, places * prod(work.shape[1:]))
    needed = (_SUBTRACT + work.aligned) * frames + 3 * prod(work.shape) + changes
    return grown(needed * _VALUE, attempt)


def limits_minutes(work: Work, separations: int, places: tuple[int, int], attempt: int) -> int:
    """Minutes for limits at so many separations, with injections at places (throughput, search).

    Each injection costs no more than reducing the frames once for its rank.
    """
    throughput, search = places
    count = separations or max(work.shape[-1:], default=0) // (2 * _STEP)
    injections = count * (_TWICE * throughput + _SEARCHED * search)
    each = subtract_seconds(replace(work, ranks=1)) * work.ranks
    return attempt * (2 + int((1 + injections) * each / 60))


def roc_memory(works: Sequence[Work], inverted: Shape, places: int, attempt: int) -> int:
    """MB to judge reductions, and inversions of a sequence of the shape `inverted`, if any."""
    each = [limits_memory(work, places, attempt) for work in works] + [
        invert_memory(inverted, attempt)
    ]
    return max(each)


def roc_minutes(works: Sequence[Work], inverted: Sequence[Shape], maps: int, attempt: int) -> int:
    """Minutes to judge reductions, and inversions of sequences of these shapes, by so many maps.

    No map costs more than the whole method, and the small-sample S/N of all its pixels.
    """
    seconds = sum(map(subtract_seconds, works)) + sum(map(invert_seconds, inverted))
    mapped = _SNR * (len(works) + len(inverted))
    return attempt * (2 + int(maps * (seconds + mapped) / 60))


def characterise_minutes(work: Work, injections: int, companions: int, attempt: int) -> int:
    """Minutes to measure companions, each with its injections.

    A fit readies a patch, some times what the whole costs, and tries a hundred places at a small
    part of it; a posterior tries a few hundred more.
    """
    each = subtract_seconds(replace(work, ranks=1))
    return attempt * (5 + int(_FIT * (3 + injections) * companions * each / 60))


def invert_minutes(shape: Shape, attempt: int) -> int:
    """Minutes to invert a sequence; an unknown shape asks for the least."""
    return attempt * (2 + int(invert_seconds(shape) / 60))


def invert_seconds(shape: Shape) -> float:
    """Seconds to invert a sequence of `shape`, at a slow core's 1 GFLOP/s; 0 for an unknown one.

    Per pixel and frame: four Fourier transforms, and four readings of 16 coefficients and more;
    and 2 n products with other frames, on rings that overlap by twice their width.
    """
    if len(shape) != 4:
        return 0.0
    channels, frames, height, width = shape
    return channels * frames * height * width * (600 + 6 * frames) / 1e9


def grown(bytes_needed: float, attempt: int) -> int:
    """MB to ask for, of so many bytes at once on top of the interpreter."""
    return int(attempt * (_BASE + _MARGIN * bytes_needed / 1e6))
