"""Keplerian orbits: where a planet stands beside its star on a date."""

from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.simulate.dates import mjd_of
from exosift.types import Floats

YEAR = 365.25  # days

_ENOUGH = 1e-13  # rad, of the eccentric anomaly
_STEPS = 60


@dataclass(frozen=True)
class Orbit:
    """A planet's orbit about its star.

    `semi_major` axis [au]; `eccentricity`; `inclination` [deg], 0 face-on and counter-clockwise,
    over 90 clockwise; `periapsis`, the argument of it [deg]; `node`, position angle [deg] of the
    node at which the planet comes towards or leaves us (images do not tell which);
    `periapsis_date`, of a passage (YYYY-MM-DD).
    """

    semi_major: float
    eccentricity: float = 0.0
    inclination: float = 0.0
    periapsis: float = 0.0
    node: float = 0.0
    periapsis_date: str = "2000-01-01"

    def __post_init__(self) -> None:
        if self.semi_major <= 0:
            raise BadInput(f"semi_major is {self.semi_major:g} au, expected more than 0")
        if not 0 <= self.eccentricity < 1:
            raise BadInput(
                f"eccentricity is {self.eccentricity:g}, expected from 0 to less than 1: planets "
                "are bound"
            )
        if not 0 <= self.inclination <= 180:
            raise BadInput(f"inclination is {self.inclination:g}°, expected from 0 to 180")
        mjd_of(self.periapsis_date, "periapsis_date")


def eccentric_anomaly(mean_anomaly: Floats, eccentricity: float) -> Floats:
    """Solve Kepler's equation M = E − e sin E [rad] (Murray & Dermott 1999, §2.4).

    By Newton's steps; one is held to 1 rad, or it may leap away near the periapsis of long orbits.
    """
    M = np.remainder(np.asarray(mean_anomaly, dtype=float) + np.pi, 2 * np.pi) - np.pi
    E = M + eccentricity * np.sin(M)
    for _ in range(_STEPS):
        slope = 1 - eccentricity * np.cos(E)
        step = np.clip((E - eccentricity * np.sin(E) - M) / slope, -1, 1)
        E = E - step
        if np.abs(step).max(initial=0) < _ENOUGH:
            break
    return np.asarray(E)


def sky_offset(orbit: Orbit, mjd: Floats, mass: float) -> Floats:
    """Offset (…, 2) of the planet from its star, (East, North) [au], at mjd (…).

    Murray & Dermott (1999, §2.4 and §2.8), the orbit's plane turned by ω, i and Ω on to the sky.
    mass of the system [solar masses]; the period is √(a³/m) years.
    """
    period = YEAR * np.sqrt(orbit.semi_major**3 / mass)
    days = np.asarray(mjd, dtype=float) - mjd_of(orbit.periapsis_date, "periapsis_date")
    E = eccentric_anomaly(2 * np.pi * days / period, orbit.eccentricity)
    along = orbit.semi_major * (np.cos(E) - orbit.eccentricity)
    across = orbit.semi_major * np.sqrt(1 - orbit.eccentricity**2) * np.sin(E)
    omega, node, tilt = np.radians([orbit.periapsis, orbit.node, orbit.inclination])
    # In the orbit's plane seen face-on: along the line of nodes and at right angles to it.
    nodal = along * np.cos(omega) - across * np.sin(omega)
    normal = (along * np.sin(omega) + across * np.cos(omega)) * np.cos(tilt)
    north = nodal * np.cos(node) - normal * np.sin(node)
    east = nodal * np.sin(node) + normal * np.cos(node)
    return np.stack([east, north], axis=-1)
