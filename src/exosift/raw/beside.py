"""Frames beside the science: the star off the coronagraph, and behind satellite spots."""

from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.ingest.frame import Frame
from exosift.photometry.psf import FluxScale
from exosift.raw.frames import Observed
from exosift.types import Floats

# Within so many FWHM of its brightest pixel a star off the coronagraph must not be saturated.
_CORE = 1.0


@dataclass(frozen=True, eq=False)
class OffAxis:
    """The star off the coronagraph (wavelength, exposure, y, x), as bright as in a science frame.

    unknown: why its brightness is not that, empty where it is.
    """

    frames: Floats
    unknown: str


def off_axis(observed: Observed) -> OffAxis | None:
    """The observation's frames of the star off the coronagraph; None where there are none.

    Raises BadInput when the star is saturated in all of them.
    """
    files = observed.files.kinds.get("flux", ())
    good = [frame for frame in files if not _saturated(frame, observed)]
    if files and not good:
        raise BadInput(
            f"{files[0].file}: the star is saturated, as in all {len(files)} frames of it off the "
            "coronagraph; add shorter exposures, or ones behind a neutral density"
        )
    if not good:
        return None
    like = good[0]
    good = [frame for frame in good if frame.shape == like.shape]
    unknown = ""
    frames = []
    for frame in good:
        factor, why = _factor(frame, observed)
        frames.append(factor * observed.beside(frame).cube)
        unknown = unknown or why
    return OffAxis(np.concatenate(frames, axis=1).astype(np.float32), unknown)


def spots(observed: Observed) -> tuple[Floats, Floats] | None:
    """Frames with satellite spots (wavelength, exposure, y, x) and their times [d], if any."""
    files = [f for f in observed.files.kinds.get("centre", ()) if f.shape == _shape(observed)]
    if not files:
        return None
    cubes = [observed.beside(frame).cube for frame in files]
    times = [frame.times()[: cube.shape[1]] for frame, cube in zip(files, cubes, strict=True)]
    return np.concatenate(cubes, axis=1), np.concatenate(times)


def _shape(observed: Observed) -> tuple[int, int]:
    return observed.files.science[0].shape


def _saturated(frame: Frame, observed: Observed) -> bool:
    """Whether a file's star has a saturated core."""
    block = observed.beside(frame)
    cube = np.where(np.isfinite(block.cube), block.cube, -np.inf)
    for image, mask in zip(cube[:, 0], block.mask[:, 0], strict=True):
        row, column = np.unravel_index(image.argmax(), image.shape)
        y, x = np.ogrid[: image.shape[0], : image.shape[1]]
        core = np.hypot(y - row, x - column) <= _CORE * observed.fwhm
        # One bad pixel in the core is filled in; a saturated one is masked over most of itself.
        if mask[core].mean() > 0.25:
            return True
    return False


def _factor(frame: Frame, observed: Observed) -> tuple[float, str]:
    """How much brighter the star is in a science frame, and what is not known of it."""
    science = observed.files.science[0]
    known = {"": 1.0, **observed.recipe.neutral_densities}
    behind = [
        name for name in (frame.neutral_density, science.neutral_density) if name not in known
    ]
    unknown = ""
    if frame.neutral_density != science.neutral_density and behind:
        unknown = (
            f"the star off the coronagraph is behind {behind[0]}, whose transmission is not told: "
            "give it under calibrate.neutral_densities"
        )
    through = known.get(frame.neutral_density, 1.0) / known.get(science.neutral_density, 1.0)
    coadds = observed.files.raw.coadds == "sum"
    times = [f.exposure_time * (f.ndit if coadds else 1) for f in (frame, science)]
    return FluxScale(times[0], times[1], min(through, 1.0)).factor, unknown
