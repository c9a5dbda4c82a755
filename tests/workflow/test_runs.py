"""The workflow as a whole: it finds the companion, redoes only what it must, survives failures."""

import json
from copy import deepcopy

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from tests.workflow.conftest import SURVEY, digests, simulated

pytestmark = pytest.mark.workflow


def test_companion_is_found_where_it_was_put(finished):
    folder = finished.folder / "run/results/A/1"
    for reduction in [*SURVEY["reductions"], *SURVEY["inversions"]]:
        top = Table.read(folder / reduction / "candidates.ecsv")[0]
        assert top["separation"] == pytest.approx(450, abs=14)  # half a pixel
        assert top["position_angle"] == pytest.approx(60, abs=2)
        assert top["snr"] > 8
    assert {path.name for path in (folder / "andromeda").glob("*.fits")} == {
        "flux.fits",
        "sigma.fits",
        "snr.fits",
    }


def test_methods_are_judged(finished):
    folder = finished.folder / "run/results/A/1"
    table = Table.read(folder / "roc.ecsv")
    assert set(table["method"]) == {"pca 2", "andromeda"}
    assert (folder / "roc.png").exists()
    page = (finished.folder / "run/report/index.html").read_text()
    assert "results/A/1/roc.png" in page


def test_image_and_map_carry_ranks_and_sky_coordinates(finished):
    folder = finished.folder / "run/results/A/1/pca"
    image, header = fits.getdata(folder / "image.fits", header=True)
    snr = fits.getdata(folder / "snr.fits")
    assert image.shape == snr.shape
    assert (header["NRANKS"], header["RANK1"], header["RANK2"]) == (2, 2, 4)
    top = Table.read(folder / "candidates.ecsv")[0]
    sky = WCS(header, naxis=2).pixel_to_world(top["x"], top["y"])
    east, north = (a.wrap_at("180d").arcsec for a in (sky.ra, sky.dec))
    theta = np.radians(top["position_angle"])
    r = top["separation"] / 1e3
    assert east == pytest.approx(r * np.sin(theta), abs=1e-3)
    assert north == pytest.approx(r * np.cos(theta), abs=1e-3)


def test_limits_are_told_where_they_were_asked_for(finished):
    folder = finished.folder / "run/results/A/1"
    table = Table.read(folder / "pca/contrast.ecsv")
    np.testing.assert_allclose(table["separation"], 450)
    np.testing.assert_array_equal(table["rank"], [2, 4])
    assert (table["throughput"] > 0.05).all()
    assert not (folder / "median/contrast.ecsv").exists()
    text = (finished.folder / "run/report/index.html").read_text()
    assert "../results/A/1/pca/contrast.png" in text
    assert "Faintest companion at 450 mas" in text


def test_known_companions_are_measured_where_they_were_asked_for(finished):
    folder = finished.folder / "run/results"
    (row,) = Table.read(folder / "A/1/pca/companions.ecsv")
    assert abs(row["separation"] - 450) < 30
    assert abs(row["position_angle"] - 60) < 3
    assert not (folder / "A/1/median/companions.ecsv").exists()
    assert not (folder / "B/1/pca/companions.ecsv").exists()
    text = (finished.folder / "run/report/index.html").read_text()
    assert "../results/A/1/pca/companions.png" in text
    assert "<p>Companion at 4" in text


def test_report_shows_every_observation_and_its_figures(finished):
    page = finished.folder / "run/report/index.html"
    text = page.read_text()
    for name in ("A</a>", "B</a>", "<h3>pca</h3>", "<h3>andromeda</h3>", "tiny survey", "numpy"):
        assert name in text
    for figure in ("registration.png", "pca/detection.png", "median/detection.png"):
        assert f"../results/A/1/{figure}" in text
        assert (page.parent / f"../results/A/1/{figure}").exists()
    assert f"report: {page}" in (finished.folder / "said.txt").read_text()


def test_one_core_gives_the_same_arrays(finished, survey):
    survey.write(SURVEY, [simulated("A", "1")])
    wanted = [f"results/A/1/{one}/candidates.ecsv" for one in ("pca", "median", "andromeda")]
    run = survey.run("--cores", "1", *wanted)
    assert run.code == 0, run.text[-3000:]
    alone, both = (digests(one / "results") for one in (run.folder, finished.folder / "run"))
    # The catalogue has what the companions were measured to be, too, which is not asked for here.
    made = {product: content for product, content in alone.items() if product.startswith("A/1/")}
    assert len(made) > 10
    assert made == {product: both[product] for product in made}


def test_second_run_does_nothing(finished):
    run = finished.run("--dry-run")
    assert run.code == 0
    assert "Nothing to be done" in run.text


def test_other_rank_reruns_only_what_depends_on_it(again):
    survey = again()
    settings = deepcopy(SURVEY)
    settings["reductions"]["pca"]["model"]["ranks"] = [2, 5]
    survey.write(settings, [simulated("A", "1"), simulated("B", "1")])
    run = survey.run()
    assert run.code == 0, run.text[-3000:]
    assert {rule: run.jobs(rule) for rule in ("simulate", "register", "subtract", "detect")} == {
        "simulate": 0,
        "register": 0,
        "subtract": 2,
        "detect": 2,
    }
    assert run.jobs("invert") == run.jobs("search") == 0
    assert "median/image.fits" not in run.text


def test_new_epoch_leaves_the_others_alone(again):
    survey = again()
    survey.write(SURVEY, [simulated("A", "1"), simulated("B", "1"), simulated("B", "2")])
    run = survey.run("--dry-run")
    assert run.jobs("simulate") == run.jobs("register") == 1
    assert run.jobs("subtract") == 2
    assert run.jobs("invert") == run.jobs("search") == 1


def test_failing_observation_leaves_the_others_whole_and_is_named(again):
    survey = again()
    data = survey.folder / "run/data"
    cut = survey.folder / "cut.fits"
    cut.write_bytes((data / "B/1/cube.fits").read_bytes()[:20_000])
    broken = (
        "C",
        "1",
        "simulated",
        "L'",
        str(cut),
        *[str(data / f"B/1/{n}.fits") for n in ("angles", "psf")],
        "psf",
    )
    empty = survey.folder / "empty.fits"
    empty.touch()
    hollow = ("F", "1", *broken[2:4], str(empty), *broken[5:])
    absent = ("E", "1", *broken[2:4], str(survey.folder / "none.fits"), *broken[5:])
    survey.write(SURVEY, [simulated("A", "1"), broken, absent, hollow, simulated("D", "1")])
    run = survey.run()
    assert run.code != 0
    for reduction in [*SURVEY["reductions"], *SURVEY["inversions"]]:
        assert (run.folder / f"results/D/1/{reduction}/candidates.ecsv").exists()
    assert not (run.folder / "results/C/1/sequence.zarr").exists()
    status = json.loads((run.folder / "results/C/1/status/register.json").read_text())
    assert status["status"] == "bad input"
    assert status["refused_again"] == 1  # Snakemake's retry met the record, not the data
    line = f"C/1: bad input: {cut}: unreadable or truncated FITS"
    assert line in run.text
    assert f"F/1: bad input: {empty}: unreadable or truncated FITS" in run.text
    assert f"E/1: bad input: {survey.folder / 'none.fits'}: no such file" in run.text
    assert "unreadable or truncated FITS" in (run.folder / "report/index.html").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reductons": {}}, "config.yaml.reductons: unknown key; did you mean reductions?"),
        (
            {"reductions": {"x": {"model": {"kind": "pca", "rank": [3]}}}},
            "config.yaml.reductions.x.model.rank: unknown key; did you mean ranks?",
        ),
        (
            {"reductions": {"x": {"model": {"kind": "pac"}}}},
            "reductions.x.model.kind: expected one of 'llsg', 'loci', 'mean', 'median', 'nmf', "
            "'pairwise', 'pca', found 'pac'",
        ),
        (
            {"reductions": {"x": {"model": {"kind": "pca", "ranks": [0, 3]}}}},
            "reductions.x.model: pca ranks (0, 3): give different numbers from 1, ascending",
        ),
        (
            {"reductions": {}, "inversions": {}},
            "config.yaml.reductions: none given; name at least one",
        ),
        (
            {"inversions": {"pca": {}}},
            "config.yaml.inversions.pca: a reduction has that name; choose another",
        ),
        ({"observations": "none.tsv"}, "none.tsv: no such observations table"),
    ],
)
def test_bad_configuration_is_one_line_before_any_work(survey, change, message):
    survey.write(SURVEY | change, [simulated("A", "1")])
    run = survey.run()
    assert run.code != 0
    assert message in run.text
    assert "Traceback" not in run.text
    assert not (run.folder / "results").exists()


def test_target_listed_twice_is_refused(survey):
    survey.write(SURVEY, [simulated("A", "1"), simulated("A", "1")])
    run = survey.run()
    assert run.code != 0
    assert "observations.tsv row 2: A at epoch 1 is listed twice; remove one" in run.text
    assert not (run.folder / "results").exists()


def test_snakemake_makes_its_own_report_with_captions(finished):
    page = finished.folder / "snakemake.html"
    run = finished.run("--report", str(page))
    assert run.code == 0, run.text[-2000:]
    assert "Candidates are circled and numbered, strongest first" in page.read_text()


def test_reference_star_is_registered_and_serves_others_alone(again):
    survey = again()
    settings = deepcopy(SURVEY)
    rdi = {"own": "none", "stars": ["*/1"]}
    settings["reductions"] = {"rdi": {"regions": {"kind": "full"}, "references": rdi}}
    for asked in ("limits", "characterise", "roc"):
        del settings[asked]
    settings["reductions"]["rdi"]["model"] = {"kind": "pca", "ranks": [4]}
    survey.write(settings, [simulated("A", "1"), simulated("B", "1", "reference")])
    run = survey.run()
    assert run.code == 0, run.text[-3000:]
    assert (run.jobs("subtract"), run.jobs("register")) == (1, 0)
    results = survey.folder / "run/results"
    top = Table.read(results / "A/1/rdi/candidates.ecsv")[0]
    assert top["separation"] == pytest.approx(450, abs=14)
    assert not (results / "B/1/rdi").exists()
    page = (survey.folder / "run/report/index.html").read_text()
    assert "<h3>rdi</h3>" in page


def test_reference_stars_that_are_not_there_stop_the_run_at_once(survey):
    settings = deepcopy(SURVEY)
    settings["reductions"]["pca"]["references"] = {"stars": ["C/1"]}
    survey.write(settings, [simulated("A", "1"), simulated("B", "1")])
    run = survey.run("--dry-run")
    assert run.code != 0
    assert (
        "config.yaml.reductions.pca.references.stars: no observation of another target than A is "
        "called C/1; name some of the observations table, as target/epoch"
    ) in run.text
