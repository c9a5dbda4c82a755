"""What is asked of the limits of a reduction, and the answer, rank by rank."""

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass, field, replace

import numpy as np

from exosift.errors import BadInput
from exosift.limits.circle import outermost
from exosift.limits.completeness import Completeness, check_share, completeness
from exosift.limits.contrast import Curve, Throughput, contrast_curve
from exosift.limits.recovery import Field, fwhm_of, reach, trimmed, without
from exosift.photometry.injection import Companion
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction, each_variant
from exosift.sequence import Sequence


@dataclass(frozen=True)
class Limits:
    """Contrast curves and completeness by injected companions.

    reductions: those whose limits are asked for, by name. separations [mas]: where; none for every
    FWHM of what was reduced. fpf: false-positive fraction of one place; 2.867e-7 is that of 5 σ.
    throughput: how it is measured. azimuths: places that completeness is told from at each
    separation; 0 for no completeness. completeness: shares whose fluxes are told. template: width
    [FWHM] of the PSF as companions are drawn. star_flux: assumed where the data carry none, in cube
    units inside the 1-FWHM aperture.
    """

    reductions: tuple[str, ...] = ()
    separations: tuple[float, ...] = ()
    fpf: float = 2.867e-7
    throughput: Throughput = field(default_factory=Throughput)
    azimuths: int = 20
    completeness: tuple[float, ...] = (0.5, 0.95)
    template: float = 3.0
    star_flux: float | None = None

    @property
    def of_each(self) -> "Limits":
        """What is asked of each reduction, whichever others there are."""
        return replace(self, reductions=())

    def __post_init__(self) -> None:
        if not 0 < self.fpf < 0.5:
            raise BadInput(f"fpf is {self.fpf:g}, expected more than 0 and less than 0.5")
        if list(self.separations) != sorted(set(self.separations)):
            raise BadInput(f"separations {self.separations}: give different ones, ascending")
        if self.template < 1:
            raise BadInput(f"template is {self.template:g} FWHM wide, expected 1 or more")
        if self.star_flux is not None and not 0 < self.star_flux < np.inf:
            raise BadInput(f"star_flux is {self.star_flux:g}, expected more than 0, or null")
        if self.azimuths < 0:
            raise BadInput(f"azimuths is {self.azimuths}, expected 0 or more")
        for share in self.completeness if self.azimuths else ():
            check_share(share, self.azimuths)


@dataclass(frozen=True, eq=False)
class Answer:
    """The limits of one rank of a reduction; completeness is None where it was not asked for."""

    rank: float
    curve: Curve
    completeness: Completeness | None


def limits(
    sequence: Sequence,
    reduction: Reduction,
    asked: Limits,
    stars: Several[Sequence] = (),
    known: Several[KnownCompanion] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Answer]:
    """Limits of each rank in turn; `progress(done, of)` is told of the separations of all.

    stars: sequences of the reduction's reference stars; known: companions in the sequence.

    Raises BadInput where there is no PSF, and for separations that cannot be measured.
    """
    sequence, masked = _prepared(sequence, asked, known)
    models = each_variant(reduction.model)
    for number, model in enumerate(models):
        here = Field.of(sequence, replace(reduction, model=model), stars, masked)
        separations = _separations(here, asked)

        def told(done: int, of: int, before: int = number) -> None:
            if progress:
                progress(before * of + done, len(models) * of)

        curve = contrast_curve(here, separations, asked.fpf, asked.throughput)
        found = None
        if asked.azimuths:
            found = completeness(here, curve, asked.azimuths, progress=told)
        yield Answer(float(model.variants[0]), curve, found)


def _prepared(
    sequence: Sequence, asked: Limits, known: Several[KnownCompanion]
) -> tuple[Sequence, list[tuple[float, float]]]:
    """The sequence with its known companions taken out, and where those are that are masked."""
    scale = sequence.observation.pixel_scale
    count = len(sequence.wavelength)
    bright = [
        Companion(one.separation / scale, one.position_angle, (one.flux,) * count)
        for one in known
        if one.flux is not None
    ]
    masked = [(one.separation / scale, one.position_angle) for one in known if one.flux is None]
    return trimmed(without(sequence, bright), asked.template), masked


def _separations(here: Field, asked: Limits) -> list[float]:
    """Separations [px] asked for; else every FWHM from where the reduction can be measured."""
    sequence = here.injected.sequence
    if asked.separations:
        return [each / sequence.observation.pixel_scale for each in asked.separations]
    fwhm = fwhm_of(sequence)
    first, last = reach(here)
    found = np.arange(first, min(last, outermost(min(here.unseen.shape), fwhm)), fwhm)
    if not found.size:
        raise BadInput(
            f"{sequence.label}: no separation of the reduction can be measured; give larger frames"
        )
    return [float(each) for each in found]
