"""LOCI against VIP 2.1.1 on β Pic: the residuals before derotation, with VIP's zones and frames."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from exosift.psfsub.gram import CentredFrames, gram
from exosift.psfsub.linear import residuals
from exosift.psfsub.loci import Loci

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

INNER, WIDTH, SEGMENTS, WIDER = 8, 10, 3, 2
RCOND = 1e-2


def vip_residuals(vip, betapic, cube, delta, solver):
    """Residuals (time, y, x); the cheapest derotation, for what comes after is not compared.

    On one thread: those of BLAS get in each other's way on systems this small.
    """
    with threadpool_limits(limits=1):
        return vip(
            "psfsub.xloci",
            cube,
            betapic.angle,
            fwhm=betapic.fwhm,
            delta_rot=delta,
            radius_int=INNER,
            asize=WIDTH,
            n_segments=SEGMENTS,
            solver=solver,
            tol=RCOND,
            optim_scale_fact=WIDER,
            imlib="skimage",
            full_output=True,
            verbose=False,
        )[0]


def vip_zones(vip, betapic, delta):
    """Subtraction zones and optimisation zones (y, x), and usable[target, reference], of VIP."""
    angle = vip("preproc.check_pa_vector", betapic.angle)
    count = int((betapic.cube.shape[1] / 2 - INNER) / WIDTH)
    for number in range(count):
        threshold = vip(
            "preproc.derotation._define_annuli",
            *(angle, number, count, betapic.fwhm, INNER, WIDTH, delta, SEGMENTS, False),
        )[0]
        usable = np.zeros((len(angle), len(angle)), bool)
        for target, library in enumerate(usable):
            library[vip("preproc.derotation._find_indices_adi", angle, target, threshold)] = True
        start = INNER + number * WIDTH
        ring = (betapic.cube[0], start, WIDTH, SEGMENTS)
        segments = vip("var.get_annulus_segments", *ring)
        zones = vip("var.get_annulus_segments", *ring, optim_scale_fact=WIDER)
        for segment, zone in zip(segments, zones, strict=True):
            yield segment, zone, usable


@pytest.mark.parametrize("solver", ["lstsq", "nnls"])
@pytest.mark.parametrize("delta", [0.5, 1.0])
def test_residuals_agree_to_rounding(vip, betapic, delta, solver):
    cube = betapic.cube.astype(np.float64)
    theirs = vip_residuals(vip, betapic, cube, delta, solver)
    model = Loci(solver, RCOND, "none")
    compared = 0
    for (y, x), (zone_y, zone_x), usable in vip_zones(vip, betapic, delta):
        coefficients = model.coefficients(gram(CentredFrames.of(cube[:, zone_y, zone_x])), usable)
        ours = residuals(CentredFrames.of(cube[:, y, x]), coefficients)[0]
        expected = theirs[:, y, x]
        assert np.abs(ours - expected).max() < 1e-8 * expected.std()
        compared += len(y)
    assert compared > 5000
