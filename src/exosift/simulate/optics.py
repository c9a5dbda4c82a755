"""Fourier optics: telescope pupil, perfect coronagraph, and the focal plane at any sampling.

Pupil coordinates are in telescope diameters, focal-plane coordinates in λ/D, so the wavelength
enters twice only: in `pupil_field`, which turns an optical path into a phase, and in the λ/D of
`diffraction_scale`. Images at several wavelengths are these two with the same path.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exosift.errors import BadInput
from exosift.types import Floats, Point

Fields = npt.NDArray[np.complexfloating]
"""Complex amplitudes, in the pupil or in the focal plane."""

MAS = 180 / np.pi * 3600e3  # milliarcseconds in a radian


def diffraction_scale(wavelength: float, diameter: float) -> float:
    """λ/D [mas] for a wavelength [µm] and a telescope diameter [m]."""
    return wavelength * 1e-6 / diameter * MAS


def pupil_axis(pixels: int) -> Floats:
    """Pixel centres across the pupil, in diameters from its centre."""
    return (np.arange(pixels) - (pixels - 1) / 2) / pixels


def telescope_pupil(pixels: int, obstruction: float, spider: float) -> Floats:
    """Circular aperture with a central obstruction and four spider vanes.

    `obstruction` (its diameter) and `spider` (the vanes' width) are fractions of the diameter. The
    result is the (pixels, pixels) mean transmission over each pixel, from 8 × 8 points in it, so
    that edges thinner than a pixel count for what they cover.
    """
    fine = pupil_axis(pixels * 8)
    u, v = fine[None, :], fine[:, None]
    radius = np.hypot(u, v)
    open_ = (radius <= 0.5) & (radius >= obstruction / 2)
    open_ &= (np.abs(u) >= spider / 2) & (np.abs(v) >= spider / 2)
    return np.asarray(open_.reshape(pixels, 8, pixels, 8).mean(axis=(1, 3)))


def pupil_field(pupil: Floats, opd: Floats | Fields, wavelength: float) -> Fields:
    """Field in the pupil, P exp(2πi OPD/λ), of power one through the whole aperture.

    pupil (v, u); opd (..., v, u) [nm], whose imaginary part, if any, is an amplitude; wavelength
    [µm]. Single precision stays single.
    """
    # The power is the open area: where the edge crosses a pixel, the mean amplitude squared is less
    # than the mean power, the rest being diffracted further out than this sampling forms.
    amplitude = pupil / np.sqrt(np.sum(pupil))
    return np.asarray(amplitude * np.exp(2e-3j * np.pi / wavelength * opd))


def tilt(pixels: int, direction: Point) -> Fields:
    """Field (v, u) of unit modulus from a source at `direction` (x, y) [λ/D] off the axis.

    Raises BadInput for a source so far out that the pupil's pixels would fold it back.
    """
    if max(map(abs, direction)) > pixels / 2:
        raise BadInput(
            f"a source at x = {direction[0]:.1f}, y = {direction[1]:.1f} λ/D is beyond the "
            f"{pixels / 2:g} that a pupil of {pixels} pixels can form: use more pixels"
        )
    u, v = (np.exp(2j * np.pi * pupil_axis(pixels) * angle) for angle in direction)
    return np.asarray(v[:, None] * u)


def perfect_coronagraph(field: Fields, pupil: Floats) -> Fields:
    """Field less its projection on the pupil (Cavarroc et al. 2006, A&A 447, 397).

    An on-axis plane wave vanishes exactly, aberrations pass to all orders, and a source some λ/D
    away loses only the square of the Airy amplitude there. field (..., v, u), pupil (v, u).
    """
    projection = np.tensordot(field, pupil, axes=2) / np.sum(pupil**2)
    return np.asarray(field - projection[..., None, None] * pupil)


@dataclass(frozen=True, eq=False)
class FocalPlane:
    """The two matrices that carry a pupil field (v, u) to the pixels of an image (y, x)."""

    columns: Fields
    rows: Fields

    def single(self) -> "FocalPlane":
        """The same in single precision."""
        return FocalPlane(self.columns.astype(np.complex64), self.rows.astype(np.complex64))


def focal_plane(pixels: int, shape: tuple[int, int], axis: Point, step: float) -> FocalPlane:
    """Matrices of the semi-analytic Fourier transform (Soummer et al. 2007, OExpr. 15, 15935).

    `pixels` across the pupil, image `shape` (y, x), optical `axis` at (x, y) [px], pixels of `step`
    λ/D. Exact at any sampling; scaled so that an image of the whole plane keeps the field's power.
    Raises BadInput when the image is wider than the period of the sampled pupil, `pixels` λ/D.
    """
    if max(shape) * step > pixels:
        raise BadInput(
            f"an image of {max(shape) * step:.1f} λ/D is wider than the {pixels} that a pupil of "
            f"{pixels} pixels can form: use more pixels across the pupil"
        )
    u = pupil_axis(pixels)
    x, y = (
        (np.arange(size) - origin) * step for size, origin in zip(shape[::-1], axis, strict=True)
    )
    unit = np.sqrt(step / pixels)
    return FocalPlane(
        columns=unit * np.exp(-2j * np.pi * np.outer(u, x)),
        rows=unit * np.exp(-2j * np.pi * np.outer(y, u)),
    )


def image(field: Fields, plane: FocalPlane) -> Floats:
    """Intensity (..., y, x) of pupil fields (..., v, u): the share of the power at each pixel.

    The intensity at the pixel's centre times its area; the integral over the pixel is left to
    detectors coarse enough to need it.
    """
    amplitude = plane.rows @ field @ plane.columns
    return np.asarray(amplitude.real**2 + amplitude.imag**2)
