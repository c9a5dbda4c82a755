"""`exosift judge` and `roc` of what learns: a model a fold, taught once; what taught is no null."""

import json

import numpy as np
import pytest
from astropy.table import Table

from exosift.io.models import read_model
from exosift.io.trials import read_trials

SMALL = """classifier: {kind: boosted, trees: 5}, mlar: {levels: 3}, sampling: {samples: 60},
    rings: {inner: 1.5, outer: 4.5, width: 3}"""
METHODS = f"""{{
    pca: {{model: {{kind: pca, ranks: [2]}}, regions: {{kind: full}}}},
    others: {{protocol: survey, {SMALL}}}}}"""
ASKED = """{reference: {method: pca}, bins: [[2, 4]], injections: 2, snr: [20, 30], rates: [1],
    folds: 2, nulls: {kinds: [negated, "true"], planet_free: true}, intervals: {resamples: 20}}"""
OWN = f"{{own: {{protocol: sequence, {SMALL}}}}}"
ALONE = """{bins: [[2, 4]], injections: 2, contrast: [0.1, 0.2], rates: [1],
    nulls: {kinds: [shifted], count: 4, planet_free: true}, intervals: {resamples: 20}}"""


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Three stars."""
    from click.testing import CliRunner

    from exosift.cli import main

    folder = tmp_path_factory.mktemp("stars")
    scene = "{size: 51, frames: 12, residual_screens: 4, pupil_pixels: 40, psf_size: 21}"
    stars = f"{{count: 3, prefix: A, scene: {scene}, even: {{declination: [-70, -50]}}}}"
    result = CliRunner().invoke(main, ["simulate", "--population", stars, "--output", str(folder)])
    assert result.exit_code == 0, result.output
    return [str(folder / f"A-00{i}/sequence.zarr") for i in (1, 2, 3)]


def judging(stores, output, *more, methods=METHODS, asked=ASKED):
    return ["judge", *stores, "--methods", methods, "--roc", asked, *more, "--output", str(output)]


def test_each_star_is_judged_by_what_the_other_folds_taught(stores, tmp_path, call):
    code, said = call(*judging(stores, tmp_path / "all.npz"))
    assert code == 0, said
    paths = [tmp_path / f"all/others-{fold}/model.npz" for fold in (1, 2)]
    teachers = [{label for label, _ in read_model(path).provenance.sequences} for path in paths]
    assert teachers[0] | teachers[1] == {"A-001/1", "A-002/1", "A-003/1"}
    assert not teachers[0] & teachers[1]

    # The same models, given: each star alone has the same trials, and nothing is taught.
    given = [option for path in paths for option in ("--model", f"others={path}")]
    every, _ = read_trials(tmp_path / "all.npz")
    for number, store in enumerate(stores):
        code, said = call(*judging([store], tmp_path / f"{number}.npz", *given))
        assert code == 0, said
        alone, _ = read_trials(tmp_path / f"{number}.npz")
        for name in ("pca", "others"):
            a, b = alone.of[name][0][0], every.of[name][number][0]
            np.testing.assert_array_equal(a.hit, b.hit)
            for kind in ("negated", "true"):
                np.testing.assert_array_equal(a.alarms[kind].score, b.alarms[kind].score)
        assert not (tmp_path / f"{number}").exists()
    status = json.loads((tmp_path / "status/judge-0.json").read_text())
    assert {"all/others-1/model.npz", "all/others-2/model.npz"} <= status["inputs"].keys()

    kept = [str(tmp_path / f"{number}.npz") for number in range(3)]
    options = ["--methods", METHODS, "--roc", ASKED, "--output", str(tmp_path / "roc")]
    code, said = call("roc", *kept, *options)
    assert code == 0, said
    told = Table.read(tmp_path / "roc/tpr.ecsv")
    assert set(told["method"]) == {"pca", "others"}
    assert set(told["injections"]) == {6}


def test_one_sequence_is_judged_by_what_its_own_frames_teach(stores, tmp_path, call):
    tables = []
    for name in ("one", "two"):
        options = ["--methods", OWN, "--roc", ALONE, "--output", str(tmp_path / name)]
        code, said = call("roc", stores[0], *options)
        assert code == 0, said
        tables.append(Table.read(tmp_path / name / "roc.ecsv"))
    assert set(tables[0]["method"]) == {"own"}
    assert tables[0]["tpr"][-1] == 1.0
    assert str(tables[0]) == str(tables[1])


@pytest.mark.parametrize(
    ("methods", "asked", "line"),
    [
        (
            OWN,
            ALONE.replace("[shifted]", "[negated]"),
            "own: the sequence's own frames at negated angles teach it, so that negated nulls tell",
        ),
        (METHODS, ASKED, "1 stars in 2 folds: what learns from other stars needs one in each"),
        (OWN.replace("sequence", "pooled"), ALONE, "own: protocol pooled cannot be judged"),
        (OWN.replace("kind: boosted", "kind: x"), ALONE, "methods.own.classifier.kind: expected"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(methods, asked, line, stores, tmp_path, call):
    options = ["--methods", methods, "--roc", asked, "--output", str(tmp_path)]
    code, said = call("roc", stores[0], *options)
    assert code == 2, said
    assert line in said
    assert said.strip().count("\n") == 0


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("other=x.npz", "no classifier is called other"),
        ("others=x.npz", "x.npz: there is no such"),
        ("others", "--model others: expected NAME=FILE"),
    ],
)
def test_models_that_are_none_are_refused(given, line, stores, tmp_path, call):
    code, said = call(*judging(stores[:1], tmp_path / "t.npz", "--model", given))
    assert code == 2, said
    assert line in said
