"""The one loop: for every region, frames → PSF model → residuals; then derotate and combine."""

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
from exosift.psfsub.median import Median
from exosift.sequence import Sequence
from exosift.types import Bools, Floats

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


def reduce(sequence: Sequence, reduction: Reduction) -> Reduced:
    """Subtract the star from a sequence, turn North up, combine.

    Raises BadInput naming the frame and region where a library is too small or pixels are missing.
    """
    left = np.stack(
        [
            subtract(frames, sequence.angle, fwhm, reduction)
            for frames, fwhm in zip(sequence.cube, sequence.observation.fwhm, strict=True)
        ],
        axis=1,
    )
    left[:, sequence.mask] = np.nan
    images = np.stack(
        [
            np.mean([image(channel, sequence.angle, reduction) for channel in variant], axis=0)
            for variant in left
        ]
    )
    return Reduced(reduction.model.variants, left, images)


def image(left: Floats, angle: Floats, reduction: Reduction) -> Floats:
    """Residuals (time, y, x) → North-up image (y, x)."""
    return combine(derotate(left, angle, reduction.derotation), reduction.combination)


def subtract(frames: Floats, angle: Floats, fwhm: float, reduction: Reduction) -> Floats:
    """Residuals (variant, time, y, x) of frames (time, y, x) at `angle` [deg]; NaN off the regions."""
    count, height, width = frames.shape
    regions = reduction.regions.partition((height, width), fwhm)
    flat = frames.reshape(count, -1)
    left = np.full((len(reduction.model.variants), *flat.shape), np.nan, frames.dtype)
    seen = np.asarray(np.isfinite(flat).all(axis=0))

    def work(region: Region) -> None:
        usable = reduction.references.usable(angle, region.radius, fwhm)
        _check_libraries(usable, region, reduction.model)
        pixels = region.pixels[seen[region.pixels]]
        if pixels.size < _COMMON * region.pixels.size:
            raise BadInput(
                f"{region.name}: only {pixels.size} of {region.pixels.size} pixels have a value in "
                "every frame; drop the frames that lack them or leave the region out"
            )
        left[:, :, pixels] = fit(flat[:, pixels], usable, reduction.model)

    threads.over(work, regions)
    return left.reshape(-1, *frames.shape)


def fit(frames: Floats, usable: Bools, model: AnyModel) -> Floats:
    """Residuals (variant, target, pixel) of the frames (frame, pixel) of one region.

    usable is (target, reference); the targets are the first of the frames.
    """
    if isinstance(model, Median):
        return np.asarray(frames[: len(usable)] - model.predict(frames, usable))
    centred = CentredFrames.of(frames)
    return residuals(centred, model.coefficients(gram(centred), usable))


def _check_libraries(usable: Bools, region: Region, model: AnyModel) -> None:
    """Refuse libraries smaller than the model needs, naming the frame."""
    sizes = usable.sum(axis=1)
    frame = int(sizes.argmin())
    if sizes[frame] < model.minimum:
        wish = f"{model.kind} of rank {max(model.variants)}" if model.variants != (0,) else model.kind
        raise BadInput(
            f"{region.name}: the library of frame {frame} holds {sizes[frame]} frames, {wish} needs "
            f"{model.minimum}: lower references.rotation or the ranks, or widen the inner radius"
        )
