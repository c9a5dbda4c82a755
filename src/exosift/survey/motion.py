"""How places beside a star go with time: on an orbit, or as a background that the star passes.

Places z_i at times t_i follow  z_i = z_0 + d_i + v t_i + a t_i²/2 + noise,  with v and a normal
about 0 on each axis. Of a companion d is 0, and v and a are of its orbit; of a background star d is
the star's proper motion and parallax turned round, v the background's own motion, and a is 0. z_0
may be anywhere, alike for both. All is linear and Gaussian, so the probability of the places under
either, and χ² with the motion as part of the errors, are exact.
"""

import math
from dataclasses import dataclass

import numpy as np

from exosift.geometry.astrometry import background_offset, parallactic_shift
from exosift.types import Floats, Point

YEAR = 365.25  # days


@dataclass(frozen=True)
class Motion:
    """Spreads on each axis of a velocity [mas/yr] and of an acceleration [mas/yr²]."""

    velocity: float
    acceleration: float = 0.0


@dataclass(frozen=True)
class Star:
    """A star: proper motion (East, North) [mas/yr], or None; parallax [mas] with its place (ra,
    dec) [deg], and mass [solar masses], or None each."""

    motion: Point | None = None
    parallax: float | None = None
    place: Point | None = None
    mass: float | None = None

    def orbit(self, separation: float) -> Motion | None:
        """What a companion's orbit may do at a separation [mas]; None where it is not known.

        Half the velocity and acceleration of the circular orbit of that radius: 98 % of such
        velocities are below that of escape, and a true orbit, which is larger, is slower.
        """
        if not self.parallax or not self.mass:
            return None
        circular = 2 * math.pi * math.sqrt(self.mass * self.parallax / separation) * self.parallax
        return Motion(circular / 2, circular**2 / separation / 2)


@dataclass(frozen=True, eq=False)
class Sky:
    """What the sky does between the epochs of a target, each (epoch,).

    years: since the first. passed (epoch, 2): how far a background star moves beside the target
    (East, North) [mas], or None where the target's motion is not known.
    """

    years: Floats
    passed: Floats | None


def sky_of(star: Star, mjd: Floats, earth: Floats) -> Sky:
    """The track of the background beside a star at times mjd (epoch,).

    earth (epoch, 3): its place from the barycentre along ICRS [au], read where there is a parallax.
    """
    years = (mjd - mjd[0]) / YEAR
    if star.motion is None:
        return Sky(years, None)
    swing = np.zeros((len(mjd), 2))
    if star.parallax and star.place:
        shift = parallactic_shift(star.parallax, *star.place, earth)
        swing = shift - shift[0]
    return Sky(years, background_offset((0.0, 0.0), years, star.motion, swing))


@dataclass(frozen=True, eq=False)
class Fit:
    """How places (…, n, 2) agree with a hypothesis, each (…): χ², and the logarithm of their
    probability density."""

    chi2: Floats
    log_evidence: Floats


def fit(places: Floats, covariances: Floats, years: Floats, motion: Motion) -> Fit:
    """Places (…, n, 2) [mas] at n times that should be one but for a motion of those spreads.

    covariances (…, n, 2, 2). Generalised least squares; where the place is, is integrated over a
    flat prior.
    """
    count, several = len(years), places.shape[:-2]
    time = years - years.mean()
    velocity, acceleration = motion.velocity * time, motion.acceleration * time**2 / 2
    shared = np.outer(velocity, velocity) + np.outer(acceleration, acceleration)
    blocks = shared[:, None, :, None] * np.eye(2)[:, None, :]  # (n, axis, n, axis)
    own = np.eye(count)[:, None, :, None] * covariances[..., :, :, None, :]
    noise = (blocks + own).reshape(*several, 2 * count, 2 * count)
    where = np.tile(np.eye(2), (count, 1))
    flat = places.reshape(*several, 2 * count, 1)
    both = np.concatenate([flat, np.broadcast_to(where, (*several, *where.shape))], axis=-1)
    weighted = np.linalg.solve(noise, both)
    inner, normal = where.T @ weighted[..., :1], where.T @ weighted[..., 1:]
    left = flat - where @ np.linalg.solve(normal, inner)
    chi2 = np.sum(left * np.linalg.solve(noise, left), axis=(-2, -1))
    logs = np.linalg.slogdet(noise)[1] + np.linalg.slogdet(normal)[1]
    evidence = -0.5 * (chi2 + logs + 2 * (count - 1) * math.log(2 * math.pi))
    return Fit(np.asarray(chi2), np.asarray(evidence))
