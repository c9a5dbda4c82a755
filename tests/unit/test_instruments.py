"""Descriptions of instruments: those shipped, and what is said of one that is wrong."""

from pathlib import Path

import pytest
import yaml

from exosift import instruments
from exosift.config import check
from exosift.errors import BadInput
from exosift.instruments import descriptions, load, read_description

RAW = {
    "files": [{"INSTRUME": "MINE"}],
    "classes": [{"kind": "science", "when": {"TYPE": "OBJ*"}}],
    "site": {"latitude": 30, "longitude": -110},
}
MINE = {"name": "Mine", "telescope": "T", "source": "me", "pixel_scale": 20, "raw": RAW}


@pytest.mark.parametrize("name", instruments.known())
def test_every_description_is_an_instrument(name):
    found = load(name)
    assert 1 < found.pixel_scale < 100
    assert abs(found.true_north) < 5
    assert found.source
    assert all(0.4 < found.wavelength(band) < 30 for band in found.wavelengths)


def test_instruments_of_the_observations_table_keep_their_names():
    found = load("naco-l27")
    assert (found.name, found.pixel_scale, found.true_north) == ("VLT/NACO L27", 27.19, 0.45)
    assert found.derotator_offset is None
    assert found.wavelength("L'") == 3.80
    assert load("simulated").derotator_offset == 0.0


def test_scale_changes_with_the_camera_and_the_date():
    assert load("nirc2-wide").pixel_scale == 39.686
    assert load("nirc2-narrow").pixel_scale == 9.971
    nirc2 = instruments.described("nirc2")
    scales = {day: nirc2.camera("Narrow", day).pixel_scale for day in ("2011-01-01", "2015-04-13")}
    assert scales == {"2011-01-01": 9.952, "2015-04-13": 9.971}
    assert nirc2.camera("medium") is None


def test_dual_bands_have_two_wavelengths():
    assert load("irdis").channels("DB_H23") == (1.593, 1.667)
    assert load("irdis").wavelength("DB_H23") == pytest.approx(1.63)
    assert load("irdis").channels("BB_H") == (1.625,)


def test_detector_by_readout():
    raw = instruments.described("eris-nix").raw
    assert raw.detector("SLOW_GR_UTR").gain == 5.2
    assert raw.detector("FAST_UNCORR").gain == 2.6
    assert raw.detector("other").gain is None


def test_own_descriptions_come_first_and_may_replace():
    mine = read_description(MINE, "mine")
    assert next(iter(descriptions({"mine": mine}))) == "mine"
    assert descriptions({"naco": mine})["naco"] is mine
    assert "simulated" not in descriptions()


def test_config_takes_descriptions(tmp_path):
    (tmp_path / "o.tsv").write_text(
        "target\tepoch\tinstrument\tfilter\tcube\tangles\tpsf\tangle_offset\n"
        "T\t1\tnaco-l27\tL'\tc\ta\tp\t0\n"
    )
    given = {"title": "t", "observations": "o.tsv", "reductions": {"median": {}}}
    found = check(given | {"instruments": {"mine": MINE}}, tmp_path)
    assert found.config.instruments["mine"].raw.site.latitude == 30
    with pytest.raises(BadInput, match=r"config\.instruments\.mine\.raw\.file: unknown key"):
        check(given | {"instruments": {"mine": changed(file=[])}}, tmp_path)


def changed(**raw):
    return MINE | {"raw": RAW | raw}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            changed(classes=[{"kind": "scince", "when": {}}]),
            "raw.classes.0.kind: expected one of 'science', 'centre'",
        ),
        (changed(file=[]), "raw.file: unknown key; did you mean files?"),
        (changed(keywords={"targt": "X"}), "raw.keywords.targt: unknown key; did you mean target?"),
        (
            changed(rotation={"recipe": "gpi"}),
            "raw.rotation.recipe: input should be 'naco', 'sphere'",
        ),
        (changed(site={"latitude": 95, "longitude": 0}), "raw.site: latitude 95°"),
        (changed(match={"dark": {"same": ["gain"]}}), "raw.match.dark.same.0: input should be"),
        ({k: v for k, v in MINE.items() if k != "pixel_scale"}, "neither pixel_scale nor cameras"),
        (
            MINE | {"cameras": [{"camera": "a", "pixel_scale": 1, "until": "2015"}]},
            "until is '2015'",
        ),
        (MINE | {"name": 3}, "name: input should be a valid string, found 3"),
    ],
)
def test_fault_of_a_description_is_one_line(given, line):
    with pytest.raises(BadInput) as caught:
        read_description(given, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["naco-l2", "naco", "nirc2-medium", "none", "irdis-x"])
def test_unknown_instrument(name):
    with pytest.raises(BadInput, match=f"instrument {name}: not known; (did you mean|known are)"):
        load(name)


def test_example_of_the_documentation_is_valid():
    page = (Path(__file__).parents[2] / "docs/algorithms/ingest.md").read_text()
    example = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    found = read_description(example["instruments"]["mycam"], "docs")
    assert [rule.kind for rule in found.raw.classes] == ["dark", "flat", "sky", "science"]


def test_errors_of_scale_and_north_are_of_the_camera_and_its_time():
    assert instruments.calibration_errors("VLT/SPHERE-IRDIS", 12.25) == (0.009, 0.08)
    nirc2 = [instruments.calibration_errors("Keck/NIRC2 narrow", s) for s in (9.952, 9.971)]
    assert nirc2 == [(0.002, 0.009), (0.004, 0.02)]
    assert instruments.calibration_errors("VLT/NACO L27", 27.19) == (None, None)
    assert instruments.calibration_errors("unheard of", 27.19) == (None, None)
