"""The simulator's optics beside HCIPy's: coronagraph and focal plane on the same wavefronts."""

import warnings

import numpy as np
import pytest

from exosift.simulate.optics import (
    diffraction_scale,
    focal_plane,
    image,
    perfect_coronagraph,
    pupil_field,
    telescope_pupil,
    tilt,
)
from exosift.simulate.wavefront import adaptive_optics, amplitudes, frequencies, screens

pytestmark = pytest.mark.peers

PIXELS, SIZE, AXIS, WAVELENGTH = 64, 96, (49.3, 45.8), 3.8
STEP = 27.19 / diffraction_scale(WAVELENGTH, 8.2)


@pytest.fixture(scope="module")
def hcipy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("hcipy", reason="hcipy 0.7.1 is not installed")


@pytest.fixture(scope="module")
def pupil():
    return telescope_pupil(PIXELS, 0.14, 0.005)


@pytest.fixture(scope="module")
def paths(pupil):
    spectrum = adaptive_optics(frequencies(PIXELS), 7.0)
    amplitude = amplitudes(spectrum, 180.0, pupil)
    return screens(amplitude, pupil, 2, np.random.default_rng(1))


@pytest.mark.parametrize("coronagraph", [True, False])
@pytest.mark.parametrize("direction", [(0.02, -0.01), (4.2, -3.1)])
def test_images_agree_to_rounding(hcipy, pupil, paths, coronagraph, direction):
    """Up to the power's unit: ours counts the open area, HCIPy the grey edge's squares."""
    grid = hcipy.make_pupil_grid(PIXELS, 1.0)
    aperture = hcipy.Field(pupil.ravel(), grid)
    axes = [(np.arange(SIZE) - centre) * STEP for centre in AXIS]
    plane = hcipy.CartesianGrid(hcipy.SeparatedCoords(axes))
    plane.weights = STEP**2
    propagate = hcipy.FraunhoferPropagator(grid, plane)
    blind = hcipy.PerfectCoronagraph(aperture, order=2)
    theirs = []
    for path in paths:
        phase = np.exp(2e-3j * np.pi / WAVELENGTH * path) * tilt(PIXELS, direction)
        wave = hcipy.Wavefront(aperture * phase.ravel(), 1.0)
        wave.total_power = 1
        seen = propagate(blind(wave) if coronagraph else wave)
        theirs.append(np.asarray(seen.intensity.shaped) * STEP**2)
    field = pupil_field(pupil, paths, WAVELENGTH) * tilt(PIXELS, direction)
    field = perfect_coronagraph(field, pupil) if coronagraph else field
    ours = image(field, focal_plane(PIXELS, (SIZE, SIZE), AXIS, STEP))
    scale = np.sum(pupil**2) / np.sum(pupil)
    np.testing.assert_allclose(ours, scale * np.array(theirs), rtol=1e-9, atol=1e-13 * ours.max())
