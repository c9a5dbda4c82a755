"""Stacks: the frames that may model one another, as rows; the targets come first."""

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.scaling import rescale
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Rows:
    """What is known of every row of a stack.

    angle (row,) [deg]; wavelength (row,), in any one unit; exposure (row,), its number; own (row,),
    False where the frame is of another star. The targets are the own frames, and come first.
    """

    angle: Floats
    wavelength: Floats
    exposure: Ints
    own: Bools

    @property
    def targets(self) -> int:
        """How many rows are targets."""
        return int(self.own.sum())

    @classmethod
    def of(cls, angle: Floats) -> "Rows":
        """Rows of one sequence at one wavelength."""
        count = len(angle)
        return cls(angle, np.ones(count), np.arange(count), np.ones(count, dtype=bool))


@dataclass(frozen=True, eq=False)
class Stack:
    """Frames (row, y, x) with their speckles in the same places, and what is known of them."""

    frames: Floats
    rows: Rows

    @classmethod
    def of(cls, frames: Floats, angle: Floats) -> "Stack":
        """The frames (time, y, x) of one sequence at one wavelength, angle (time,) [deg]."""
        return cls(frames, Rows.of(angle))


def channel_stack(sequence: Sequence, stars: Several[Sequence], channel: int) -> Stack:
    """One wavelength of a sequence, on top of that of other stars at the target's brightness."""
    everyone = [sequence, *stars]
    brightness = sequence.observation.star_flux
    frames = [_matched(one, brightness)[channel] for one in everyone]
    return Stack(np.concatenate(frames), channel_rows(sequence, stars))


def channel_rows(sequence: Sequence, stars: Several[Sequence]) -> Rows:
    """The rows of `channel_stack`, for which no pixels are needed."""
    return _rows([sequence, *stars], np.ones(1))


def brightening(star: Sequence, sequence: Sequence, channel: int) -> float:
    """What brings a star's frames to the target's brightness; 1 where that is not known."""
    wanted, found = sequence.observation.star_flux, star.observation.star_flux
    return wanted[channel] / found[channel] if wanted and found else 1.0


def aligned_stack(sequence: Sequence, stars: Several[Sequence]) -> Stack:
    """Every wavelength of a sequence, and of other stars, scaled to the longest one's speckles.

    All are at the target's brightness there. Row c·n + t is channel c of frame t (Sparks & Ford
    2002, ApJ 578, 543).
    """
    everyone = [sequence, *stars]
    factor = (sequence.wavelength.max() / sequence.wavelength)[:, None]
    frames = [rescale(_matched(one, _at_longest(sequence)), factor) for one in everyone]
    size = sequence.cube.shape[-2:]
    rows = [cube.reshape(-1, *size) for cube in frames]
    return Stack(np.concatenate(rows), _rows(everyone, sequence.wavelength))


def unaligned(left: Floats, sequence: Sequence) -> Floats:
    """Residuals (variant, row, y, x) of an aligned stack as (variant, wavelength, time, y, x).

    Each wavelength has its own scale and brightness again.
    """
    cubes = left.reshape(len(left), *sequence.cube.shape)
    factor = (sequence.wavelength / sequence.wavelength.max())[:, None]
    own, longest = sequence.observation.star_flux, _at_longest(sequence)
    return _times(rescale(cubes, factor), own, longest)


def _matched(star: Sequence, brightness: tuple[float, ...] | None) -> Floats:
    """A star's cube as if its flux were `brightness` (wavelength,); as it is if not known."""
    return _times(star.cube, brightness, star.observation.star_flux)


def _at_longest(sequence: Sequence) -> tuple[float, ...] | None:
    """A star's flux at the longest wavelength, for every wavelength; None where not known."""
    flux = sequence.observation.star_flux
    return flux and (flux[int(np.argmax(sequence.wavelength))],) * len(flux)


def _times(
    cube: Floats, wanted: tuple[float, ...] | None, found: tuple[float, ...] | None
) -> Floats:
    """A cube (…, wavelength, time, y, x) times wanted / found (wavelength,), if both are known."""
    if wanted is None or found is None or wanted == found:
        return cube
    return cube * np.divide(wanted, found).astype(cube.dtype)[:, None, None, None]


def _rows(everyone: Several[Sequence], wavelength: Floats) -> Rows:
    """Rows (sequence, wavelength, time) of several sequences, the first of which is the target."""
    angle, exposure = [], []
    for one in everyone:
        angle.append(np.tile(one.angle, len(wavelength)))
        exposure.append(np.tile(np.arange(len(one.angle)), len(wavelength)))
    return Rows(
        np.concatenate(angle),
        np.concatenate([np.repeat(wavelength, len(one.angle)) for one in everyone]),
        np.concatenate(exposure),
        np.arange(sum(map(len, angle))) < len(angle[0]),
    )


def refuse_unlike(sequence: Sequence, star: Sequence) -> None:
    """Raise BadInput when a reference star was not observed as the target was."""
    theirs, ours = _setting(star), _setting(sequence)
    for name, found in theirs.items():
        if found != ours[name]:
            raise BadInput(
                f"{star.label} as a reference of {sequence.label}: its {name} {found}, not "
                f"{ours[name]}; leave it out of references.stars"
            )


def _setting(sequence: Sequence) -> dict[str, object]:
    """What two sequences must have in common to be compared pixel by pixel."""
    height, width = sequence.cube.shape[-2:]
    return {
        "filter is": sequence.observation.filter,
        "pixel scale [mas] is": sequence.observation.pixel_scale,
        "wavelengths [µm] are": np.round(sequence.wavelength, 4).tolist(),
        "frames [px] are": f"{width}×{height}",
    }
