"""SDI against pyKLIP 2.10.1: how far a companion moves in frames scaled to one wavelength."""

import ctypes

import numpy as np
import pytest

from exosift.psfsub.engine import fit
from exosift.psfsub.library import References, displacement
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Rows

pytestmark = pytest.mark.peers

RADIUS = 12.0


def test_movement_by_rotation_and_wavelength(pyklip):
    rng = np.random.default_rng(3)
    angles, wavelengths = rng.uniform(-180, 180, 200), rng.uniform(0.95, 1.65, 200)
    rows = Rows(angles, wavelengths, np.arange(200), np.ones(200, dtype=bool))
    for target in (0, 50, 199):
        here = angles[target], angles, wavelengths[target], wavelengths
        theirs = pyklip("klip.estimate_movement", RADIUS, *here)

        np.testing.assert_allclose(displacement(rows, RADIUS)[target], theirs, atol=1e-12)


@pytest.fixture
def gaussian_at():
    """(x, y) → a Gaussian, 4 px wide, in 41 × 41 px."""
    rows, columns = np.ogrid[:41, :41]
    return lambda x, y: np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 1.7**2))


@pytest.mark.parametrize("scale", [0.8, 1.25])
def test_scaling_moves_light_outward_by_the_factor(pyklip, gaussian_at, scale):
    centre, turn = (20.0, 20.0), np.radians(35.0)

    def place(radius):
        return centre[0] + radius * np.cos(turn), centre[1] + radius * np.sin(turn)

    before = gaussian_at(*place(RADIUS))
    after = pyklip("klip.align_and_scale", before, centre, centre, scale)
    y, x = np.unravel_index(np.nanargmax(after), after.shape)

    assert (x, y) == pytest.approx(place(scale * RADIUS), abs=0.6)


INNER, OUTER, MOVEMENT, RANKS = 6, 12, 1.4, (1, 2)
STAR = (20.0, 20.0)


@pytest.mark.parametrize("mode", ["SDI", "ADI", "ADI+SDI"])
def test_references_of_other_wavelengths(pyklip, mode):
    """Residuals of a ring, its libraries chosen by the chord among times and wavelengths."""
    wavelength, time = np.tile(np.linspace(1.0, 1.5, 6), 5), np.repeat(np.arange(5), 6)
    angle = 9.0 * time
    cube = np.random.default_rng(5).normal(100.0, 1.0, (len(time), 41, 41))
    theirs = pyklip(
        "parallelized.klip_parallelized",
        *(cube, np.tile(STAR, (len(cube), 1)), angle, wavelength, time, INNER, OUTER),
        mode=mode,
        annuli=1,
        subsections=1,
        movement=MOVEMENT,
        numbasis=np.array(RANKS),
        maxnumbasis=1000,
        corr_smooth=0,
        numthreads=1,
        dtype=ctypes.c_double,
        verbose=False,
    )[0]
    radius = np.hypot(*(np.indices(cube.shape[1:]) - 20))
    ring = (radius >= INNER) & (radius < OUTER)
    rows = Rows(angle, wavelength, time, np.ones(len(time), dtype=bool))
    own = "exposure" if mode == "SDI" else "all"
    references = References(MOVEMENT, own=own, wavelengths="all")
    libraries = references.usable(rows, (INNER + OUTER) / 2, 1.0)
    if "SDI" not in mode:
        libraries &= wavelength[:, None] == wavelength
    for target in range(0, len(cube), 7):
        scales = wavelength[target] / wavelength
        scaled = np.stack(
            [
                pyklip("klip.align_and_scale", frame, STAR, STAR, scale)[ring]
                for frame, scale in zip(cube, scales, strict=True)
            ]
        )
        usable = libraries[target]
        assert max(RANKS) <= usable.sum() < len(cube) - 1
        order = np.argsort(np.arange(len(cube)) != target, kind="stable")  # the target first
        ours = fit(scaled[order], usable[order][None], Pca(RANKS, "spatial"))[:, 0]

        np.testing.assert_allclose(ours, theirs[:, target, ring], atol=1e-9)
