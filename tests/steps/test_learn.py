"""`exosift learn` and `predict` by hand: what they write, and what they refuse."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from exosift.geometry.grid import sky_position

SMALL = "mlar: {levels: 4}, sampling: {samples: 600}, rings: {inner: 2, outer: 5, width: 1.5}"


@pytest.fixture
def registered(files, call):
    code, said = call(*files.register())
    assert code == 0, said
    return files


def learning(files, asked=SMALL, name="boosted", *stars):
    folder = str(files.folder / "out" / name)
    teachers = [f"--star={star}" for star in stars]
    return ["learn", str(files.store), *teachers, "--learning", f"{{{asked}}}", "--output", folder]


def predicting(files, name="boosted"):
    folder = files.folder / "out" / name
    return ["predict", str(files.store), "--model", f"{folder}/model.npz", "--output", str(folder)]


@pytest.mark.parametrize("kind", ["boosted", "forest"])
def test_a_companion_is_found_by_what_its_own_nulls_teach(registered, call, kind):
    asked = f"{SMALL}, classifier: {{kind: {kind}}}"
    for step in (learning(registered, asked, kind), predicting(registered, kind)):
        code, said = call(*step)
        assert code == 0, said
    folder = registered.folder / "out" / kind
    margin = str(folder / "margin.fits")
    low = ("--search", "{threshold: 0.5}")  # few samples make modest margins
    code, said = call("detect", margin, "--snr", margin, *low, "--output", str(folder))
    assert code == 0, said
    first = Table.read(folder / "candidates.ecsv")[0]
    assert first["separation"] == pytest.approx(400, abs=20)
    assert first["position_angle"] == pytest.approx(300, abs=4)
    assert np.isnan(first["fpf"])
    card = json.loads((folder / "card.json").read_text())
    assert card["provenance"]["sequences"][0][0] == "T/1"
    assert [row["edges"] for row in card["rows"]] == [[2, 3.5], [3.5, 5]]
    assert "SHA-256" in (folder / "card.md").read_text()


def test_maps_are_margins_and_their_probabilities(registered, call):
    for step in (learning(registered), predicting(registered)):
        assert call(*step)[0] == 0
    folder = registered.folder / "out/boosted"
    margin, header = fits.getdata(folder / "margin.fits", header=True)
    probability = fits.getdata(folder / "probability.fits")
    seen = np.isfinite(margin)
    np.testing.assert_allclose(probability[seen], 1 / (1 + np.exp(-margin[seen])), rtol=1e-5)
    y, x = np.unravel_index(np.nanargmax(margin), margin.shape)
    separation, angle = sky_position(x, y, ((margin.shape[1] - 1) / 2,) * 2)
    assert separation * 27.19 == pytest.approx(400, abs=20)
    assert angle == pytest.approx(300, abs=4)
    assert header["PROTOCOL"] == "sequence"


def test_the_same_seed_gives_the_same_files(registered, call):
    files = []
    for name in ("one", "two"):
        assert call(*learning(registered, SMALL, name))[0] == 0
        assert call(*predicting(registered, name))[0] == 0
        folder = registered.folder / "out" / name
        files.append(
            ((folder / "model.npz").read_bytes(), fits.getdata(folder / "margin.fits").tobytes())
        )
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("mlar: {levels: 20}, rings: {inner: 2, outer: 5}", "20 levels of 12 frames: ask for 10"),
        (f"{SMALL}, protocol: survey", "protocol survey learns from other stars: name them"),
        ("classifier: {kind: oracle}", "learning.classifier.kind: expected one of"),
        ("mlar: {levels: 4}, rings: {outer: 9}", "they may reach"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_one_line(registered, call, asked, line):
    code, said = call(*learning(registered, asked))
    assert code != 0
    assert line in said.strip().splitlines()[-1]
    assert not (registered.folder / "out/boosted/model.npz").exists()


def test_a_model_of_others_refuses_its_teachers(registered, call):
    asked = f"{SMALL}, protocol: survey"
    code, said = call(*learning(registered, asked, "boosted", registered.store))
    assert code == 0, said
    code, said = call(*predicting(registered))
    assert code != 0
    assert "the model has learnt from T/1, the same star, and its protocol says from others" in said


def test_a_damaged_model_is_refused(registered, call):
    assert call(*learning(registered))[0] == 0
    path = registered.folder / "out/boosted/model.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    code, said = call(*predicting(registered))
    assert code != 0
    assert "damaged" in said
    assert not (path.parent / "margin.fits").exists()
