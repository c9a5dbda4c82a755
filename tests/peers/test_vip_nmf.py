"""Non-negative factorisation against VIP 2.1.1 (scikit-learn's) on β Pic, frame by frame."""

import numpy as np
import pytest

from exosift.detect.snr import snr_map
from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import fit, image
from exosift.psfsub.nmf import Nmf

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

RANK = 22


def vip_residuals(vip, observed, rank, negative, start="nndsvda", iterations=10000):
    # The cheapest derotation: only what comes before it is compared.
    result = vip(
        "psfsub.nmf",
        np.nan_to_num(observed.cube),
        observed.angle,
        ncomp=rank,
        handle_neg=negative,
        init_svd=start,
        max_iter=iterations,
        imlib="skimage",
        full_output=True,
        verbose=False,
    )
    return result[2]


def our_residuals(observed, rank, negative):
    cube = np.nan_to_num(observed.cube)
    every = np.ones((len(cube), len(cube)), bool)
    return fit(cube.reshape(len(cube), -1), every, Nmf((rank,), negative))[0].reshape(cube.shape)


@pytest.mark.parametrize(("ours", "theirs"), [("shift", "subtr_min"), ("zero", "null")])
def test_residuals_at_rank_one_agree(vip, betapic_registered, ours, theirs):
    """There is one best component, and both find it; VIP's zeroed pixels start from zero."""
    expected = vip_residuals(vip, betapic_registered, 1, theirs)
    found = our_residuals(betapic_registered, 1, ours)
    if theirs == "null":
        found = found - np.minimum(np.nan_to_num(betapic_registered.cube), 0)
    assert np.abs(found - expected).max() < 1e-3 * expected.std()


@pytest.mark.parametrize("start", ["nndsvda", "nndsvd"])
def test_the_misfit_is_no_larger(vip, betapic_registered, start):
    seen = betapic_registered
    theirs = vip_residuals(vip, seen, RANK, "subtr_min", start, 100)
    assert np.linalg.norm(our_residuals(seen, RANK, "shift")) < np.linalg.norm(theirs)


def planet(snr):
    """Highest S/N within 3 px of where β Pic b is (0.452″, 211°)."""
    x, y = pixel_position(452 / 27.19, 211.0, centre_of(snr.shape))
    return np.nanmax(snr[radius_map(snr.shape, (x, y)) <= 3])


@pytest.fixture(scope="module")
def vip_planet(vip, betapic_registered):
    """S/N of the planet in VIP's own image, at its default stopping rule."""
    seen = betapic_registered
    picture = vip(
        "psfsub.nmf",
        np.nan_to_num(seen.cube),
        seen.angle,
        ncomp=RANK,
        handle_neg="subtr_min",
        init_svd="nndsvda",
        imlib="vip-fft",
        verbose=False,
    )
    return planet(snr_map(picture, seen.fwhm))


@pytest.mark.parametrize("negative", ["keep", "shift", "zero"])
def test_planet_is_more_significant(vip_planet, betapic_registered, negative):
    seen = betapic_registered
    left = our_residuals(seen, RANK, negative)
    ours = image(left, seen.angle, Reduction(Nmf((RANK,))))

    assert planet(snr_map(ours, seen.fwhm)) > 8.2 > vip_planet > 3
