"""A trained model: what was learned in each annulus, how its patches were made, and from what.

Noise changes with separation, so each annulus has a classifier of its own. A model says margins of
patches that were made as those it learned from; anything else is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from exosift.errors import BadInput
from exosift.learn.catalogue import AnyClassifier
from exosift.learn.classifier import Fitted
from exosift.learn.labelled import Sampling
from exosift.learn.mlar import Mlar
from exosift.sequence import Sequence

Protocol = Literal["sequence", "survey", "pooled"]
"""What teaches: the sequence itself at negated angles, other stars, or both."""

# What a model's numbers may depend on.
_PACKAGES = ("exosift", "numpy", "scipy", "scikit-learn", "torch")


def installed() -> dict[str, str]:
    """Versions of the packages that a model's numbers may depend on."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True, eq=False)
class Zone:
    """What was learnt in the ring between `edges` [FWHM], from so many samples of each kind."""

    edges: tuple[float, float]
    fitted: Fitted
    companions: int
    nulls: int

    def __post_init__(self) -> None:
        inner, outer = self.edges
        if not 0 <= inner < outer:
            raise BadInput(f"ring {inner:g}–{outer:g} FWHM: expected 0 ≤ inner < outer")


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from.

    sequences: `target/epoch` and SHA-256 of each that it learnt from. protocol: see `Protocol`.
    filter: through which they were taken. seed: of all that was drawn. versions: of the packages at
    work.
    """

    sequences: tuple[tuple[str, str], ...]
    protocol: Protocol
    filter: str
    seed: int
    versions: Mapping[str, str] = field(default_factory=installed)


@dataclass(frozen=True, eq=False)
class Model:
    """What was asked for, and what came of it.

    classifier: its parameters; mlar: what a patch is, of `side` [px]; sampling: which samples
    taught; provenance: of whose frames. zones, from the star outwards.
    """

    classifier: AnyClassifier
    mlar: Mlar
    side: int
    sampling: Sampling
    zones: tuple[Zone, ...]
    provenance: Provenance

    def __post_init__(self) -> None:
        if not self.zones:
            raise BadInput("a model needs a ring or more")

    @property
    def outermost(self) -> float:
        """Outer edge [FWHM] of its rings."""
        return self.zones[-1].edges[1]

    def require(self, sequence: Sequence) -> None:
        """Raise BadInput for a sequence whose patches are not those that it learnt from."""
        seen = sequence.observation
        if seen.filter != self.provenance.filter:
            raise BadInput(
                f"{sequence.label}: the model has learnt in filter {self.provenance.filter}, and "
                f"this was taken in {seen.filter}: train one for this filter"
            )
        if (side := self.mlar.side(seen.fwhm[0])) != self.side:
            raise BadInput(
                f"{sequence.label}: the model has learnt from patches of {self.side} px, and at an "
                f"FWHM of {seen.fwhm[0]:.2f} px they have {side}: train one for this sampling"
            )
        if (count := sequence.cube.shape[1]) < self.mlar.levels + 2:
            raise BadInput(
                f"{sequence.label}: the model takes {self.mlar.levels} levels, and {count} frames "
                "have not so many: train one with fewer"
            )
