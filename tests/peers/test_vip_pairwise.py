"""Pairwise differencing against VIP 2.1.1 on β Pic: pairs and differences before derotation."""

import numpy as np
import pytest

from exosift.detect.snr import snr_map
from exosift.geometry.rotation import derotate
from exosift.psfsub.combine import combine
from exosift.psfsub.gram import CentredFrames, gram
from exosift.psfsub.linear import residuals
from exosift.psfsub.pairwise import Pairwise

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

INNER, WIDTH = 8, 4


def vip_rings(vip, betapic, delta):
    """Pixels (y, x) of VIP's annuli and their usable[target, reference]."""
    angle = vip("preproc.check_pa_vector", betapic.angle)
    count = int((betapic.cube.shape[1] / 2 - INNER) / WIDTH)
    for number in range(count):
        threshold, start, _ = vip(
            "psfsub.framediff._define_annuli",
            *(angle, number, count, betapic.fwhm, INNER, WIDTH, delta, 1, False),
        )
        usable = np.zeros((len(angle), len(angle)), bool)
        for target, library in enumerate(usable):
            library[vip("preproc.derotation._find_indices_adi", angle, target, threshold)] = True
        yield vip("var.get_annulus_segments", betapic.cube[0], start, WIDTH, 1)[0], usable


def vip_differences(vip, monkeypatch, betapic, cube, delta, percentile):
    """What VIP's `frame_diff` would derotate in each annulus: (row, y, x), and the rows' angles."""
    caught = []

    def catch(rows, angles, *_, **__):
        caught.append((rows, angles))
        return np.zeros((1, *rows.shape[1:]))

    monkeypatch.setattr("vip_hci.psfsub.framediff.cube_derotate", catch)
    vip(
        "psfsub.frame_diff",
        cube,
        betapic.angle,
        fwhm=betapic.fwhm,
        metric="euclidean",
        dist_threshold=percentile,
        delta_rot=delta,
        radius_int=INNER,
        asize=WIDTH,
        verbose=False,
    )
    return caught


def ordered(rows, angles):
    order = np.lexsort((rows[:, 0], angles))
    return rows[order], angles[order]


@pytest.mark.parametrize(("delta", "percentile"), [(0.5, 100), (0.5, 50), (1.0, 5)])
def test_each_pair_is_one_of_vips(vip, monkeypatch, betapic, delta, percentile):
    """VIP takes each pair both ways; both ways, ours are all of its differences, sign and all."""
    cube = betapic.cube.astype(np.float64)
    angle = vip("preproc.check_pa_vector", betapic.angle)
    rings = list(vip_rings(vip, betapic, delta))
    caught = vip_differences(vip, monkeypatch, betapic, cube, delta, percentile)
    assert len(rings) == len(caught) == 10
    left_out = 0
    for ((y, x), usable), (theirs, their_angles) in zip(rings, caught, strict=True):
        centred = CentredFrames.of(cube[:, y, x])
        coefficients = Pairwise(1, percentile).coefficients(gram(centred), usable)
        ours = residuals(centred, coefficients)[0]
        paired = ~np.isnan(ours).any(axis=1)
        partner = coefficients.weights[0].argmax(axis=1)[paired]
        rows = np.concatenate([ours[paired], -ours[paired]])
        angles = np.concatenate([angle[paired], angle[partner]])

        (found, when), (expected, their_when) = (
            ordered(rows, angles),
            ordered(theirs[:, y, x], their_angles),
        )
        np.testing.assert_array_equal(when, their_when)
        assert np.abs(found - expected).max() < 1e-10 * expected.std()
        left_out += (~paired).sum()
    assert (left_out == 0) == (percentile == 100)


def ring_image(rows, angles, y, x):
    """Values (pixel,) of the median image of rows (row, pixel) of one annulus."""
    cube = np.full((len(rows), 101, 101), np.nan, dtype=np.float32)
    cube[:, y, x] = rows
    return combine(derotate(cube, angles), "median")[y, x]


def test_one_difference_a_frame_shows_the_planet_as_well_as_both_ways(vip, betapic):
    """At VIP's own threshold of 0.5 FWHM; docs/algorithms/pairwise.md has the other figures."""
    one_way, both_ways = np.full((2, 101, 101), np.nan, dtype=np.float32)
    for (y, x), usable in list(vip_rings(vip, betapic, 0.5))[:6]:
        centred = CentredFrames.of(betapic.cube[:, y, x])
        coefficients = Pairwise().coefficients(gram(centred), usable)
        rows = residuals(centred, coefficients)[0]
        partner = coefficients.weights[0].argmax(axis=1)
        one_way[y, x] = ring_image(rows, betapic.angle, y, x)
        angles = np.concatenate([betapic.angle, betapic.angle[partner]])
        both_ways[y, x] = ring_image(np.concatenate([rows, -rows]), angles, y, x)
    row, column = np.indices((101, 101))
    near = np.hypot(row - 35.8, column - 58.6) < betapic.fwhm
    ours, theirs = (np.nanmax(snr_map(i, betapic.fwhm)[near]) for i in (one_way, both_ways))
    assert ours > 0.97 * theirs
    assert ours > 9
