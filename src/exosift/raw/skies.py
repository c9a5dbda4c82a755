"""Which frames show the sky of an observation, and where the star is in those that show both."""

from dataclasses import dataclass, field, replace

import numpy as np

from exosift import threads
from exosift.calib.calibration import Calibrations, Exposures, calibrate
from exosift.calib.outliers import Outliers, static_outliers
from exosift.calib.recipe import Recipe
from exosift.calib.sky import SkyLibrary, apart_from, subtract_sky, without_stars
from exosift.errors import BadInput
from exosift.types import Bools, Floats, Point

_MAD = 1.4826  # standard deviation over the median absolute deviation, of a Gaussian

# Frames that tell bad pixels from stars, at least.
_ENOUGH = 5

# A star that moved stands out of a difference of exposures by so many standard deviations, and at
# least this share of the others has it elsewhere: noise and speckles are no dithers.
_STANDS_OUT, _ELSEWHERE = 8.0, 0.25


@dataclass(frozen=True, eq=False)
class Skies:
    """The sky of an observation's frames.

    library: of the sky; star (frame, 2) = (x, y) [px] in each of the library's frames, None where
    they show none; mean (y, x), against which the star stands out; bad (y, x), pixels that stand
    out of all of them. radius and fwhm [px].
    """

    library: SkyLibrary
    star: Floats | None
    mean: Floats
    bad: Bools
    radius: float
    fwhm: float
    medians: dict[bytes, SkyLibrary] = field(default_factory=dict)

    @classmethod
    def of(
        cls, sky: Exposures | None, target: Exposures, recipe: Recipe, fwhm: float
    ) -> "Skies | None":
        """From frames of the sky, else from the target's own dithers; None without either.

        target: some frames of it, spread over the sequence. fwhm [px].
        """
        if recipe.sky is None:
            return None
        mean = mean_of((target if sky is None else sky).frames)
        radius = recipe.star * fwhm
        found = [_star(frame - mean, fwhm) for frame in target.frames]
        seen = np.array([place for place, _ in found])
        if sky is None:
            elsewhere = apart_from(seen, seen, radius).mean(axis=1)
            moved = all(height > _STANDS_OUT for _, height in found)
            if not moved or elsewhere.min() < _ELSEWHERE:
                return None
        library = sky or without_stars(target, seen, radius)
        away = _away(seen, mean.shape, radius)
        if not away.any():
            raise BadInput(
                f"no pixel of {mean.shape[1]}×{mean.shape[0]} px is {radius:.0f} px from the star, "
                f"where its light does not hide the sky; lower calibrate.star ({recipe.star:g} "
                "FWHM), or set calibrate.sky to null"
            )
        patterns = SkyLibrary.of(library, away, recipe.sky)
        bad = np.zeros(mean.shape, dtype=bool)
        if len(library.frames) >= _ENOUGH:
            bad = static_outliers(library.frames, fwhm, recipe.outliers or Outliers())
        return cls(patterns, None if sky else seen, mean, bad, radius, fwhm)

    def usable(self, frame: Floats) -> Bools:
        """Which of the library serve exposures of one file, whose mean is `frame` (y, x)."""
        if self.star is None:
            return np.ones(len(self.library.mjd), dtype=bool)
        here, _ = _star(frame - self.mean, self.fwhm)
        return np.asarray(apart_from(np.array([here]), self.star, self.radius)[0])

    def take_off(self, exposures: Exposures, usable: Bools) -> Exposures:
        """Exposures of one file less their sky, of the frames that are `usable`."""
        library = self.library
        if library.sky.method == "median" and library.sky.nearest is None:
            library, usable = self._median(usable), np.ones(1, dtype=bool)
        every = np.broadcast_to(usable, (len(exposures.frames), usable.size))
        return subtract_sky(exposures, library, every)

    def _median(self, usable: Bools) -> SkyLibrary:
        """The median of some frames; dithers have few places, and their medians are kept."""
        key = usable.tobytes()
        if key not in self.medians:
            self.medians[key] = self.library.median(usable)
        return self.medians[key]


@dataclass(frozen=True, eq=False)
class MeanSky:
    """The mean (y, x) of frames of the sky, for exposures that are few and of a bright star."""

    mean: Floats

    def take_off(self, exposures: Exposures) -> Exposures:
        """Exposures less that mean; NaN where it has no value."""
        return replace(exposures, frames=exposures.frames - self.mean)


def averaged(raw: Floats, mjd: Floats, calibrations: Calibrations) -> Exposures:
    """The mean, (1, y, x), of calibrated raw frames (time, y, x) of one file."""
    seen = calibrate(raw, mjd, calibrations)
    count = len(raw)
    variance = (
        None if seen.variance is None else np.asarray(seen.variance.mean(axis=0))[None] / count
    )
    frames = seen.frames.mean(axis=0, dtype=np.float64).astype(np.float32)[None]
    return Exposures(
        frames, np.array([mjd.mean()]), np.asarray(seen.mask.any(axis=0))[None], variance
    )


def joined(exposures: list[Exposures]) -> Exposures:
    """Exposures one after another."""
    first = exposures[0]
    frames, mjd, mask = (
        np.concatenate([getattr(one, name) for one in exposures])
        for name in ("frames", "mjd", "mask")
    )
    variance = None
    if first.variance is not None:
        variance = np.concatenate([one.variance for one in exposures if one.variance is not None])
    return Exposures(frames, mjd, mask, variance)


def mean_of(frames: Floats) -> Floats:
    """Mean (y, x) over time; NaN, of bad pixels, stay."""
    return np.asarray(frames.mean(axis=0, dtype=np.float64), dtype=np.float32)


def _star(difference: Floats, fwhm: float) -> tuple[Point, float]:
    """The pixel (x, y) that stands out most at the PSF's size in a difference image (y, x), and by
    how many standard deviations of the rest."""
    from scipy import ndimage  # slow to load

    light = np.nan_to_num(difference - np.nanmedian(difference))
    bump = ndimage.gaussian_filter(light, fwhm / 2) - ndimage.gaussian_filter(light, 2 * fwhm)
    row, column = np.unravel_index(bump.argmax(), bump.shape)
    spread = _MAD * float(np.median(np.abs(bump - np.median(bump))))
    return (float(column), float(row)), float(bump.max()) / max(spread, np.finfo(float).tiny)


def _away(star: Floats, shape: tuple[int, ...], radius: float) -> Bools:
    """Pixels (y, x) farther than `radius` [px] from all places (·, 2) of the star."""
    y, x = np.ogrid[: shape[0], : shape[1]]

    def work(place: Floats) -> Bools:
        return np.asarray((x - place[0]) ** 2 + (y - place[1]) ** 2 > radius**2)

    return np.asarray(np.all(threads.over(work, star, products=False), axis=0))
