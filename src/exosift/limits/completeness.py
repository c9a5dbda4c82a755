"""Completeness: which share of companions of a flux is recovered, at each separation.

A companion is put at many azimuths, one at a time, into the frames; it is recovered when the S/N at
its place, in the image that the reduction then gives, reaches the threshold (Jensen-Clem et al.
2018, AJ 155, 19; Dahlqvist et al. 2021, A&A 656, A54). At each place the least flux that does is
found by secants and bisection; those fluxes are the completeness at every flux.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.limits.circle import Circle
from exosift.limits.contrast import Curve, Threshold, student
from exosift.limits.recovery import Field
from exosift.psfsub.injected import Injection
from exosift.types import Floats

# The least flux is known when the S/N with it is this near the threshold. Raised so often in vain,
# no flux is recovered.
_NEAR, _DOUBLINGS, _ROUNDS = 0.01, 7, 20


@dataclass(frozen=True, eq=False)
class Completeness:
    """The least mean flux [cube units] recovered at each place: (separation, azimuth).

    Infinite where no flux is, 0 where noise alone passes for a companion, NaN where nothing was
    seen. separation [px].
    """

    separation: Floats
    least: Floats
    fpf: float

    @property
    def places(self) -> Floats:
        """How many places (separation,) were tried."""
        return np.asarray((~np.isnan(self.least)).sum(axis=1))

    def fraction(self, flux: Floats) -> Floats:
        """Share (separation, flux) of the places at which companions of each flux are recovered."""
        found = (self.least[:, :, None] <= np.asarray(flux)).sum(axis=1)
        return np.asarray(found / self.places[:, None])

    def flux(self, share: float) -> Floats:
        """Least flux (separation,) at which that `share` of companions is recovered.

        NaN where too few places were seen to tell it.
        """
        ordered = np.sort(self.least, axis=1)
        last = np.ceil(share * self.places - 1e-9).astype(int) - 1
        found = ordered[np.arange(len(ordered)), last]
        return np.where(share <= _greatest_share(self.places), found, np.nan)

    def interval(self, share: float, level: float = 0.68) -> tuple[Floats, Floats]:
        """Fluxes (separation,) between which that of `share` lies, at this level of confidence.

        By the binomial distribution of how many places lie below it (order statistics); infinite
        where so few places give no upper end.
        """
        from scipy.special import bdtrik  # slow to load

        ordered = np.sort(self.least, axis=1)
        chances = ((1 - level) / 2, (1 + level) / 2)
        ends = [np.ceil(bdtrik(one, self.places, share)).astype(int) for one in chances]
        padded = np.column_stack([np.zeros(len(ordered)), ordered, np.full(len(ordered), np.inf)])
        row = np.arange(len(ordered))
        above = np.where(ends[1] + 1 > self.places, padded.shape[1] - 1, ends[1] + 1)
        told = share <= _greatest_share(self.places)
        low, high = padded[row, ends[0]], padded[row, above]
        return np.where(told, low, np.nan), np.where(told, high, np.nan)


def binomial_interval(found: Floats, of: Floats, level: float = 0.68) -> tuple[Floats, Floats]:
    """Ends of the interval for a share of which `found` of `of` were seen (Clopper & Pearson 1934).

    Biometrika 26, 404.
    """
    from scipy.special import betaincinv  # slow to load

    tail = (1 - level) / 2
    found, of = np.broadcast_arrays(found, of)
    low = np.where(found > 0, betaincinv(np.maximum(found, 1), of - found + 1, tail), 0.0)
    high = np.where(found < of, betaincinv(found + 1, np.maximum(of - found, 1), 1 - tail), 1.0)
    return low, high


def completeness(
    field: Field,
    curve: Curve,
    azimuths: int = 20,
    threshold: Threshold = student,
    progress: Callable[[int, int], None] | None = None,
) -> Completeness:
    """Least fluxes recovered at `azimuths` places of each separation of a contrast curve.

    The curve says where to begin, and its false-positive fraction what is asked for;
    `progress(done, of)` is told of separations.
    """
    least = np.full((len(curve.separation), azimuths), np.nan)
    for row, separation in enumerate(curve.separation):
        circles = [field.circle(separation, 360 * i / azimuths) for i in range(azimuths)]
        seen = [i for i, circle in enumerate(circles) if circle]
        if not seen:
            raise BadInput(
                f"separation {separation:.2f} px: none of {azimuths} places on its circle was seen"
            )
        places = [
            _place(field, float(separation), 360 * i / azimuths, circles[i], threshold, curve.fpf)
            for i in seen
        ]
        start = curve.flux[row]
        if not np.isfinite(start):
            start = 20 * curve.threshold[row] * curve.noise[row]
        least[row, seen] = _least(field, places, float(start))
        if progress:
            progress(row + 1, len(curve.separation))
    return Completeness(curve.separation, least, curve.fpf)


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a companion of unit flux is put; its circle, and the S/N that is asked for."""

    circle: Circle
    injection: Injection
    asked: float


def _place(
    field: Field,
    separation: float,
    position_angle: float,
    circle: Circle | None,
    threshold: Threshold,
    fpf: float,
) -> _Place:
    assert circle is not None
    unit = field.injected.injection([field.companion(separation, position_angle, 1.0)])
    return _Place(circle, unit, threshold(circle.noise_elements, fpf))


def _least(field: Field, places: list[_Place], start: float) -> Floats:
    """Least flux (place,) recovered: secants, and bisection where they leave what is known."""
    asked = np.array([place.asked for place in places])
    image = field.image.ravel()
    excess = np.array([float(p.circle.snr(image[p.circle.pixels])) for p in places]) / asked - 1
    low, before = np.zeros(len(places)), np.zeros(len(places))
    high, flux = np.full(len(places), np.inf), np.full(len(places), start)
    least = np.where(excess >= 0, 0.0, np.inf)
    active = excess < 0
    for tried in range(_ROUNDS):
        now = np.flatnonzero(active)
        if not now.size:
            break
        found = _excess(field, [places[i] for i in now], flux[now])
        over = found >= 0
        high[now[over]], low[now[~over]] = flux[now[over]], flux[now[~over]]
        least[now[over]] = flux[now[over]]
        near = np.abs(found) <= _NEAR
        least[now[near]] = flux[now[near]]
        slope = (found - excess[now]) / (flux[now] - before[now])
        guess = flux[now] - found / np.where(slope > 0, slope, np.nan)
        between = (guess > low[now]) & (guess < high[now])
        halved = np.where(np.isinf(high[now]), 2 * flux[now], (low[now] + high[now]) / 2)
        before[now], excess[now] = flux[now], found
        flux[now] = np.where(between & (guess < 4 * flux[now]), guess, halved)
        active[now[near]] = False
        active &= np.isfinite(high) | (tried < _DOUBLINGS)
    return least


def _excess(field: Field, places: list[_Place], flux: Floats) -> Floats:
    """By how much the S/N of a companion of `flux` (place,) at each place exceeds what is asked."""
    pixels = np.unique(np.concatenate([place.circle.pixels for place in places]))
    injections = [place.injection for place in places]
    values = field.injected.measured(injections, [float(f) for f in flux], pixels)[:, 0]
    snr = [
        float(p.circle.snr(here[np.searchsorted(pixels, p.circle.pixels)]))
        for p, here in zip(places, values, strict=True)
    ]
    return np.asarray(np.array(snr) / np.array([place.asked for place in places]) - 1)


def check_share(share: float, places: int) -> None:
    """Refuse what so few places cannot tell."""
    if not 0 < share < 1:
        raise BadInput(f"completeness is {share:g}, expected between 0 and 1")
    if share > _greatest_share(np.asarray(places)):
        raise BadInput(
            f"completeness {share:g} from {places} places: they tell no more than "
            f"{1 - 1 / places:.3g}; give more azimuths"
        )


def _greatest_share(places: Floats) -> Floats:
    """The greatest share below one that so many places can tell."""
    return np.asarray(1 - 1 / np.maximum(places, 1) + 1e-9)
