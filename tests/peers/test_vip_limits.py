"""Contrast curves beside VIP's, on β Pic without its planet: throughput, noise, limits."""

import importlib
import warnings

import numpy as np
import pytest
from scipy.special import stdtrit

from exosift.geometry.regions import FullFrame
from exosift.limits.contrast import Throughput, contrast_curve
from exosift.limits.recovery import Field
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

STAR = 1e6
# VIP injects along +x, where its position angles begin: ours is 90° further on.
AZIMUTHS = 6
FPF = 2.866515719235352e-07  # of 5 σ


@pytest.fixture(scope="module")
def theirs(vip, empty_sequence):
    """VIP's curve, without smoothing and with companions three FWHM apart."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pca = importlib.import_module("vip_hci.psfsub").pca
    table = vip(
        "metrics.contrast_curve",
        empty_sequence.cube[0],
        empty_sequence.angle,
        empty_sequence.psf[0],
        empty_sequence.observation.fwhm[0],
        0.02719,
        STAR,
        pca,
        sigma=5,
        nbranch=1,
        theta=90,
        fc_snr=10,
        noise_sep=None,
        smooth=False,
        plot=False,
        verbose=False,
        ncomp=10,
        imlib="vip-fft",
    )
    return {name: np.array(table[name]) for name in table}


@pytest.fixture(scope="module")
def field(empty_sequence):
    return Field.of(empty_sequence, Reduction(Pca((10,), "none"), FullFrame()))


@pytest.fixture(scope="module")
def far(theirs):
    return theirs["distance"] >= 3 * 4.8 - 1e-6


def test_throughput_is_vips(field, theirs, far):
    """Theirs are injected three at a time, along one line; the brightest takes from the others."""
    found = contrast_curve(field, theirs["distance"], FPF, Throughput(1, 10.0))
    assert far.sum() >= 5
    np.testing.assert_allclose(found.throughput[far], theirs["throughput"][far], rtol=0.05)
    for scene in (theirs["distance"][first::3] for first in range(3)):
        at = np.isin(theirs["distance"], scene)
        flux = 10 * theirs["noise"][at]
        companions = [field.companion(r, 0.0, f) for r, f in zip(scene, flux, strict=True)]
        left = together(field, companions)
        np.testing.assert_allclose(left[far[at]], theirs["throughput"][at & far], rtol=0.02)


def together(field, companions):
    """Throughput of companions that are in the frames at once."""
    injection = field.injected.injection(companions)
    pixels = np.arange(field.image.size)
    change = field.injected.measured([injection], [1.0], pixels)[0, 0] - field.image.ravel()
    shares = []
    for one in companions:
        circle = field.circle(one.separation, one.position_angle)
        left = circle.sums(change[circle.pixels])[0]
        shares.append(left / field.light_in_aperture(one, circle))
    return np.array(shares)


def test_the_curve_is_vips_where_definitions_agree(vip, field, theirs, far):
    """VIP divides by n in the variance, counts the place's own aperture among the noise, begins at
    one azimuth only, and injects several companions at once. Ours is with its throughput here.
    """
    found = contrast_curve(field, theirs["distance"], FPF, Throughput(AZIMUTHS, 10.0))
    starts = 90.0 + 360.0 / AZIMUTHS * np.arange(AZIMUTHS)
    noise = [
        vip("metrics.noise_per_annulus", field.image, 4.8, 4.8, wedge=(start, start + 360))[0]
        for start in starts
    ]
    noise = np.sqrt(np.mean(np.square(noise), axis=0))[: len(theirs["noise"])]
    n = np.floor(2 * np.pi * theirs["distance"] / 4.8 + 1e-9)
    as_theirs = -stdtrit(n - 1, FPF) * np.sqrt(1 + 1 / n)
    np.testing.assert_allclose(theirs["sigma corr"], as_theirs, rtol=1e-3)
    as_ours = np.sqrt(n / (n - 1)) * found.threshold * np.sqrt(1 + 1 / found.elements)
    expected = theirs["sensitivity_student"] * noise / theirs["noise"] * as_ours / as_theirs
    alone = contrast_curve(field, theirs["distance"], FPF, Throughput(1, 10.0)).throughput
    ours = found.flux * found.throughput / alone / STAR
    np.testing.assert_allclose(ours[far], expected[far], rtol=0.05)
