"""What is done to raw frames before the star is looked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exosift.calib.outliers import Outliers
from exosift.calib.sky import Sky
from exosift.errors import BadInput


@dataclass(frozen=True)
class Recipe:
    """How raw frames become calibrated ones.

    hot: standard deviations by which a pixel of the darks stands out to be bad. response: from and
    to which a pixel of the flat is good; linearity: by what share of its counts it may be off a
    straight line, in flats of three exposure times or more. sky: how the background is made, from
    frames of the sky or else from the target's own dithers, where there are any; null for none.
    star: radius within which the star's light hides the sky [FWHM]. outliers: what is an outlier of
    a frame; null to leave them. layers: how deep clumps of bad pixels are filled [px].
    neutral_densities: share of the light that each lets through, by its name in the headers.

    variance: whether it is propagated. gain [electrons a count], saturation [counts]: where the
    instrument's description does not tell, or tells something else. fwhm [px]: a guess, where the
    description has no telescope's diameter.
    """

    hot: float = 8.0
    response: tuple[float, float] = (0.5, 1.5)
    linearity: float = 0.05
    sky: Sky | None = field(default_factory=Sky)
    star: float = 12.0
    outliers: Outliers | None = field(default_factory=Outliers)
    layers: int = 4
    neutral_densities: Mapping[str, float] = field(default_factory=dict)
    variance: bool = False
    gain: float | None = None
    saturation: float | None = None
    fwhm: float | None = None

    def __post_init__(self) -> None:
        for name in ("hot", "linearity", "star", "gain", "saturation", "fwhm"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BadInput(f"{name} is {value:g}, expected more than 0")
        if not 0 <= self.response[0] < 1 < self.response[1]:
            raise BadInput(f"response is {list(self.response)}, expected from below 1 to above 1")
        for name, share in self.neutral_densities.items():
            if not 0 < share <= 1:
                raise BadInput(
                    f"neutral_densities.{name} is {share:g}, expected a share of the light: a "
                    "density of 3.5 lets 10^-3.5 through"
                )
        if self.layers < 1:
            raise BadInput(f"layers is {self.layers}, expected 1 or more")
