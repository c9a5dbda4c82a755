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


def test_several_sequences_are_pooled(registered, call):
    asked = "{reference: {method: one}, bins: [[2, 4]], injections: 2, nulls: {count: 2}}"
    methods = "{one: {model: {kind: pca, ranks: [2]}, regions: {kind: full}}}"
    command = ask(registered, asked, methods)
    code, said = call(command[0], command[1], *command[1:])
    assert code == 0, said
    table = Table.read(registered.folder / "out/roc/roc.ecsv")
    assert (set(table["injections"]), set(table["null_frames"])) == ({4}, {4})


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
