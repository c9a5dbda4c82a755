"""The apertures on the circle through a place: its flux, its noise and its S/N (Mawet et al. 2014).

The same statistic as `detect.snr`, on the few pixels under the apertures, for many images at once.
"""

from dataclasses import dataclass

import numpy as np

from exosift.detect.snr import resolution_elements
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position
from exosift.photometry.apertures import disc_overlap
from exosift.types import Bools, Floats, Ints

# An aperture that misses more than this share of its area is not used; fewer than so many others
# tell no noise.
_MISSING, _FEWEST = 1e-3, 3


@dataclass(frozen=True, eq=False)
class Circle:
    """Touching apertures of one FWHM on a circle, the first on the place itself.

    pixels (pixel,): flat indices of those under them; weights (aperture, pixel): their shares.
    Apertures after the first that touch what was not seen are left out.
    """

    pixels: Ints
    weights: Floats

    @classmethod
    def through(
        cls, separation: float, position_angle: float, fwhm: float, unseen: Bools
    ) -> "Circle | None":
        """The circle at `separation` [px] of North-up images in which `unseen` (y, x) is missing.

        None when the place itself was not seen. Raises BadInput when the circle leaves the image,
        or holds fewer than three other apertures.
        """
        height, width = unseen.shape
        _check(separation, fwhm, min(unseen.shape))
        count = int(resolution_elements(np.asarray(separation), fwhm))
        step = 2 * np.degrees(np.arcsin(fwhm / 2 / separation))
        places = [
            pixel_position(separation, position_angle - i * step, centre_of(unseen.shape))
            for i in range(count)
        ]
        y, x = np.divmod(np.arange(unseen.size), width)
        near = np.flatnonzero(
            np.abs(np.hypot(x - (width - 1) / 2, y - (height - 1) / 2) - separation) < fwhm / 2 + 1
        )
        at = np.array(places)
        weights = disc_overlap(x[near] - at[:, :1], y[near] - at[:, 1:], fwhm / 2)
        gaps = unseen.ravel()[near]
        seen = weights[:, gaps].sum(axis=1) <= _MISSING * np.pi * fwhm**2 / 4
        if not seen[0]:
            return None
        if seen.sum() <= _FEWEST:
            raise BadInput(
                f"separation {separation:.2f} px: only {int(seen.sum()) - 1} other apertures are "
                f"seen on its circle, and {_FEWEST} are the fewest that tell a noise; go out"
            )
        weights = weights[seen] * ~gaps
        under = weights.any(axis=0)
        return cls(near[under], weights[:, under])

    @property
    def noise_elements(self) -> int:
        """How many apertures the noise is told from."""
        return len(self.weights) - 1

    def sums(self, values: Floats) -> Floats:
        """Values (…, pixel) of images → sums (…, aperture), in float64."""
        return np.nan_to_num(values.astype(np.float64)) @ self.weights.T

    def noise(self, values: Floats) -> Floats:
        """Standard deviation (…,) of the other apertures' sums, n − 1 in its divisor."""
        return np.asarray(self.sums(values)[..., 1:].std(axis=-1, ddof=1))

    def snr(self, values: Floats) -> Floats:
        """S/N (…,) of the place: (f − mean) / (s √(1 + 1/n)) of the n others (their eq. 9)."""
        sums = self.sums(values)
        others = sums[..., 1:]
        spread = others.std(axis=-1, ddof=1) * np.sqrt(1 + 1 / self.noise_elements)
        return np.asarray((sums[..., 0] - others.mean(axis=-1)) / spread)


def innermost(fwhm: float) -> float:
    """Least separation [px] whose circle holds the place and three other apertures."""
    return float(fwhm / 2 / np.sin(np.pi / (_FEWEST + 1)))


def outermost(size: int, fwhm: float) -> float:
    """Greatest separation [px] at which apertures fit into images of size × size px."""
    return (size - 1 - fwhm) / 2


def _check(separation: float, fwhm: float, size: int) -> None:
    """Refuse circles that are too small, or leave the image."""
    if separation > outermost(size, fwhm):
        raise BadInput(
            f"separation {separation:.2f} px: outside the field, whose last apertures fit at "
            f"{outermost(size, fwhm):.2f} px; lower it"
        )
    if separation < innermost(fwhm) - 1e-9:
        raise BadInput(
            f"separation {separation:.2f} px: fewer than {_FEWEST} other apertures of "
            f"{fwhm:.2f} px fit on its circle, too few to tell a noise; go out to "
            f"{innermost(fwhm):.2f} px"
        )
