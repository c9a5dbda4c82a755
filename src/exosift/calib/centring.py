"""Find the star in every frame, by one method, in each frame alone or in all of them together.

All methods start from the centre of symmetry, which needs no guess.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift import threads
from exosift.calib.core import fitted_core
from exosift.calib.correlation import align, relative_shifts
from exosift.calib.drift import drift
from exosift.calib.medians import temporal_median
from exosift.calib.satellites import Waffle, crossing
from exosift.calib.symmetry import ring_centre, symmetry_centre
from exosift.errors import BadInput, Failed
from exosift.types import Floats, Point

_OFF = 5.0  # standard deviations from the drift beyond which a position is replaced by it
_MAD = 1.4826  # standard deviation over the median absolute deviation, of a Gaussian


@dataclass(frozen=True)
class Centring:
    """How the star is found.

    method: "symmetry", or a fit of "gaussian", "moffat" or "agpm" (Gaussian minus Gaussian), or
    where the lines through four satellite spots cross ("waffle"). radius: of the window that is
    fitted [FWHM]. ring: of "symmetry", from and to how far from the star [FWHM] it is looked for,
    in what is sharper than the PSF; null for the whole image. waffle: where the spots are.

    frames: "together" places the median of frames that are aligned already, "correlated" aligns
    the frames on one another first, "each" places every frame by itself, "centre" takes the place
    from frames with satellite spots before and after (raw files only). drift: of "each", frames
    on either side over which the star drifts along a straight line: a frame without a star, or with
    one far off that line, gets the line's place; 0 keeps every frame's own, and needs one in all.
    jitter: whether the star moves from frame to frame besides; without, all get the line's place.
    """

    method: Literal["symmetry", "gaussian", "moffat", "agpm", "waffle"] = "gaussian"
    radius: float = 2.0
    frames: Literal["together", "correlated", "each", "centre"] = "each"
    drift: int = 0
    jitter: bool = True
    ring: tuple[float, float] | None = None
    waffle: Waffle | None = None

    def __post_init__(self) -> None:
        if self.radius <= 0:
            raise BadInput(f"radius is {self.radius:g} FWHM, expected more than 0")
        if self.drift < 0 or (self.drift and self.frames != "each"):
            raise BadInput(
                f"drift is {self.drift} with frames {self.frames}: expected 0, or more with each"
            )
        if self.ring is not None and not 0 <= self.ring[0] < self.ring[1]:
            raise BadInput(f"ring is {list(self.ring)} FWHM, expected from 0 or more to more")
        if (self.waffle is not None) != (self.method == "waffle"):
            raise BadInput(
                "method waffle and waffle: {separation: …} [FWHM], where the spots are, go together"
            )


def find_star(frames: Floats, fwhm: float, centring: Centring) -> Floats:
    """Star positions (time, 2) = (x, y) [px] in frames (time, y, x); fwhm [px].

    With frames "together" all positions are the same. Raises Failed naming the frame where no star
    fits, with what the fit found; with a drift only where fewer than half of the frames have one.
    """
    star, failures = settled(Finder.of(frames, fwhm, centring).places(frames), centring)
    if failures:
        raise next(iter(failures.values()))
    return star


@dataclass(frozen=True, eq=False)
class Finder:
    """Finds the star in any frames of a sequence, some of which were seen before.

    fwhm [px]. reference (y, x), the frame that others are compared with, and the star (x, y) [px]
    in it; None where every frame is placed by itself.
    """

    fwhm: float
    centring: Centring
    reference: Floats | None = None
    star: Point | None = None

    @classmethod
    def of(cls, sample: Floats, fwhm: float, centring: Centring) -> "Finder":
        """From a sample (time, y, x) of the sequence: its median, once aligned if need be."""
        if centring.frames in ("each", "centre"):
            return cls(fwhm, centring)
        if centring.frames == "together":
            reference, name = temporal_median(sample), "the median frame"
        else:
            reference, name = align(sample)[0], "the median of the aligned frames"
        return cls(fwhm, centring, reference, _place(reference, fwhm, centring, name))

    def places(self, frames: Floats, first: int = 0) -> list[Point | Failed]:
        """The star (x, y) [px] in each of frames (time, y, x), or why there is none.

        first: the number of the first one, for messages.
        """
        if self.star is not None and self.reference is not None:
            if self.centring.frames == "together":
                return [self.star] * len(frames)
            moved = relative_shifts(frames, self.reference) + self.star
            return [(float(x), float(y)) for x, y in moved]

        def work(index: int) -> Point | Failed:
            try:
                return _place(frames[index], self.fwhm, self.centring, f"frame {first + index}")
            except Failed as failure:
                return failure

        return threads.over(work, range(len(frames)))


def settled(
    places: Several[Point | Failed], centring: Centring
) -> tuple[Floats, dict[int, Failed]]:
    """Positions (time, 2) of all frames of a sequence, and the frames that have none, with why.

    Their positions are NaN; with a drift they get the drift's, and are no failures. Raises Failed
    where half of the frames or more have no star.
    """
    failures = {i: place for i, place in enumerate(places) if isinstance(place, Failed)}
    if 2 * len(failures) > len(places):
        raise next(iter(failures.values()))
    nowhere = (np.nan, np.nan)
    star = np.array([nowhere if isinstance(place, Failed) else place for place in places])
    return (_steadied(star, centring), {}) if centring.drift else (star, failures)


def _steadied(star: Floats, centring: Centring) -> Floats:
    """Positions (time, 2) with the drift's where there is none, or one far off the drift."""
    smooth = drift(star, centring.drift)
    if not np.isfinite(smooth).all():
        alone = int(np.argmin(np.isfinite(smooth).all(axis=1)))
        raise Failed(
            f"frame {alone}: fewer than three stars found within {centring.drift} frames of it; "
            "raise register.drift, or drop the frame"
        )
    if not centring.jitter:
        return smooth
    apart = np.hypot(*(star - smooth).T)
    typical = _MAD * np.nanmedian(apart)
    kept = apart <= max(_OFF * typical, 1e-6)
    return np.where(kept[:, None], star, smooth)


def _place(image: Floats, fwhm: float, centring: Centring, name: str) -> Point:
    """Centre (x, y) [px] of the star in image (y, x)."""
    lowest, highest = np.fmin.reduce(image, axis=None), np.fmax.reduce(image, axis=None)
    if not lowest < highest:
        raise Failed(f"{name}: empty, no star to find; drop the frame")
    middle = symmetry_centre(image)
    window = centring.radius * fwhm
    try:
        if centring.waffle is not None:
            return crossing(image, middle, fwhm, centring.waffle, window)
        if centring.method != "symmetry":
            return fitted_core(image, middle, fwhm, centring.method, window)
    except Failed as failure:
        raise Failed(f"{name}: {failure}") from failure
    if centring.ring is None:
        return middle
    return ring_centre(image, middle, centring.ring[0] * fwhm, centring.ring[1] * fwhm, fwhm)
