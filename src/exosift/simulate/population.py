"""Many stars observed alike, but each in its own way: independent sequences without a companion.

Each star's scene is drawn from ranges of the parameters, and its speckles too, from the seed and
its name alone: any one of them can be made again without the others.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from exosift.errors import BadInput, Failed
from exosift.photometry.psf import normalised_psf
from exosift.sequence import Observation, Sequence
from exosift.simulate.field import parallactic_angle
from exosift.simulate.scene import Simulation
from exosift.simulate.sequence import simulate

_COUNTS = ("frames", "residual_screens")

# Scenes that turn too little or too much are drawn anew, so many times.
_DRAWN = 1000


@dataclass(frozen=True)
class Population:
    """Stars to observe: `count` of them, named `prefix`-001 and so on, each without a companion.

    scene: what they have in common. even: parameter of the scene → from, to; logarithmic: the same,
    drawn evenly in the logarithm. rotation: of the field over the sequence, at least and at most
    [deg].
    """

    count: int = 200
    prefix: str = "STAR"
    scene: Simulation = field(default_factory=Simulation)
    even: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    logarithmic: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    rotation: tuple[float, float] = (0.0, 360.0)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise BadInput(f"count is {self.count} stars, expected 1 or more")
        known = {f.name for f in fields(Simulation)} - {"channels", "bandwidth", "size", "psf_size"}
        for how, ranges in (("even", self.even), ("logarithmic", self.logarithmic)):
            for name, (low, high) in ranges.items():
                if name not in known:
                    raise BadInput(
                        f"{how}.{name}: no parameter of a scene that stars may differ in"
                    )
                if not low <= high or (how == "logarithmic" and low <= 0):
                    raise BadInput(f"{how}.{name} is from {low:g} to {high:g}, expected to rise")
        twice = self.even.keys() & self.logarithmic.keys()
        if twice:
            raise BadInput(f"{min(twice)} is both even and logarithmic; take it out of one")

    @property
    def names(self) -> list[str]:
        """The stars' names."""
        digits = max(3, len(str(self.count)))
        return [f"{self.prefix}-{number:0{digits}d}" for number in range(1, self.count + 1)]


@dataclass(frozen=True)
class Fold:
    """Every so-manieth star, from the one of that `number` on, of as many `folds`."""

    number: int = 1
    folds: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.folds:
            raise BadInput(f"fold {self.number} of {self.folds}: expected 1 to {self.folds}")

    def of(self, names: Several[str]) -> Several[str]:
        """Those of `names` that are in it."""
        return names[self.number - 1 :: self.folds]


def scene_of(population: Population, rng: np.random.Generator) -> Simulation:
    """One star's scene. Raises Failed where the ranges hold none with the rotation asked for."""
    low, high = population.rotation
    for _ in range(_DRAWN):
        drawn: dict[str, Any] = {name: rng.uniform(*ends) for name, ends in population.even.items()}
        for name, ends in population.logarithmic.items():
            drawn[name] = float(np.exp(rng.uniform(*np.log(ends))))
        drawn |= {name: round(drawn[name]) for name in _COUNTS if name in drawn}
        scene = replace(population.scene, **drawn)
        if low <= rotation_of(scene) <= high:
            return scene
    raise Failed(f"rotation: no scene of {_DRAWN} turns by {low:g} to {high:g}°; widen the ranges")


def rotation_of(scene: Simulation) -> float:
    """How far [deg] the field turns over a scene."""
    hours = np.linspace(scene.hour_angle_start, scene.hour_angle_end, 20)
    angle = parallactic_angle(hours, scene.declination, scene.latitude)
    return float(np.ptp(np.unwrap(angle, period=360)))


def observed(population: Population, name: str, seed: int) -> tuple[Sequence, Simulation]:
    """The sequence of a star of that name, its star on the centre pixel, and its scene."""
    rng = np.random.default_rng([seed, *name.encode()])
    scene = replace(scene_of(population, rng), decentring_x=0.0, decentring_y=0.0)
    made = simulate(scene, [], rng)
    centre = (scene.size - 1) / 2
    observation = Observation(
        target=name,
        epoch="1",
        instrument="simulated",
        filter="simulated",
        pixel_scale=scene.pixel_scale,
        fwhm=made.fwhm,
        star=(centre, centre),
        raw_star=(centre, centre),
        star_flux=made.star_flux,
        history={"angle": f"simulated, {rotation_of(scene):.1f}° of rotation", "seed": f"{seed}"},
    )
    sequence = Sequence(
        cube=made.cube,
        angle=made.angle,
        psf=np.stack([normalised_psf(one)[0] for one in made.psf]),
        wavelength=made.wavelength,
        mjd=made.elapsed / 86400.0,
        mask=np.zeros(made.cube.shape, dtype=bool),
        observation=observation,
    )
    return sequence, scene
