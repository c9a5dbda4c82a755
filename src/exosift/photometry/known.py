"""Companions that are known to be there."""

from collections.abc import Mapping
from dataclasses import dataclass

from exosift.errors import BadInput


@dataclass(frozen=True)
class KnownCompanion:
    """A companion that is known at an epoch: separation [mas], position angle [deg].

    flux: in cube units inside the 1-FWHM aperture, mean over wavelengths; it is then taken out of
    the frames before limits are found. Without it nothing is measured within one FWHM of the place.
    """

    separation: float
    position_angle: float
    flux: float | None = None

    def __post_init__(self) -> None:
        if not self.separation > 0:
            raise BadInput(f"the separation is {self.separation:g} mas, expected more than 0")


KnownCompanions = Mapping[str, tuple[KnownCompanion, ...]]
"""Companions that are known, by `target/epoch` or target."""


def known_in(label: str, known: KnownCompanions) -> tuple[KnownCompanion, ...]:
    """Those known in an observation, by its label: of its epoch, if given, or of its target."""
    return tuple(known.get(label, known.get(label.partition("/")[0], ())))
