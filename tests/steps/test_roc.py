"""`exosift roc` by hand: what it writes, and what it refuses."""

import json

import numpy as np
import pytest
from astropy.table import Table

METHODS = """{
    pca: {model: {kind: pca, ranks: [2, 3]}, regions: {kind: full}},
    andromeda: {kind: andromeda, inner: 1.5}}"""
ASKED = """{
    methods: [{method: pca, rank: 2}, {method: pca, rank: 3, map: stim}, {method: andromeda}],
    reference: {method: pca, rank: 3}, bins: [[2, 4]], injections: 3, snr: [20, 30], seed: 4,
    nulls: {kinds: [negated, negated-shifted], count: 3}, intervals: {resamples: 20}}"""


@pytest.fixture
def registered(files, call):
    code, said = call(*files.register())
    assert code == 0, said
    return files


def ask(files, asked=ASKED, methods=METHODS, known="{T: [{separation: 400, position_angle: 300}]}"):
    output = str(files.folder / "out/roc")
    options = ["--methods", methods, "--roc", asked, "--known", known, "--output", output]
    return ["roc", str(files.store), *options]


def test_curves_of_every_method_and_kind_of_null(registered, call):
    code, said = call(*ask(registered))
    assert code == 0, said
    folder = registered.folder / "out/roc"
    table = Table.read(folder / "roc.ecsv")
    assert list(dict.fromkeys(table["method"])) == ["pca 2", "pca 3 stim", "andromeda"]
    assert set(table["nulls"]) == {"negated", "negated-shifted"}
    assert set(table["injections"]) == {3}
    one = table[(table["method"] == "pca 2") & (table["nulls"] == "negated-shifted")]
    assert set(one["null_frames"]) == {3}
    np.testing.assert_allclose(one["tpr"], one["found"] / 3)
    assert (np.diff(one["false_positives"]) > 0).all()
    assert (np.diff(one["threshold"]) < 0).all()
    assert one["tpr"][-1] == 1.0
    assert one["false_positives"].min() >= 1 / one["effective_frames"][0] - 1e-9
    alone = table[table["nulls"] == "negated"]
    assert alone["false_positives"].min() >= 1
    assert table.meta["flux"] == "20 to 30 in S/N of pca 3"
    assert table.meta["sequences"] == ["T/1"]
    assert (folder / "roc.png").stat().st_size > 10_000
    assert json.loads((folder / "status/roc.json").read_text())["status"] == "done"


ALIKE = """{reference: {method: one}, bins: [[2, 4]], injections: 1, contrast: [1, 2], rates: [1],
    nulls: {kinds: ["true", negated], planet_free: true}, intervals: {resamples: 20}}"""
ONE = "{one: {model: {kind: pca, ranks: [2]}, regions: {kind: full}}}"


def test_stars_judged_apart_are_told_together(tmp_path, call):
    scene = "{size: 51, frames: 12, residual_screens: 4, pupil_pixels: 40, psf_size: 21}"
    stars = f"{{count: 4, prefix: A, scene: {scene}, even: {{declination: [-70, -50]}}}}"
    code, said = call("simulate", "--population", stars, "--output", str(tmp_path))
    assert code == 0, said
    assert list(Table.read(tmp_path / "stars-1.ecsv")["star"]) == [f"A-00{i}" for i in range(1, 5)]
    stores = [str(tmp_path / f"A-00{i}/sequence.zarr") for i in range(1, 5)]
    options = ["--methods", ONE, "--roc", ALIKE, "--output"]
    for i in (0, 2):
        output = str(tmp_path / f"judged/{i}.npz")
        code, said = call("judge", *stores[i : i + 2], *options, output)
        assert code == 0, said
    kept = [str(tmp_path / f"judged/{i}.npz") for i in (0, 2)]
    code, said = call("roc", *kept, *options, str(tmp_path / "apart"))
    assert code == 0, said
    code, said = call("roc", *stores, *options, str(tmp_path / "at-once"))
    assert code == 0, said
    for name in ("roc", "tpr", "calibration"):
        apart, together = (
            Table.read(tmp_path / f"{where}/{name}.ecsv") for where in ("apart", "at-once")
        )
        assert apart.values_equal(together).as_array().tolist()
        assert str(apart) == str(together)
    told = Table.read(tmp_path / "apart/tpr.ecsv")
    assert (set(told["injections"]), set(told["effective_frames"])) == ({4}, {4})
    table = Table.read(tmp_path / "apart/calibration.ecsv")
    assert list(dict.fromkeys(table["whose"])) == ["half", "others"]
    assert set(table["stars"][table["whose"] == "others"]) == {4}
    assert (tmp_path / "apart/calibration.png").stat().st_size > 10_000

    other = ALIKE.replace("injections: 1", "injections: 2")
    code, said = call("roc", *kept, "--methods", ONE, "--roc", other, "--output", str(tmp_path))
    assert code == 2
    assert "0.npz: judged with other settings under `roc`; judge it anew" in said
    code, said = call("roc", stores[0], stores[0], *options, str(tmp_path / "twice"))
    assert code == 2
    assert "A-001/1 is judged twice; give each star once" in said


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (
            "{methods: [{method: x}], contrast: [1, 2]}",
            "none is called x; there are pca, andromeda",
        ),
        (
            "{methods: [{method: pca}], contrast: [1, 2]}",
            "pca: pca has ranks 2, 3, and none is given",
        ),
        (ASKED.replace("pca, rank: 3}, bins", "nmf}, bins"), "no reduction is called nmf"),
        (ASKED.replace("[2, 4]", "[2, 40]"), "bin 2–40 FWHM: maps of"),
        (
            ASKED.replace("[negated,", "[shifted,"),
            "`shifted` leaves up to 94 % of a companion, so it is a null on planet-free data only",
        ),
        (ASKED.replace("snr: [20", "sn: [20"), "roc.sn: unknown key; did you mean snr?"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(asked, line, registered, call):
    code, said = call(*ask(registered, asked))
    assert code == 2, said
    assert line in said
    assert said.count("\n") == 1
