"""The catalogue: every PSF model, and the reduction that joins one to regions and references."""

from dataclasses import dataclass, field, replace

from exosift.errors import BadInput
from exosift.geometry.regions import Annuli, AnyRegions
from exosift.geometry.resampling import Interpolation
from exosift.psfsub.combine import Combination
from exosift.psfsub.library import References
from exosift.psfsub.llsg import Llsg
from exosift.psfsub.loci import Loci
from exosift.psfsub.mean import Mean
from exosift.psfsub.median import Median
from exosift.psfsub.nmf import Nmf
from exosift.psfsub.pairwise import Pairwise
from exosift.psfsub.pca import Pca

PixelModel = Median | Nmf | Llsg
"""Models that see the pixels."""

LinearModel = Mean | Pca | Loci | Pairwise
"""Models that see inner products of frames only."""

AnyModel = PixelModel | LinearModel
"""Every PSF model."""


def each_variant(model: AnyModel) -> list[AnyModel]:
    """A model of several ranks as several models of one."""
    match model:
        case Pca():
            return [replace(model, ranks=(rank,)) for rank in model.ranks]
        case Nmf():
            return [replace(model, ranks=(rank,)) for rank in model.ranks]
        case _:
            return [model]


@dataclass(frozen=True)
class Stage:
    """How frames become residuals: three independent choices.

    model: what the star is thought to be. regions: which pixels are modelled together. references:
    which frames model which.
    """

    model: AnyModel = field(default_factory=Pca)
    regions: AnyRegions = field(default_factory=Annuli)
    references: References = field(default_factory=References)


@dataclass(frozen=True)
class Reduction(Stage):
    """How a sequence becomes an image: subtraction in one or two stages, derotation, combination.

    derotation: "fourier" or "spline". combination: "median" or "mean", over time. first: a stage to
    go before, whose residuals this one starts from, such as SDI before ADI. iterations: so many
    times what was found is taken out of the frames and the star modelled anew.
    """

    derotation: Interpolation = "fourier"
    combination: Combination = "median"
    first: Stage | None = None
    iterations: int = 0

    def __post_init__(self) -> None:
        if self.iterations < 0:
            raise BadInput(f"iterations is {self.iterations}, expected 0 or more")
        if self.first and len(self.first.model.variants) > 1:
            raise BadInput(
                f"first: {self.first.model.kind} has {len(self.first.model.variants)} ranks, and "
                "the stage that follows takes one: give one rank"
            )
        if self.first and self.references.stars:
            raise BadInput(
                "references.stars: the residuals of the first stage have no other stars' beside "
                "them; name the stars in first.references"
            )

    @property
    def stars(self) -> tuple[str, ...]:
        """The reference stars of either stage."""
        return (self.first or self).references.stars

    @property
    def keeps_noise(self) -> bool:
        """Whether noise stays noise, so that an S/N in the image is a significance."""
        return self.model.keeps_noise and (self.first is None or self.first.model.keeps_noise)


def streams(reduction: Reduction) -> bool:
    """Whether a reduction can take some pixels at a time, so that frames may stay on disk.

    That is one stage of a linear model, each wavelength by itself.
    """
    return (
        isinstance(reduction.model, LinearModel)
        and reduction.first is None
        and reduction.iterations == 0
        and reduction.references.wavelengths == "same"
    )
