"""A folder of the Exoplanet Imaging Data Challenge: its sequences, its truth, and detection maps.

`<instrument>_{cube,pa,psf,pxscale,wls}_<id>.fits`: frames, angles [deg], PSF, pixel scale
[arcsec/px] and, of spectrographs, wavelengths. The truth: `<instrument>_positions_<id>.fits`, the
(x, y) [px] of what was injected, and its `_fwhm_`, where there is one.

The star is on pixel n/2 of frames of even side n; their first row and column are left out, so that
it is in the middle, and what is told of places is moved.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from exosift.calib.badpixels import fill_isolated
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of
from exosift.io.fits import (
    read_angles,
    read_array,
    read_cube,
    read_psf,
    read_wavelengths,
    write_array,
)
from exosift.io.public import sha256
from exosift.photometry.psf import normalised_psf
from exosift.sequence import Observation, Sequence
from exosift.types import Floats

_CUBE = re.compile(r"(?P<instrument>.+)_cube_(?P<id>\d+)\.fits")


@dataclass(frozen=True)
class DataSet:
    """One sequence of the challenge: an instrument's name, a number, and the folder."""

    instrument: str
    id: int
    folder: Path

    @property
    def name(self) -> str:
        """Instrument and number."""
        return f"{self.instrument} {self.id}"

    def file(self, what: str, folder: Path | None = None) -> Path:
        """Where one of its files is, or would be in another folder."""
        return (folder or self.folder) / f"{self.instrument}_{what}_{self.id}.fits"

    @property
    def wavelengths(self) -> Path | None:
        """The file of wavelengths, by either of the names in use; None where there is none."""
        found = (self.file(name) for name in ("wls", "wvs"))
        return next((path for path in found if path.exists()), None)

    @property
    def files(self) -> list[Path]:
        """Those that its sequence is read from."""
        some = [self.file(what) for what in ("cube", "pa", "psf", "pxscale")]
        return some + ([self.wavelengths] if self.wavelengths else [])


def data_sets(folder: Path) -> list[DataSet]:
    """Those of a folder, by instrument and number. Raises BadInput when there are none."""
    found = [(match, path) for path in folder.glob("*.fits") if (match := _CUBE.match(path.name))]
    if not found:
        raise BadInput(
            f"{folder}: no <instrument>_cube_<id>.fits in it; give the folder of the challenge"
        )
    sets = [DataSet(match["instrument"], int(match["id"]), folder) for match, _ in found]
    return sorted(sets, key=lambda one: (one.instrument, one.id))


def read_data_set(one: DataSet) -> Sequence:
    """The sequence of a data set, taken to be centred. Raises BadInput naming what is wrong."""
    cube = _odd(read_cube(one.file("cube")), one.file("cube"))
    angle = read_angles(one.file("pa"), cube.shape[1])
    scale = read_array(one.file("pxscale")).ravel()
    if scale.size != 1 or not 0 < scale[0] < 1:
        raise BadInput(f"{one.file('pxscale')}: {scale} is not one pixel scale [arcsec/px]")
    found = [normalised_psf(image) for image in read_psf(one.file("psf"), cube.shape)]
    if one.wavelengths is None and len(cube) > 1:
        raise BadInput(f"{one.file('wls')}: no such file, for a cube of {len(cube)} wavelengths")
    wavelength = read_wavelengths(one.wavelengths, len(cube)) if one.wavelengths else np.ones(1)
    filled, mask = fill_isolated(cube.reshape(-1, *cube.shape[2:]))
    star = centre_of(cube.shape)
    return Sequence(
        cube=filled.reshape(cube.shape),
        angle=angle,
        psf=np.stack([template for template, _, _ in found]),
        wavelength=wavelength,
        mjd=np.full(len(angle), np.nan),
        mask=mask.reshape(cube.shape),
        observation=Observation(
            target=one.instrument,
            epoch=str(one.id),
            instrument=one.instrument,
            filter="",
            pixel_scale=1000 * float(scale[0]),
            fwhm=tuple(width for _, width, _ in found),
            star=star,
            raw_star=star,
            sources={str(path): sha256(path) for path in one.files},
        ),
    )


def read_truth(one: DataSet, folder: Path) -> Floats:
    """Places (injection, 2) = (x, y) [px] in the file's frames; none where its array is empty."""
    path = one.file("positions", folder)
    if not path.exists():
        raise BadInput(f"{path}: no such file; a data set without injections has an empty array")
    with fits.open(path, memmap=False) as units:
        data = units[0].data
    if data is None or data.size == 0:
        return np.empty((0, 2))
    if data.size % 2:
        raise BadInput(f"{path}: an array of {data.shape}, expected (injection, 2) = (x, y)")
    return np.asarray(data, dtype=np.float64).reshape(-1, 2)


def read_fwhm(one: DataSet, folder: Path, measured: float) -> float:
    """The FWHM [px] that the truth scores with; `measured` where it tells none."""
    path = one.file("fwhm", folder)
    return float(read_array(path).ravel()[0]) if path.exists() else measured


def detection_map(one: DataSet, values: Floats) -> Floats:
    """A map (y, x) in the shape of the file's frames."""
    side = fits.getheader(one.file("cube"))["NAXIS1"]
    return np.pad(values, ((side - values.shape[0], 0),) * 2, constant_values=np.nan)


def write_map(one: DataSet, values: Floats, folder: Path) -> None:
    """Write a detection map as the challenge wants it, 0 where nothing was measured."""
    write_array(one.file("detmap", folder), np.nan_to_num(values).astype(np.float32))


def _odd(cube: Floats, path: Path) -> Floats:
    """Frames of odd side with the star in the middle."""
    height, width = cube.shape[-2:]
    if width != height:
        raise BadInput(f"{path}: frames of {width}×{height} px; expected square ones")
    return cube if cube.shape[-1] % 2 else cube[:, :, 1:, 1:]
