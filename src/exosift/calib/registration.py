"""Register a sequence: find the star, bring it to the centre pixel of an odd square frame.

Two passes over the frames, each of which takes them in blocks of any size: one finds the star, and
once all its places are known the other moves it.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from exosift.calib.badpixels import fill_isolated
from exosift.calib.centring import Centring, Finder, settled
from exosift.calib.outliers import Outliers
from exosift.calib.selection import Selection
from exosift.errors import BadInput, Failed
from exosift.geometry.shifting import shift, shift_mask
from exosift.types import Bools, Floats, Ints, Point, Shape

Values = TypeVar("Values", Floats, Bools)
Places = tuple[Point | Failed, ...]
"""The star (x, y) [px] in a frame at each wavelength, or why there is none."""

# Pixels beyond the square that are moved with it: what a sinc brings in from farther is noise.
_MARGIN = 8


@dataclass(frozen=True)
class Registration(Centring):
    """How frames become a sequence: how the star is found, and what is kept.

    select: what a frame may be off by; null to keep all. transients: what stands out of the median
    of the centred frames so much is filled in, such as cosmic rays among the speckles; null to
    leave it. size: of the frames that are kept, at most [px]; null for as much as all of them
    cover.
    """

    select: Selection | None = None
    transients: Outliers | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is not None and (self.size < 9 or self.size % 2 == 0):
            raise BadInput(f"size is {self.size} px, expected an odd number from 9")


@dataclass(frozen=True, eq=False)
class Registered:
    """Frames (wavelength, time, y, x) with the star on the centre pixel, their mask, and the star's
    position (time, 2) = (x, y) [px] in the frames as they came."""

    cube: Floats
    mask: Bools
    star: Floats


def register(cube: Floats, fwhm: Floats, centring: Centring) -> Registered:
    """Align cube (wavelength, time, y, x) on the star; fwhm (wavelength,) [px].

    Isolated bad pixels are filled first, and remembered in the mask. Frames are cropped to the
    largest odd square that every one covers. Raises BadInput when the star is too near the edge,
    Failed where a frame has none.
    """
    height, width = cube.shape[-2:]
    filled, mask = fill_isolated(cube.reshape(-1, height, width))
    filled, mask = filled.reshape(cube.shape), mask.reshape(cube.shape)
    finders = Finders.of(filled, fwhm, centring)
    star, failures = settled(finders.agreed(finders.places(filled))[0], centring)
    if failures:
        raise next(iter(failures.values()))
    reach = reach_of(star, (height, width), float(np.max(fwhm)))
    return Registered(*centred(filled, mask, star, reach), star)


@dataclass(frozen=True, eq=False)
class Finders:
    """Finds the star in frames of several wavelengths.

    In their mean; satellite spots, which move with the wavelength, in each, and the median taken.
    apart: wavelengths that were side by side on the detector, each with the star somewhere else.
    """

    each: tuple[Finder, ...]
    apart: bool = False

    @classmethod
    def of(cls, sample: Floats, fwhm: Floats, centring: Centring, apart: bool = False) -> "Finders":
        """From a sample (wavelength, time, y, x) of the sequence; fwhm (wavelength,) [px]."""
        if centring.method != "waffle" and not apart:
            sample, fwhm = grey(sample), np.mean(fwhm, keepdims=True)
        pairs = zip(sample, fwhm, strict=True)
        each = tuple(Finder.of(frames, float(width), centring) for frames, width in pairs)
        return cls(each, apart)

    def places(self, cube: Floats, first: int = 0) -> list[Places]:
        """The star in each frame of cube (wavelength, time, y, x), in each wavelength looked at.

        first: the number of the first frame, for messages.
        """
        if len(self.each) != len(cube):
            cube = grey(cube)
        found = [
            finder.places(frames, first) for finder, frames in zip(self.each, cube, strict=True)
        ]
        return list(zip(*found, strict=True))

    def agreed(self, places: Several[Places]) -> tuple[list[Point | Failed], Floats]:
        """One place (x, y) [px] a frame, or why there is none, from those in its wavelengths; and
        how far from it each wavelength's star lies (wavelength, 2), in all frames alike."""
        seen = [all(not isinstance(p, Failed) for p in frame) for frame in places]
        star = np.array([frame for frame, good in zip(places, seen, strict=True) if good])
        offset = np.zeros((len(self.each), 2))
        if self.apart and star.size:
            offset = np.median(star - star[:, :1], axis=0)
        middle = iter(np.median(star - offset, axis=1) if star.size else ())
        found = [
            _point(next(middle)) if good else next(p for p in frame if isinstance(p, Failed))
            for frame, good in zip(places, seen, strict=True)
        ]
        return found, offset if self.apart else np.zeros((1, 2))


def grey(cube: Floats) -> Floats:
    """The mean over wavelengths of cube (wavelength, time, y, x), with an axis of one."""
    return cube if len(cube) == 1 else np.asarray(cube.mean(axis=0, keepdims=True))


def _point(place: Floats) -> Point:
    return float(place[0]), float(place[1])


def reach_of(star: Floats, shape: Shape, fwhm: float, size: int | None = None) -> int:
    """Pixels on either side of the star (time, 2) that every frame of `shape` (y, x) covers.

    Half of `size`, if that is less. Raises BadInput where it is less than 2 FWHM [px].
    """
    height, width = shape
    far = np.array([width - 1, height - 1])
    whole = _pixel(star)
    room = np.min([star, far - star, whole, far - whole], axis=(0, 2))
    reach = int(np.floor(room.min() + 1e-6))
    if reach < 2 * fwhm:
        x, y = star[room.argmin()]
        raise BadInput(
            f"frame {room.argmin()}: the star lies at x={x:.1f}, y={y:.1f} in {width}×{height} px: "
            "less than 2 FWHM are left around it; give larger frames or another register.method"
        )
    return reach if size is None else min(reach, size // 2)


def centred(cube: Floats, mask: Bools, star: Floats, reach: int) -> tuple[Floats, Bools]:
    """Frames and mask (wavelength, time, y, x) with the star (time, 2) on the middle pixel.

    They are 2 reach + 1 px wide. Each is cut out around the pixel nearest to the star, then moved
    by the fraction that is left.
    """
    whole = _pixel(star)
    wide = reach + _MARGIN
    cut = windows(cube, whole, wide)
    masked = windows(mask, whole, wide)
    inside = slice(_MARGIN, _MARGIN + 2 * reach + 1)
    moved = np.stack([shift(frames, whole - star) for frames in cut])[..., inside, inside]
    masked = np.stack([shift_mask(frames, whole - star) for frames in masked])
    masked = masked[..., inside, inside] | np.isnan(moved)
    return moved, masked


def _pixel(star: Floats) -> Ints:
    """The pixel (time, 2) nearest to the star."""
    return np.rint(star).astype(int)


def windows(cube: Values, middle: Ints, reach: int) -> Values:
    """Squares of cube (wavelength, time, y, x) around pixels (time, 2), continued at the edges."""
    height, width = cube.shape[-2:]
    box = np.arange(-reach, reach + 1)
    rows = (middle[:, 1, None] + box).clip(0, height - 1)
    columns = (middle[:, 0, None] + box).clip(0, width - 1)
    time = np.arange(len(middle))[:, None, None]
    return cube[:, time, rows[:, :, None], columns[:, None, :]]
