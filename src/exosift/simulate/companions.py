"""The companions of a star on a date: where each stands, and how bright it is."""

from dataclasses import dataclass

import numpy as np

from exosift.geometry.astrometry import background_offset, offset_of, parallactic_shift, polar
from exosift.simulate.archive import BackgroundStar, Planet, Target
from exosift.simulate.dates import mjd_of
from exosift.simulate.orbits import YEAR, sky_offset
from exosift.types import Floats


@dataclass(frozen=True, eq=False)
class Companions:
    """`names`, `separation` [mas], `position_angle` [deg], North through East, and `contrast` of
    the companions of a star, each (companion,)."""

    names: tuple[str, ...]
    separation: Floats
    position_angle: Floats
    contrast: Floats


def companions(target: Target, mjd: float, earth: Floats) -> Companions:
    """Planets on their orbits and background stars on their tracks, on a date (MJD).

    earth (2, 3), its place on the target's own date and at mjd [au] from the barycentre.
    """
    bound = [
        target.parallax * sky_offset(planet.orbit, np.array(mjd), target.mass)
        for planet in target.planets.values()
    ]
    years = np.array([(mjd - mjd_of(target.date, "date")) / YEAR])
    swung = parallactic_shift(target.parallax, target.ra, target.dec, earth)
    behind = [
        background_offset(
            offset_of(star.separation, star.position_angle),
            years,
            target.motion,
            swung[1:] - swung[0],
        )[0]
        for star in target.background.values()
    ]
    everyone: dict[str, Planet | BackgroundStar] = {**target.planets, **target.background}
    places = polar(np.array([*bound, *behind]).reshape(-1, 2))
    contrast = np.array([one.contrast for one in everyone.values()], dtype=np.float64)
    return Companions(tuple(everyone), places[:, 0], places[:, 1], contrast)
