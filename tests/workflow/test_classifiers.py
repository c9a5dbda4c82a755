"""Classifiers in the workflow: taught, mapped, searched, certified by what taught them nothing."""

import json
from copy import deepcopy

import pytest
from astropy.table import Table

from tests.workflow.conftest import SURVEY, Survey, simulated

pytestmark = pytest.mark.workflow

SMALL = {
    "classifier": {"kind": "boosted", "trees": 20, "leaf": 20},
    "mlar": {"levels": 4},
    "sampling": {"samples": 600},
    "rings": {"inner": 2, "outer": 6, "width": 2},
}
LEARNT = {
    "title": "tiny survey, learnt",
    "observations": "observations.tsv",
    "register": {"method": "symmetry"},
    "classifiers": {
        "own": SMALL,
        "others": SMALL | {"protocol": "survey", "stars": ["*/1"]},
    },
    "search": {"threshold": 2.0},  # few samples make modest margins
    "certify": {"methods": ["others"], "nulls": {"kinds": ["negated-shifted"], "count": 8}},
    "known": SURVEY["known"],
    "simulate": SURVEY["simulate"],
}
STARS = [simulated("A", "1"), simulated("B", "1")]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A survey of two stars whose classifiers were taught."""
    survey = Survey(tmp_path_factory.mktemp("learnt"))
    survey.write(LEARNT, STARS)
    run = survey.run()
    assert run.code == 0, run.text[-3000:]
    return survey, run


@pytest.mark.parametrize("name", ["own", "others"])
def test_the_companion_is_found_by_what_was_learnt(learnt, name):
    folder = learnt[1].folder / "results/A/1" / name
    top = Table.read(folder / "candidates.ecsv")[0]
    assert top["separation"] == pytest.approx(450, abs=27)
    assert top["position_angle"] == pytest.approx(60, abs=4)
    assert top["known"]
    assert top["snr"] > 2
    assert {path.name for path in folder.iterdir()} >= {
        *("model.npz", "card.md", "card.json", "card.png", "margin.fits", "probability.fits"),
        *("candidates.ecsv", "detection.png"),
    }


def test_other_stars_teach_and_never_the_target(learnt):
    for star, other in (("A", "B"), ("B", "A")):
        card = learnt[1].folder / f"results/{star}/1/others/card.json"
        provenance = json.loads(card.read_text())["provenance"]
        assert [label for label, _ in provenance["sequences"]] == [f"{other}/1"]
    for told in ("results/B/1/others/status/learn.json", "results/A/1/others/status/sample.json"):
        known = json.loads((learnt[1].folder / told).read_text())["settings"]["known"]
        assert [len(companions) for companions in known.values()] == [1]
        assert list(known) == ["A/1"]


def test_it_is_certified_by_null_frames_that_taught_nothing(learnt):
    folder = learnt[1].folder / "results/A/1"
    nulls = Table.read(folder / "others/nulls.ecsv")
    assert len(nulls) == 8
    table = Table.read(folder / "others/certified.ecsv")
    candidates = Table.read(folder / "others/candidates.ecsv")
    assert table["score"][0] == candidates["snr"][0] > nulls["score"].max()
    assert table["false_alarm_conformal"][0] == table["false_alarm_least"][0] <= 0.5
    assert not (folder / "own/nulls.ecsv").exists()


def test_the_report_tells_what_was_learnt(learnt):
    page = (learnt[1].folder / "report/index.html").read_text()
    assert "../results/A/1/own/card.md" in page
    assert "A classifier trained on other stars" in page
    assert "False alarm of 4" in page
    assert '<th class="number">Margin</th>' in page
    assert "2 observations: 2 done, 0 not finished" in learnt[1].text


def test_nothing_is_learnt_twice_and_others_seeds_only_what_they_decide(learnt):
    survey, _ = learnt
    again = survey.run("--dry-run")
    assert "Nothing to be done" in again.text
    settings = deepcopy(LEARNT)
    settings["classifiers"]["own"] = SMALL | {"seed": 2}
    survey.write(settings, STARS)
    changed = survey.run("--dry-run")
    survey.write(LEARNT, STARS)
    counts = {rule: changed.jobs(rule) for rule in ("sample", "learn", "predict", "sift", "nulls")}
    assert counts == {"sample": 0, "learn": 2, "predict": 2, "sift": 2, "nulls": 0}
    settings = deepcopy(LEARNT)
    settings["classifiers"]["others"]["classifier"] = {"kind": "boosted", "trees": 30}
    survey.write(settings, STARS)
    changed = survey.run("--dry-run")
    survey.write(LEARNT, STARS)
    assert (changed.jobs("sample"), changed.jobs("learn")) == (0, 2)


def test_what_teaches_others_is_drawn_once_for_all_of_them_and_for_classifiers_alike(survey):
    settings = deepcopy(LEARNT)
    others = settings["classifiers"]["others"] | {"stars": ["*/*"]}
    settings["classifiers"] |= {
        "others": others,
        "forest": others | {"classifier": {"kind": "forest", "trees": 10}},
        "pooled": others | {"protocol": "pooled"},
    }
    survey.write(settings, [*STARS, simulated("C", "1")])
    run = survey.run("--dry-run", "--printshellcmds")
    assert run.code == 0, run.text[-2000:]
    assert (run.jobs("sample"), run.jobs("learn")) == (6, 12)
    drawn = [line for line in run.text.splitlines() if "exosift sample" in line]
    assert sum("--among 2" in line for line in drawn) == 3
    assert sum("--among 3" in line for line in drawn) == 3
    taught = next(
        line
        for line in run.text.splitlines()
        if "exosift learn" in line and "--output results/A/1/others " in line
    )
    for star in "BC":  # "forest" comes first in the file
        assert f"--samples=results/{star}/1/forest/samples.zarr" in taught


def test_a_star_that_cannot_teach_is_named_where_it_was_to(survey):
    settings = deepcopy(LEARNT)
    del settings["classifiers"]["own"]
    settings["classifiers"]["others"]["mlar"] = {"levels": 30}
    survey.write(settings, STARS)
    run = survey.run()
    assert run.code != 0
    page = (run.folder / "report/index.html").read_text()
    assert "B/1, which teaches it: " in page
    assert "30 levels of " in page


def test_networks_leave_a_training_curve(survey):
    settings = deepcopy(LEARNT)
    settings["classifiers"]["net"] = SMALL | {"classifier": {"kind": "cnn2d", "epochs": 2}}
    survey.write(settings, STARS)
    run = survey.run("--dry-run")
    assert run.code == 0, run.text[-2000:]
    assert (run.jobs("learn"), run.jobs("train"), run.jobs("predict")) == (4, 2, 6)
    assert "results/A/1/net/training.png" in run.text


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"certify": {"methods": ["own"]}},
            "config.yaml.certify.methods: own learns from each sequence's own frames, which "
            "negated-shifted nulls are",
        ),
        (
            {"classifiers": {"others": {"protocol": "survey", "stars": ["C/*"]}}},
            "config.yaml.classifiers.others.stars: no observation of another target than A is "
            "called C/*",
        ),
    ],
)
def test_what_cannot_be_learnt_ends_before_any_work(survey, change, line):
    survey.write(LEARNT | change, STARS)
    run = survey.run()
    assert run.code != 0
    assert line in run.text
    assert "Traceback" not in run.text
    assert not (run.folder / "results").exists()
