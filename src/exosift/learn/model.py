"""A trained model: what was learned in each annulus, how its patches were made, and from what.

Noise changes with separation, so each annulus has a classifier of its own. A model says margins of
patches that were made as those it learned from; anything else is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from exosift.errors import BadInput
from exosift.types import Floats

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


class Fitted(Protocol):
    """A classifier that has learned."""

    def margin(self, patches: Floats) -> Floats:
        """Log-odds (sample,) of a companion in patches (sample, level, y, x)."""
        ...


@dataclass(frozen=True, eq=False)
class Zone:
    """An annulus from `inner` to `outer` [px], and how many samples of each kind taught it."""

    inner: float
    outer: float
    fitted: Fitted
    companions: int
    nulls: int

    def __post_init__(self) -> None:
        if not 0 <= self.inner < self.outer:
            raise BadInput(f"annulus {self.inner:g}–{self.outer:g} px: expected 0 ≤ inner < outer")


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from.

    sequences: `target/epoch` and SHA-256 of each that it learned from. protocol: "sequence" (the
    sequence itself, at negated angles), "survey" (other stars) or "pooled". seed: of all that was
    drawn. versions: of the packages at work.
    """

    sequences: tuple[tuple[str, str], ...]
    protocol: str
    seed: int
    versions: Mapping[str, str] = field(default_factory=installed)


@dataclass(frozen=True, eq=False)
class Model:
    """Zones, and the sampling: settings that decide what a patch is, by name, as in JSON."""

    sampling: Mapping[str, Any]
    zones: tuple[Zone, ...]
    provenance: Provenance

    def __post_init__(self) -> None:
        if not self.zones:
            raise BadInput("a model needs an annulus or more")

    def require(self, sampling: Mapping[str, Any]) -> None:
        """Raise BadInput, naming the first difference, for patches that are made otherwise."""
        for name in {**self.sampling, **sampling}:
            learned, found = self.sampling.get(name), sampling.get(name)
            if learned != found:
                raise BadInput(
                    f"the model learned from patches with {name} {learned}, here it is {found}: "
                    "train one for this sampling"
                )
