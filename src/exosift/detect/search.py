"""What is searched for: the settings of detection."""

from dataclasses import dataclass
from typing import Literal

from exosift.detect.significance import Noise
from exosift.errors import BadInput

Statistic = Literal["stim", "matched"]
"""Maps besides the S/N in apertures: STIM (Pairet et al. 2019), the S/N of the matched filter."""


@dataclass(frozen=True)
class Search:
    """What counts as a candidate: peaks of the S/N map at or above `threshold`.

    fpf: if given, peaks with this false-positive fraction or less instead. noise: what that of
    resolution elements is taken for, "gaussian" or "laplace" (long tails, as speckles have). maps:
    which are made besides, "stim" and "matched"; each candidate gets its value in them.
    """

    threshold: float = 5.0
    fpf: float | None = None
    noise: Noise = "gaussian"
    maps: tuple[Statistic, ...] = ()

    def __post_init__(self) -> None:
        if self.fpf is not None and not 0 < self.fpf < 1:
            raise BadInput(f"fpf is {self.fpf:g}, expected a fraction between 0 and 1")
        if len(set(self.maps)) < len(self.maps):
            raise BadInput(f"maps are {', '.join(self.maps)}; name each once")
