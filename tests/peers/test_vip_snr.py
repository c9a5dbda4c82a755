"""S/N maps against VIP and photutils, and the final S/N of β Pic b against VIP's own chain."""

import numpy as np
import pytest

from exosift.detect.snr import snr_map
from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.geometry.regions import Annuli, FullFrame
from exosift.photometry.apertures import ApertureSums
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import image, subtract
from exosift.psfsub.library import References
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Stack

pytestmark = [pytest.mark.peers, pytest.mark.real_data]


@pytest.fixture(scope="module")
def pca_image(betapic_registered):
    """A full-frame PCA image (y, x) of β Pic, without NaN."""
    return np.nan_to_num(reduce(betapic_registered, 15))


def reduce(observed, rank, regions=None, references=None):
    reduction = Reduction(Pca((rank,), "none"), regions or FullFrame(), references or References())
    left = subtract(
        Stack.of(np.nan_to_num(observed.cube), observed.angle), observed.fwhm, reduction
    )[0]
    return image(left, observed.angle, reduction)


def test_map_agrees(vip, pca_image, betapic_registered):
    fwhm = betapic_registered.fwhm
    ours = snr_map(pca_image, fwhm)
    theirs = vip("metrics.snrmap", pca_image, fwhm, nproc=1, verbose=False)
    both = np.isfinite(ours) & (theirs != 0)

    assert both.sum() > 0.95 * np.count_nonzero(theirs)
    assert (np.abs(ours - theirs)[both] < 0.01 * np.maximum(1, np.abs(theirs[both]))).all()


def test_aperture_sums_are_those_of_exact_discs(vip, pca_image, betapic_registered):
    aperture = pytest.importorskip("photutils.aperture", reason="photutils comes with `peers`")
    del vip  # asked for because importing it is what silences its dependencies' warnings
    rng = np.random.default_rng(7)
    places = rng.uniform(10, 86, (2000, 2))
    radius = betapic_registered.fwhm / 2
    exact = aperture.CircularAperture(places, radius).do_photometry(pca_image, method="exact")[0]
    ours = ApertureSums.of(pca_image, radius).at(places[:, 0], places[:, 1])

    scale = np.sqrt(np.mean(exact**2))
    assert np.abs(ours - exact).max() < 1e-3 * scale


def planet(snr):
    """Highest S/N within 3 px of where β Pic b is (0.452″, 211°)."""
    x, y = pixel_position(452 / 27.19, 211.0, centre_of(snr.shape))
    return np.nanmax(snr[radius_map(snr.shape, (x, y)) <= 3])


def vip_snr(vip, picture, fwhm):
    """VIP's S/N at the pixels around the planet only: the whole map takes seconds."""
    x, y = pixel_position(452 / 27.19, 211.0, centre_of(picture.shape))
    near = np.argwhere(radius_map(picture.shape, (x, y)) <= 3)
    return max(vip("metrics.snr", picture, (int(i), int(j)), fwhm) for j, i in near)


@pytest.mark.parametrize("rank", [10, 15, 19])
def test_planet_is_as_significant_after_full_frame_pca(vip, betapic_registered, rank):
    seen = betapic_registered
    theirs = vip(
        "psfsub.pca",
        np.nan_to_num(seen.cube),
        seen.angle,
        ncomp=rank,
        imlib="vip-fft",
        verbose=False,
    )
    ours = planet(snr_map(reduce(seen, rank), seen.fwhm))

    assert ours > 0.97 * vip_snr(vip, theirs, seen.fwhm) > 5


def test_planet_is_as_significant_after_annular_pca(vip, betapic_registered):
    seen = betapic_registered
    theirs = vip(
        "psfsub.pca_annular",
        np.nan_to_num(seen.cube),
        seen.angle,
        fwhm=seen.fwhm,
        radius_int=8,
        asize=4,
        delta_rot=1.0,
        ncomp=10,
        nproc=1,
        imlib="vip-fft",
        verbose=False,
    )
    regions = Annuli(width=4 / seen.fwhm, inner=8 / seen.fwhm)
    ours = planet(snr_map(reduce(seen, 10, regions, References(1.0)), seen.fwhm))

    assert ours > 0.97 * vip_snr(vip, theirs, seen.fwhm) > 3
