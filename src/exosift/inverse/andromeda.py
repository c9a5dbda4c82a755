"""ANDROMEDA: the most likely flux of a companion at every place, from differences of frames.

Mugnier et al. 2009, J. Opt. Soc. Am. A 26, 1326; Cantalloube et al. 2015, A&A 582, A89. Two frames
between which the field has turned enough are subtracted: the star, nearly the same in both, goes; a
companion leaves a positive and a negative copy of the PSF. Fitted to all differences at once, this
pattern gives its flux, and the noise of the differences the error of that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of
from exosift.geometry.regions import Annuli
from exosift.geometry.shifting import continued
from exosift.inverse.annuli import Annulus, Variance, displacements, paired, weights
from exosift.inverse.filtering import filter_reach, high_pass
from exosift.inverse.normalisation import radial_spread
from exosift.inverse.patterns import Matched
from exosift.sequence import Sequence
from exosift.types import Bools, Floats


@dataclass(frozen=True)
class Andromeda:
    """How differences are formed and matched; lengths in FWHM.

    rotation: what a companion moves by, at least, between the two frames of a pair. width, inner:
    of the annuli, each with its own pairs. zone: area, in annuli, on which γ is fitted. filtering:
    share of the spatial frequencies that the high-pass filter takes off. variance: of the
    differences, around each pixel, of each pixel, or of each annulus. positive: no flux below zero.
    """

    rotation: float = 0.5
    width: float = 1.0
    inner: float = 1.0
    zone: float = 2.0
    filtering: float = 0.25
    variance: Variance = "local"
    positive: bool = False
    kind: Literal["andromeda"] = "andromeda"

    def __post_init__(self) -> None:
        if self.rotation <= 0:
            raise BadInput(f"rotation is {self.rotation:g} FWHM, expected more than 0")
        if self.width <= 0 or self.inner < 0:
            raise BadInput(
                f"width is {self.width:g} and inner {self.inner:g} FWHM, expected more than 0, and "
                "0 or more"
            )
        if self.zone < 1:
            raise BadInput(f"zone is {self.zone:g} annuli, expected 1 or more")
        if not 0 <= self.filtering < 1:
            raise BadInput(f"filtering is {self.filtering:g}, expected from 0 to less than 1")


@dataclass(frozen=True, eq=False)
class FluxMap:
    """Flux of a companion at every place, its error, and their ratio: (y, x), North up.

    Flux is that in the 1-FWHM aperture, in the units of the frames. The error is the method's own
    times the spread of its S/N at the same distance from the star, so that the noise of `snr` has
    unit standard deviation, and 5 · sigma is a detection limit. NaN where no pair tells.
    """

    flux: Floats
    sigma: Floats

    @property
    def snr(self) -> Floats:
        """Flux over its error."""
        return np.asarray(self.flux / self.sigma)


def _silent(done: int, of: int) -> None:
    """Tell nobody."""


def invert(
    sequence: Sequence, method: Andromeda, progress: Callable[[int, int], None] = _silent
) -> FluxMap:
    """Flux map of a sequence; `progress(done, of)` is told of its wavelengths.

    Several wavelengths are joined by inverse variance, as if the flux were the same in all.
    Raises BadInput when the field turns too little.
    """
    channels = list(zip(sequence.cube, sequence.psf, sequence.mask, strict=True))
    fwhm = sequence.observation.fwhm
    maps = []
    for i, (frames, psf, mask) in enumerate(channels):
        maps.append(andromeda(frames, sequence.angle, psf, fwhm[i], method, mask))
        progress(i + 1, len(channels))
    joined = maps[0] if len(maps) == 1 else _joined(maps, max(fwhm))
    return FluxMap(np.maximum(joined.flux, 0), joined.sigma) if method.positive else joined


def andromeda(
    frames: Floats,
    angle: Floats,
    psf: Floats,
    fwhm: float,
    method: Andromeda,
    mask: Bools | None = None,
) -> FluxMap:
    """Flux map (y, x) of frames (time, y, x) at `angle` (time,) [deg], star in the middle.

    psf (y, x) has odd sides, its middle pixel on the source, and unit flux in the 1-FWHM aperture;
    fwhm [px]. A pixel that is NaN in any frame has no weight; one that `mask` (time, y, x) says was
    filled in has that of the frames which measured it. NaN does not spread; a place is NaN where
    its annulus has no pairs, or a companion half of its light on pixels without weight.
    """
    if psf.shape[0] != psf.shape[1] or psf.shape[0] % 2 == 0:
        raise BadInput(
            f"the PSF is {psf.shape[1]}×{psf.shape[0]} px: crop it to a square of odd side, the "
            "source on its middle pixel"
        )
    unseen = np.isnan(frames)
    seen = np.asarray(~unseen.any(axis=0))
    filtered = high_pass(frames if seen.all() else continued(frames, unseen), method.filtering)
    template = high_pass(np.pad(psf, filter_reach(method.filtering))[None], method.filtering)[0]
    regions = Annuli(method.width, method.inner).partition(seen.shape, fwhm)
    annuli = paired(filtered, seen, angle, regions, method.rotation * fwhm, method.zone)
    if not annuli:
        raise BadInput(
            f"the field turns by {np.ptp(angle):.1f}° only: nowhere in the frame does a companion "
            f"move by {method.rotation:g} FWHM between three pairs of frames; lower rotation"
        )
    weight = weights(filtered, seen, annuli, method.variance, fwhm)
    if mask is not None:
        weight *= 1 - mask.mean(axis=0)
    flux, sigma = _most_likely(filtered, angle, weight, template, fwhm, annuli)
    return _normalised(flux, sigma, fwhm)


def _most_likely(
    frames: Floats,
    angle: Floats,
    weight: Floats,
    template: Floats,
    fwhm: float,
    annuli: list[Annulus],
) -> tuple[Floats, Floats]:
    """Flux and error (y, x) from filtered frames (time, y, x), weight (y, x) and PSF (y, x)."""
    unit = weight.max()  # single precision cannot hold the weights of any data
    relative = (weight / unit).astype(frames.dtype)
    apart = displacements(annuli, angle, weight.shape)
    matched = Matched.of(frames, relative, template, fwhm, apart)
    numerator, denominator = np.full((2, weight.size), np.nan)
    x0, y0 = centre_of(weight.shape)

    def work(annulus: Annulus) -> None:
        y, x = np.divmod(annulus.pixels, weight.shape[1])
        place = [(along - middle).astype(frames.dtype) for along, middle in ((x, x0), (y, y0))]
        sums = matched.sums(place[0], place[1], annulus.pairs, angle)
        numerator[annulus.pixels], denominator[annulus.pixels] = sums

    threads.over(work, sorted(annuli, key=lambda annulus: -annulus.pixels.size))
    flux, sigma = numerator / denominator, 1 / np.sqrt(denominator * unit)
    return (
        flux.reshape(weight.shape).astype(frames.dtype),
        sigma.reshape(weight.shape).astype(frames.dtype),
    )


def _joined(maps: list[FluxMap], half_width: float) -> FluxMap:
    """The mean of maps by inverse variance, normalised once more: speckles are alike in all."""
    weight = np.stack([np.nan_to_num(1 / one.sigma**2) for one in maps])
    total = weight.sum(axis=0)
    seen = total > 0
    total[~seen] = np.nan
    flux = np.einsum("wyx,wyx->yx", weight, np.nan_to_num([one.flux for one in maps])) / total
    return _normalised(flux, 1 / np.sqrt(total), half_width)


def _normalised(flux: Floats, sigma: Floats, half_width: float) -> FluxMap:
    """The map whose S/N has unit standard deviation within `half_width` [px] of any distance."""
    return FluxMap(flux, sigma * radial_spread(flux / sigma, half_width))
