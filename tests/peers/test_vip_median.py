"""Local median ADI against VIP 2.1.1 on β Pic: annulus by annulus, frame by frame."""

import numpy as np
import pytest

from exosift.psfsub.engine import fit
from exosift.psfsub.median import Median

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

INNER, WIDTH, NEAREST = 8, 8, 4


def vip_annulus(vip, betapic, number, count):
    """Pixels (y, x) and libraries (target, reference) that VIP uses in one of its annuli."""
    angle = vip("preproc.check_pa_vector", betapic.angle)
    threshold, start, _ = vip(
        "preproc.derotation._define_annuli",
        *(angle, number, count, betapic.fwhm, INNER, WIDTH, 1.0, 1, False),
    )
    pixels = vip("var.get_annulus_segments", betapic.cube[0], start, WIDTH, 1, 0)[0]
    usable = np.zeros((len(angle), len(angle)), bool)
    for target, library in enumerate(usable):
        near = vip("preproc.derotation._find_indices_adi", angle, target, threshold, NEAREST)
        library[near] = True
    return pixels, usable


def test_the_median_of_the_nearest_frames_is_the_same(vip, betapic):
    """VIP takes the median of all frames off first; the local median takes it off again."""
    cube = betapic.cube.astype(np.float64)
    theirs = vip(
        "psfsub.median_sub",
        cube,
        betapic.angle,
        fwhm=betapic.fwhm,
        radius_int=INNER,
        asize=WIDTH,
        delta_rot=1,
        mode="annular",
        nframes=NEAREST,
        imlib="skimage",
        full_output=True,
        verbose=False,
    )[0]
    count = int((cube.shape[1] / 2 - INNER) / WIDTH)
    assert count > 3
    # VIP's last annulus starts one pixel early and overwrites the rim of the one before.
    for number in range(count - 2):
        (y, x), usable = vip_annulus(vip, betapic, number, count)
        assert usable.sum(axis=1).max() == NEAREST
        assert usable.sum(axis=1).min() == NEAREST / 2  # only one side has frames at the ends
        ours = fit(cube[:, y, x], usable, Median())[0]
        np.testing.assert_allclose(ours, theirs[:, y, x], atol=1e-9)
