"""ANDROMEDA against VIP's, piece by piece and on the ring of β Pic b.

VIP works on even frames, the star on the corner of the four middle pixels; it moves frames there by
half a pixel itself, and ours are given what it makes of them: (n − 1)/2 is that corner.
"""

import numpy as np
import pytest

from exosift.geometry.grid import pixel_position, radius_map
from exosift.inverse.andromeda import Andromeda, andromeda
from exosift.inverse.filtering import high_pass
from exosift.inverse.pairs import moving_pairs
from exosift.photometry.psf import normalised_psf

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

FWHM = 5.0  # of the annuli: VIP rounds their edges to pixels
INNER, OUTER = 3, 4  # edges of the one ring that VIP is asked for [FWHM]


def their_map(vip, frames, angle, psf, fwhm, ring, **options):
    """VIP's flux and S/N (y, x) before normalisation on a ring [FWHM]; NaN elsewhere."""
    flux, snr, *_ = vip(
        "invprob.andromeda.andromeda",
        cube=frames.copy(),
        oversampling_fact=fwhm / 2,  # VIP's λ/D, two of these pixels, stands for our FWHM
        angle_list=angle.copy(),
        psf=psf.copy(),
        iwa=ring[0],
        owa=ring[1] + psf.shape[0] / 2 / fwhm,
        min_sep=0.5,
        nsmooth_snr=0,
        **options,
    )
    return np.where(snr == 0, np.nan, flux), np.where(snr == 0, np.nan, snr)


@pytest.fixture(scope="module")
def seen(vip, betapic_registered):
    """β Pic as both take it: (frames as VIP is given them, as it moves them, angle, PSF)."""
    even = np.nan_to_num(betapic_registered.cube[:, :96, :96]).astype(float)
    moved = [vip("invprob.utils_andro.subpixel_shift", frame, -0.5, -0.5) for frame in even]
    psf, _, _ = normalised_psf(betapic_registered.psf.astype(float))
    return even, np.stack(moved), betapic_registered.angle, psf


@pytest.fixture(scope="module", params=[True, False], ids=["one variance", "variance by pixel"])
def theirs(request, vip, seen):
    even, _, angle, psf = seen
    options = {"homogeneous_variance": request.param}
    ring = (INNER, OUTER)
    return request.param, *their_map(vip, even, angle, psf[:38, :38], FWHM, ring, **options)


def planet(snr, ring):
    """Highest S/N within 3 px of β Pic b (0.452″, 211°), over the ring's robust spread."""
    x, y = pixel_position(452 / 27.19, 211.0, (47.5, 47.5))
    spread = np.median(np.abs(snr[ring] - np.median(snr[ring]))) / 0.6745
    return np.nanmax(snr[radius_map(snr.shape, (x, y)) <= 3]) / spread


def ours(seen, variance, rotation=0.5):
    """Our map of the frames as VIP moves them."""
    _, moved, angle, psf = seen
    return andromeda(moved, angle, psf, FWHM, Andromeda(rotation, variance=variance))


def test_map_agrees(seen, theirs):
    homogeneous, their_flux, their_snr = theirs
    # VIP asks for the rotation at a ring's inner edge, ours at its middle. Its one variance is that
    # of the whole image, ours the annulus'.
    rotation = 0.5 * (INNER + OUTER) / 2 / INNER
    found = ours(seen, "annulus" if homogeneous else "pixel", rotation)
    ring = np.isfinite(their_snr)
    least = 0.94 if homogeneous else 0.99
    assert ring.sum() > 500
    assert np.isfinite(found.snr[ring]).all()
    assert np.corrcoef(found.snr[ring], their_snr[ring])[0, 1] > least
    assert np.corrcoef(found.flux[ring], their_flux[ring])[0, 1] > least
    scale = np.polyfit(their_flux[ring], found.flux[ring], 1)[0]
    assert scale == pytest.approx(1.0, abs=0.15 if homogeneous else 0.05)


def test_planet_is_as_significant(seen, theirs):
    homogeneous, _, their_snr = theirs
    ring = np.isfinite(their_snr)
    found = ours(seen, "annulus" if homogeneous else "local")
    assert planet(found.snr, ring) > 0.97 * planet(their_snr, ring) > 5


@pytest.mark.parametrize("angles", ["rising", "falling"])
@pytest.mark.parametrize("radius", [7.0, 16.0, 30.0])
def test_pairs_are_those_of_vip(vip, betapic, angles, radius):
    angle = betapic.angle if angles == "rising" else -betapic.angle
    least = 2.5
    smallest = 2 * np.degrees(np.arcsin(least / 2 / radius))
    minus, plus, _ = vip("invprob.andromeda.create_indices", angle, smallest)
    ours = moving_pairs(angle, radius, least)
    np.testing.assert_array_equal(ours, (plus, minus))


def test_high_pass_is_that_of_vip(vip, betapic_registered):
    frame = np.nan_to_num(betapic_registered.cube[0, :96, :96]).astype(float)
    theirs = vip("var.filters.frame_filter_highpass", frame, "hann", hann_cutoff=0.25)
    ours = high_pass(frame[None], 0.25)[0]
    # At the edges VIP's frame continues on its other side, ours by its edge values.
    inner = (slice(16, 80), slice(16, 80))
    assert np.abs(ours - theirs)[inner].max() < 0.02 * theirs[inner].std()


def test_companion_keeps_the_flux_that_vip_rounds_away(vip):
    fwhm, size, count, place = 3.0, 46, 24, (10.5, 211.0)
    angle = np.linspace(-170.0, -70.0, count)

    def gaussian(side, x, y):
        return np.exp(-4 * np.log(2) * radius_map((side, side), (x, y)) ** 2 / fwhm**2)

    psf = normalised_psf(gaussian(17, 8.0, 8.0))[0]
    peak = psf.max()
    # On a pixel of VIP's map, whose star is on a corner, but between the pixels of most frames.
    x, y = (round(p - 0.5) + 0.5 for p in pixel_position(*place, (0.0, 0.0)))
    turn = np.radians(angle)[:, None]
    there = np.hstack([np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x])

    def sequence(middle):
        frames = [gaussian(size, dx + middle, dy + middle) for dx, dy in there]
        noise = np.random.default_rng(3).normal(size=(count, size, size))
        return peak * (np.stack(frames) + 0.005 * noise)

    ring = (3, 4)
    flux, _ = their_map(
        vip, sequence(size / 2), angle, psf[:16, :16], fwhm, ring, filtering_fraction=1
    )
    found = andromeda(sequence((size - 1) / 2), angle, psf, fwhm, Andromeda(filtering=0))
    row, column = round(y + (size - 1) / 2), round(x + (size - 1) / 2)
    assert found.flux[row, column] == pytest.approx(1.0, abs=0.007)
    assert flux[row, column] < 0.98
