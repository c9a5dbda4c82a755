"""Methods that can be judged: what makes a sequence a map that is high where a companion is.

Whatever the map is, S/N, STIM or a probability, its peaks go through the same finder and the same
count, so its units do not matter. A method needs no more than `map`; one that knows a quicker way
to its map with a companion in the frames has its own `injected`.
"""

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from exosift.detect.maps import stims
from exosift.detect.matched import matched_sample
from exosift.detect.snr import small_sample
from exosift.errors import BadInput
from exosift.geometry.grid import radius_map
from exosift.geometry.rotation import derotate
from exosift.inverse.andromeda import Andromeda, invert
from exosift.limits.recovery import fwhm_of
from exosift.photometry.injection import Companion, inject
from exosift.psfsub.catalogue import Reduction, each_variant
from exosift.psfsub.engine import reduce
from exosift.psfsub.injected import Injected, in_gram_space
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Point

MapName = Literal["snr", "matched", "stim"]
"""What is made of a reduction: S/N in apertures or of the matched filter, normalised STIM."""

MapWith = Callable[[Companion, Bools], Floats]
"""The map (y, x) with a companion in the frames, right wherever (y, x) it is asked for."""


class Method(Protocol):
    """A way to detect companions."""

    def map(self, sequence: Sequence) -> Floats:
        """The detection map (y, x) of a sequence, North up; NaN where nothing is measured."""
        ...

    def injected(self, sequence: Sequence) -> MapWith:
        """What maps the sequence with a companion in it: the long way, unless there is another."""
        return lambda companion, _: self.map(inject(sequence, [companion]))


MethodFor = Callable[[Sequence, Several[Point]], Method]
"""The method for a star, by its sequence and where known companions are in it (separation [px],
angle): what taught it must be told apart from what judges it."""


def always(method: Method) -> MethodFor:
    """The same method for every star, as it is of one that learns from none."""
    return lambda *_: method


@dataclass(frozen=True)
class SnrOf(Method):
    """S/N of a reduction of one rank, in apertures or of the matched filter."""

    reduction: Reduction
    matched: bool = False

    def map(self, sequence: Sequence) -> Floats:
        """See `Method`."""
        return self._snr(reduce(sequence, self.reduction).images[0], sequence)

    def injected(self, sequence: Sequence) -> MapWith:
        """In Gram space where the model is linear; else the long way."""
        if not in_gram_space(self.reduction):
            return Method.injected(self, sequence)
        ready = Injected.of(sequence, self.reduction)
        image = ready.images[0]
        # What lies under apertures, or templates, at the places that are asked for.
        margin = (1.5 if self.matched else 0.5) * fwhm_of(sequence) + 1

        def map_with(companion: Companion, seen: Bools) -> Floats:
            ring = _ring(seen, margin)
            pixels = np.flatnonzero(ring & np.isfinite(image))
            changed = image.copy()
            changed.flat[pixels] = ready.measured([ready.injection([companion])], [1.0], pixels)[0]
            half = _half(seen, margin)
            if half >= min(image.shape) // 2:
                return self._snr(changed, sequence)
            middle = [slice(n // 2 - half, n // 2 + half + 1) for n in image.shape]
            found = np.full(image.shape, np.nan, dtype=np.float32)
            found[middle[0], middle[1]] = self._snr(changed[middle[0], middle[1]], sequence)
            return found

        return map_with

    def _snr(self, image: Floats, sequence: Sequence) -> Floats:
        fwhm = fwhm_of(sequence)
        if self.matched:
            return matched_sample(image, sequence.psf.mean(axis=0), fwhm).snr
        return small_sample(image, fwhm).snr


@dataclass(frozen=True)
class StimOf(Method):
    """Normalised STIM map (Pairet et al. 2019) of a reduction of one rank."""

    reduction: Reduction

    def map(self, sequence: Sequence) -> Floats:
        """See `Method`."""

        def turned(frames: Floats, angle: Floats) -> Floats:
            return derotate(frames, angle, self.reduction.derotation)

        left = reduce(sequence, self.reduction).residuals
        return np.asarray(stims(left, sequence.angle, turned, fwhm_of(sequence)).statistic[0])


@dataclass(frozen=True)
class InversionOf(Method):
    """S/N of ANDROMEDA's flux (Cantalloube et al. 2015)."""

    inversion: Andromeda

    def map(self, sequence: Sequence) -> Floats:
        """See `Method`."""
        return invert(sequence, self.inversion).snr


def of_rank(reduction: Reduction, rank: int | None) -> Reduction:
    """A reduction of several ranks as one of one. Raises BadInput where there is no such rank."""
    models = {model.variants[0]: model for model in each_variant(reduction.model)}
    if rank is None and len(models) == 1:
        return reduction
    if rank not in models:
        ranks = ", ".join(f"{one:g}" for one in models)
        given = "none is given" if rank is None else f"it has not {rank}"
        raise BadInput(f"{reduction.model.kind} has ranks {ranks}, and {given}: give `rank`")
    return replace(reduction, model=models[rank])


def method_of(
    settings: Reduction | Andromeda, made: MapName = "snr", rank: int | None = None
) -> Method:
    """The method of a reduction's or an inversion's settings, and what map is made of it.

    Raises BadInput for a rank that there is not, reference stars, and maps that an inversion does
    not have.
    """
    if isinstance(settings, Andromeda):
        if made != "snr" or rank is not None:
            raise BadInput("an inversion has one map, its own S/N, and no ranks")
        return InversionOf(settings)
    if settings.stars:
        raise BadInput("a reduction with reference stars cannot be judged yet; leave it out")
    one = of_rank(settings, rank)
    return StimOf(one) if made == "stim" else SnrOf(one, made == "matched")


def _ring(seen: Bools, margin: float) -> Bools:
    """Pixels (y, x) within `margin` [px] of the circles through those seen."""
    radius = radius_map(seen.shape)
    least, most = radius[seen].min(), radius[seen].max()
    return np.asarray((radius >= least - margin) & (radius <= most + margin))


def _half(seen: Bools, margin: float) -> int:
    """Half the side [px] of the square that reaches `margin` [px] beyond the places seen."""
    return int(np.ceil(radius_map(seen.shape)[seen].max() + margin))
