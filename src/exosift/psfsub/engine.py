"""The one loop: for every region, frames → PSF model → residuals; then derotate and combine."""

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass, replace

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.regions import Region
from exosift.geometry.rotation import derotate
from exosift.psfsub.catalogue import (
    AnyModel,
    LinearModel,
    PixelModel,
    Reduction,
    Stage,
    each_variant,
)
from exosift.psfsub.combine import combine
from exosift.psfsub.gram import CentredFrames, Gram, gram
from exosift.psfsub.iterative import sky_in_frames
from exosift.psfsub.library import References
from exosift.psfsub.linear import Coefficients, residuals
from exosift.psfsub.loci import Loci
from exosift.psfsub.stack import (
    Rows,
    Stack,
    aligned_stack,
    channel_stack,
    refuse_unlike,
    unaligned,
)
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Ints

# A region must keep this share of its pixels in every frame, or its Gram matrix means little.
_COMMON = 0.5

_EVERYONE = References()


@dataclass(frozen=True, eq=False)
class Reduced:
    """Residuals (variant, wavelength, time, y, x) before derotation, and images of them.

    channels (variant, wavelength, y, x), one image a wavelength; images (variant, y, x), their
    mean. variants: the rank of each, or (0,) for a model without ranks. NaN marks what was not
    measured.
    """

    variants: tuple[float, ...]
    residuals: Floats
    channels: Floats
    images: Floats


Progress = Callable[[int, int], None]
"""Is told how much is done, and of how much."""


def silent(done: int, of: int) -> None:
    """Tell nobody."""


def reduce(
    sequence: Sequence,
    reduction: Reduction,
    progress: Progress = silent,
    stars: Several[Sequence] = (),
) -> Reduced:
    """Subtract the star from a sequence, turn North up, combine; `progress(done, of)` is told.

    stars: the sequences of the reduction's reference stars. Raises BadInput naming the frame and
    region where a library is too small or pixels are missing, or the star that is unlike the
    target.
    """
    for star in stars:
        refuse_unlike(sequence, star)
    steps = 2 + reduction.iterations
    if reduction.first:
        before = subtract_stage(sequence, reduction.first, stars)[0]
        sequence, stars = replace(sequence, cube=before), ()
    progress(1, steps)
    left = subtract_stage(sequence, reduction, stars, partial=reduction.first is not None)
    channels = _images(left, sequence, reduction)
    for done in range(reduction.iterations):
        progress(2 + done, steps)
        left = _without_sky(sequence, reduction, stars, channels)
        channels = _images(left, sequence, reduction)
    progress(steps, steps)
    left[:, sequence.mask] = np.nan
    images = np.stack([combine(one, "mean") for one in channels])
    return Reduced(reduction.model.variants, left, channels, images)


def _images(left: Floats, sequence: Sequence, reduction: Reduction) -> Floats:
    """Residuals (variant, wavelength, time, y, x) → North-up images (variant, wavelength, y, x)."""
    return np.stack(
        [
            [
                image(frames, sequence.angle, reduction, mask)
                for frames, mask in zip(one, sequence.mask, strict=True)
            ]
            for one in left
        ]
    )


def _without_sky(
    sequence: Sequence, reduction: Reduction, stars: Several[Sequence], images: Floats
) -> Floats:
    """Residuals whose star was modelled without the sky in images (variant, wavelength, y, x)."""
    left = []
    for model, sky in zip(each_variant(reduction.model), images, strict=True):
        found = sky_in_frames(sky, sequence.angle, reduction.derotation)
        starlight = replace(sequence, cube=sequence.cube - found)
        stage = replace(reduction, model=model)
        again = subtract_stage(starlight, stage, stars, partial=reduction.first is not None)
        left.append(again[0] + found)
    return np.stack(left)


def image(left: Floats, angle: Floats, reduction: Reduction, mask: Bools | None = None) -> Floats:
    """Residuals (time, y, x) → North-up image (y, x); masked pixels carry no weight."""
    return combine(derotate(left, angle, reduction.derotation, mask), reduction.combination)


def subtract_stage(
    sequence: Sequence, stage: Stage, stars: Several[Sequence] = (), partial: bool = False
) -> Floats:
    """Residuals (variant, wavelength, time, y, x) of one stage, every wavelength.

    partial: pixels without any value are what an earlier stage left out, and are left out again.
    """
    fwhm = sequence.observation.fwhm
    if stage.references.wavelengths == "all":
        _check_wavelengths(sequence)
        longest = int(np.argmax(sequence.wavelength))
        left = subtract(aligned_stack(sequence, stars), fwhm[longest], stage, partial)
        return unaligned(left, sequence)
    stacks = (channel_stack(sequence, stars, channel) for channel in range(len(fwhm)))
    each = [
        subtract(stack, width, stage, partial) for stack, width in zip(stacks, fwhm, strict=True)
    ]
    return np.stack(each, axis=1)


def subtract(stack: Stack, fwhm: float, stage: Stage, partial: bool = False) -> Floats:
    """Residuals (variant, target, y, x) of a stack, NaN off the regions."""
    count, height, width = stack.frames.shape
    flat = stack.frames.reshape(count, -1)
    plan = planned(stack, fwhm, stage, partial)
    variants, targets = len(stage.model.variants), stack.rows.targets
    left = np.full((variants, targets, height * width), np.nan, stack.frames.dtype)

    def work(part: Part) -> None:
        left[:, :, part.pixels] = fit(
            flat[:, part.pixels], part.usable, stage.model, stage.references, part.zone_of(flat)
        )

    threads.over(work, plan)
    return left.reshape(variants, targets, height, width)


@dataclass(frozen=True, eq=False)
class Part:
    """A region's work: pixels and optimisation zone that every frame has, usable[target, row]."""

    pixels: Ints
    zone: Ints
    usable: Bools

    def zone_of(self, flat: Floats) -> Floats | None:
        """The zone's pixels of frames (row, pixel); None where it is the region itself."""
        return None if np.array_equal(self.zone, self.pixels) else flat[:, self.zone]


def planned(stack: Stack, fwhm: float, stage: Stage, partial: bool = False) -> list[Part]:
    """The work on each region of a stack; see `subtract_stage` for `partial`.

    Raises BadInput where a library or a region is too small.
    """
    count, height, width = stack.frames.shape
    regions = regions_of((height, width), fwhm, stage)
    flat = stack.frames.reshape(count, -1)
    valued = np.isfinite(flat)
    seen = np.asarray(valued.all(axis=0))
    if partial:
        anywhere = np.asarray(valued.any(axis=0))
        regions = [
            replace(region, pixels=region.pixels[anywhere[region.pixels]]) for region in regions
        ]
        regions = [region for region in regions if region.pixels.size]
    return [part_of(region, seen, stack.rows, fwhm, stage) for region in regions]


def regions_of(shape: tuple[int, int], fwhm: float, stage: Stage) -> list[Region]:
    """The regions of frames of `shape` (y, x), each with the zone that the model asks for."""
    widened = stage.model.optimisation if isinstance(stage.model, Loci) else 1.0
    return stage.regions.partition(shape, fwhm, widened)


def part_of(region: Region, seen: Bools, rows: Rows, fwhm: float, stage: Stage) -> Part:
    """The work on a region, of which every row has the pixels that are `seen` (pixel,).

    Raises BadInput where libraries or pixels are too few.
    """
    usable = stage.references.usable(rows, region.radius, fwhm)
    _check_libraries(usable, region, stage)
    pixels = region.pixels[seen[region.pixels]]
    if pixels.size < _COMMON * region.pixels.size:
        raise BadInput(
            f"{region.name}: only {pixels.size} of {region.pixels.size} pixels have a value in "
            "every frame; drop the frames that lack them or leave the region out"
        )
    return Part(pixels, region.zone[seen[region.zone]], usable)


def fit(
    frames: Floats,
    usable: Bools,
    model: AnyModel,
    references: References = _EVERYONE,
    zone: Floats | None = None,
) -> Floats:
    """Residuals (variant, target, pixel) of the frames (frame, pixel) of one region.

    usable is (target, reference); the targets are the first of the frames. zone (frame, pixel): the
    pixels on which the model is optimised, where they are not the region's own.
    """
    if isinstance(model, PixelModel):
        if references.correlated is not None:
            usable = references.most_correlated(gram(CentredFrames.of(frames)), usable)
        return np.asarray(frames[: len(usable)] - model.predict(frames, usable))
    centred = CentredFrames.of(frames)
    products = gram(centred if zone is None else CentredFrames.of(zone))
    return residuals(centred, weigh(products, usable, model, references))


def weigh(
    products: Gram, usable: Bools, model: LinearModel, references: References = _EVERYONE
) -> Coefficients:
    """What a linear model makes of inner products, with the libraries that `references` leaves."""
    return model.coefficients(products, references.most_correlated(products, usable))


def _check_libraries(usable: Bools, region: Region, stage: Stage) -> None:
    """Refuse libraries smaller than the model needs, naming the frame."""
    sizes = usable.sum(axis=1)
    if stage.references.correlated is not None:
        sizes = np.minimum(sizes, stage.references.correlated)
    frame = int(sizes.argmin())
    model = stage.model
    if sizes[frame] < model.minimum:
        wish = (
            f"{model.kind} of rank {max(model.variants)}" if model.variants != (0,) else model.kind
        )
        capped = [name for name in ("nearest", "correlated") if getattr(stage.references, name)]
        higher = " or ".join(["regions.inner", *(f"references.{name}" for name in capped)])
        raise BadInput(
            f"{region.name}: the library of frame {frame} holds {sizes[frame]} frames, {wish} "
            f"needs {model.minimum}: lower references.movement or the ranks, or raise {higher}"
        )


def _check_wavelengths(sequence: Sequence) -> None:
    """Refuse spectral differences of a sequence without a spectrum."""
    known = np.isfinite(sequence.wavelength) & (sequence.wavelength > 0)
    if not known.all():
        channel = int(np.flatnonzero(~known)[0])
        raise BadInput(
            f"{sequence.label}: the wavelength of channel {channel} is not known, and "
            "`wavelengths: all` scales by it; give the observation's wavelengths"
        )
    if len(np.unique(sequence.wavelength)) < 2:
        raise BadInput(
            f"{sequence.label}: all channels have one wavelength, and `wavelengths: all` needs "
            "two or more; use `wavelengths: same`"
        )
