"""The benchmark's workflow on a few simulated stars, with a method that learns from other stars."""

import subprocess
import sys
from pathlib import Path

import yaml
from astropy.table import Table

from exosift.io.models import read_model
from exosift.io.trials import read_trials
from tests.workflow.conftest import ROOT

SURVEY = {
    "seed": 1,
    "jobs": 2,
    "judged": [1, 2],
    "population": {
        "count": 4,
        "prefix": "T",
        "scene": {
            "size": 51,
            "frames": 12,
            "residual_screens": 4,
            "pupil_pixels": 40,
            "psf_size": 21,
        },
        "even": {"declination": [-70, -50]},
    },
    "methods": {"pca": {"model": {"kind": "pca", "ranks": [2]}, "regions": {"kind": "full"}}},
    "classifiers": {
        "boosted": {
            "classifier": {"kind": "boosted", "trees": 5},
            "protocol": "survey",
            "mlar": {"levels": 3},
            "sampling": {"samples": 60, "fluxes": 4},
            "rings": {"inner": 1.5, "outer": 4.5, "width": 3},
        },
    },
    "roc": {
        "methods": [{"method": "pca"}, {"method": "boosted"}, {"method": "forest"}],
        "reference": {"method": "pca"},
        "bins": [[2, 4]],
        "injections": 2,
        "snr": [20, 30],
        "folds": 2,
        "nulls": {"kinds": ["true", "negated"], "planet_free": True},
        "rates": [1],
        "intervals": {"resamples": 20},
    },
}
SURVEY["classifiers"]["forest"] = SURVEY["classifiers"]["boosted"] | {
    "classifier": {"kind": "forest", "trees": 5}
}


def run(survey, tmp_path):
    """The benchmark, as it ended."""
    config = tmp_path / "survey.yaml"
    config.write_text(yaml.safe_dump(survey))
    command = [str(Path(sys.executable).parent / "snakemake"), "--cores", "2"]
    command += ["--snakefile", str(ROOT / "workflow/benchmark.smk"), "--configfile", str(config)]
    command += ["--directory", str(tmp_path / "run")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


def test_each_fold_is_taught_once_and_by_others(tmp_path):
    done = run(SURVEY, tmp_path)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert done.stderr.count("rule sample:") == 2  # one a part, for all folds and classifiers
    assert done.stderr.count("rule learn:") == 4
    taught = [
        {label for label, _ in read_model(path).provenance.sequences}
        for path in sorted((tmp_path / "run/models/boosted").glob("*/model.npz"))
    ]
    assert set.union(*taught) == {"T-001/1", "T-002/1", "T-003/1", "T-004/1"}
    assert not set.intersection(*taught)
    judged = [read_trials(tmp_path / f"run/trials/{part}.npz")[0].stars for part in (1, 2)]
    assert sorted(sum(judged, ())) == ["T-001/1", "T-002/1", "T-003/1", "T-004/1"]
    told = Table.read(tmp_path / "run/roc/tpr.ecsv")
    assert set(told["method"]) == {"pca", "boosted", "forest"}
    assert set(told["injections"]) == {8}


def test_stars_that_only_teach_are_not_judged(tmp_path):
    more = {"population": SURVEY["population"] | {"count": 8}}  # calibration is told by 4 or more
    done = run(SURVEY | more | {"judged": [2]}, tmp_path)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert [path.name for path in (tmp_path / "run/trials").glob("*.npz")] == ["2.npz"]
    learnt = read_model(tmp_path / "run/models/boosted/2/model.npz").provenance.sequences
    judged = read_trials(tmp_path / "run/trials/2.npz")[0].stars
    assert len(judged) == len(learnt) == 4
    assert not set(judged) & set(dict(learnt))


def test_there_is_a_part_for_every_fold(tmp_path):
    done = run(SURVEY | {"jobs": 1}, tmp_path)
    assert done.returncode != 0
    assert "jobs is 1 and roc.folds 2: ask for a part a fold, or more" in done.stderr + done.stdout
