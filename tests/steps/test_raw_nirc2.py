"""Ten real NIRC2 exposures, malformed as they are, through `exosift ingest` and `calibrate`."""

import json

import numpy as np
import pytest

from exosift.geometry.grid import radius_map
from exosift.instruments.description import Description
from exosift.io.calibrated import Calibrated
from exosift.settings import parse
from exosift.steps import calibrate, ingest
from tests.conftest import DATA
from tests.raw_survey import Recipe
from tests.steps.test_ingest import BADPIX


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Calibrated frames, each less the sky of the others."""
    folder = DATA / "nirc2_raw_ks"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set EXOSIFT_DATA)")
    output = tmp_path_factory.mktemp("nirc2")
    given = {name: parse(Description, one, name) for name, one in BADPIX.items()}
    ingest.run((folder,), given, output / "frames.ecsv")
    recipe = parse(Recipe, {"star": 4.0, "sky": {"level": "scale"}}, "recipe")
    store = output / "calibrated.zarr"
    calibrate.run(output / "frames.ecsv", "COSMOS01/2011-04-13", recipe, given, store)
    return Calibrated.open(store)


def scatter(values):
    return 1.4826 * np.median(np.abs(values - np.median(values)))


@pytest.mark.real_data
def test_background_goes_down_to_its_photon_noise(done, nirc2):
    frames = done.read(slice(None)).cube[0]
    seen = (nirc2.frames - nirc2.dark) / nirc2.flat
    sky = ~nirc2.bad & (nirc2.flat > 0.5)
    for number, (frame, before) in enumerate(zip(frames, seen, strict=True)):
        empty = sky & np.isfinite(frame)
        for x, y in (nirc2.star[number], nirc2.faint[number]):
            empty &= radius_map(frame.shape, (x, y)) > 40
        assert scatter(frame[empty]) <= 0.0070 * np.median(before[empty])


@pytest.mark.real_data
def test_mapped_bad_pixels_are_filled(done, nirc2):
    block = done.read(slice(None))
    assert block.mask[0][:, nirc2.bad].all()
    filled = np.isfinite(block.cube[0][:, nirc2.bad])
    usual = scatter(block.cube[0][0][~nirc2.bad])
    quiet = np.abs(block.cube[0][:, nirc2.bad][filled]) < 8 * usual
    assert filled.mean() > 0.9
    assert quiet.mean() > 0.99


@pytest.mark.real_data
def test_what_was_done_is_told(done):
    told = done.outline.history
    assert told["sky"] == "median of 10 exposures, the target's own dithers"
    assert "badpixels" in told["badpixels"]
    assert len(done.outline.sources) == 13
    assert done.flux is None
    assert json.loads(json.dumps(dict(told))) == told
