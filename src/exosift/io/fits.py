"""FITS in and out: cubes, angles and PSFs as VIP and PynPoint ship them; images North up."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from exosift import __version__
from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.sequence import Observation
from exosift.types import Floats

Cards = Mapping[str, tuple[str | float | int | bool, str]]
"""FITS header cards: keyword → (value, comment)."""


def read_array(path: Path) -> Floats:
    """First image of a FITS file, native byte order, float32 or float64.

    Raises BadInput when the file is missing, truncated, unreadable or holds no image.
    """
    if not path.exists():
        raise BadInput(f"{path}: no such file; check the path in the observations table")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)  # a truncated file fails below
            with fits.open(path, memmap=False) as units:
                image = next((u.data for u in units if u.is_image and u.header["NAXIS"]), None)
    except (OSError, TypeError, ValueError, KeyError, fits.VerifyError) as error:
        raise BadInput(
            f"{path}: unreadable or truncated FITS ({error}); fetch or copy the file again"
        ) from error
    if image is None:
        raise BadInput(f"{path}: no image in this FITS file; expected an array")
    double = image.dtype.itemsize > 4
    return np.asarray(image, dtype=np.float64 if double else np.float32)


def read_cube(path: Path) -> Floats:
    """A float32 cube (wavelength, time, y, x), from (time, y, x) or (wavelength, time, y, x)."""
    cube = read_array(path)
    if cube.ndim not in (3, 4):
        raise BadInput(
            f"{path}: {cube.ndim} axes of {cube.shape}; expected (time, y, x) or "
            "(wavelength, time, y, x)"
        )
    cube = cube.reshape(-1, *cube.shape[-3:]).astype(np.float32, copy=False)
    blank = np.argwhere(~np.isfinite(cube).any(axis=(2, 3)))
    if blank.size:
        frames = ", ".join(str(frame) for frame in np.unique(blank[:, 1])[:5])
        raise BadInput(
            f"{path}: no finite pixel in frame {frames} (of {cube.shape[1]}, counted from 0); drop "
            "these frames and their angles"
        )
    return cube


def read_angles(path: Path, frames: int) -> Floats:
    """One angle [deg] a frame, from any array with that many elements."""
    angles = read_array(path).astype(np.float64).ravel()
    if angles.size != frames:
        raise BadInput(f"{path}: {angles.size} angles for a cube of {frames} frames; give one each")
    if not np.isfinite(angles).all():
        raise BadInput(f"{path}: the angle of frame {int(np.argmin(np.isfinite(angles)))} is NaN")
    return angles


def read_wavelengths(path: Path, channels: int) -> Floats:
    """One wavelength [µm] a channel, from any array with that many elements, in µm or nm.

    No camera here sees beyond 100 µm, so larger numbers are nm, as the SPHERE pipeline gives them.
    """
    wavelengths = read_array(path).astype(np.float64).ravel()
    if wavelengths.size != channels or not np.all(wavelengths > 0):
        raise BadInput(
            f"{path}: {wavelengths} is not one wavelength [µm or nm] for {channels} channels"
        )
    return wavelengths / 1000 if wavelengths.min() > 100 else wavelengths


def read_psf(path: Path, cube: tuple[int, ...]) -> Floats:
    """PSF as (wavelength, y, x), for a cube of that shape.

    From (y, x), (wavelength, y, x), or (wavelength, time, y, x), whose exposures are averaged.
    """
    psf = read_array(path)
    if psf.ndim not in (2, 3, 4) or psf.size == 0:
        raise BadInput(
            f"{path}: PSF of shape {psf.shape}; expected (y, x), (wavelength, y, x) or "
            "(wavelength, time, y, x)"
        )
    psf = psf.mean(axis=1) if psf.ndim == 4 else psf.reshape(-1, *psf.shape[-2:])
    if len(psf) != cube[0]:
        raise BadInput(f"{path}: {len(psf)} PSFs for a cube of {cube[0]} wavelengths")
    if psf.shape[1] > cube[2] or psf.shape[2] > cube[3]:
        raise BadInput(
            f"{path}: the PSF ({psf.shape[2]}×{psf.shape[1]} px) is larger than the frames "
            f"({cube[3]}×{cube[2]} px); crop it around the star"
        )
    return psf


def write_array(path: Path, values: Floats) -> None:
    """Write an array as the one image of a FITS file."""
    with whole(path) as partial:
        fits.PrimaryHDU(values).writeto(partial, overwrite=True)


def write_images(
    path: Path,
    images: Floats,
    observation: Observation,
    cards: Cards,
    fpf: Floats | None = None,
) -> None:
    """Write images (variant, y, x), or the one image there is, North up and East left, with a WCS.

    The WCS gives offsets from the star as a tangent plane around (0, 0). fpf: false-positive
    fractions of the images' values; their decimal logarithms follow as an extension, LOGFPF.
    """
    header = fits.Header()
    centre = (images.shape[-1] - 1) / 2, (images.shape[-2] - 1) / 2
    degrees = observation.pixel_scale / 3.6e6
    for axis, name, sign in ((1, "RA---TAN", -1), (2, "DEC--TAN", 1)):
        header[f"CTYPE{axis}"] = (name, "offset from the star; North up, East left")
        header[f"CRPIX{axis}"] = (centre[axis - 1] + 1, "the star [px, 1-based]")
        header[f"CRVAL{axis}"] = (0.0, "[deg]")
        header[f"CDELT{axis}"] = (sign * degrees, "[deg/px]")
        header[f"CUNIT{axis}"] = "deg"
    header["OBJECT"] = observation.target
    header["EPOCH_ID"] = (observation.epoch, "epoch, as named in the observations table")
    header["INSTRUME"] = observation.instrument
    header["FILTER"] = observation.filter
    header["PIXSCALE"] = (observation.pixel_scale, "[mas/px]")
    header["FWHM"] = (float(np.mean(observation.fwhm)), "of the PSF [px]")
    header["CREATOR"] = f"exosift {__version__}"
    header.update(cards)
    units = fits.HDUList([fits.PrimaryHDU(_unstacked(images), header)])
    if fpf is not None:
        logarithms = np.log10(np.maximum(fpf, 1e-300))
        units.append(fits.ImageHDU(_unstacked(logarithms), name="LOGFPF"))
    with whole(path) as partial:
        units.writeto(partial, overwrite=True)


def _unstacked(images: Floats) -> Floats:
    """Images (variant, y, x) in the precision of files; without the axis where there is but one."""
    return np.asarray(images[0] if len(images) == 1 else images, dtype=np.float32)


def read_images(path: Path) -> tuple[Floats, fits.Header]:
    """Images (variant, y, x) and the header of a product of `write_images`."""
    images = read_array(path)
    header = fits.getheader(path)
    if "NRANKS" not in header:
        raise BadInput(
            f"{path}: not an image of a reduction; give image.fits of `exosift subtract`"
        )
    return images.reshape(-1, *images.shape[-2:]), header


def observation_of(header: fits.Header) -> Observation:
    """What `write_images` keeps of an observation: names, scale [mas/px], FWHM and star [px]."""
    star = (header["CRPIX1"] - 1, header["CRPIX2"] - 1)
    return Observation(
        target=header["OBJECT"],
        epoch=header["EPOCH_ID"],
        instrument=header["INSTRUME"],
        filter=header["FILTER"],
        pixel_scale=header["PIXSCALE"],
        fwhm=(header["FWHM"],),
        star=star,
        raw_star=star,
    )
