"""Injection and recovery in Gram space: the exact residual image of a sequence with companions in.

For a linear model only the regions that a companion crosses are fitted again, from their updated
products (see `refit`), and what has changed is derotated only where it is measured, with the same
shears as the whole image (see `geometry.turning`). It equals `reduce(inject(sequence, …))`.

Models that see pixels, a first stage, iterations, wavelengths that model each other, and pairs left
out by their distance (whose number depends on the companion) go that long way, at its price.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any

import numpy as np

from exosift import threads
from exosift.geometry.rotation import derotate
from exosift.geometry.turning import Box, Turn
from exosift.photometry.injection import Companion, Track, inject, track
from exosift.psfsub.catalogue import PixelModel, Reduction
from exosift.psfsub.combine import combine
from exosift.psfsub.engine import planned, reduce
from exosift.psfsub.pairwise import Pairwise
from exosift.psfsub.refit import Fitted, Light
from exosift.psfsub.stack import channel_stack, refuse_unlike
from exosift.sequence import Sequence
from exosift.types import Floats, Ints

# Changes of residuals held at once: at most so many values.
_VALUES = 16_000_000

# Measured, in ns: to make an element of the shears' matrices, to apply it to one image, and to turn
# a pixel of an image by transforms.
_MAKE, _APPLY, _TRANSFORM = 2.3, 0.06, 140.0


def in_gram_space(reduction: Reduction) -> bool:
    """Whether a reduction's residuals follow from inner products, a region at a time."""
    model = reduction.model
    staged = reduction.first is not None or reduction.iterations > 0
    drops = isinstance(model, Pairwise) and model.percentile < 100
    mixed = reduction.references.wavelengths == "all"
    return not (isinstance(model, PixelModel) or staged or drops or mixed)


@dataclass(frozen=True, eq=False)
class Injection:
    """Companions to be in the frames together, and their light in every region of each channel."""

    companions: tuple[Companion, ...]
    light: tuple[tuple[Light | None, ...], ...]


@dataclass(frozen=True, eq=False)
class _Channel:
    """One wavelength: its fitted regions, and its derotated residuals (variant, time, y, x)."""

    regions: tuple[Fitted, ...]
    turned: Floats


@dataclass(frozen=True, eq=False)
class Injected:
    """A sequence and its reduction, ready for companions. images (variant, y, x): without any."""

    sequence: Sequence
    reduction: Reduction
    stars: tuple[Sequence, ...]
    images: Floats
    channels: tuple[_Channel, ...]

    @classmethod
    def of(
        cls, sequence: Sequence, reduction: Reduction, stars: Several[Sequence] = ()
    ) -> "Injected":
        """Reduce the sequence once. stars: the sequences of the reduction's reference stars.

        Raises BadInput as `reduce` does.
        """
        if not in_gram_space(reduction):
            images = reduce(sequence, reduction, stars=stars).images
            return cls(sequence, reduction, tuple(stars), images, ())
        for star in stars:
            refuse_unlike(sequence, star)
        channels = tuple(
            _channel(sequence, reduction, stars, number)
            for number in range(len(sequence.wavelength))
        )
        each = [[combine(one, reduction.combination) for one in of.turned] for of in channels]
        images = np.stack([combine(np.stack(one), "mean") for one in zip(*each, strict=True)])
        return cls(sequence, reduction, tuple(stars), images, channels)

    def injection(
        self, companions: Several[Companion], smearing: Floats | None = None
    ) -> Injection:
        """Companions in the frames together, their inner products formed; see `track`."""
        if not self.channels:
            return Injection(tuple(companions), ())
        path = _together([track(self.sequence, one, 1.0, smearing) for one in companions])
        light = []
        for number, channel in enumerate(self.channels):

            def lit(region: Fitted, number: int = number) -> Light | None:
                return region.lit(path, number)

            light.append(tuple(threads.over(lit, channel.regions)))
        return Injection(tuple(companions), tuple(light))

    def measured(
        self,
        injections: Several[Injection],
        times: Several[float],
        pixels: Ints,
    ) -> Floats:
        """Values (injection, variant, pixel) of the images with each injection, `times` as bright.

        pixels: flat indices into the North-up image. For a companion that is moved about one place
        see `corridor`.
        """
        if not self.channels:
            return np.stack(
                [self._the_long_way(*one, pixels) for one in zip(injections, times, strict=True)]
            )
        every: list[Floats] = []
        for number, channel in enumerate(self.channels):
            size = self.sequence.cube.shape[-1]
            held = channel.turned.shape[0] * channel.turned.shape[1] * size**2
            some = [
                self._in_channel(number, injections[span], times[span], pixels)
                for span in threads.blocks(len(injections), max(1, _VALUES // held))
            ]
            every.append(np.concatenate(some))
        return combine(np.stack(every), "mean")

    def _the_long_way(self, injection: Injection, times: float, pixels: Ints) -> Floats:
        """Values (variant, pixel) by a whole reduction."""
        companions = [
            Companion(one.separation, one.position_angle, tuple(times * flux for flux in one.flux))
            for one in injection.companions
        ]
        given = inject(self.sequence, companions)
        images = reduce(given, self.reduction, stars=self.stars).images
        return np.asarray(images.reshape(len(images), -1)[:, pixels])

    def _in_channel(
        self, number: int, injections: Several[Injection], times: Several[float], pixels: Ints
    ) -> Floats:
        """Values (injection, variant, pixel) of one wavelength's images."""
        channel = self.channels[number]
        variants, frames = channel.turned.shape[:2]
        before = channel.turned.reshape(variants, frames, -1)[..., pixels]
        size = self.sequence.cube.shape[-1]
        touched = [
            (which, region, light)
            for which, one in enumerate(injections)
            for region, light in zip(channel.regions, one.light[number], strict=True)
            if light is not None
        ]
        if not touched:
            return np.stack([[combine(b, self.reduction.combination) for b in before]] * len(times))
        regions = {region for _, region, _ in touched}
        seen = Box.centred(np.concatenate([region.part.pixels for region in regions]), size)
        side = seen.rows[1] - seen.rows[0]
        change = np.zeros((frames, side**2, len(times), variants), before.dtype)

        def refit(one: tuple[int, Fitted, Light]) -> None:
            which, region, light = one
            left = region.change(light, times[which])
            place = seen.within(region.part.pixels, size)
            change[:, place, which] = left.transpose(1, 2, 0)

        threads.over(refit, touched)
        shape = (frames, side, side, len(times) * variants)
        after = self._derotated(change.reshape(shape), seen, pixels)
        after = after.reshape(frames, len(pixels), len(times), variants)
        after += before.transpose(1, 2, 0)[:, :, None]
        combined = combine(after.reshape(frames, len(pixels), -1), self.reduction.combination)
        return np.asarray(combined.reshape(len(pixels), len(times), variants).transpose(1, 2, 0))

    def _derotated(self, change: Floats, seen: Box, pixels: Ints) -> Floats:
        """Changes (time, y, x, image) in a box of the frames, derotated: (time, pixel, image)."""
        size, angle = self.sequence.cube.shape[-1], self.sequence.angle
        wanted = Box.around(pixels, size)
        images = change.shape[-1]
        elements = Turn.elements(size, seen, wanted)
        products = elements * (_MAKE + _APPLY * images)
        spline = self.reduction.derotation == "spline"
        if spline or products > _TRANSFORM * images * size**2:
            inside = slice(*seen.rows)
            whole = np.zeros((images, len(angle), size, size), change.dtype)
            whole[:, :, inside, inside] = change.transpose(3, 0, 1, 2)
            turned = np.nan_to_num(derotate(whole, angle, self.reduction.derotation))
            return turned.reshape(*whole.shape[:2], -1)[..., pixels].transpose(1, 2, 0)
        place = wanted.within(pixels, size)
        after = np.empty((len(angle), len(pixels), images), change.dtype)

        def work(frame: int) -> None:
            turn = Turn.by(angle[frame], size, seen, wanted, change.dtype)
            turned = turn.of(change[frame])
            after[frame] = turned.reshape(-1, images)[place]

        threads.over(work, range(len(angle)))
        return after


def _channel(
    sequence: Sequence, reduction: Reduction, stars: Several[Sequence], number: int
) -> _Channel:
    """Fit every region of one wavelength, and derotate what is left."""
    stack = channel_stack(sequence, stars, number)
    count, height, width = stack.frames.shape
    flat = stack.frames.reshape(count, -1)
    model: Any = reduction.model
    plan = planned(stack, sequence.observation.fwhm[number], reduction)
    regions = threads.over(lambda part: Fitted.of(flat, part, model, reduction.references), plan)
    shape = (len(model.variants), stack.rows.targets, height * width)
    left = np.full(shape, np.nan, flat.dtype)
    for region in regions:
        left[:, :, region.part.pixels] = region.left
    mask = np.broadcast_to(sequence.mask[number], (*shape[:2], height, width))
    frames = left.reshape(mask.shape)
    return _Channel(tuple(regions), derotate(frames, sequence.angle, reduction.derotation, mask))


def _together(paths: Several[Track]) -> Track:
    """Several tracks as one; where they share a pixel it occurs more than once."""
    return Track(
        np.concatenate([path.frame for path in paths]),
        np.concatenate([path.pixel for path in paths]),
        np.concatenate([path.light for path in paths], axis=1),
    )
