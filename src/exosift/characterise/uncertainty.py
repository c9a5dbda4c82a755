"""How well a companion's place and flux are known: speckles, centring, scale and North.

Speckles: companions of its flux are injected at other azimuths of its separation, it being taken
out, and found again in the same way; the spread of what is found is the error (Marois et al. 2010;
Wertz et al. 2017, §4.2). What the instrument adds is in quadrature.
"""

from dataclasses import dataclass

import numpy as np

from exosift.characterise.merit import Merit, NegativeCompanion, noise_on_ring
from exosift.characterise.simplex import minimised
from exosift.errors import BadInput, Failed
from exosift.limits.circle import innermost
from exosift.limits.recovery import Field
from exosift.types import Floats

# Injections are so far from the companion, and apart, along the circle [FWHM]; fewest that tell a
# spread.
_APART, _FEWEST = 1.0, 5

OFFSETS = ("radial", "tangential", "flux")
"""Radial and tangential [px; the latter along growing position angle], flux [share of it]."""


@dataclass(frozen=True, eq=False)
class Speckles:
    """What was found less what was put in, (injection, 3) as `OFFSETS`; lost: found nowhere."""

    offsets: Floats
    lost: int

    @property
    def bias(self) -> Floats:
        """Mean offset (3,)."""
        return np.asarray(self.offsets.mean(axis=0))

    @property
    def covariance(self) -> Floats:
        """Covariance (3, 3) of one measurement."""
        return np.atleast_2d(np.cov(self.offsets, rowvar=False))

    @property
    def pulls(self) -> Floats:
        """Each offset (injection, 3) over the spread of the others, which did not use it."""
        others = [np.delete(self.offsets, i, axis=0) for i in range(len(self.offsets))]
        return np.asarray(self.offsets / [one.std(axis=0, ddof=1) for one in others])


def offsets_of(found: Floats, truth: Floats) -> Floats:
    """Places (…, 3) less the truth (…, 3), as `OFFSETS`."""
    found, truth = np.broadcast_arrays(found, truth)
    turn = np.radians((found[..., 1] - truth[..., 1] + 180) % 360 - 180)
    radial = found[..., 0] * np.cos(turn) - truth[..., 0]
    return np.stack(
        [radial, found[..., 0] * np.sin(turn), found[..., 2] / truth[..., 2] - 1], axis=-1
    )


def azimuths_of(separation: float, position_angle: float, fwhm: float, most: int) -> Floats:
    """Position angles [deg] of injections: evenly spaced, apart from the companion and each other.

    Raises BadInput where the circle holds too few.
    """
    if separation < innermost(fwhm):
        raise BadInput(
            f"separation {separation:.2f} px: inside {innermost(fwhm):.2f} px a circle holds too "
            "few places to tell an error from injections"
        )
    room = int(np.pi / np.arcsin(min(1.0, _APART * fwhm / 2 / separation))) - 1
    count = min(most, room)
    if count < _FEWEST:
        raise BadInput(
            f"separation {separation:.2f} px: {count} injections on its circle, and {_FEWEST} are "
            "the fewest that tell an error; go out or raise injections"
        )
    return np.asarray((position_angle + 360 * np.arange(1, count + 1) / (count + 1)) % 360)


def speckle_noise(clean: Field, place: Floats, merit: Merit, injections: int) -> Speckles:
    """Errors of a companion at place (3,), which `clean` no longer holds.

    Raises BadInput for too few places, Failed when most of the injections are not found again.
    """
    separation, position_angle, flux = (float(value) for value in place)
    offsets = []
    noise = noise_on_ring(clean, np.array([separation, position_angle, 0.0]))
    azimuths = azimuths_of(separation, position_angle, clean.fwhm, injections)
    for azimuth in azimuths:
        truth = np.array([separation, azimuth, flux])
        try:
            offsets.append(offsets_of(found_again(clean, truth, merit, noise), truth))
        except (BadInput, Failed):
            continue
    lost = len(azimuths) - len(offsets)
    if len(offsets) < max(_FEWEST, len(azimuths) / 2):
        raise Failed(
            f"separation {separation:.2f} px: {lost} of {len(azimuths)} injected companions were "
            "not found again; it is too faint to be measured"
        )
    return Speckles(np.array(offsets), lost)


def found_again(clean: Field, truth: Floats, merit: Merit, noise: tuple[float, float]) -> Floats:
    """Where a companion at place (3,) is found when it is put into the frames: place (3,).

    noise: μ and σ of χ².
    """
    separation, position_angle, flux = (float(value) for value in truth)
    negative = NegativeCompanion.at(clean, separation, position_angle, merit)
    injected = (clean.companion(separation, position_angle, flux),)
    seen = NegativeCompanion(clean, merit, negative.corridor, injected, *noise)
    return minimised(seen, truth).place


@dataclass(frozen=True)
class Systematics:
    """What the instrument adds: centring [px], pixel scale and its error [mas/px], North [deg].

    None: not known, and then not in the error.
    """

    pixel_scale: float
    centring: float | None = None
    pixel_scale_error: float | None = None
    true_north_error: float | None = None


@dataclass(frozen=True)
class Astrometry:
    """A companion as it is published, with the error of each kind.

    separation, dx, dy [mas] (dx to East, dy to North); position_angle [deg]; flux [cube units].
    errors: name → kind (speckles, centring, scale, north, total) → error in the same units.
    """

    separation: float
    position_angle: float
    flux: float
    dx: float
    dy: float
    errors: dict[str, dict[str, float]]


def astrometry(place: Floats, covariance: Floats, known: Systematics) -> Astrometry:
    """Place (3,) [px, deg, flux] with its speckles' covariance (3, 3) and the systematics."""
    radius, angle, flux = (float(value) for value in place)
    scale, theta = known.pixel_scale, np.radians(angle)
    to_sky = np.array([[np.sin(theta), np.cos(theta)], [np.cos(theta), -np.sin(theta)]])
    kinds = {
        "speckles": scale**2 * covariance[:2, :2],
        "centring": (scale * (known.centring or 0.0)) ** 2 * np.eye(2),
        "scale": np.diag([(radius * (known.pixel_scale_error or 0.0)) ** 2, 0.0]),
        "north": np.diag([0.0, (radius * scale * np.radians(known.true_north_error or 0.0)) ** 2]),
    }
    kinds["total"] = np.sum(list(kinds.values()), axis=0)
    errors: dict[str, dict[str, float]] = {
        name: {} for name in ("separation", "position_angle", "dx", "dy", "flux")
    }
    for kind, polar in kinds.items():
        sky = to_sky @ polar @ to_sky.T
        errors["separation"][kind] = float(np.sqrt(polar[0, 0]))
        errors["position_angle"][kind] = float(np.degrees(np.sqrt(polar[1, 1]) / (radius * scale)))
        errors["dx"][kind], errors["dy"][kind] = (float(e) for e in np.sqrt(np.diag(sky)))
    spread = flux * float(np.sqrt(covariance[2, 2]))
    errors["flux"] = {"speckles": spread, "total": spread}
    east, north = radius * scale * np.sin(theta), radius * scale * np.cos(theta)
    return Astrometry(radius * scale, angle, flux, float(east), float(north), errors)
