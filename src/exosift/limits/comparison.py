"""What is asked of a comparison of methods by their ROC curves."""

from dataclasses import dataclass, field

import numpy as np

from exosift.errors import BadInput
from exosift.limits.methods import MapName
from exosift.limits.nulls import Nulls
from exosift.limits.roc import Intervals


@dataclass(frozen=True)
class Contestant:
    """One method: a reduction, inversion or classifier by its name, and the map that is made of it.

    rank: which, of a reduction of several.
    """

    method: str
    map: MapName = "snr"
    rank: int | None = None

    @property
    def family(self) -> str:
        """What all ranks of it are called."""
        return self.method + ("" if self.map == "snr" else f" {self.map}")

    @property
    def name(self) -> str:
        """What the curve is called."""
        parts = [self.method] + ([] if self.rank is None else [f"{self.rank}"])
        return " ".join(parts + ([] if self.map == "snr" else [self.map]))


@dataclass(frozen=True)
class Comparison:
    """ROC curves of several methods.

    methods: whose; reference: the reduction, and rank, whose S/N the fluxes are given in. bins:
    separations [FWHM] from, to. injections: companions a bin, put in one at a time. snr: between
    which their S/N is drawn; contrast: or their flux over the star's, evenly in its logarithm.
    nulls: the null frames. rates: of false positives a frame at which each
    method is quoted in one number. intervals: what is told of the uncertainty. template: width
    [FWHM] of the PSF as companions are drawn. folds: of stars; those of one are judged by what the
    others teach. seed: of places, fluxes, folds and resamples.
    """

    methods: tuple[Contestant, ...] = ()
    reference: Contestant | None = None
    bins: tuple[tuple[float, float], ...] = ((2.0, 4.0), (4.0, 6.0), (6.0, 9.0))
    injections: int = 200
    snr: tuple[float, float] = (1.0, 4.0)
    contrast: tuple[float, float] | None = None
    nulls: Nulls = field(default_factory=Nulls)
    rates: tuple[float, ...] = (0.05, 1.0)
    intervals: Intervals = field(default_factory=Intervals)
    template: float = 3.0
    folds: int = 5
    seed: int = 0

    @property
    def maps(self) -> int:
        """How many maps of each method of a sequence it takes, at most."""
        return len(self.bins) * self.injections + len(self.nulls.kinds) * self.nulls.count

    def __post_init__(self) -> None:
        names = [one.name for one in self.methods]
        if len(set(names)) < len(names):
            raise BadInput(f"methods are {', '.join(names)}; name each once")
        if self.methods and self.reference is None and self.contrast is None:
            raise BadInput("reference: name the reduction whose S/N the fluxes are, or contrast")
        for inner, outer in self.bins:
            if not 1 <= inner < outer - 1:
                raise BadInput(
                    f"bins: {inner:g} to {outer:g} FWHM, expected 1 or more, and more than 1 wide"
                )
        for name, ends in (("snr", self.snr), ("contrast", self.contrast)):
            if ends and not 0 < ends[0] <= ends[1] < np.inf:
                raise BadInput(f"{name} is {ends[0]:g} to {ends[1]:g}, expected 0 < low ≤ high")
        if not all(rate > 0 for rate in self.rates):
            raise BadInput(f"rates: {min(self.rates):g} false positives a frame, expected above 0")
        if self.folds < 2:
            raise BadInput(f"folds is {self.folds}, expected 2 or more")
        if self.injections < 1 or self.template < 1:
            raise BadInput(
                f"injections is {self.injections} and template {self.template:g} FWHM, expected 1 "
                "or more of each"
            )
