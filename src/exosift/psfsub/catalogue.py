"""The catalogue: every PSF model, and the reduction that joins one to regions and references."""

from dataclasses import dataclass, field

from exosift.geometry.regions import Annuli, AnyRegions
from exosift.geometry.rotation import Interpolation
from exosift.psfsub.combine import Combination
from exosift.psfsub.library import References
from exosift.psfsub.loci import Loci
from exosift.psfsub.mean import Mean
from exosift.psfsub.median import Median
from exosift.psfsub.pairwise import Pairwise
from exosift.psfsub.pca import Pca

AnyModel = Median | Mean | Pca | Loci | Pairwise
"""Every PSF model."""


@dataclass(frozen=True)
class Reduction:
    """How a sequence becomes an image: three independent choices, then derotation and combination.

    model: what the star is thought to be. regions: which pixels are modelled together. references:
    which frames model which. derotation: "fourier" or "spline". combination: "median" or "mean".
    """

    model: AnyModel = field(default_factory=Pca)
    regions: AnyRegions = field(default_factory=Annuli)
    references: References = field(default_factory=References)
    derotation: Interpolation = "fourier"
    combination: Combination = "median"
