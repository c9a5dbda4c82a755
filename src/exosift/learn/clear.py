"""Where a known companion does not reach, in frames under angles that are not theirs.

A companion at position angle φ stands at φ − θ(t) in raw frame t, θ being the frames' angles. Under
angles of the other sign, whatever their order, it comes to φ − θ(t) − θ(u) for any two frames:
smeared over an arc twice as long as the field turns, dark where the model takes light of its mean
away. That is faint, but shaped as a companion's, and would be taught as none. So nothing is drawn
within 1.5 FWHM of the arc.
"""

from collections.abc import Sequence as Several

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.grid import raw_offset
from exosift.learn.ring import Ring
from exosift.types import Ints

Place = tuple[float, float]
"""Separation [px] and position angle [deg]."""

# Nothing is drawn within so many FWHM of the arc, and so much of a ring must be left.
_NEAR, _LEAST = 1.5, 0.1

# Places of the arc that are looked at together.
_TOGETHER = 256


def clear_pixels(ring: Ring, known: Several[Place], fwhm: float) -> Ints:
    """Numbers of a ring's pixels that are clear of known companions under its turns, in any order.

    Raises BadInput where hardly any are.
    """
    turned = ring.levels.turned
    clear = np.ones(len(ring.pixels), bool)
    reach = _NEAR * fwhm
    y, x = (each - (ring.size - 1) / 2 for each in np.divmod(ring.pixels, ring.size))
    for separation, angle in known:
        if not ring.bounds[0] - reach < separation < ring.bounds[1] + reach:
            continue
        away = (turned.sequence.angle[:, None] - turned.turns).ravel()
        fine = 6 / separation  # [deg], a tenth of a pixel
        degree = fine * np.unique(np.rint(away % 360 / fine))
        for some in np.array_split(degree, -(-len(degree) // _TOGETHER)):
            at = raw_offset(separation, angle, some)
            apart = np.hypot(x[:, None] - at[:, 0], y[:, None] - at[:, 1]).min(axis=1)
            clear &= apart > reach
        if clear.mean() < _LEAST:
            mas = separation * turned.sequence.observation.pixel_scale
            inner, outer = (each / fwhm for each in ring.bounds)
            raise BadInput(
                f"{turned.sequence.label}: under angles of the other sign the companion known at "
                f"{mas:.0f} mas is smeared over all of the ring {inner:.3g}–{outer:.3g} FWHM, "
                "which can teach nothing: give its flux, so that it is taken out of the frames"
            )
    return np.flatnonzero(clear)
