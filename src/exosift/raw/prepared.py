"""A sequence before registration, wherever it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from exosift.compute.registration import Frames, Known
from exosift.errors import BadInput
from exosift.observations import Row
from exosift.photometry.psf import normalised_psf
from exosift.types import Floats


@dataclass(frozen=True, eq=False)
class Prepared:
    """Frames with the times, angles and PSF that go with them; see `Sequence` and `Observation`.

    known: where the star is, if the frames need not tell. variance: whether the frames
    have one. history, in words.
    """

    frames: Frames
    angle: Floats
    mjd: Floats
    psf: Floats
    fwhm: Floats
    wavelength: Floats
    star_flux: tuple[float, ...] | None
    instrument: str
    pixel_scale: float
    exposure_time: float | None
    sources: Mapping[str, str]
    history: Mapping[str, str]
    known: Known | None = None
    variance: bool = False


def templates(psf: Floats) -> tuple[Floats, Floats, list[float]]:
    """Normalised templates (wavelength, y, x), their FWHM [px] and the flux of each."""
    found = [normalised_psf(one) for one in psf]
    return (
        np.stack([template for template, _, _ in found]),
        np.array([width for _, width, _ in found]),
        [flux for _, _, flux in found],
    )


def star_flux(row: Row, of_psf: list[float]) -> tuple[float, ...] | None:
    """The star's flux in each channel, in cube units: that of the PSF, or the table's number."""
    if row.star_flux is None or row.star_flux == "psf":
        return tuple(of_psf) if row.star_flux == "psf" else None
    if len(of_psf) > 1:
        raise BadInput(
            f"star_flux is one number for {len(of_psf)} channels: give the PSF in cube units and "
            "`psf` in that column"
        )
    return (row.star_flux,)
