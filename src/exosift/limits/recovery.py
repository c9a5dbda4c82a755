"""What a reduction leaves of one injected companion: its throughput, and the S/N at its place."""

from collections.abc import Sequence as Several
from dataclasses import dataclass, replace

import numpy as np

from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position
from exosift.limits.circle import Circle, innermost, outermost
from exosift.photometry.injection import Companion, inject, track
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.injected import Injected
from exosift.sequence import Sequence
from exosift.types import Bools, Floats, Point


@dataclass(frozen=True)
class Recovered:
    """A companion put in and found again.

    throughput: what is left of its flux in the 1-FWHM aperture on it; snr: at its place.
    """

    companion: Companion
    throughput: float
    snr: float


@dataclass(frozen=True, eq=False)
class Field:
    """A sequence under one reduction of one rank, where companions are to be put and looked for.

    image (y, x) without any; unseen (y, x): where it has no value, or is not to be measured;
    spectrum (wavelength,): the flux of a companion in each channel when their mean is one, that of
    the star where it is known; fwhm [px] at the longest wavelength.
    """

    injected: Injected
    unseen: Bools

    @classmethod
    def of(
        cls,
        sequence: Sequence,
        reduction: Reduction,
        stars: Several[Sequence] = (),
        masked: Several[Point] = (),
    ) -> "Field":
        """Reduce `sequence`. masked: places (separation [px], position angle [deg]) of known
        companions, within one FWHM of which nothing is measured.

        Raises BadInput for a reduction of several ranks.
        """
        if len(reduction.model.variants) > 1:
            raise BadInput(
                f"limits are those of one rank, and {reduction.model.kind} has "
                f"{len(reduction.model.variants)}: give one, or take each in turn"
            )
        injected = Injected.of(sequence, reduction, stars)
        unseen = np.isnan(injected.images[0])
        y, x = np.ogrid[: unseen.shape[0], : unseen.shape[1]]
        for place in masked:
            x0, y0 = pixel_position(*place, centre_of(unseen.shape))
            unseen |= np.hypot(x - x0, y - y0) <= fwhm_of(sequence)
        return cls(injected, unseen)

    @property
    def image(self) -> Floats:
        """The residual image (y, x) without companions."""
        return np.asarray(self.injected.images[0])

    @property
    def fwhm(self) -> float:
        """FWHM [px] of the apertures."""
        return fwhm_of(self.injected.sequence)

    @property
    def spectrum(self) -> Floats:
        """Flux in each channel of a companion whose mean flux is one."""
        return spectrum(self.injected.sequence)

    def companion(self, separation: float, position_angle: float, flux: float) -> Companion:
        """A companion of this mean flux, of the field's spectrum."""
        each = tuple(float(share) for share in flux * self.spectrum)
        return Companion(separation, position_angle, each)

    def circle(self, separation: float, position_angle: float) -> Circle | None:
        """Apertures through a place; None when the place was not seen."""
        return Circle.through(separation, position_angle, self.fwhm, self.unseen)

    def light_in_aperture(self, companion: Companion, circle: Circle) -> float:
        """Flux of a companion in the aperture on it, as an image without a star would have it.

        One disc holds up to 0.6 % more or less of a source as the pixels lie beneath it.
        """
        sequence = self.injected.sequence
        still = replace(
            sequence,
            cube=sequence.cube[:, :1],
            mask=sequence.mask[:, :1],
            angle=np.zeros(1),
            mjd=np.zeros(1),
            variance=None,
        )
        path = track(still, companion)
        alone = np.zeros(self.unseen.size)
        alone[path.pixel] = path.light.mean(axis=0)
        return float(circle.weights[0] @ alone[circle.pixels])


def spectrum(sequence: Sequence) -> Floats:
    """Flux (wavelength,) of a companion whose mean is one: the star's, where it is known."""
    flux = np.asarray(sequence.observation.star_flux or np.ones(len(sequence.wavelength)))
    return np.asarray(flux / flux.mean())


def fwhm_of(sequence: Sequence) -> float:
    """FWHM [px] at the longest wavelength."""
    return sequence.observation.fwhm[int(np.argmax(sequence.wavelength))]


def trimmed(sequence: Sequence, width: float) -> Sequence:
    """The sequence with its PSFs cut to a square `width` [FWHM] wide, as companions are drawn.

    What lies outside is a few per cent of a companion's light, far from its aperture, and makes
    the regions that it crosses many. Raises BadInput when there is no PSF to draw them with.
    """
    if not np.isfinite(sequence.psf).all() or not sequence.psf.any():
        raise BadInput(
            f"{sequence.label}: there is no PSF to draw companions with; give an unsaturated "
            "off-axis image of the star in the observations table"
        )
    half = min(int(np.ceil(width * fwhm_of(sequence) / 2)), sequence.psf.shape[-1] // 2)
    middle = sequence.psf.shape[-1] // 2
    inside = slice(middle - half, middle + half + 1)
    return replace(sequence, psf=sequence.psf[:, inside, inside])


def without(sequence: Sequence, known: Several[Companion]) -> Sequence:
    """The sequence with companions of known flux taken out of its frames."""
    if not known:
        return sequence
    return inject(sequence, [replace(c, flux=tuple(-flux for flux in c.flux)) for c in known])


def recover(field: Field, companions: Several[Companion]) -> list[Recovered]:
    """Put companions into the frames, one at a time, and measure what the reduction leaves.

    Raises BadInput for one outside the field, or where nothing was seen.
    """
    circles = [_seen(field, one.separation, one.position_angle) for one in companions]
    injections = [field.injected.injection([one]) for one in companions]
    found = []
    for one, circle, injection in zip(companions, circles, injections, strict=True):
        values = field.injected.measured([injection], [1.0], circle.pixels)[0, 0]
        left = circle.sums(values)[0] - circle.sums(field.image.ravel()[circle.pixels])[0]
        throughput = float(left / field.light_in_aperture(one, circle))
        found.append(Recovered(one, throughput, float(circle.snr(values))))
    return found


def _seen(field: Field, separation: float, position_angle: float) -> Circle:
    """The circle through a place that must have been seen."""
    circle = field.circle(separation, position_angle)
    if circle is None:
        raise BadInput(
            f"separation {separation:.2f} px, position angle {position_angle:.1f}°: the reduction "
            "leaves no value there, or a known companion is; choose another place"
        )
    return circle


def reach(field: Field) -> tuple[float, float]:
    """Separations [px] between which apertures lie on what the reduction leaves."""
    y, x = np.divmod(np.arange(field.unseen.size), field.unseen.shape[1])
    x0, y0 = centre_of(field.unseen.shape)
    seen = np.hypot(x - x0, y - y0)[~field.unseen.ravel()]
    inner = float(seen.min(initial=np.inf))
    least = inner + field.fwhm / 2 if inner > 1 else 0.0
    most = outermost(min(field.unseen.shape), field.fwhm)
    most = min(most, float(seen.max(initial=0.0)) - field.fwhm / 2)
    return max(innermost(field.fwhm), least), most


def refuse_unseen(field: Field, separations: Several[float]) -> None:
    """Raise BadInput for a separation [px] whose circle cannot be measured."""
    least, most = reach(field)
    for separation in separations:
        if separation > most + 1e-9:
            raise BadInput(
                f"separation {separation:.2f} px: outside the field, which can be measured to "
                f"{most:.2f} px; lower it"
            )
        if separation < least - 1e-9:
            raise BadInput(
                f"separation {separation:.2f} px: inside the inner working angle; the reduction "
                f"can be measured from {least:.2f} px on; raise it or lower regions.inner"
            )
