"""What is asked of the characterisation of a sequence's companions, and the answer."""

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from exosift.calib.centring import Centring
from exosift.characterise.centring import centring_spread
from exosift.characterise.merit import Merit
from exosift.characterise.sampling import Posterior, Sampling, sampled
from exosift.characterise.simplex import Best, best
from exosift.characterise.spectrum import Spectrum, spectrum
from exosift.characterise.uncertainty import (
    Astrometry,
    Speckles,
    Systematics,
    astrometry,
    speckle_noise,
)
from exosift.errors import BadInput, Failed
from exosift.limits.recovery import Field, trimmed, without
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction, each_variant
from exosift.sequence import Sequence


@dataclass(frozen=True)
class Characterise:
    """Place, flux and errors of companions by negative ones.

    reductions: those in which it is done, by name; of several ranks the first is taken. which:
    "known" companions, or "candidates" whose S/N is `threshold` or more. merit: what is made least.
    sampling: of the posterior; null for none. injections: at other azimuths, at most, for the
    errors. centring: ways to find the star whose spread is its error, unless `centring_error` [px]
    is told. pixel_scale_error [mas/px] and true_north_error [deg]: the instrument's where null.
    template: width [FWHM] of the PSF as companions are drawn. star_flux: assumed where the data
    carry none, in cube units inside the 1-FWHM aperture.
    """

    reductions: tuple[str, ...] = ()
    which: Literal["known", "candidates"] = "known"
    threshold: float = 5.0
    merit: Merit = field(default_factory=Merit)
    sampling: Sampling | None = field(default_factory=Sampling)
    injections: int = 20
    centring: tuple[Centring, ...] = (
        Centring("symmetry", frames="together"),
        Centring("gaussian", frames="together"),
    )
    centring_error: float | None = None
    pixel_scale_error: float | None = None
    true_north_error: float | None = None
    template: float = 3.0
    star_flux: float | None = None

    @property
    def of_each(self) -> "Characterise":
        """What is asked of each reduction, whichever others there are."""
        return replace(self, reductions=())

    def __post_init__(self) -> None:
        if self.injections < 5:
            raise BadInput(f"injections is {self.injections}, expected 5 or more")
        if self.template < 1:
            raise BadInput(f"template is {self.template:g} FWHM wide, expected 1 or more")
        if self.star_flux is not None and not 0 < self.star_flux < np.inf:
            raise BadInput(f"star_flux is {self.star_flux:g}, expected more than 0, or null")
        for name in ("centring_error", "pixel_scale_error", "true_north_error"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise BadInput(f"{name} is {value:g}, expected 0 or more, or null")


@dataclass(frozen=True, eq=False)
class Characterised:
    """A companion: what was measured, its posterior if it was drawn, the errors that go in.

    field: the sequence as it was measured; clean: without the companion.
    """

    best: Best
    posterior: Posterior | None
    speckles: Speckles
    known: Systematics
    astrometry: Astrometry
    spectrum: Spectrum | None
    field: Field
    clean: Field


def characterise(
    sequence: Sequence,
    reduction: Reduction,
    asked: Characterise,
    companions: Several[KnownCompanion],
    stars: Several[Sequence] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Characterised | BadInput | Failed]:
    """Each companion in turn, the others staying in; `progress(done, of)` is told of them.

    Raises BadInput where there is no PSF, for places that cannot be measured and for a star whose
    centre cannot be told; Failed where there is no companion. Of candidates, which may be none,
    it is given in place of the answer.
    """
    if not companions:
        raise BadInput(f"{sequence.label}: no companion to characterise; name one")
    sequence = trimmed(sequence, asked.template)
    reduction = replace(reduction, model=each_variant(reduction.model)[0])
    scale = sequence.observation.pixel_scale
    error = asked.centring_error
    if error is None:
        error = centring_spread(sequence, asked.centring)
    known = Systematics(scale, error, asked.pixel_scale_error, asked.true_north_error)
    here = Field.of(sequence, reduction, stars)
    for number, one in enumerate(companions):
        try:
            yield _measured(here, asked, known, one, number)
        except (BadInput, Failed) as fault:
            if asked.which == "known":
                raise
            yield fault
        if progress:
            progress(number + 1, len(companions))


def _measured(
    here: Field, asked: Characterise, known: Systematics, one: KnownCompanion, number: int
) -> Characterised:
    """One companion; its number decides the seed."""
    found = best(here, one.separation / known.pixel_scale, one.position_angle, asked.merit)
    drawn = None
    if asked.sampling and asked.merit.kind == "chi2":
        rng = np.random.default_rng([asked.sampling.seed, number])
        drawn = sampled(found, asked.sampling, rng)
    injected = here.injected
    companion = here.companion(*(float(value) for value in found.place))
    clean = Field.of(without(injected.sequence, [companion]), injected.reduction, injected.stars)
    speckles = speckle_noise(clean, found.place, asked.merit, asked.injections)
    told = astrometry(found.place, speckles.covariance, known)
    colours = spectrum(here, clean, found, asked.injections)
    return Characterised(found, drawn, speckles, known, told, colours, here, clean)
