"""The matched filter beside the correlations of VIP (SciPy's) and of pyKLIP."""

import numpy as np
import pytest
from scipy import ndimage

from exosift.detect.matched import MatchedFluxes

pytestmark = pytest.mark.peers

SIZE, FWHM = 41, 4.8


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(9).normal(size=(SIZE, SIZE)).astype(np.float32)


@pytest.fixture(scope="module")
def template():
    """An asymmetric PSF (y, x) that ends within one FWHM: no mirror image passes for it.

    Its mean there is taken off, as ours does.
    """
    y, x = np.mgrid[-6:7, -6:7]
    near = np.hypot(x, y) <= FWHM
    wide = np.exp(-((x - 0.6) ** 2) / 5.0 - (y + 0.4) ** 2 / 9.0)
    return np.where(near, wide - wide[near].mean(), 0.0)


def ours(image, template):
    y, x = np.mgrid[8 : SIZE - 8, 8 : SIZE - 8].astype(np.float32)
    return MatchedFluxes.of(image, template, FWHM).at(x, y) * np.sum(template**2)


def test_products_are_those_that_vip_looks_for_peaks_in(image, template):
    theirs = ndimage.correlate(image.astype(float), template)  # vip_hci.metrics.detection does this
    np.testing.assert_allclose(ours(image, template), theirs[8:-8, 8:-8], atol=1e-4)


def test_products_are_pyklips_cross_correlation(pyklip, image, template):
    theirs = pyklip("kpp.metrics.crossCorr.calculate_cc", image.astype(float), template)
    np.testing.assert_allclose(ours(image, template), theirs[8:-8, 8:-8], atol=1e-4)
