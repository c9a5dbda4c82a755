"""A sequence of any length registered in blocks: find the star, judge the frames, move them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.calib.badpixels import fill
from exosift.calib.centring import settled
from exosift.calib.medians import temporal_median
from exosift.calib.outliers import Outliers, transients
from exosift.calib.registration import Finders, Places, Registration, centred, reach_of, windows
from exosift.calib.selection import Selected, measure, select
from exosift.compute.blocks import SAMPLE, USUAL, Block, frames_together, stream
from exosift.errors import BadInput, Failed
from exosift.geometry.shifting import shift
from exosift.types import Bools, Floats, Ints, Point

# Radius around the star on which frames are judged [FWHM].
_JUDGED = 6.0


@dataclass(frozen=True, eq=False)
class Frames:
    """A sequence before registration: its shape (wavelength, time, y, x), and any block of it.

    apart: the wavelengths were side by side on the detector, each with the star somewhere else.
    """

    shape: tuple[int, ...]
    read: Callable[[slice], Block]
    apart: bool = False


@dataclass(frozen=True, eq=False)
class Placed:
    """The star (time, 2) = (x, y) [px] in every frame, which frames are kept, and why not others.

    offset (wavelength or 1, 2) [px]: from there to the star at each wavelength. reach: pixels kept
    on either side of the star. selected: of the frames with a star, numbered by `judged`, what they
    were judged by; None where nothing was asked for.
    """

    star: Floats
    offset: Floats
    kept: Bools
    reasons: tuple[str, ...]
    reach: int
    judged: Ints
    selected: Selected | None


@dataclass(frozen=True, eq=False)
class Known:
    """Where the star is (time, 2) [px], found otherwise; offset as in `Placed`."""

    star: Floats
    offset: Floats


def place(
    frames: Frames, fwhm: Floats, registration: Registration, known: Known | None = None
) -> Placed:
    """Find the star in every frame and say which frames are kept; fwhm (wavelength,) [px].

    Raises Failed naming a frame without a star, unless frames are selected: then it is one of those
    dropped.
    """
    count, width = frames.shape[1], float(np.mean(fwhm))
    seen = _seen(frames, fwhm, registration, known)
    star, failures = settled(seen.found, registration)
    if failures and registration.select is None:
        raise next(iter(failures.values()))
    judged = np.array([i for i in range(count) if i not in failures])
    kept = np.isin(np.arange(count), judged)
    reasons = [str(failures.get(i, "")).removeprefix(f"frame {i}: ") for i in range(count)]
    chosen = None
    if registration.select is not None:
        chosen = select(
            measure(seen.centred(star, judged), star[judged], width), registration.select
        )
        kept[judged] = chosen.kept
        for frame, reason in zip(judged, chosen.reasons, strict=True):
            reasons[frame] = reason
    if not kept.any():
        raise BadInput(f"no frame is left of {count}: {reasons[0]}; relax register.select")
    everywhere = (star[kept][:, None] + seen.offset).reshape(-1, 2)
    reach = reach_of(everywhere, frames.shape[2:], float(np.max(fwhm)), registration.size)
    return Placed(star, seen.offset, kept, tuple(reasons), reach, judged, chosen)


@dataclass(frozen=True, eq=False)
class _Seen:
    """The star in every frame, or why there is none; `offset` as in `Placed`; and what is around it
    (wavelength or 1, time, y, x), by which frames are judged, cut out about a pixel `whole`
    (wavelength or 1, time, 2)."""

    found: list[Point | Failed]
    offset: Floats
    near: Floats
    whole: Ints

    def centred(self, star: Floats, judged: Ints) -> Floats:
        """The surroundings (time, y, x) of the frames judged, the star (time, 2) in the middle."""
        places = star[judged] + self.offset[:, None]
        each = zip(self.near[:, judged], self.whole[:, judged] - places, strict=True)
        return np.asarray(np.mean([shift(near, off) for near, off in each], axis=0))


def _seen(frames: Frames, fwhm: Floats, registration: Registration, known: Known | None) -> _Seen:
    """One pass over the frames."""
    some = sample(frames, 1 if known or registration.frames == "each" else SAMPLE)
    finders = Finders.of(some, fwhm, registration, frames.apart)
    middle = ((frames.shape[3] - 1) / 2, (frames.shape[2] - 1) / 2)
    reach = min(int(np.ceil(_JUDGED * float(np.mean(fwhm)))), min(frames.shape[2:]) // 2)
    reach = 0 if registration.select is None else reach

    def work(span: slice) -> tuple[list[Places], Floats, Ints]:
        cube = frames.read(span).cube
        if known is None:
            places = finders.places(cube, span.start)
        else:
            places = [_points(here + known.offset) for here in known.star[span]]
        star = np.array([[middle if isinstance(p, Failed) else p for p in f] for f in places])
        star = star.transpose(1, 0, 2) if frames.apart else np.median(star, axis=1)[None]
        whole = np.rint(star).astype(int)
        images = cube[:, None] if frames.apart else cube.mean(axis=0)[None, None]
        pairs = zip(images, whole, strict=True)
        return places, np.concatenate([windows(one, at, reach) for one, at in pairs]), whole

    size = frames_together(frames.shape[0] * frames.shape[2] * frames.shape[3])
    parts = stream(work, frames.shape[1], size, "finding the star")
    near, whole = (np.concatenate([part[n] for part in parts], axis=1) for n in (1, 2))
    if known is not None:
        return _Seen(list(_points(known.star)), known.offset, near, whole)
    found, offset = finders.agreed([places for part in parts for places in part[0]])
    return _Seen(found, offset, near, whole)


def _points(places: Floats) -> Places:
    return tuple((float(x), float(y)) for x, y in places)


def moved(
    frames: Frames,
    placed: Placed,
    fwhm: Floats,
    rule: Outliers | None,
    write: Callable[[slice, Block], None],
    size: int,
) -> None:
    """Bring the star of the frames kept to the centre, and write them by `size` at a time.

    rule: what counts as a transient, to be filled in; fwhm (wavelength,) [px].
    """
    numbers = np.flatnonzero(placed.kept)
    usual = None
    if rule is not None:
        spread = np.linspace(0, len(numbers) - 1, min(len(numbers), USUAL)).round().astype(int)
        some = _gathered(lambda i: _block(frames, placed, numbers[i : i + 1]).cube, spread)
        usual = [temporal_median(channel) for channel in some]

    def work(span: slice) -> None:
        block = _block(frames, placed, numbers[span])
        if rule is not None and usual is not None:
            block = _without_transients(block, usual, fwhm, rule)
        write(span, block)

    stream(work, len(numbers), size, "centring")


def _block(frames: Frames, placed: Placed, chosen: Ints) -> Block:
    """The frames `chosen`, ascending, with the star on the middle pixel.

    Few are read at a time: they may be much larger than what is kept of them.
    """
    size = frames_together(frames.shape[0] * frames.shape[2] * frames.shape[3])
    parts = [_part(frames, placed, chosen[some]) for some in threads.blocks(len(chosen), size)]
    cube, mask = (np.concatenate([getattr(p, n) for p in parts], axis=1) for n in ("cube", "mask"))
    variance = [part.variance for part in parts if part.variance is not None]
    return Block(cube, mask, np.concatenate(variance, axis=1) if variance else None)


def _part(frames: Frames, placed: Placed, chosen: Ints) -> Block:
    """As `_block`, read at once."""
    first = int(chosen[0])
    block = frames.read(slice(first, int(chosen[-1]) + 1))
    each = [
        _centred(block, channel, chosen - first, placed.star[chosen] + offset, placed.reach)
        for channel, offset in enumerate(np.broadcast_to(placed.offset, (len(block.cube), 2)))
    ]
    cube, mask = (np.concatenate([getattr(one, n) for one in each]) for n in ("cube", "mask"))
    variance = [one.variance for one in each if one.variance is not None]
    return Block(cube, mask, np.concatenate(variance) if variance else None)


def _without_transients(block: Block, usual: list[Floats], fwhm: Floats, rule: Outliers) -> Block:
    """A block with what is not usual (y, x), in each wavelength, filled in and masked."""
    pairs = zip(block.cube, usual, fwhm, strict=True)
    found = np.stack([transients(frames, one, float(width), rule) for frames, one, width in pairs])
    filled = [fill(frames, bad)[0] for frames, bad in zip(block.cube, found, strict=True)]
    variance = None if block.variance is None else np.where(found, np.inf, block.variance)
    return Block(np.stack(filled), block.mask | found, variance)


def _centred(block: Block, channel: int, some: Ints, star: Floats, reach: int) -> Block:
    """Some frames of one wavelength with the star (time, 2) on the middle pixel."""
    part = (slice(channel, channel + 1), some)
    cube, mask = centred(block.cube[part], block.mask[part], star, reach)
    if block.variance is None:
        return Block(cube, mask)
    # Noise is that of the nearest pixel; a fraction of a pixel does not change it.
    variance = windows(block.variance[part], np.rint(star).astype(int), reach)
    return Block(cube, mask, variance)


def sample(frames: Frames, most: int) -> Floats:
    """At most so many frames (wavelength, time, y, x), evenly spread over the sequence."""
    count = frames.shape[1]
    chosen = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return _gathered(lambda i: frames.read(slice(i, i + 1)).cube, chosen)


def _gathered(frame: Callable[[int], Floats], chosen: Ints) -> Floats:
    """Frames (wavelength, 1, y, x) as one array (wavelength, time, y, x), never held twice."""
    first = frame(int(chosen[0]))
    found = np.empty((len(first), len(chosen), *first.shape[2:]), first.dtype)
    found[:, :1] = first
    for place, number in enumerate(chosen[1:], 1):
        found[:, place] = frame(int(number))[:, 0]
    return found
