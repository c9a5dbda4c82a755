"""Contrast curves: the faintest companion that would stand out from the noise, by separation.

    contrast = τ(n, FPF) s √(1 + 1/n) / (T F★)

with s the spread of the apertures on the circle, n their number, T the throughput of injected
companions, F★ the star's flux, τ the threshold of the S/N: Student's t of n − 1 degrees of freedom
for Gaussian noise (Mawet et al. 2014, ApJ 792, 97, eqs. 9 and 10), or any other that is given.
"""

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.limits.circle import Circle
from exosift.limits.recovery import Field, refuse_unseen
from exosift.sequence import Sequence
from exosift.types import Floats, Ints

Threshold = Callable[[int, float], float]
"""threshold(n, fpf): the S/N that noise told from n apertures exceeds with probability fpf."""

# The least throughput that a limit is read from: less is no light left but noise of its measure.
_FAINTEST = 1e-3


@dataclass(frozen=True)
class Throughput:
    """How throughput is measured: companions at so many azimuths, and how bright.

    brightness: flux in standard deviations of the noise in an aperture; null for that of the limit
    itself, found in two rounds, because a bright companion is subtracted otherwise than a faint.
    """

    azimuths: int = 6
    brightness: float | None = None

    def __post_init__(self) -> None:
        if self.azimuths < 1:
            raise BadInput(f"azimuths is {self.azimuths}, expected 1 or more")
        if self.brightness is not None and not 0 < self.brightness < np.inf:
            raise BadInput(f"brightness is {self.brightness:g}, expected more than 0, or null")


@dataclass(frozen=True, eq=False)
class Curve:
    """A contrast curve; every array is (separation,).

    separation [px]; throughput, its standard error over azimuths; noise [cube units] in an
    aperture; elements: apertures that it is told from; threshold: the S/N asked for; flux: the
    faintest mean flux that reaches it, infinite where no light is left.
    """

    separation: Floats
    throughput: Floats
    throughput_error: Floats
    noise: Floats
    elements: Ints
    threshold: Floats
    flux: Floats
    fpf: float


def student(elements: int, fpf: float) -> float:
    """The S/N that Gaussian noise told from `elements` apertures exceeds with probability `fpf`."""
    from scipy.special import stdtrit  # slow to load

    return float(-stdtrit(elements - 1, fpf))


def contrast_curve(
    field: Field,
    separations: Several[float],
    fpf: float = 2.867e-7,
    how: Throughput | None = None,
    threshold: Threshold = student,
) -> Curve:
    """Limits at `separations` [px], ascending, for a false-positive fraction of `fpf`.

    Raises BadInput for a separation inside the inner working angle or outside the field, and where
    apertures are too few.
    """
    if not 0 < fpf < 0.5:
        raise BadInput(f"fpf is {fpf:g}, expected between 0 and 0.5")
    how = how or Throughput()
    refuse_unseen(field, separations)
    rows = [_circles(field, separation, how.azimuths) for separation in separations]
    noise = np.array([_noise(field, [c for c in row if c]) for row in rows])
    elements = np.array([min(c.noise_elements for c in row if c) for row in rows])
    asked = np.array([threshold(int(n), fpf) for n in elements])
    least = asked * noise * np.sqrt(1 + 1 / elements)
    flux = (how.brightness or 10.0) * noise
    share, error = _throughput(field, separations, rows, flux)
    if how.brightness is None:
        share, error = _throughput(field, separations, rows, least / np.maximum(share, 0.05))
    limit = np.divide(least, share, out=np.full(len(rows), np.inf), where=share > _FAINTEST)
    place = np.asarray(separations, dtype=float)
    return Curve(place, share, error, noise, elements, asked, limit, fpf)


def star_flux(sequence: Sequence, assumed: float | None = None) -> float:
    """The star's mean flux [cube units] to which limits are compared, as a companion is seen.

    The coronagraph's transmission off axis is in it. Raises BadInput where it is not known.
    """
    known = sequence.observation.star_flux
    if known is None and assumed is None:
        raise BadInput(
            f"{sequence.label}: the star's flux is not known, so that limits are in counts; give "
            "limits.star_flux to assume one"
        )
    flux = float(np.mean(known)) if known is not None else float(assumed or 0.0)
    return flux * sequence.observation.transmission


def _circles(field: Field, separation: float, azimuths: int) -> list[Circle | None]:
    """Circles through evenly spaced places at a separation [px]."""
    row = [field.circle(separation, 360 * i / azimuths) for i in range(azimuths)]
    if not any(row):
        raise BadInput(
            f"separation {separation:.2f} px: none of {azimuths} places on its circle was seen"
        )
    return row


def _noise(field: Field, circles: list[Circle]) -> float:
    """Spread of the apertures on a circle, in quadrature over the places where it starts."""
    values = field.image.ravel()
    spread = [circle.sums(values[circle.pixels]).var(ddof=1) for circle in circles]
    return float(np.sqrt(np.mean(spread)))


def _throughput(
    field: Field, separations: Several[float], rows: list[list[Circle | None]], flux: Floats
) -> tuple[Floats, Floats]:
    """Mean over azimuths and its standard error (separation,) of what is left of companions.

    One at a time: in one library, a bright companion takes several per cent of a faint one's light.
    """
    share = np.full((len(rows), len(rows[0])), np.nan)
    for i, (separation, row) in enumerate(zip(separations, rows, strict=True)):
        seen = [(j, circle) for j, circle in enumerate(row) if circle]
        turn = 360 / len(row)
        companions = [field.companion(separation, turn * j, float(flux[i])) for j, _ in seen]
        injections = [field.injected.injection([one]) for one in companions]
        pixels = np.unique(np.concatenate([circle.pixels for _, circle in seen]))
        found = field.injected.measured(injections, [1.0] * len(seen), pixels)[:, 0]
        change = np.zeros((len(seen), field.image.size))
        change[:, pixels] = found - field.image.ravel()[pixels]
        for (j, circle), one, here in zip(seen, companions, change, strict=True):
            left = circle.sums(here[circle.pixels])[0]
            share[i, j] = left / field.light_in_aperture(one, circle)
    count = np.isfinite(share).sum(axis=1)
    error = np.nanstd(share, axis=1) / np.sqrt(np.maximum(count - 1, 1))
    return np.nanmean(share, axis=1), error
