"""Raw files of IRDIS, the IFS, a mirrored camera and one of the user's own, to their sequences."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from exosift.errors import BadInput
from exosift.geometry.grid import raw_offset
from exosift.instruments import described, descriptions
from exosift.instruments.description import Description
from exosift.observations import Row, read_table
from exosift.photometry.psf import fit_gaussian
from exosift.settings import parse
from exosift.steps import ingest
from tests.raw_headers import BETAPIC, Cards, eris, size, sphere
from tests.raw_scenes import Scene, angles_of, aperture, save, spot
from tests.raw_survey import chain

EPOCH = "2013-02-01"


def sort(folder: Path, given=None):
    return ingest.run((folder / "raw",), given or {}, folder / "frames.ecsv")


def frames_with_angles(folder: Path, cards: list[Cards], given=None, key="irdis"):
    """Angles of files with these headers, from a first sorting of files without data."""
    for number, one in enumerate(cards):
        save(folder / f"raw/sci{number}.fits", one, np.zeros(_shape(one)))
    found = sort(folder, given)
    raw = descriptions(given)[key].raw
    return [angles_of(f, raw) for f in found.frames if f.kind == "science"]


def _shape(cards: Cards) -> tuple[int, ...]:
    return tuple(cards[f"NAXIS{n}"] for n in range(cards["NAXIS"], 0, -1))


def companion_in(sequence, channel=0, separation=14.0, position_angle=120.0):
    """How far [px] the companion lies from its place in each frame of a sequence."""
    middle = (sequence.cube.shape[-1] - 1) / 2
    fwhm = sequence.observation.fwhm[channel]
    apart = []
    for frame, angle in zip(sequence.cube[channel], sequence.angle, strict=True):
        place = middle + raw_offset(separation, position_angle, angle)
        found = fit_gaussian(frame, tuple(place), fwhm, fwhm)
        assert found is not None
        apart.append(np.hypot(*(found.centre - place)))
    return np.array(apart)


FWHM = (3.3, 3.45)
LEFT, RIGHT = (31.2, 30.7), (34.6, 29.1)
DENSITY = 10.0**-2


def irdis(kind="OBJECT", seconds=0.0, dit=16.0, planes=3, **more):
    cards = {"ESO DET SEQ1 DIT": dit, "ESO DET NDIT": planes}
    cards |= {"ESO DET FRAM UTC": sphere(seconds=seconds + 17.0 * planes)["DATE-OBS"]}
    return sphere("IRDIS", kind, seconds, **cards, **more) | size(128, 64, planes)


@pytest.fixture(scope="module")
def two_fields(tmp_path_factory):
    """IRDIS: two fields whose stars lie apart, spots before and after, flux behind a density."""
    folder = tmp_path_factory.mktemp("irdis")
    headers = [irdis(seconds=600 * n) for n in range(4)]
    turns = frames_with_angles(folder, headers)
    scenes = [
        Scene((64, 64), place, fwhm, height=150.0)
        for place, fwhm in zip((LEFT, RIGHT), FWHM, strict=True)
    ]

    def both(draw):
        return np.concatenate([scene.noisy(draw(scene)) for scene in scenes], axis=1)

    def halo(scene):
        return spot(scene.shape, *scene.star, 14.0, 150.0)

    def waffle(scene):
        x, y = scene.star
        reach = 6.0 * scene.fwhm / np.sqrt(2)
        spots = ((a * reach, b * reach) for a in (-1, 1) for b in (-1, 1))
        return halo(scene) + sum(
            spot(scene.shape, x + a, y + b, scene.fwhm, 600.0) for a, b in spots
        )

    for number, (cards, turn) in enumerate(zip(headers, turns, strict=True)):
        planes = [both(lambda s, a=angle: s.frame(a) + halo(s)) for angle in turn]
        save(folder / f"raw/sci{number}.fits", cards, np.stack(planes))
    for number, seconds in enumerate((-300, 2600)):
        cards = irdis("OBJECT,CENTER", seconds)
        planes = np.stack([both(waffle) for _ in range(3)])
        save(folder / f"raw/centre{number}.fits", cards, planes)
    flux = irdis("OBJECT,FLUX", -900, 0.8, 2, **{"ESO INS4 FILT2 NAME": "ND_2.0"})
    planes = [both(lambda s: spot(s.shape, *s.star, s.fwhm, 2000.0)) for _ in range(2)]
    save(folder / "raw/flux.fits", flux, np.stack(planes))
    for number, dit in enumerate((16.0, 0.8, 16.0, 0.8)):
        cards = irdis("DARK,BACKGROUND", 20000 + 100 * number, dit, 1)
        save(folder / f"raw/dark{number}.fits", cards, both(lambda s: np.zeros(s.shape))[None])
    for number in range(3):
        cards = irdis("FLAT,LAMP", 30000 + 100 * number, 0.8, 1)
        lamp = both(lambda s: np.full(s.shape, 20000.0))
        save(folder / f"raw/flat{number}.fits", cards, lamp[None])
    sort(folder)
    return folder


IRDIS = Row("HD_95086", EPOCH, "irdis", "DB_H23", "raw")
CENTRE = {"method": "waffle", "frames": "centre", "waffle": {"separation": 6.0}, "select": None}


def test_two_fields_become_two_wavelengths(two_fields, tmp_path):
    recipe = {"fwhm": 3.4, "sky": None, "neutral_densities": {"ND_2.0": DENSITY}}
    sequence = chain(two_fields / "frames.ecsv", IRDIS, tmp_path, recipe, CENTRE)
    assert sequence.cube.shape[:2] == (2, 12)
    np.testing.assert_allclose(sequence.wavelength, [1.593, 1.667])
    assert sequence.observation.raw_star == pytest.approx(LEFT, abs=0.1)
    for channel in (0, 1):
        assert companion_in(sequence, channel).max() < 0.25
    truth = [2000.0 * (16.0 / 0.8) / DENSITY * aperture(fwhm) for fwhm in FWHM]
    assert sequence.observation.star_flux == pytest.approx(truth, rel=0.05)
    assert sequence.observation.fwhm == pytest.approx(FWHM, rel=0.03)


def test_stars_of_the_two_fields_are_told_apart_by_a_fit_as_well(two_fields, tmp_path):
    recipe = {"fwhm": 3.4, "sky": None}
    method = {"method": "gaussian", "select": None}
    sequence = chain(two_fields / "frames.ecsv", IRDIS, tmp_path, recipe, method)
    for channel in (0, 1):
        assert np.median(companion_in(sequence, channel)) < 0.3
    assert sequence.observation.star_flux is None
    told = sequence.observation.history["star_flux"]
    assert told.startswith("not known: flux.fits is behind ND_2.0, the science behind none")
    assert told.endswith("give it under calibrate.neutral_densities")


def test_spots_of_no_frame(two_fields, tmp_path):
    table = without(two_fields, tmp_path, "centre*")
    with pytest.raises(BadInput, match="no frames with satellite spots"):
        chain(table, IRDIS, tmp_path, {"fwhm": 3.4, "sky": None}, CENTRE)


def without(folder: Path, copy: Path, pattern: str) -> Path:
    """A table of the files that do not fit a pattern."""
    dropped = set((folder / "raw").glob(pattern))
    kept = [path for path in (folder / "raw").iterdir() if path not in dropped]
    ingest.run(tuple(kept), {}, copy / "frames.ecsv")
    return copy / "frames.ecsv"


def test_calibrated_cubes_bring_one_exposure_a_file(tmp_path):
    """IFS-like: planes are wavelengths, which a FITS file of the table names."""
    headers = [sphere("IFS", seconds=400 * n) | size(48, 48, 5) for n in range(6)]
    turns = frames_with_angles(tmp_path, headers, key="ifs")
    waves = np.linspace(0.96, 1.33, 5)
    for number, (cards, turn) in enumerate(zip(headers, turns, strict=True)):
        assert len(turn) == 1
        scenes = [Scene((48, 48), (24.4, 22.9), 4.0 * wave / waves[0]) for wave in waves]
        planes = np.stack([scene.frame(turn[0]) for scene in scenes])
        planes[2, 10, 10] = np.nan
        save(tmp_path / f"raw/sci{number}.fits", cards, planes)
    flux = sphere("IFS", "OBJECT,FLUX", -900, **{"ESO DET SEQ1 DIT": 4.0})
    scenes = [spot((48, 48), 24.0, 24.0, 4.0 * wave / waves[0], 2500.0) for wave in waves]
    save(tmp_path / "raw/flux.fits", flux, np.stack(scenes))
    fits.writeto(tmp_path / "wavelengths.fits", waves * 1000)
    found = sort(tmp_path)
    assert found.problems == ()
    row = Row("HD_95086", EPOCH, "ifs", "OBS_YJ", "raw")
    table, recipe = tmp_path / "frames.ecsv", {"fwhm": 4.5, "variance": True}
    method = {"method": "gaussian", "select": None}
    with pytest.raises(BadInput, match=r"5 channels of 1\.15 µm .* in the column wavelengths"):
        chain(table, row, tmp_path / "out", recipe, method)
    named = replace(row, wavelengths=str(tmp_path / "wavelengths.fits"))
    sequence = chain(table, named, tmp_path / "out", recipe, method)
    assert sequence.cube.shape[:2] == (5, 6)
    assert sequence.variance is None
    np.testing.assert_allclose(sequence.wavelength, waves)
    assert sequence.mask[2].any()
    assert not sequence.mask[[0, 1, 3, 4]].any()
    for channel in range(5):
        assert companion_in(sequence, channel).max() < 0.1
    truth = [2500.0 * 16 / 4 * aperture(4.0 * wave / waves[0]) for wave in waves]
    assert sequence.observation.star_flux == pytest.approx(truth, rel=0.05)


def test_mirrored_camera_is_turned_over(tmp_path):
    """ERIS-like: East lies right of North on the detector."""
    more = {"ESO DET NDIT": 2, "ESO SEQ ARM": "NIX"}
    turned = [{"ESO ADA POSANG": 33 - 4 * n, "ESO ADA POSANG END": 32.98 - 4 * n} for n in range(5)]
    headers = [eris(seconds=900 * n, **more, **at) | size(60, 60, 2) for n, at in enumerate(turned)]
    turns = frames_with_angles(tmp_path, headers, key="eris-nix")
    assert np.ptp(np.concatenate(turns)) > 10
    scene = Scene((60, 60), (31.3, 28.8), 7.4, separation=17.0, companion=1500.0)
    for number, (cards, turn) in enumerate(zip(headers, turns, strict=True)):
        planes = [scene.noisy(scene.frame(angle, mirrored=True)) for angle in turn]
        save(tmp_path / f"raw/sci{number}.fits", cards, np.stack(planes))
    short = {"ESO DET SEQ1 DIT": 0.5, "ESO DET NDIT": 2, "ESO SEQ ARM": "NIX"}
    cards = eris("PSF", -600, **short)
    psf = scene.noisy(spot((60, 60), 25.0, 33.0, 7.4, 1000.0))
    save(tmp_path / "raw/psf.fits", cards, np.stack([psf, psf]))
    table = tmp_path / "frames.ecsv"
    sort(tmp_path)
    row = Row("beta_Pic", EPOCH, "eris-nix-13mas-lm", "Lp", "raw")
    method = {"method": "gaussian", "select": None}
    sequence = chain(table, row, tmp_path / "out", {"fwhm": 7.4, "sky": None}, method)
    assert companion_in(sequence, separation=17.0).max() < 0.5


MINE = {
    "name": "My telescope/MyCam",
    "telescope": "My 3 m",
    "source": "the observers' manual",
    "diameter": 3.0,
    "pixel_scale": 30.0,
    "true_north": 0.3,
    "wavelengths": {"H": 1.65},
    "raw": {
        "files": [{"INSTRUME": "MYCAM*"}],
        "site": {"latitude": 30.0, "longitude": -70.0, "height": 2800},
        "keywords": {"filter": "WHEEL", "target": "TARGET"},
        "classes": [
            {"kind": "dark", "when": {"SHUTTER": "closed"}},
            {"kind": "flux", "when": {"OBJECT": "*psf*"}},
            {"kind": "science", "when": {"SHUTTER": "open"}},
        ],
        "rotation": {"recipe": "parallactic", "offset": 12.5},
    },
}


def mine(seconds, exposure=5.0, **more):
    start = sphere(seconds=seconds)["DATE-OBS"]
    cards = {
        "INSTRUME": "MYCAM2",
        "TARGET": "my star",
        "OBJECT": "x",
        "DATE-OBS": start,
        "EXPTIME": exposure,
    }
    cards |= {"RA": BETAPIC["ra"], "DEC": 20.0, "WHEEL": "H", "SHUTTER": "open"}
    return size(56, 56) | cards | more


def test_camera_of_your_own_from_description_to_sequence(tmp_path):
    given = {"mycam": parse(Description, MINE, "mycam")}
    headers = [mine(700 * n) for n in range(6)]
    turns = frames_with_angles(tmp_path, headers, given, "mycam")
    scene = Scene((56, 56), (27.3, 28.6), 4.0)
    for number, (cards, turn) in enumerate(zip(headers, turns, strict=True)):
        save(tmp_path / f"raw/sci{number}.fits", cards, scene.noisy(scene.frame(turn[0])))
    psf = scene.noisy(spot((56, 56), 28.0, 28.0, 4.0, 900.0))
    save(tmp_path / "raw/psf.fits", mine(-300, 1.0, OBJECT="my psf"), psf)
    for number, exposure in enumerate((5.0, 1.0)):
        cards = mine(20000 + number, exposure, SHUTTER="closed")
        save(tmp_path / f"raw/dark{number}.fits", cards, scene.noisy(np.zeros((56, 56))))
    table, output = tmp_path / "observations.tsv", tmp_path / "frames.ecsv"
    found = ingest.run((tmp_path / "raw",), given, output, table)
    assert all("no flat for" in p.line or "no sky for" in p.line for p in found.problems)
    (row,) = read_table(table, given)
    assert (row.instrument, row.filter, row.label) == ("mycam", "H", "my_star/2013-02-01")
    method = {"method": "gaussian", "select": None}
    sequence = chain(output, row, tmp_path / "out", {"sky": None}, method, given)
    assert companion_in(sequence).max() < 0.2
    assert sequence.observation.star_flux == pytest.approx((900.0 * 5 * aperture(4.0),), rel=0.05)
    assert sequence.observation.instrument == "My telescope/MyCam"
    assert sequence.observation.history["flat"] == "none: no such file"


def test_every_description_that_has_raw_files_names_a_telescope():
    for name in ("naco", "nirc2", "irdis", "ifs", "eris-nix"):
        assert described(name).diameter
