"""Builders of synthetic frames, shared by the physics tests."""

import numpy as np
import pytest
from scipy import ndimage

from exosift.sequence import Observation, Sequence

_WIDTH = 2 * np.sqrt(2 * np.log(2))


@pytest.fixture(scope="session")
def gaussian():
    """(shape, x, y, fwhm) → a round Gaussian of unit peak at (x, y), float64."""

    def draw(shape, x, y, fwhm):
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        squared = (columns - x) ** 2 + (rows - y) ** 2
        return np.exp(-squared * (_WIDTH / fwhm) ** 2 / 2)

    return draw


@pytest.fixture(scope="session")
def speckles(gaussian):
    """(rng, count, size, fwhm) → frames of a bright halo under slowly varying, PSF-sized speckles.

    Speckles move by 30 units (standard deviation) at the centre, and fall with the halo.
    """

    def draw(rng, count, size, fwhm, *, noise=1.0):
        contrast, patterns = 30.0, 8
        middle = (size - 1) / 2
        halo = gaussian((size, size), middle, middle, size / 2)
        white = rng.normal(size=(patterns, size, size))
        smooth = ndimage.gaussian_filter(white, (0, fwhm / _WIDTH, fwhm / _WIDTH), mode="wrap")
        smooth /= smooth.std()
        walk = np.cumsum(rng.normal(size=(count, patterns)), axis=0)
        walk /= walk.std(axis=0) * np.sqrt(patterns)
        moving = np.einsum("tk,kyx->tyx", walk, smooth)
        static = ndimage.gaussian_filter(rng.normal(size=(size, size)), fwhm / _WIDTH, mode="wrap")
        star = halo * (300.0 + 3 * contrast * static / static.std() + contrast * moving)
        return star + noise * rng.normal(size=star.shape)

    return draw


@pytest.fixture(scope="session")
def as_sequence(gaussian):
    """(frames (time, y, x), angle, fwhm) → a Sequence of one wavelength, NaN masked."""

    def build(frames, angle, fwhm):
        count, size = frames.shape[:2]
        middle = (size - 1) / 2
        side = 2 * int(2 * fwhm) + 1
        return Sequence(
            cube=frames[None],
            angle=np.asarray(angle, dtype=float),
            psf=gaussian((side, side), (side - 1) / 2, (side - 1) / 2, fwhm)[None],
            wavelength=np.array([3.8]),
            mjd=np.arange(float(count)),
            mask=np.isnan(frames)[None],
            observation=Observation(
                "star", "e1", "camera", "L", 27.0, (fwhm,), (middle, middle), (middle, middle)
            ),
        )

    return build
