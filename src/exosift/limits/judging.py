"""A sequence as it is judged: companions put in and null frames made, the same for each method."""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, replace

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position, radius_map, sky_position
from exosift.limits.comparison import Comparison
from exosift.limits.contrast import Throughput, contrast_curve, star_flux
from exosift.limits.methods import Method
from exosift.limits.nulls import NullKind, null_angles
from exosift.limits.recovery import Field, fwhm_of, spectrum, trimmed, without
from exosift.limits.trials import Alarms, Annulus, Trial, alarms, hits, refuse_unmeasured
from exosift.photometry.injection import Companion
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Point, Shape

Scale = Callable[[Floats], Floats]
"""The flux [cube units] by which brightness is measured at separations [px]."""

# Nothing is searched within so many FWHM of a known companion that stays in the frames.
_KNOWN = 1.5

# Where the S/N of a companion of unit flux is measured: at so many separations a bin, or where the
# companions are if those are fewer, and azimuths.
_SEPARATIONS, _AZIMUTHS = 3, 6


@dataclass(frozen=True, eq=False)
class Judged:
    """A sequence as it is judged: its bins, their companions, and its null frames' angles.

    known: companions that stay in its frames (separation [px], angle).
    """

    sequence: Sequence
    annuli: list[Annulus]
    companions: list[list[Companion]]
    nulls: Mapping[NullKind, Floats]
    known: Several[Point] = ()

    @classmethod
    def of(
        cls,
        sequence: Sequence,
        asked: Comparison,
        reference: Reduction | None,
        known: Several[KnownCompanion] = (),
    ) -> "Judged":
        """Draw companions and nulls. reference: the reduction whose S/N the fluxes are given in.

        Known companions are taken out of the frames where their flux is given, and nothing is
        searched within 1.5 FWHM of the others. Raises BadInput for bins outside the field or a
        reduction, no PSF, and a contrast without the star's flux.
        """
        sequence, masked = without_known(trimmed(sequence, asked.template), known)
        fwhm, shape = fwhm_of(sequence), sequence.cube.shape[-2:]
        unseen = _near(shape, masked, _KNOWN * fwhm)
        annuli = [Annulus.of(shape, bounds, fwhm, unseen) for bounds in asked.bins]
        rng = np.random.default_rng([asked.seed, *sequence.label.encode()])
        if asked.contrast:
            star = star_flux(sequence)
            scales: list[Scale] = [lambda separation: np.full(len(separation), star)] * len(annuli)
        else:
            here = _field(sequence, reference, masked)
            scales = [_unit_snr(here, annulus, float(np.mean(asked.snr))) for annulus in annuli]
        companions = [
            _companions(sequence, annulus, asked, scale, rng)
            for annulus, scale in zip(annuli, scales, strict=True)
        ]
        nulls = {
            kind: null_angles(sequence.angle, kind, asked.nulls.count, rng)
            for kind in asked.nulls.kinds
        }
        return cls(sequence, annuli, companions, nulls, masked)

    @property
    def maps(self) -> int:
        """How many maps of each method it takes."""
        return sum(map(len, self.companions)) + sum(map(len, self.nulls.values()))

    def check(self, name: str, method: Method) -> None:
        """Raise BadInput where a method does not take the sequence, or measures little of a bin."""
        values = method.map(self.sequence)
        for annulus in self.annuli:
            refuse_unmeasured(name, values, annulus)

    def trials(self, method: Method, told: Callable[[], None]) -> list[Trial]:
        """The trials of a method in every bin; `told()` is called after each map."""
        false: list[dict[NullKind, Alarms]] = [{} for _ in self.annuli]
        for kind, each in self.nulls.items():
            maps = []
            for angle in each:
                maps.append(method.map(replace(self.sequence, angle=angle)))
                told()
            for annulus, found in zip(self.annuli, false, strict=True):
                found[kind] = alarms(maps, annulus)
        put = hits(method, self.sequence, self.annuli, self.companions, told)
        return [
            Trial(height, block, annulus.blocks, annulus.elements, found)
            for annulus, (height, block), found in zip(self.annuli, put, false, strict=True)
        ]


def without_known(
    sequence: Sequence, known: Several[KnownCompanion]
) -> tuple[Sequence, list[Point]]:
    """The sequence without companions of known flux; places (separation [px], angle) of others."""
    scale, count = sequence.observation.pixel_scale, len(sequence.wavelength)
    bright = [
        Companion(one.separation / scale, one.position_angle, (one.flux,) * count)
        for one in known
        if one.flux is not None
    ]
    others = [(one.separation / scale, one.position_angle) for one in known if one.flux is None]
    return without(sequence, bright), others


def _near(shape: Shape, places: list[Point], distance: float) -> Bools:
    """Pixels (y, x) within `distance` [px] of places (separation [px], position angle [deg])."""
    near = np.zeros(shape, dtype=bool)
    for place in places:
        near |= radius_map(shape, pixel_position(*place, centre_of(shape))) <= distance
    return near


def _companions(
    sequence: Sequence,
    annulus: Annulus,
    asked: Comparison,
    scale: Scale,
    rng: np.random.Generator,
) -> list[Companion]:
    """Companions anywhere in an annulus, their discs in it, of the fluxes asked for."""
    rows, columns = np.nonzero(annulus.inside)
    if not rows.size:
        raise BadInput("a bin has no place that is half an FWHM from its edges and from companions")
    which = rng.integers(rows.size, size=asked.injections)
    x, y = np.stack([columns, rows])[:, which] + rng.uniform(-0.5, 0.5, (2, asked.injections))
    places = [sky_position(*one, centre_of(annulus.inside.shape)) for one in zip(x, y, strict=True)]
    separation = np.array([place[0] for place in places])
    low, high = asked.contrast or asked.snr
    if asked.contrast:
        brightness = np.exp(rng.uniform(np.log(low), np.log(high), len(places)))
    else:
        brightness = rng.uniform(low, high, len(places))
    flux = brightness * scale(separation)
    share = spectrum(sequence)
    return [
        Companion(*place, tuple(float(part) for part in each * share))
        for place, each in zip(places, flux, strict=True)
    ]


def _field(sequence: Sequence, reference: Reduction | None, masked: list[Point]) -> Field:
    """The sequence under the reduction whose S/N is meant."""
    if reference is None:
        raise BadInput("fluxes are in S/N, and no reduction is named whose; name it, or contrast")
    return Field.of(sequence, reference, masked=masked)


def _unit_snr(here: Field, annulus: Annulus, brightness: float) -> Scale:
    """Flux [cube units] that gives an S/N of one, by separation [px], in a bin.

    Of companions so many times as bright as the noise in an aperture; Mawet et al. (2014), eq. 10.
    """
    radius = radius_map(here.unseen.shape)[annulus.inside]

    def scale(separation: Floats) -> Floats:
        places = np.linspace(radius.min(), radius.max(), _SEPARATIONS)
        if len(separation) < _SEPARATIONS:
            places = np.unique(np.clip(separation, radius.min(), radius.max()))
        found = contrast_curve(here, list(places), how=Throughput(_AZIMUTHS, brightness))
        unit = found.flux / found.threshold
        if not np.isfinite(unit).all():
            raise BadInput(
                f"{places[~np.isfinite(unit)][0]:.1f} px: the reference reduction leaves nothing "
                "of a companion there; go out, or give contrasts"
            )
        return np.interp(separation, places, unit)

    return scale
