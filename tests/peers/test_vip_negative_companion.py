"""Negative companions beside VIP's on the real β Pic b: same cube, zone, modes and merit."""

import pytest

from exosift.characterise.merit import Merit
from exosift.characterise.simplex import best
from exosift.geometry.regions import Annuli
from exosift.limits.recovery import Field
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

# One ring, of the radii [px] that VIP cuts out for a companion at 16.62 px, four FWHM wide.
FWHM, PLACE, WIDTH = 4.8, 16.62, 19.2
RING = Reduction(Pca((7,), "none"), Annuli(4.0, 7 / FWHM))


def test_the_least_is_where_vips_is(vip, betapic, betapic_fixed):
    """VIP wants a margin around its ring; its position angles begin at +x."""
    found = best(Field.of(betapic_fixed, RING), PLACE, 210.9, Merit("sum")).place
    theirs = vip(
        "fm.negfc_simplex.firstguess_simplex",
        (PLACE, 300.9, 720.0),
        betapic.cube[:, 24:79, 24:79],
        betapic.angle,
        betapic_fixed.psf[0],
        7,
        FWHM,
        WIDTH,
        1,
        fmerit="sum",
        imlib="skimage",
        mu_sigma=None,
        p_ini=(PLACE, 300.9),
        options={"xatol": 0.02, "fatol": 1e-3, "maxfev": 80},
    ).x
    assert abs(found[0] - theirs[0]) * 27.19 < 1.5
    assert abs(found[1] - (theirs[1] - 90)) < 0.2
    assert abs(found[2] / theirs[2] - 1) < 0.03
