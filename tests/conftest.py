"""Data shared by the tests: the real β Pictoris sequence, where it is at hand."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from exosift.calib.centring import Centring
from exosift.calib.registration import register
from exosift.types import Floats

DATA = Path(os.environ.get("EXOSIFT_DATA", Path(__file__).parents[2] / "shared" / "data"))

# The derotator's offset at this epoch and true North, missing from the angles as stored [deg].
_NORTH = -104.84 + 0.45


@dataclass(frozen=True, eq=False)
class Observed:
    """One real ADI sequence: cube (time, y, x), angle (time,) [deg], psf (y, x), FWHM [px]."""

    cube: Floats
    angle: Floats
    psf: Floats
    fwhm: float


@pytest.fixture(scope="session")
def betapic() -> Observed:
    """β Pic b, VLT/NACO L′ with the AGPM, 2013-02-01; the star is near (51, 51), not on a pixel."""
    folder = DATA / "naco_betapic"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set EXOSIFT_DATA)")
    cube, angle, psf = (
        fits.getdata(folder / f"naco_betapic_{n}.fits") for n in ("cube", "pa", "psf")
    )
    return Observed(
        cube.astype(np.float32),
        angle.squeeze().astype(np.float64) + _NORTH,
        psf.astype(np.float32),
        fwhm=4.8,
    )


@pytest.fixture(scope="session")
def betapic_registered(betapic: Observed) -> Observed:
    """The same with the star on the centre pixel of 97 × 97."""
    found = register(
        betapic.cube[None], np.array([betapic.fwhm]), Centring("agpm", 2.0, "together")
    )
    return Observed(found.cube[0], betapic.angle, betapic.psf, betapic.fwhm)
