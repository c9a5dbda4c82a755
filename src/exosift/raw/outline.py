"""What is known of an observation besides its pixels, and how its frames were made, in words."""

from collections.abc import Mapping

import numpy as np

from exosift import __version__
from exosift.calib.recipe import Recipe
from exosift.errors import BadInput
from exosift.ingest.frame import Frame
from exosift.io.calibrated import Outline
from exosift.raw.files import Files
from exosift.raw.frames import Observed

_AIRY = 1.03  # FWHM of the PSF of a telescope without obstruction [λ/D]
_MAS = np.degrees(1) * 3600e3


def wavelengths(files: Files, channels: int) -> tuple[float, ...]:
    """Wavelength [µm] of every channel, by the filter of the science frames.

    Only the filter's middle where the channels are a cube's planes and their own wavelengths are
    not described. Raises BadInput for a filter that the instrument's description does not know.
    """
    first = files.science[0]
    known = files.description.wavelengths
    if first.filter not in known:
        raise BadInput(
            f"{first.file}: filter {first.filter or 'none'} of {first.instrument}: its wavelength "
            f"is not known (known are {', '.join(known)}); add it under instruments"
        )
    found = known[first.filter]
    if not isinstance(found, tuple):
        return (found,) * (channels if files.raw.planes == "time" else 1)
    if len(found) != channels:
        raise BadInput(
            f"{first.file}: {channels} channels, and {len(found)} wavelengths of filter "
            f"{first.filter}; correct them under instruments"
        )
    return found


def expected_fwhm(files: Files, recipe: Recipe, wavelength: float) -> float:
    """FWHM [px] of the PSF at `wavelength` [µm] by the telescope's diameter, or as told."""
    if recipe.fwhm is not None:
        return recipe.fwhm
    diameter, scale = files.description.diameter, files.science[0].pixel_scale
    if diameter is None:
        raise BadInput(
            f"{files.label}: neither the telescope's diameter nor the FWHM is known; give "
            "calibrate.fwhm [px], or the diameter [m] under instruments"
        )
    return float(_AIRY * wavelength * 1e-6 / diameter * _MAS / scale)


def refuse_unscaled(files: Files) -> None:
    """Raise BadInput when the pixel scale is not known."""
    first, words = files.science[0], files.raw.keywords
    if not np.isfinite(first.pixel_scale):
        asked = words.named("pixel_scale")
        keyword = f", and its header has no {asked}" if asked else ""
        raise BadInput(
            f"{first.file}: the pixel scale of {first.instrument}'s camera "
            f"{first.camera or '(no name)'} is not known{keyword}; describe it under instruments"
        )


def outline(
    observed: Observed,
    wavelength: tuple[float, ...],
    star: Mapping[str, str],
    sources: Mapping[str, str],
) -> Outline:
    """The observation in words.

    star: what its PSF is of, and why its star_flux is not known, empty where it is.
    """
    files = observed.files
    first = files.science[0]
    history = {
        "angle": f"the middle of every exposure; zenith's position angle "
        f"{first.angle_offset:+.2f}° ({files.description.source})"
        if first.field == "turns"
        else f"as the headers tell ({first.field})",
        "pixel_scale": files.description.source,
        "dark": _told(first, "dark"),
        "flat": _told(first, "flat"),
        "badpixels": _told(first, "badpixels"),
        "sky": _sky(observed),
        "psf": star["psf"],
        "variance": "photons, reading, dark, flat and sky" if observed.variance else "none",
        "software": f"exosift {__version__}",
    }
    camera = f"{first.instrument} {first.camera}".strip()
    return Outline(
        camera,
        first.filter,
        first.pixel_scale,
        first.exposure_time,
        observed.fwhm,
        wavelength,
        files.raw.fields > 1,
        star["star_flux"],
        history,
        sources,
    )


def _told(frame: Frame, kind: str) -> str:
    """Which set calibrates a frame and why, or why none does."""
    name, reason = getattr(frame, kind), getattr(frame, f"{kind}_reason")
    return f"{name}: {reason}" if name else f"none: {reason or 'not asked for'}"


def _sky(observed: Observed) -> str:
    """What the background was made of."""
    sky = observed.recipe.sky
    if sky is None:
        return "not taken off"
    if all(one is None for one in observed.skies):
        return "not taken off: neither frames of the sky nor dithers"
    one = next(one for one in observed.skies if one is not None)
    count = len(one.library.mjd)
    source = "frames of the sky" if one.star is None else "the target's own dithers"
    return f"{sky.method} of {count} exposures, {source}"
