"""A sequence of any length registered in blocks: find the star, judge the frames, move them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exosift.calib.centring import settled
from exosift.calib.registration import (
    Finders,
    Registration,
    centred,
    grey,
    reach_of,
    windows,
)
from exosift.calib.selection import Selected, measure, select
from exosift.compute.blocks import Block, frames_together, stream
from exosift.errors import BadInput, Failed
from exosift.geometry.shifting import shift
from exosift.types import Bools, Floats, Ints, Point

# Frames, evenly spread over the sequence, that make its median where one is needed.
_SAMPLE = 200

# Radius around the star on which frames are judged [FWHM].
_JUDGED = 6.0


@dataclass(frozen=True, eq=False)
class Frames:
    """A sequence before registration: its shape (wavelength, time, y, x), and any block of it."""

    shape: tuple[int, ...]
    read: Callable[[slice], Block]


@dataclass(frozen=True, eq=False)
class Placed:
    """The star (time, 2) = (x, y) [px] in every frame, which frames are kept, and why not others.

    reach: pixels kept on either side of the star. selected: of the frames with a star, numbered by
    `judged`, what they were judged by; None where nothing was asked for.
    """

    star: Floats
    kept: Bools
    reasons: tuple[str, ...]
    reach: int
    judged: Ints
    selected: Selected | None


def place(
    frames: Frames, fwhm: Floats, registration: Registration, known: Floats | None = None
) -> Placed:
    """Find the star in every frame and say which frames are kept; fwhm (wavelength,) [px].

    known (time, 2): where the star is, when that was found otherwise. Raises Failed naming a frame
    without a star, unless frames are selected: then it is one of those dropped.
    """
    count = frames.shape[1]
    alone = known is not None or registration.frames == "each"
    finders = Finders.of(sample(frames, 1 if alone else _SAMPLE), fwhm, registration)
    width = float(np.mean(fwhm))
    room = min(frames.shape[2:]) // 2
    reach = min(int(np.ceil(_JUDGED * width)), room)

    def work(span: slice) -> tuple[list[Point | Failed], Floats]:
        cube = frames.read(span).cube
        if known is None:
            places = finders.places(cube, span.start)
        else:
            places = [(float(x), float(y)) for x, y in known[span]]
        return places, windows(grey(cube), _whole(places, frames.shape), reach)[0]

    size = frames_together(frames.shape[0] * frames.shape[2] * frames.shape[3])
    parts = stream(work, count, size, "finding the star")
    found = [place for places, _ in parts for place in places]
    star, failures = settled(found, registration)
    if failures and registration.select is None:
        raise next(iter(failures.values()))
    judged = np.array([i for i in range(count) if i not in failures])
    kept = np.isin(np.arange(count), judged)
    reasons = [str(failures.get(i, "")) for i in range(count)]
    chosen = None
    if registration.select is not None:
        near = np.concatenate([cut for _, cut in parts])[judged]
        near = shift(near, (_whole(found, frames.shape) - star)[judged])
        chosen = select(measure(near, star[judged], width), registration.select)
        kept[judged] = chosen.kept
        for frame, reason in zip(judged, chosen.reasons, strict=True):
            reasons[frame] = reason
    if not kept.any():
        raise BadInput(f"no frame is left of {count}: {reasons[0]}; relax register.select")
    reach = reach_of(star[kept], frames.shape[2:], float(np.max(fwhm)), registration.size)
    return Placed(star, kept, tuple(reasons), reach, judged, chosen)


def moved(frames: Frames, placed: Placed, write: Callable[[slice, Block], None], size: int) -> None:
    """Bring the star of the frames kept to the centre, and write them by `size` at a time."""
    numbers = np.flatnonzero(placed.kept)

    def work(span: slice) -> None:
        chosen = numbers[span]
        first = int(chosen[0])
        block = frames.read(slice(first, int(chosen[-1]) + 1))
        some = chosen - first
        cube, mask = centred(
            block.cube[:, some], block.mask[:, some], placed.star[chosen], placed.reach
        )
        variance = None
        if block.variance is not None:
            # Noise is that of the nearest pixel; a fraction of a pixel does not change it.
            whole = np.rint(placed.star[chosen]).astype(int)
            variance = windows(block.variance[:, some], whole, placed.reach)
        write(span, Block(cube, mask, variance))

    stream(work, len(numbers), size, "centring")


def sample(frames: Frames, most: int) -> Floats:
    """At most so many frames (wavelength, time, y, x), evenly spread over the sequence."""
    count = frames.shape[1]
    chosen = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return np.concatenate([frames.read(slice(i, i + 1)).cube for i in chosen], axis=1)


def _whole(places: list[Point | Failed], shape: tuple[int, ...]) -> Ints:
    """The pixel (time, 2) nearest to each place; the middle of the frame where there is none."""
    middle = ((shape[3] - 1) / 2, (shape[2] - 1) / 2)
    return np.array([middle if isinstance(p, Failed) else p for p in places]).round().astype(int)
