"""`exosift challenge` on a made-up folder in the layout of the Data Challenge."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from exosift.errors import BadInput
from exosift.geometry.grid import pixel_position
from exosift.io.challenge import data_sets, read_data_set
from exosift.simulate.scene import InjectedCompanion
from exosift.simulate.sequence import simulate
from tests.steps.conftest import SCENE

PLACE = (400.0, 120.0)
REDUCTION = "{model: {kind: pca, ranks: [3]}, regions: {kind: full}}"


def written(folder, number, name, values):
    fits.writeto(folder / f"sim_{name}_{number}.fits", values, overwrite=True)


@pytest.fixture(scope="module")
def skies():
    """Two sequences with the star in the middle, with a companion and with none."""
    scene = SCENE.__class__(**vars(SCENE) | {"decentring_x": 0.0, "decentring_y": 0.0})
    companion = InjectedCompanion(*PLACE, contrast=8e-3)
    return [simulate(scene, sky, np.random.default_rng(2)) for sky in ([companion], [])]


@pytest.fixture
def folder(skies, tmp_path):
    """Frames of even side, the star on pixel n/2, as VIP has it."""
    for number, sky in enumerate(skies, 1):
        even = np.pad(sky.cube[0], ((0, 0), (1, 0), (1, 0)))
        written(tmp_path, number, "cube", even)
        written(tmp_path, number, "pa", sky.angle)
        written(tmp_path, number, "psf", sky.psf[0])
        written(tmp_path, number, "pxscale", np.array([0.02719]))
    x, y = pixel_position(PLACE[0] / 27.19, PLACE[1], (26.0, 26.0))
    written(tmp_path, 1, "positions", np.array([[x, y]]))
    fits.PrimaryHDU().writeto(tmp_path / "sim_positions_2.fits")
    return tmp_path


def ask(folder, *more):
    options = ["--reduction", REDUCTION, "--threshold", "6", "--output", str(folder / "out")]
    return ["challenge", str(folder), *options, *more]


def test_run_and_scored_by_one_command(folder, call):
    code, said = call(*ask(folder, "--truth", str(folder)))
    assert code == 0, said
    out = folder / "out"
    scores = Table.read(out / "scores.ecsv")
    assert list(scores["data_set"]) == ["sim 1", "sim 2", "sim", "all"]
    assert list(scores["injections"]) == [1, 0, 1, 1]
    assert list(scores["found"]) == [1, 0, 1, 1]
    pooled = scores["false_positives"][0] + scores["false_positives"][1]
    assert scores["false_positives"][3] == pooled
    assert scores["tpr"][3] == 1
    shown = fits.getdata(out / "sim_detmap_1.fits")
    assert shown.shape == (52, 52)
    truth = fits.getdata(folder / "sim_positions_1.fits")[0]
    y, x = np.unravel_index(shown.argmax(), shown.shape)
    assert np.hypot(x - truth[0], y - truth[1]) < 1.5
    curves = Table.read(out / "curves.ecsv")
    assert curves["threshold"].max() == 12
    assert 0.5 < curves.meta["areas"]["all"]["tpr"] <= 1
    assert fits.getdata(out / "detection_threshold.fits") == 6
    assert (out / "challenge.png").stat().st_size > 10_000


def test_without_truth_only_maps_are_written(folder, call):
    code, said = call(*ask(folder, "--map", "stim"))
    assert code == 0, said
    assert sorted(path.name for path in (folder / "out").glob("*.*")) == [
        "detection_threshold.fits",
        "sim_detmap_1.fits",
        "sim_detmap_2.fits",
    ]


def test_spectrographs_have_wavelengths_by_either_name(folder, skies):
    written(folder, 3, "cube", np.stack([skies[0].cube[0]] * 2))
    for name in ("pa", "pxscale"):
        (folder / f"sim_{name}_3.fits").write_bytes((folder / f"sim_{name}_1.fits").read_bytes())
    written(folder, 3, "psf", np.stack([skies[0].psf[0]] * 2))
    third = data_sets(folder)[2]
    with pytest.raises(BadInput, match=r"sim_wls_3\.fits: no such file, for a cube of 2 wave"):
        read_data_set(third)
    for name in ("wvs", "wls"):
        written(folder, 3, name, np.array([1.6, 1.7]))
        sequence = read_data_set(third)
        np.testing.assert_allclose(sequence.wavelength, [1.6, 1.7])
        (folder / f"sim_{name}_3.fits").unlink()
    assert sequence.cube.shape == (2, 12, 51, 51)
    assert sequence.observation.pixel_scale == pytest.approx(27.19)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda f: [p.unlink() for p in f.glob("*cube*")], "no <instrument>_cube_<id>.fits in it"),
        (lambda f: (f / "sim_positions_2.fits").unlink(), "a data set without injections has an"),
        (
            lambda f: written(f, 2, "pxscale", np.array([27.19])),
            "is not one pixel scale [arcsec/px]",
        ),
        (
            lambda f: written(f, 2, "cube", np.ones((12, 50, 51))),
            "frames of 51×50 px; expected square ones",
        ),
        (lambda f: written(f, 1, "positions", np.array([[99.0, 5.0]])), "outside the map of 52×52"),
    ],
)
def test_bad_folders_are_refused_in_one_line(spoil, line, folder, call):
    spoil(folder)
    code, said = call(*ask(folder, "--truth", str(folder)))
    assert code == 2, said
    assert line in said
