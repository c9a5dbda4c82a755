"""PSF subtraction against VIP 2.1.1 on β Pic: the residuals before derotation, frame by frame."""

import numpy as np
import pytest

from exosift.geometry.regions import FullFrame
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import fit, subtract
from exosift.psfsub.median import Median
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Stack

pytestmark = [pytest.mark.peers, pytest.mark.real_data]


def relative(ours, theirs):
    return np.abs(ours - theirs).max() / np.std(theirs)


def vip_full_frame(vip, betapic, rank, scaling):
    # The cheapest derotation: only what comes before it is compared.
    result = vip(
        "psfsub.pca",
        betapic.cube.astype(np.float64),
        betapic.angle,
        ncomp=rank,
        scaling=scaling,
        imlib="skimage",
        full_output=True,
        verbose=False,
    )
    return result[3]


@pytest.mark.parametrize("rank", [1, 5, 19, 40])
@pytest.mark.parametrize(("centring", "scaling"), [("none", None), ("temporal", "temp-mean")])
def test_full_frame_pca_agrees_to_rounding(vip, betapic, rank, centring, scaling):
    theirs = vip_full_frame(vip, betapic, rank, scaling)
    reduction = Reduction(Pca((rank,), centring), FullFrame())
    ours = subtract(
        Stack.of(betapic.cube.astype(np.float64), betapic.angle), betapic.fwhm, reduction
    )[0]

    assert relative(ours, theirs) < 1e-8


INNER, WIDTH = 8, 8  # of the annuli [px]


def vip_annulus(vip, betapic, number, count, delta):
    """Pixels (y, x) and libraries (target, reference) that VIP uses in one of its annuli."""
    angle = vip("preproc.check_pa_vector", betapic.angle)
    threshold, start, _ = vip(
        "preproc.derotation._define_annuli",
        *(angle, number, count, betapic.fwhm, INNER, WIDTH, delta, 1, False, True),
    )
    pixels = vip("var.get_annulus_segments", betapic.cube[0], start, WIDTH, 1, 0)[0]
    usable = np.zeros((len(angle), len(angle)), bool)
    for target, library in enumerate(usable):
        keep = vip("preproc.derotation._find_indices_adi", angle, target, threshold, truncate=True)
        library[keep if delta else slice(None)] = True
    return pixels, usable


@pytest.mark.parametrize("delta", [0.0, 1.0])
def test_annular_pca_agrees_to_rounding(vip, betapic, delta):
    rank = 10
    cube = betapic.cube.astype(np.float64)
    residuals = vip(
        "psfsub.pca_annular",
        cube,
        betapic.angle,
        fwhm=betapic.fwhm,
        radius_int=INNER,
        asize=WIDTH,
        delta_rot=delta,
        ncomp=rank,
        nproc=1,
        imlib="skimage",
        full_output=True,
        verbose=False,
    )[0]
    count = int((cube.shape[1] / 2 - INNER) / WIDTH)
    assert count > 3
    # VIP's last annulus starts one pixel early and overwrites the rim of the one before.
    for number in range(count - 2):
        (y, x), usable = vip_annulus(vip, betapic, number, count, delta)
        ours = fit(cube[:, y, x], usable, Pca((rank,), "none"))[0]
        assert relative(ours, residuals[:, y, x]) < 1e-8


def test_median_adi_is_the_same(vip, betapic):
    theirs = vip(
        "psfsub.median_sub",
        betapic.cube,
        betapic.angle,
        imlib="skimage",
        full_output=True,
        verbose=False,
    )[0]
    ours = subtract(
        Stack.of(betapic.cube, betapic.angle), betapic.fwhm, Reduction(Median(), FullFrame())
    )[0]

    np.testing.assert_array_equal(ours, theirs)
