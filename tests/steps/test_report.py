"""The report on real folders: it believes only what this configuration finished."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from exosift.config import load
from exosift.io.nulls import NullTable, write_nulls
from exosift.observations import FILES, located
from exosift.settings import plain
from exosift.steps import report
from exosift.steps.certified import SurveyNulls
from exosift.steps.recording import status_of

HEAD = "target\tepoch\tinstrument\tfilter\tcube\tangles\tpsf\n"
ROW = "T\t1\tsimulated\tL'\t{0}\t{0}\t{0}\n"
SETTINGS = {
    "title": "t",
    "observations": "o.tsv",
    "register": {"method": "symmetry"},
    "reductions": {"pca": {"model": {"kind": "pca", "ranks": [2]}, "regions": {"kind": "full"}}},
}


@pytest.fixture
def run(files, call):
    """A finished run by hand, in the layout of the workflow."""
    folder = files.folder
    names = "\t".join(f"{folder}/{name}.fits" for name in ("cube", "angles", "psf"))
    (folder / "o.tsv").write_text(HEAD + f"T\t1\tsimulated\tL'\t{names}\n")
    (folder / "config.yaml").write_text(yaml.safe_dump(SETTINGS))
    survey = load(folder / "config.yaml")
    row = survey.rows[0]
    told = json.dumps(plain(row) | {name: located(row, name) for name in FILES})
    place = folder / "results/T/1"
    centring = json.dumps(plain(survey.config.register))
    register = ("register", "--observation", told, "--registration", centring)
    assert call(*register, "--output", str(place / "sequence.zarr"))[0] == 0
    reduction = json.dumps(plain(survey.config.reductions["pca"]))
    subtract = ("subtract", str(place / "sequence.zarr"), "--reduction", reduction)
    assert call(*subtract, "--output", str(place / "pca"))[0] == 0
    assert call("detect", str(place / "pca/image.fits"), "--output", str(place / "pca"))[0] == 0
    return folder


def told(folder):
    """What the report says of the one observation and its one reduction."""
    summary = report.run(
        load(folder / "config.yaml"), folder / "results", folder / "report/index.html"
    )
    observation = summary.observations[0]
    return observation, observation.reductions[0]


def leave(folder, step, **status):
    """Put another word into what a step left."""
    path = status_of(folder, step)
    path.write_text(json.dumps(json.loads(path.read_text()) | status))


def test_finished_run_is_told_with_figures_and_candidates(run):
    observation, reduction = told(run)
    assert (observation.status, reduction.status) == ("done", "done")
    assert observation.figure == "../results/T/1/registration.png"
    assert reduction.candidates
    assert reduction.candidates[0].position_angle == pytest.approx(300, abs=2)


def test_inversion_is_told_beside_the_reductions(run, call):
    settings = SETTINGS | {"inversions": {"andromeda": {"inner": 1.5}}}
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    observation, _ = told(run)
    assert [r.name for r in observation.reductions] == ["pca", "andromeda"]
    assert observation.reductions[1].line == "invert did not run"
    place = run / "results/T/1"
    inversion = json.dumps(plain(load(run / "config.yaml").config.inversions["andromeda"]))
    output = str(place / "andromeda")
    invert = ("invert", str(place / "sequence.zarr"), "--inversion", inversion)
    assert call(*invert, "--output", output)[0] == 0
    detect = ("detect", output + "/flux.fits", "--snr", output + "/snr.fits")
    assert call(*detect, "--output", output)[0] == 0
    observation, _ = told(run)
    inverted = observation.reductions[1]
    assert (inverted.status, inverted.figure) == ("done", "../results/T/1/andromeda/detection.png")
    assert inverted.candidates[0].position_angle == pytest.approx(300, abs=2)
    assert inverted.candidates[0].rank is None
    assert observation.sources[0].reductions == ("pca", "andromeda") or len(observation.sources) > 1


def test_classifier_is_told_with_its_card_and_its_own_settings(run, call):
    asked = {
        "classifier": {"kind": "boosted", "trees": 10, "leaf": 20},
        "mlar": {"levels": 4},
        "sampling": {"samples": 200},
        "rings": {"inner": 2, "outer": 5, "width": 1.5},
    }
    certify = {"methods": ["trees"], "nulls": {"kinds": ["permuted"], "count": 4}}
    known = {"T": [{"separation": 400, "position_angle": 300}]}
    settings = SETTINGS | {"classifiers": {"trees": asked}, "certify": certify, "known": known}
    settings["search"] = {"threshold": 0.5}
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    survey = load(run / "config.yaml")
    assert told(run)[0].reductions[1].line == "learn did not run"
    place = run / "results/T/1"
    store, output = str(place / "sequence.zarr"), str(place / "trees")
    learning = json.dumps(plain(survey.config.classifiers["trees"]))
    there = json.dumps(plain(survey.config.known_of(survey.rows[0])))
    to_teachers = json.dumps(plain(survey.known_to("trees", survey.rows[0])))
    search = json.dumps(plain(survey.config.search))
    alarms = json.dumps(plain(survey.config.certify.of_each))
    model = ("--model", output + "/model.npz")
    maps = (output + "/probability.fits", "--snr", output + "/margin.fits")
    scored = ("--search", search, "--certify", alarms, "--known", there)
    counted = ("--nulls", output + "/nulls.ecsv", "--certify", alarms)
    for command in (
        ("learn", store, "--learning", learning, "--known", to_teachers),
        ("predict", store, *model),
        ("detect", *maps, "--search", search, "--known", there),
        ("nulls", store, *model, *scored),
        ("certify", output + "/candidates.ecsv", *counted),
    ):
        code, said = call(*command, "--output", output)
        assert code == 0, said
    found = told(run)[0].reductions[1]
    assert (found.name, found.status, found.line) == ("trees", "done", "")
    assert found.learnt.card == "../results/T/1/trees/card.md"
    assert found.learnt.curve is None
    assert found.certified.status == "done"
    assert found.certified.rows
    # Another companion that is known would teach otherwise.
    settings["known"] = {"T": [{"separation": 400, "position_angle": 300, "flux": 3.0}]}
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    other = told(run)[0].reductions[1]
    assert (other.status, other.candidates) == ("missing", ())
    assert "learn did not run with these settings" in other.line


def test_curves_are_shown_where_they_were_asked_for(run, call):
    assert told(run)[0].roc is None
    settings = SETTINGS | {
        "known": {"T": [{"separation": 400, "position_angle": 300}]},
        "roc": {
            "methods": [{"method": "pca"}],
            "reference": {"method": "pca"},
            "bins": [[2, 4]],
            "injections": 2,
            "nulls": {"count": 2},
        },
    }
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    assert told(run)[0].roc.status == "missing"
    config = load(run / "config.yaml").config
    given = ["--methods", json.dumps(plain(dict(config.judged)))]
    given += ["--roc", json.dumps(plain(config.roc))]
    given += ["--known", json.dumps({"T/1": plain(config.known["T"])})]
    place = run / "results/T/1"
    code, said = call("roc", str(place / "sequence.zarr"), *given, "--output", str(place))
    assert code == 0, said
    found = told(run)[0].roc
    assert (found.status, found.figure) == ("done", "../results/T/1/roc.png")


def test_killed_step_is_not_taken_for_done(run):
    leave(run / "results/T/1/pca", "subtract", status="started")
    _, reduction = told(run)
    assert reduction.status == "failed"
    assert "interrupted" in reduction.line
    assert (reduction.figure, reduction.candidates) == (None, ())


def test_results_of_other_settings_are_not_shown(run):
    changed = SETTINGS | {"reductions": {"pca": {"model": {"kind": "pca", "ranks": [3]}}}}
    (run / "config.yaml").write_text(yaml.safe_dump(changed))
    _, reduction = told(run)
    assert reduction.status == "missing"
    assert "did not run with these settings" in reduction.line
    assert reduction.candidates == ()


def test_reductions_of_an_observation_that_fails_now_are_not_shown(run):
    leave(run / "results/T/1", "register", status="bad input", line="cube.fits: gone bad")
    observation, reduction = told(run)
    assert (observation.status, observation.line) == ("bad input", "cube.fits: gone bad")
    assert (reduction.status, reduction.candidates, reduction.figure) == ("missing", (), None)
    assert "Not reached" in (run / "report/index.html").read_text()


def test_failed_source_is_why_an_observation_is_missing(tmp_path):
    (tmp_path / "o.tsv").write_text(HEAD + ROW.format("simulated"))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(SETTINGS))
    path = status_of(tmp_path / "data/T/1", "simulate")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"status": "transient", "line": "no electricity", "settings": {}}))
    observation, _ = told(tmp_path)
    assert (observation.status, observation.line) == ("failed", "no electricity")


def test_damaged_store_is_told(run):
    next((run / "results/T/1/sequence.zarr/cube/c").rglob("*")).rename(run / "elsewhere")
    observation, _ = told(run)
    assert observation.status == "failed"
    assert "array cube has 0 of 1 chunks" in observation.line


def test_false_alarms_are_told_with_what_null_frames_the_survey_has(run, call):
    asked = {"methods": ["pca"], "nulls": {"kinds": ["negated-shifted"], "count": 4}}
    (run / "config.yaml").write_text(yaml.safe_dump(SETTINGS | {"certify": asked}))
    _, reduction = told(run)
    assert reduction.certified.line == "nulls did not run"
    place, config = run / "results/T/1", load(run / "config.yaml").config
    certify = json.dumps(plain(config.certify.of_each))
    output = str(place / "pca")
    method = json.dumps(plain(config.reductions["pca"]))
    nulls = ("nulls", str(place / "sequence.zarr"), "--method", method, "--certify", certify)
    assert call(*nulls, "--output", output)[0] == 0
    command = ("certify", f"{output}/candidates.ecsv", "--nulls", f"{output}/nulls.ecsv")
    assert call(*command, "--certify", certify, "--output", output)[0] == 0
    _, reduction = told(run)
    found = reduction.certified
    assert (found.status, found.figure) == ("done", "../results/T/1/pca/certified.png")
    assert len(found.rows) == len(reduction.candidates)
    assert found.rows[0].chance >= 1 / (found.rows[0].effective + 1)
    assert found.pools == ("no other star has nulls of this kind",)
    page = (run / "report/index.html").read_text()
    assert "pca: 0 of 1 frames hold a discovery, at 0.1 false; a single candidate among 1" in page
    leave(place / "pca", "certify", settings={"nulls": "others"})
    assert told(run)[1].certified.line.startswith("certify did not run with these settings")


def test_other_targets_null_frames_are_pooled_by_the_report(run):
    asked = {"methods": ["pca"], "nulls": {"kinds": ["negated"]}}
    rows = (run / "o.tsv").read_text() + "".join(
        ROW.replace("T\t1", f"{name}\t1").format("x.fits") for name in ("U", "V")
    )
    (run / "o.tsv").write_text(rows)
    (run / "config.yaml").write_text(yaml.safe_dump(SETTINGS | {"certify": asked}))
    survey = load(run / "config.yaml")
    for i, name in enumerate("TUV"):
        table = NullTable(f"{name}/1", {"negated": np.array([3.0 + i])}, {"method": "pca"})
        write_nulls(run / f"results/{name}/1/pca/nulls.ecsv", table)
    nulls = SurveyNulls.of("pca", survey.rows, survey.config, run / "results")
    own = nulls.tables["T"]
    pool = nulls.pools(own, "T", survey.config)["negated"]
    assert (pool.stars, pool.nulls.maxima.tolist()) == (3, [3.0, 4.0, 5.0])
    alone = replace(survey.config, certify=replace(survey.config.certify, pool=False))
    assert nulls.pools(own, "T", alone)["negated"].stars == 1
