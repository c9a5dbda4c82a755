"""The matched filter: the flux of a point source at every place, and its small-sample S/N.

On top of an unknown background b and white noise, an image around a source of shape P is F P + b,
and the best linear estimate of its flux is F = Σ P′ I / Σ P′ P with P′ = P − ⟨P⟩ (North 1963, Proc.
IEEE 51, 1016, for b = 0). Here P is the off-axis PSF out to one FWHM, of unit flux in the 1-FWHM
aperture. NaN carries no weight. What angular differential imaging takes from a companion, and the
lobes that it leaves beside it, are not modelled; P′, which is negative around its core, is nearer
to what is left than P is.
"""

from dataclasses import dataclass

import numpy as np

from exosift.detect.snr import SmallSample, compare
from exosift.photometry.apertures import ApertureSums, displaced
from exosift.types import Bools, Floats

# A place is measured where the pixels seen hold this share of Σ P′ P.
_SEEN = 0.9


@dataclass(frozen=True, eq=False)
class MatchedFluxes:
    """Σ P′ I over the pixels that were seen, and their share of Σ P′ P, to be read at any place."""

    products: ApertureSums
    seen: ApertureSums | None

    @classmethod
    def of(cls, image: Floats, psf: Floats, fwhm: float) -> "MatchedFluxes":
        """Filter image (y, x) with a centred PSF (y, x) of unit flux in the 1-FWHM aperture."""
        shape, template = _templates(psf, fwhm)
        power = np.sum(template * shape, axis=0)
        unseen = np.isnan(image)
        light = np.where(unseen, 0.0, image).astype(np.float32)
        seen = None
        if unseen.any():
            seen = ApertureSums.weighted((~unseen).astype(np.float32), template * shape / power)
        return cls(ApertureSums.weighted(light, template / power), seen)

    def at(self, x: Floats, y: Floats) -> Floats:
        """Fluxes of point sources at (x, y) [px]; NaN where too little of them was seen."""
        flux = self.products.at(x, y)
        if self.seen is not None:
            share = self.seen.at(x, y)
            flux = np.where(share >= _SEEN, flux / np.maximum(share, _SEEN), np.nan)
        return flux


def matched_sample(
    image: Floats, psf: Floats, fwhm: float, left_out: Bools | None = None
) -> SmallSample:
    """S/N of image (y, x) after the matched filter, told as that of apertures is.

    psf (y, x) is odd, square and of unit flux in the 1-FWHM aperture. Pixels `left_out` do not
    count as noise.
    """
    source = MatchedFluxes.of(image, psf, fwhm)
    if left_out is None or not left_out.any():
        return compare(source, source, image.shape, fwhm)
    noise = MatchedFluxes.of(np.where(left_out, np.nan, image), psf, fwhm)
    return compare(source, noise, image.shape, fwhm)


def _templates(psf: Floats, fwhm: float) -> tuple[Floats, Floats]:
    """P out to one FWHM, and P′, as weights of displaced places; cubic splines between pixels."""
    from scipy import ndimage  # slow to load, and most searches do without

    middle, reach = (psf.shape[0] - 1) / 2, int(np.ceil(fwhm))
    values = psf.astype(np.float64)

    def shape(x: Floats, y: Floats) -> Floats:
        x, y = np.broadcast_arrays(x, y)
        return np.asarray(ndimage.map_coordinates(values, [middle + y, middle + x], order=3))

    near = displaced(lambda x, y: np.where(np.hypot(x, y) <= fwhm, 1.0, 0.0), reach)
    light = near * displaced(shape, reach)
    return light, light - near * light.sum(axis=0) / near.sum(axis=0)
