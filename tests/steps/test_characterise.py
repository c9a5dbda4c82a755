"""`exosift characterise` by hand: what it writes, and what it refuses."""

import json

import pytest
from astropy.table import Table

REDUCTION = "{model: {kind: pca, ranks: [3]}, regions: {kind: full}}"
ASKED = "injections: 6, sampling: {lengths: 20}, centring_error: 0.1, star_flux: 3.0e+7"


@pytest.fixture
def registered(files, call):
    code, said = call(*files.register())
    assert code == 0, said
    return files


def ask(files, place, asked=ASKED):
    output = str(files.folder / "out/pca")
    options = ["--reduction", REDUCTION, "--characterise", f"{{{asked}}}", "--output", output]
    return ["characterise", str(files.store), *options, "--companion", place]


def test_table_and_figures_of_the_companion(registered, call):
    place = "{separation: 400, position_angle: 300}"
    code, said = call(*ask(registered, place))
    assert code == 0, said
    output = registered.folder / "out/pca"
    table = Table.read(output / "companions.ecsv")
    assert str(table["separation"].unit) == "mas"
    row = table[0]
    assert abs(row["separation"] - 400) < 5 * row["separation_total"] + 10
    assert abs(row["position_angle"] - 300) < 5 * row["position_angle_total"] + 1
    assert row["separation_total"] > row["separation_speckles"] > 0
    assert row["separation_centring"] > 0
    assert row["contrast"] == pytest.approx(row["flux"] / 3e7)
    assert table.meta["star_flux"] == "star flux 3e+07, assumed"
    assert table.meta["true_north_error"] == "not known"
    for name in ("corner", "companions"):
        assert (output / f"{name}.png").stat().st_size > 10_000
    assert json.loads((output / "status/characterise.json").read_text())["status"] == "done"


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("{separation: 5000, position_angle: 60}", "outside the field, which can be measured to"),
        ("{separation: 20, position_angle: 60}", "inside the inner working angle"),
        ("{separation: 400}", "companion.0.position_angle: field required"),
        ("[]", "no companion is known"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(place, line, registered, call):
    code, said = call(*ask(registered, place))
    assert code != 0
    assert line in said
    assert said.count("\n") == 1


def test_candidates_above_the_threshold_are_measured(registered, call):
    out = registered.folder / "out/pca"
    code, said = call(
        *["subtract", str(registered.store), "--reduction", REDUCTION, "--output", str(out)]
    )
    assert code == 0, said
    code, said = call(*["detect", str(out / "image.fits"), "--output", str(out)])
    assert code == 0, said
    strongest = Table.read(out / "candidates.ecsv")[0]
    for threshold, count in ((strongest["snr"] - 1e-3, 1), (1e4, 0)):
        asked = f"threshold: {threshold}, injections: 6, sampling: null, centring_error: 0.1"
        command = ask(registered, "[]", asked)
        code, said = call(*command, "--candidates", str(out / "candidates.ecsv"))
        assert code == 0, said
        table = Table.read(out / "companions.ecsv")
        assert len(table) + len(table.meta["not_measured"]) == count
        assert (out / "corner.png").exists()
