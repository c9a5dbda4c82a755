"""Instruments, each described by one YAML file in this folder.

A description holds `name`, `telescope`, `pixel_scale` [mas/px], the angles that turn a stored
parallactic angle into true North, `derotator_offset` (null where it changes from night to night)
and `true_north` [deg], and the central `wavelengths` [µm] of its filters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files

import yaml

from exosift.errors import BadInput


@dataclass(frozen=True)
class Instrument:
    """What an instrument adds to its data: scales [mas/px], angles [deg], wavelengths [µm]."""

    name: str
    telescope: str
    pixel_scale: float
    derotator_offset: float | None
    true_north: float
    wavelengths: Mapping[str, float]
    source: str

    def wavelength(self, filter_name: str) -> float:
        """Central wavelength [µm] of a filter; BadInput names those that are known."""
        if filter_name not in self.wavelengths:
            raise BadInput(
                f"filter {filter_name}: {self.name} has {', '.join(self.wavelengths)}; correct the "
                "filter column"
            )
        return self.wavelengths[filter_name]


def known() -> list[str]:
    """Names of the instruments described here."""
    entries = files(__package__).iterdir()
    return sorted(e.name.removesuffix(".yaml") for e in entries if e.name.endswith(".yaml"))


def load(name: str) -> Instrument:
    """The description of an instrument. Raises BadInput, naming the nearest, when there is none."""
    if name not in known():
        near = get_close_matches(name, known(), 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known())}"
        raise BadInput(f"instrument {name}: not known; {hint}")
    return Instrument(**yaml.safe_load((files(__package__) / f"{name}.yaml").read_text()))
