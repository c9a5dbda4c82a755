"""The merit of a negative companion: what it leaves of the companion that it is to cancel.

A companion of the opposite flux is put into the raw frames (Lagrange et al. 2010, Science 329, 57);
where place and flux are right, the residual image around it is that of noise. The merits are those
of Wertz et al. 2017 (A&A 598, A83): Σ|I| or the standard deviation in an aperture, or
χ² = Σ (I − μ)² / σ² (Christiaens et al. 2021, MNRAS 502, 6117), each over N − 3.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position, sky_position
from exosift.limits.recovery import Field, refuse_unseen
from exosift.photometry.injection import Companion
from exosift.psfsub.corridor import Corridor
from exosift.types import Floats, Ints

PARAMETERS = 3
"""Separation [px], position angle [deg], flux [cube units]: the last axis of `places`."""


@dataclass(frozen=True)
class Merit:
    """What is made as small as it can be, in an aperture.

    kind: "chi2", "sum" of absolute values, or "stddev". aperture: its radius [FWHM]. reach: how far
    from the first guess a companion is looked for [FWHM].
    """

    kind: Literal["chi2", "sum", "stddev"] = "chi2"
    aperture: float = 1.0
    reach: float = 0.5

    def __post_init__(self) -> None:
        for name in ("aperture", "reach"):
            if not 0 < getattr(self, name) <= 3:
                raise BadInput(f"{name} is {getattr(self, name):g} FWHM, expected between 0 and 3")


@dataclass(frozen=True, eq=False)
class NegativeCompanion:
    """The residual image around a place, with any companion taken out of the frames.

    there: companions to be in the frames as well, such as one that was injected. mean and sigma:
    μ and σ of a pixel's noise (see `noise_on_ring`).
    """

    field: Field
    merit: Merit
    corridor: Corridor
    there: tuple[Companion, ...] = ()
    mean: float = 0.0
    sigma: float = 1.0

    @classmethod
    def at(
        cls, field: Field, separation: float, position_angle: float, merit: Merit
    ) -> "NegativeCompanion":
        """Around a place [px, deg]; raises BadInput where nothing can be measured."""
        refuse_unseen(field, [separation])
        unit = field.companion(separation, position_angle, 1.0)
        pixels = _disc(field, separation, position_angle, merit.aperture * field.fwhm)
        corridor = Corridor.of(field.injected, unit, merit.reach * field.fwhm, pixels)
        return cls(field, merit, corridor)

    def values(self, places: Floats) -> Floats:
        """Residuals (case, pixel) with companions at places (case, 3) taken out."""
        cases: list[Several[Companion]] = [
            (self.field.companion(float(r), float(theta), -float(flux)), *self.there)
            for r, theta, flux in places
        ]
        return self.corridor.values(cases)[:, 0].astype(np.float64)

    def of(self, places: Floats) -> Floats:
        """The merit (case,) of places (case, 3); the less, the better."""
        values = self.values(places)
        freedom = values.shape[1] - PARAMETERS
        match self.merit.kind:
            case "sum":
                return np.asarray(np.abs(values).sum(axis=1) / freedom)
            case "stddev":
                return np.asarray(values.std(axis=1) * values.shape[1] / freedom)
            case "chi2":
                return np.asarray(((values - self.mean) ** 2).sum(axis=1) / self.sigma**2 / freedom)

    def polar(self, moved: Floats) -> Floats:
        """Places (case, 3) of companions moved by (x, y) [px] from the corridor's: (case, 3)."""
        star = self.field.injected.sequence.observation.star
        x0, y0 = self.corridor.place
        at = [sky_position(x0 + x, y0 + y, star) for x, y in moved[:, :2]]
        return np.column_stack([np.array(at).reshape(-1, 2), moved[:, 2]])


def noise_on_ring(field: Field, place: Floats) -> tuple[float, float]:
    """μ and σ of the residuals at a companion's separation, it being taken out: place (3,).

    Over a ring two FWHM wide without the aperture on it. Neighbouring pixels go together, so σ² is
    raised by the pixels of a resolution element: χ² then counts elements, not pixels. Raises
    BadInput where too little of the ring was seen.
    """
    separation, position_angle, flux = place
    height, width = field.unseen.shape
    y, x = np.divmod(np.arange(height * width), width)
    x0, y0 = centre_of(field.unseen.shape)
    far = np.abs(np.hypot(x - x0, y - y0) - separation) <= field.fwhm
    x1, y1 = pixel_position(float(separation), float(position_angle), (x0, y0))
    far &= ~field.unseen.ravel() & (np.hypot(x - x1, y - y1) > field.fwhm)
    pixels = np.flatnonzero(far)
    element = np.pi * (field.fwhm / 2) ** 2
    if pixels.size < 3 * element:
        raise BadInput(
            f"separation {separation:.2f} px: {pixels.size} pixels are seen on its ring, too few "
            "to tell a noise; go out or lower regions.inner"
        )
    image = field.image.ravel()[pixels]
    if flux:
        gone = field.companion(float(separation), float(position_angle), -float(flux))
        image = field.injected.measured([field.injected.injection([gone])], [1.0], pixels)[0, 0]
    image = image.astype(np.float64)
    return float(image.mean()), float(image.std() * np.sqrt(element))


def _disc(field: Field, separation: float, position_angle: float, radius: float) -> Ints:
    """Pixels whose middles lie within `radius` [px] of a place; those must have been seen."""
    shape = field.unseen.shape
    x0, y0 = pixel_position(separation, position_angle, centre_of(shape))
    y, x = np.ogrid[: shape[0], : shape[1]]
    inside = np.hypot(x - x0, y - y0) < radius
    if (inside & field.unseen).any():
        raise BadInput(
            f"separation {separation:.2f} px, position angle {position_angle:.1f}°: the reduction "
            "leaves gaps around this place; lower regions.inner or the aperture"
        )
    return np.flatnonzero(inside)
