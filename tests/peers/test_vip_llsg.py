"""LLSG against VIP 2.1.1 on β Pic: the sparse part segment by segment, and the final S/N."""

import numpy as np
import pytest

from exosift.detect.snr import snr_map
from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import fit, image
from exosift.psfsub.llsg import Llsg, decompose, deviation

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

SEGMENTS = 4


def segments(vip, shape, fwhm):
    """Pixels (y, x) of VIP's segments: annuli ⌈2 FWHM⌉ wide, four pieces each."""
    width = int(np.ceil(2 * fwhm))
    for start in range(0, int(shape[0] / 2 / width) * width, width):
        yield from vip("var.get_annulus_segments", np.zeros(shape), start, width, SEGMENTS)


def vip_threshold(left):
    """√MAD, not MAD: in the units of the data to the power of one half."""
    return np.sqrt(deviation(left))


@pytest.mark.parametrize(("rank", "iterations"), [(1, 1), (6, 11), (10, 3)])
def test_the_sparse_part_is_the_same(vip, betapic, rank, iterations):
    cube = betapic.cube.astype(np.float64)
    for y, x in list(segments(vip, cube.shape[1:], betapic.fwhm))[2::5]:
        rows = cube[:, y, x]
        theirs = vip(
            "psfsub.llsg._patch_rlrps",
            *(rows, rows, rank, False, "svd", 1.0, "soft"),
            iterations - 1,  # VIP does one more than it is asked for
        )
        ours = decompose(rows, rank, iterations, vip_threshold)
        assert np.abs(ours - theirs.T).max() < 1e-8 * np.std(theirs)


def planet(snr):
    """Highest S/N within 3 px of where β Pic b is (0.452″, 211°)."""
    x, y = pixel_position(452 / 27.19, 211.0, centre_of(snr.shape))
    return np.nanmax(snr[radius_map(snr.shape, (x, y)) <= 3])


def test_planet_is_as_significant(vip, betapic_registered):
    seen = betapic_registered
    cube, rank = np.nan_to_num(seen.cube), 6
    theirs = vip(
        "psfsub.llsg", cube, seen.angle, seen.fwhm, rank=rank, imlib="vip-fft", verbose=False
    )
    left = np.full_like(cube, np.nan)
    every = np.ones((len(cube), len(cube)), bool)
    for y, x in segments(vip, cube.shape[1:], seen.fwhm):
        left[:, y, x] = fit(cube[:, y, x], every, Llsg(rank))[0]
    ours = image(left, seen.angle, Reduction(Llsg(rank)))

    assert planet(snr_map(ours, seen.fwhm)) > planet(snr_map(theirs, seen.fwhm)) > 15
