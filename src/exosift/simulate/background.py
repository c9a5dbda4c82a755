"""The thermal background: the light of sky, mirrors and instrument, which drifts in level and form.

In L′ it outshines everything else; its level follows sky and temperatures within minutes, its form
the turning optics, more slowly. Deviations are Ornstein-Uhlenbeck processes, as random walks that
stay near their mean are.
"""

from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.simulate.surfaces import smooth_modes
from exosift.simulate.wavefront import drift
from exosift.types import Floats


@dataclass(frozen=True)
class Background:
    """`level` [electrons/s/px]; `level_drift`, rms of its relative deviations, which last for
    `level_time` [s]; `pattern`, rms over the frame of its form relative to the level, and
    `pattern_drift`, that of the form's deviations, which last for `pattern_time` [s]."""

    level: float = 3e5
    level_drift: float = 0.03
    level_time: float = 1800.0
    pattern: float = 0.05
    pattern_drift: float = 0.01
    pattern_time: float = 5400.0

    def __post_init__(self) -> None:
        for name in ("level", "level_drift", "pattern", "pattern_drift"):
            if getattr(self, name) < 0:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected 0 or more")
        for name in ("level_time", "pattern_time"):
            if getattr(self, name) <= 0:
                raise BadInput(f"{name} is {getattr(self, name):g} s, expected more than 0")


@dataclass(frozen=True, eq=False)
class Glow:
    """A background at some times: rate [electrons/s/px] = level (1 + weights · modes), with level
    (time,), weights (time, mode) and modes (mode, y, x)."""

    level: Floats
    weights: Floats
    modes: Floats

    def rate(self, times: slice) -> Floats:
        """Expected light (time, y, x) [electrons/s/px] at some of its times."""
        form = 1 + np.tensordot(self.weights[times], self.modes, axes=1)
        return np.asarray(self.level[times, None, None] * np.maximum(form, 0))


def glow(background: Background, size: int, elapsed: Floats, rng: np.random.Generator) -> Glow:
    """A background over square frames of `size` px at times `elapsed` (time,) [s], ascending."""
    modes = smooth_modes(size)
    share = 1 / np.sqrt(len(modes))
    form = share * background.pattern * rng.standard_normal(len(modes))
    fast = np.exp(-np.diff(elapsed) / background.level_time)
    slow = np.exp(-np.diff(elapsed) / background.pattern_time)
    level = drift(rng.standard_normal(len(elapsed)), fast)
    weights = drift(rng.standard_normal((len(elapsed), len(modes))), slow)
    return Glow(
        background.level * np.maximum(1 + background.level_drift * level, 0),
        form + share * background.pattern_drift * weights,
        modes,
    )
