"""STIM beside VIP: maps, inverse maps and the normalised map, on the real residuals."""

import numpy as np
import pytest

from exosift.detect.stim import stim, stim_map
from exosift.geometry.grid import radius_map
from exosift.geometry.regions import FullFrame
from exosift.geometry.rotation import derotate
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import subtract
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Stack

pytestmark = [pytest.mark.peers, pytest.mark.real_data]


@pytest.fixture(scope="module")
def residuals(betapic_registered):
    seen = betapic_registered
    reduction = Reduction(Pca((15,), "none"), FullFrame())
    cube = np.nan_to_num(seen.cube)
    return subtract(Stack.of(cube, seen.angle), seen.fwhm, reduction)[0]


def test_map_is_the_same_of_the_same_frames(vip, residuals, betapic_registered):
    frames = np.nan_to_num(derotate(residuals, betapic_registered.angle))
    theirs = vip("metrics.stim_map", frames)
    ours = stim_map(frames)
    inside = radius_map(frames.shape) < 47
    np.testing.assert_allclose(ours[inside], theirs[inside], rtol=1e-4, atol=1e-5)


def test_normalised_map_and_its_threshold_agree(vip, residuals, betapic_registered):
    """Both derotate by Fourier shears, which differ by a thousandth of the noise."""
    seen = betapic_registered
    radius = radius_map(residuals.shape)
    searched = (radius >= seen.fwhm) & (radius < 45)
    ours = stim(residuals[None], seen.angle, derotate, searched)
    options = {"imlib": "vip-fft", "nproc": 1}
    inverse = vip("metrics.inverse_stim_map", residuals, seen.angle, **options)
    mask = searched.astype(float)
    theirs = vip("metrics.normalized_stim_map", residuals, seen.angle, mask, **options)

    assert np.corrcoef(ours.inverse[searched], inverse[searched])[0, 1] > 0.999
    assert ours.threshold == pytest.approx(inverse[searched].max(), rel=0.02)
    assert np.corrcoef(ours.normalised[searched], theirs[searched])[0, 1] > 0.999
    assert np.nanmax(ours.normalised) == pytest.approx(theirs[searched].max(), rel=0.02)
    assert np.nanargmax(ours.normalised) == np.argmax(np.where(searched, theirs, -np.inf))
    assert np.nanmax(ours.normalised) > 1  # the planet
