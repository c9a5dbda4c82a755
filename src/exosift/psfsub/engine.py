"""The one loop: for every region, frames → PSF model → residuals; then derotate and combine."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.regions import Region
from exosift.geometry.rotation import derotate
from exosift.psfsub.catalogue import AnyModel, Reduction
from exosift.psfsub.combine import combine
from exosift.psfsub.gram import CentredFrames, gram
from exosift.psfsub.linear import residuals
from exosift.psfsub.llsg import Llsg
from exosift.psfsub.median import Median
from exosift.psfsub.nmf import Nmf
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints

# A region must keep this share of its pixels in every frame, or its Gram matrix means little.
_COMMON = 0.5


@dataclass(frozen=True, eq=False)
class Reduced:
    """Residuals (variant, wavelength, time, y, x) before derotation, images (variant, y, x).

    variants: the rank of each, or (0,) for a model without ranks. NaN marks what was not measured.
    """

    variants: tuple[int, ...]
    residuals: Floats
    images: Floats


def _silent(done: int, of: int) -> None:
    """Tell nobody."""


def reduce(
    sequence: Sequence, reduction: Reduction, progress: Callable[[int, int], None] = _silent
) -> Reduced:
    """Subtract the star from a sequence, turn North up, combine; `progress(done, of)` is told.

    Raises BadInput naming the frame and region where a library is too small or pixels are missing.
    """
    channels, variants = len(sequence.cube), reduction.model.variants
    steps = channels * (1 + len(variants))
    left = np.empty((len(variants), *sequence.cube.shape), sequence.cube.dtype)
    images = np.empty((len(variants), channels, *sequence.cube.shape[-2:]), sequence.cube.dtype)
    for i, (frames, fwhm) in enumerate(zip(sequence.cube, sequence.observation.fwhm, strict=True)):
        left[:, i] = subtract(frames, sequence.angle, fwhm, reduction)
        for v in range(len(variants)):
            progress(i * (1 + len(variants)) + v + 1, steps)
            images[v, i] = image(left[v, i], sequence.angle, reduction, sequence.mask[i])
    left[:, sequence.mask] = np.nan
    progress(steps, steps)
    return Reduced(variants, left, np.stack([combine(one, "mean") for one in images]))


def image(left: Floats, angle: Floats, reduction: Reduction, mask: Bools | None = None) -> Floats:
    """Residuals (time, y, x) → North-up image (y, x); masked pixels carry no weight."""
    return combine(derotate(left, angle, reduction.derotation, mask), reduction.combination)


def subtract(frames: Floats, angle: Floats, fwhm: float, reduction: Reduction) -> Floats:
    """Residuals (variant, time, y, x) of frames (time, y, x) at `angle` [deg], NaN off regions."""
    count, height, width = frames.shape
    regions = reduction.regions.partition((height, width), fwhm)
    flat = frames.reshape(count, -1)
    seen = np.asarray(np.isfinite(flat).all(axis=0))
    plan = [_plan(region, seen, angle, fwhm, reduction) for region in regions]
    left = np.full((len(reduction.model.variants), *flat.shape), np.nan, frames.dtype)

    def work(part: tuple[Ints, Bools]) -> None:
        pixels, usable = part
        left[:, :, pixels] = fit(flat[:, pixels], usable, reduction.model)

    threads.over(work, plan)
    return left.reshape(-1, *frames.shape)


def _plan(
    region: Region, seen: Bools, angle: Floats, fwhm: float, reduction: Reduction
) -> tuple[Ints, Bools]:
    """Pixels of a region that every frame has, and usable[target, reference]; refuse too few."""
    usable = reduction.references.usable(angle, region.radius, fwhm)
    _check_libraries(usable, region, reduction.model)
    pixels = region.pixels[seen[region.pixels]]
    if pixels.size < _COMMON * region.pixels.size:
        raise BadInput(
            f"{region.name}: only {pixels.size} of {region.pixels.size} pixels have a value in "
            "every frame; drop the frames that lack them or leave the region out"
        )
    return pixels, usable


def fit(frames: Floats, usable: Bools, model: AnyModel) -> Floats:
    """Residuals (variant, target, pixel) of the frames (frame, pixel) of one region.

    usable is (target, reference); the targets are the first of the frames.
    """
    if isinstance(model, Median | Nmf | Llsg):
        return np.asarray(frames[: len(usable)] - model.predict(frames, usable))
    centred = CentredFrames.of(frames)
    return residuals(centred, model.coefficients(gram(centred), usable))


def _check_libraries(usable: Bools, region: Region, model: AnyModel) -> None:
    """Refuse libraries smaller than the model needs, naming the frame."""
    sizes = usable.sum(axis=1)
    frame = int(sizes.argmin())
    if sizes[frame] < model.minimum:
        wish = (
            f"{model.kind} of rank {max(model.variants)}" if model.variants != (0,) else model.kind
        )
        raise BadInput(
            f"{region.name}: the library of frame {frame} holds {sizes[frame]} frames, {wish} "
            f"needs {model.minimum}: lower references.rotation or the ranks, or raise "
            "regions.inner"
        )
