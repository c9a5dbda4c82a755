"""Frames beside the science: the star off the coronagraph, and behind satellite spots."""

from dataclasses import dataclass

import numpy as np

from exosift.compute.blocks import Block
from exosift.errors import BadInput
from exosift.ingest.frame import Frame
from exosift.raw.frames import Observed
from exosift.types import Floats

# Within so many FWHM of its brightest pixel a star off the coronagraph must not be saturated. One
# bad pixel there is filled in; of a saturated core more than this share is masked.
_CORE, _MASKED = 1.0, 0.25


@dataclass(frozen=True, eq=False)
class OffAxis:
    """The star off the coronagraph (wavelength, exposure, y, x), as bright as in a science frame.

    told: which files it is of. unknown: why its brightness is not that, empty where it is.
    """

    frames: Floats
    told: str
    unknown: str


def off_axis(observed: Observed) -> OffAxis | None:
    """The observation's frames of the star off the coronagraph; None where there are none.

    Of several windows those of the first good file's are taken. Raises BadInput when the star is
    saturated in all of them.
    """
    files = observed.files.kinds.get("flux", ())
    seen = {frame.file: observed.beside(frame) for frame in files}
    good = [frame for frame in files if not _saturated(seen[frame.file], observed.fwhm)]
    if not files:
        return None
    if not good:
        raise BadInput(
            f"{files[0].file}: the star is saturated, as in all {len(files)} files of it off the "
            "coronagraph; add shorter exposures, ones behind a neutral density, or a PSF in the "
            "observations table and calibrate.saturation, if that is too low"
        )
    used = [frame for frame in good if frame.window == good[0].window]
    factors = [_factor(frame, observed) for frame in used]
    frames = [
        factor * seen[frame.file].cube for frame, (factor, _) in zip(used, factors, strict=True)
    ]
    told = f"{len(used)} of {len(files)} files of the star off the coronagraph"
    if len(good) < len(files):
        told += f", {len(files) - len(good)} saturated"
    unknown = next((why for _, why in factors if why), "")
    return OffAxis(np.concatenate(frames, axis=1).astype(np.float32), told, unknown)


def spots(observed: Observed) -> tuple[Floats, Floats] | None:
    """Frames with satellite spots (wavelength, exposure, y, x) and their times [d], if any."""
    window = observed.files.science[0].window
    files = [f for f in observed.files.kinds.get("centre", ()) if f.window == window]
    if not files:
        return None
    cubes = [observed.beside(frame).cube for frame in files]
    times = [frame.times()[: cube.shape[1]] for frame, cube in zip(files, cubes, strict=True)]
    return np.concatenate(cubes, axis=1), np.concatenate(times)


def _saturated(block: Block, fwhm: float) -> bool:
    """Whether the star's core is saturated in any exposure of a file."""
    images = block.cube.reshape(-1, *block.cube.shape[2:])
    masks = block.mask.reshape(images.shape)
    y, x = np.indices(images.shape[1:])
    for image, mask in zip(images, masks, strict=True):
        seen = np.where(np.isfinite(image), image, -np.inf)
        row, column = np.unravel_index(seen.argmax(), seen.shape)
        core = np.hypot(y - row, x - column) <= _CORE * fwhm
        if mask[core].mean() > _MASKED:
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
            f"not known: {frame.name} is behind {frame.neutral_density or 'no density'}, the "
            f"science behind {science.neutral_density or 'none'}, and the transmission of "
            f"{behind[0]} is not told; give it under calibrate.neutral_densities"
        )
    through = known.get(frame.neutral_density, 1.0) / known.get(science.neutral_density, 1.0)
    coadds = observed.files.raw.coadds == "sum"
    times = [f.exposure_time * (f.ndit if coadds else 1) for f in (frame, science)]
    return times[1] / times[0] / through, unknown
