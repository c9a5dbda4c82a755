"""KLIP against pyKLIP 2.10.1 on β Pic: one target, whole sectors, the derotated image."""

import ctypes

import numpy as np
import pytest

from exosift.detect.snr import snr_map
from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.geometry.regions import Annuli
from exosift.geometry.rotation import derotate
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.combine import combine
from exosift.psfsub.engine import fit, subtract
from exosift.psfsub.library import References
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Stack

pytestmark = [pytest.mark.peers, pytest.mark.real_data]

RANKS = (1, 5, 20)
INNER, OUTER, RINGS, SECTORS = 8, 48.5, 3, 4
MOVEMENT = 3.0  # that a companion must have moved between target and reference [px]


def relative(ours, theirs):
    return np.abs(ours - theirs).max() / np.std(theirs)


@pytest.fixture(scope="module")
def cube(betapic_registered):
    """Frames (time, y, x) in float64, the star on the centre pixel."""
    return np.nan_to_num(betapic_registered.cube).astype(np.float64)


def residuals_of(cube, angle, most):
    """Ours (rank, time, y, x) before derotation, lengths in pixels; NaN outside."""
    reduction = Reduction(
        Pca(RANKS, "spatial"),
        Annuli((OUTER - INNER) / RINGS, INNER, SECTORS),
        References(MOVEMENT, correlated=most),
    )
    return subtract(Stack.of(cube, angle), 1.0, reduction)


# pyKLIP's largest library, and ours: every frame that has moved enough, or those of them that
# correlate best with the target, as many as there are components (its default).
LIBRARIES = {1000: None, None: max(RANKS)}


def settings(largest):
    return {
        "mode": "ADI",
        "annuli": RINGS,
        "subsections": SECTORS,
        "movement": MOVEMENT,
        "numbasis": np.array(RANKS),
        "maxnumbasis": largest,
        "corr_smooth": 0,
        "numthreads": 1,
        "dtype": ctypes.c_double,
        "verbose": False,
    }


@pytest.fixture(scope="module")
def pyklip_residuals(pyklip, cube, betapic_registered):
    """pyKLIP's residuals (rank, time, y, x) before derotation, by its largest library."""
    count = len(cube)
    frames = [cube, np.tile(centre_of(cube.shape[1:]), (count, 1)), betapic_registered.angle]
    frames += [np.ones(count), np.arange(count), INNER]
    return {
        largest: pyklip("parallelized.klip_parallelized", *frames, OUTER, **settings(largest))[0]
        for largest in LIBRARIES
    }


@pytest.mark.parametrize("own", [False, True], ids=["without the target", "with the target"])
def test_one_target_agrees_to_rounding(pyklip, cube, own):
    ring = cube[:, (radius_map(cube.shape[1:]) // 8) == 2]
    for target in (0, 30, 60):
        library = np.arange(len(ring)) % 3 != target % 3
        library[target] = own
        usable = np.tile(library, (len(ring), 1))
        ours = fit(ring, usable, Pca(RANKS, "spatial"))[:, target]
        theirs = pyklip("klip.klip_math", ring[target], ring[library], np.array(RANKS))

        assert relative(ours, theirs.T) < 1e-8


def test_pyklip_clips_ranks_beyond_the_library(pyklip, cube):
    # What `engine.subtract` refuses; here the largest rank that exists stands for theirs.
    ring = cube[:, (radius_map(cube.shape[1:]) // 8) == 2]
    usable = np.tile(np.arange(len(ring)) % 6 == 1, (len(ring), 1))
    ours = fit(ring, usable, Pca((usable[0].sum(),), "spatial"))[0, 0]
    theirs = pyklip("klip.klip_math", ring[0], ring[usable[0]], np.array([50]))[:, 0]

    assert relative(ours, theirs) < 1e-8


@pytest.fixture(scope="module")
def residuals(cube, betapic_registered):
    """Ours (rank, time, y, x) before derotation, by pyKLIP's largest library."""
    return {
        largest: residuals_of(cube, betapic_registered.angle, most)
        for largest, most in LIBRARIES.items()
    }


@pytest.mark.parametrize("largest", [1000, None], ids=["every", "most correlated"])
def test_sectors_agree_to_rounding(pyklip_residuals, residuals, largest):
    ours, theirs = residuals[largest], pyklip_residuals[largest]
    covered = ~np.isnan(ours)

    assert covered[0, 0].sum() > 5000
    np.testing.assert_array_equal(covered, ~np.isnan(theirs))
    for rank in range(len(RANKS)):
        seen = covered[rank]
        assert relative(ours[rank][seen], theirs[rank][seen]) < 1e-8


@pytest.fixture(scope="module")
def pyklip_image(pyklip, cube, betapic_registered, tmp_path_factory):
    """pyKLIP's image (y, x) at the last rank, as `klip_dataset` derotates and averages it."""
    angle, count = betapic_registered.angle.copy(), len(cube)
    seen = pyklip(
        "instruments.Instrument.GenericData",
        cube,
        np.tile(centre_of(cube.shape[1:]), (count, 1)),
        parangs=angle,
        wvs=np.ones(count),
        IWA=INNER,
    )
    seen.OWA = OUTER
    folder = tmp_path_factory.mktemp("pyklip")
    pyklip("parallelized.klip_dataset", seen, outputdir=str(folder), **settings(1000))
    return combine(seen.output[-1, :, 0], "mean")


def test_image_has_the_same_orientation_and_values(pyklip_image, residuals, betapic_registered):
    angle, left = betapic_registered.angle, residuals[1000][-1]
    radius = radius_map(left.shape[1:])
    inside = (radius > INNER + 2) & (radius < OUTER - 2)
    # Both interpolate with cubic splines. Turned the other way, nothing would be alike.
    ours = combine(derotate(left, angle, "spline"), "mean")
    mirrored = combine(derotate(left, -angle, "spline"), "mean")

    assert relative(ours[inside], pyklip_image[inside]) < 1e-2
    assert relative(mirrored[inside], pyklip_image[inside]) > 1


@pytest.mark.parametrize("derotation", ["fourier", "spline"])
def test_planet_is_as_significant(pyklip_image, residuals, betapic_registered, derotation):
    seen, left = betapic_registered, residuals[1000][-1]
    ours = snr_map(combine(derotate(left, seen.angle, derotation), "mean"), seen.fwhm)
    theirs = snr_map(pyklip_image, seen.fwhm)
    x, y = pixel_position(452 / 27.19, 211.0, centre_of(ours.shape))
    near = radius_map(ours.shape, (x, y)) <= 3

    assert np.nanmax(theirs[near]) > 5
    assert np.nanmax(ours[near]) == pytest.approx(np.nanmax(theirs[near]), rel=0.03)
