"""`exosift limits` by hand: what it writes, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

REDUCTION = "{model: {kind: pca, ranks: [2, 3]}, regions: {kind: full}}"
ASKED = "separations: [250, 400], fpf: 1.0e-3, azimuths: 4, completeness: [0.5]"


@pytest.fixture
def registered(files, call):
    code, said = call(*files.register())
    assert code == 0, said
    return files


def ask(files, asked, reduction=REDUCTION):
    output = str(files.folder / "out/pca")
    options = ["--reduction", reduction, "--limits", f"{{{asked}}}", "--output", output]
    return ["limits", str(files.store), *options]


def test_tables_and_figures_of_every_rank(registered, call):
    code, said = call(*ask(registered, f"{ASKED}, star_flux: 2.0e+5"))
    assert code == 0, said
    output = registered.folder / "out/pca"
    table = Table.read(output / "contrast.ecsv")
    np.testing.assert_allclose(table["separation"], [250, 400, 250, 400])
    np.testing.assert_array_equal(table["rank"], [2, 2, 3, 3])
    assert str(table["separation"].unit) == "mas"
    np.testing.assert_allclose(table["contrast"], table["counts"] / 2e5, rtol=1e-6)
    assert (table["counts_50_low"] <= table["counts_50"]).all()
    assert table.meta["star_flux"] == "star flux 200000, assumed"
    grid = Table.read(output / "completeness.ecsv")
    assert set(grid["places"]) == {4}
    assert grid["fraction"].min() == 0
    np.testing.assert_allclose(grid["found"], grid["fraction"] * 4)
    for name in ("contrast", "completeness"):
        assert (output / f"{name}.png").stat().st_size > 10_000
    status = json.loads((output / "status/limits.json").read_text())
    assert status["status"] == "done"


def test_the_documented_way_to_masses_reads_the_tables(registered, call, monkeypatch):
    code, said = call(*ask(registered, f"{ASKED}, star_flux: 2.0e+5"))
    assert code == 0, said
    monkeypatch.chdir(registered.folder / "out/pca")
    page = (Path(__file__).parents[2] / "docs/algorithms/limits.md").read_text()
    snippet = page.split("```python")[1].split("```")[0]
    given = {"star_magnitude": 3.5, "age": 24.0, "mass_of": lambda magnitude, age: magnitude + age}
    exec(snippet, given)
    told = given["limits"]
    np.testing.assert_allclose(told["projected"].to_value("au")[0], 0.25 * 19.44, rtol=1e-6)
    contrast = float(told["contrast"][0])
    expected = 3.5 - 5 * np.log10(1.944) - 2.5 * np.log10(contrast) + 24.0
    assert float(told["mass"][0]) == pytest.approx(expected)


def test_without_a_star_flux_limits_are_in_counts(registered, call):
    code, said = call(*ask(registered, "separations: [400], azimuths: 0"))
    assert code == 0, said
    table = Table.read(registered.folder / "out/pca/contrast.ecsv")
    assert "contrast" not in table.colnames
    assert table.meta["star_flux"] == "no star flux: limits in counts"


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("separations: [5000]", "outside the field, which can be measured to"),
        ("separations: [20]", "inside the inner working angle; the reduction can be measured from"),
        ("azimuths: 3", "limits: completeness 0.95 from 3 places: they tell no more than 0.667"),
        ("seperations: [400]", "limits.seperations: unknown key; did you mean separations?"),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_line(asked, line, registered, call):
    code, said = call(*ask(registered, asked))
    assert code == 2
    assert line in said
    assert said.count("\n") == 1
