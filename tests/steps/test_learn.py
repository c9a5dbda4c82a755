"""`exosift learn` and `predict` by hand: what they write, and what they refuse."""

import json
import shutil
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import xarray
from astropy.io import fits
from astropy.table import Table
from click.testing import CliRunner

from exosift.cli import main
from exosift.compute import room
from exosift.geometry.grid import sky_position
from exosift.io.models import CheckpointFile
from exosift.io.sequences import read_sequence, write_sequence
from exosift.learn.forest import Boosted, Forest
from tests.steps.conftest import Files

QUICK = (
    "classifier: {kind: boosted, trees: 10, leaf: 20}, mlar: {levels: 4}, "
    "sampling: {samples: 200}, rings: {inner: 2, outer: 5, width: 1.5}"
)
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
    card = (folder / "card.md").read_text()
    assert "SHA-256" in card
    assert "![ROC curves and calibration, of patches](card.png)" in card
    assert (folder / "card.png").stat().st_size > 10_000


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


def nulls(files, kinds, name="boosted", *more):
    asked = f"{{nulls: {{kinds: {kinds}, count: 4, planet_free: true}}}}"
    model = ["--model", str(files.folder / "out" / name / "model.npz"), *more]
    output = ["--output", str(files.folder / "out" / name)]
    return ["nulls", str(files.store), *model, "--certify", asked, *output]


@pytest.fixture(scope="module")
def taught(made, tmp_path_factory):
    """A sequence whose own frames have taught a classifier quickly."""
    found = Files(tmp_path_factory.mktemp("taught"))
    for name, values in (("cube", made.cube[0]), ("angles", made.angle), ("psf", made.psf[0])):
        found.change(name, values)
    for command in (found.register(), learning(found, QUICK)):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.stderr
    return found


def test_null_frames_that_taught_are_refused(taught, call):
    for kinds, first in (
        ("[negated]", "negated"),
        ("[shifted, negated-shifted]", "negated-shifted"),
    ):
        code, said = call(*nulls(taught, kinds))
        assert code == 2
        line = said.strip().splitlines()[-1]
        assert "T/1: the model has learnt from these frames at negated angles" in line
        assert f"so that {first} nulls tell nothing of its false alarms: take `permuted`" in line
    assert not (taught.folder / "out/boosted/nulls.ecsv").exists()


def test_frames_that_taught_are_known_again_under_another_name(taught, call):
    renamed = taught.row.replace("target: T", "target: U")
    other = str(taught.folder / "out/u/sequence.zarr")
    options = ["--observation", renamed, "--registration", "{method: symmetry}"]
    assert call("register", *options, "--output", other)[0] == 0
    command = nulls(taught, "[negated]")
    command[1] = other
    code, said = call(*command)
    assert code == 2
    assert "U/1: the model has learnt from these frames" in said


def test_candidates_are_certified_by_a_classifiers_null_frames(taught, call):
    assert call(*predicting(taught))[0] == 0
    folder = str(taught.folder / "out/boosted")
    maps = f"{folder}/probability.fits", "--snr", f"{folder}/margin.fits"
    assert call("detect", *maps, "--search", "{threshold: 0.5}", "--output", folder)[0] == 0
    code, said = call(*nulls(taught, "[shifted, permuted]"))
    assert code == 0, said
    table = Table.read(f"{folder}/nulls.ecsv")
    assert (table["nulls"] == "shifted").sum() == (table["nulls"] == "permuted").sum() == 4
    assert np.isfinite(table["score"]).all()
    candidates = f"{folder}/candidates.ecsv", "--nulls", f"{folder}/nulls.ecsv"
    asked = "{nulls: {kinds: [permuted], count: 4}}"
    code, said = call("certify", *candidates, "--certify", asked, "--output", folder)
    assert code == 0, said
    row = Table.read(f"{folder}/certified.ecsv")[0]
    assert row["score"] == Table.read(f"{folder}/candidates.ecsv")["snr"][0]
    assert row["null_frames"] == 4


def test_nulls_want_a_method_or_a_model(registered, call):
    output = ("--output", str(registered.folder / "out/x"))
    both = ("--method", "{model: {kind: median}}", "--model", "model.npz")
    for given in ((), both):
        code, said = call("nulls", str(registered.store), *given, *output)
        assert code == 2
        assert (
            "give either --method, of a reduction or inversion, or a classifier's --model" in said
        )


def test_known_companions_do_not_teach(registered, call):
    known = "{T: [{separation: 400, position_angle: 300}]}"
    bright = "{T/1: [{separation: 400, position_angle: 300, flux: 50.0}]}"
    maps = {}
    for name, told in (("blind", "{}"), ("told", known), ("taken out", bright)):
        code, said = call(*learning(registered, QUICK, name), "--known", told)
        assert code == 0, said
        status = registered.folder / "out" / name / "status/learn.json"
        assert bool(json.loads(status.read_text())["settings"]["known"]) == (name != "blind")
        assert call(*predicting(registered, name))[0] == 0
        maps[name] = fits.getdata(registered.folder / "out" / name / "margin.fits")
    for one, other in combinations(maps.values(), 2):
        assert not np.array_equal(one, other, equal_nan=True)


def test_what_is_beyond_the_memory_is_on_disk_and_the_maps_the_same(
    registered, call, monkeypatch, tmp_path
):
    made, scratch = [], tmp_path / "scratch"
    of = room.OnDisk.of
    monkeypatch.setattr(room.OnDisk, "of", lambda *at: made.append(at) or of(*at))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    scratch.mkdir()
    found = {}
    for name, memory in (("held", "5000"), ("disk", "1")):
        for step in (learning(registered, QUICK, name), predicting(registered, name)):
            code, said = call(*step, "--memory", memory)
            assert code == 0, said
        folder = registered.folder / "out" / name
        files = (folder / "model.npz", folder / "margin.fits")
        found[name] = [files[0].read_bytes(), fits.getdata(files[1])]
        # Turned frames of both steps, and the samples of two rings.
        assert len(made) == (4 if name == "disk" else 0)
        assert not list(scratch.iterdir())
    assert found["held"][0] == found["disk"][0]
    np.testing.assert_array_equal(found["held"][1], found["disk"][1])


def renamed(store, other, name):
    """The store `other`, of the same frames as if another star's."""
    sequence = read_sequence(store)
    observation = replace(sequence.observation, target=name)
    write_sequence(other, replace(sequence, observation=observation))
    return other


def sampling(files, asked=SMALL, name="samples", store=None):
    output = str(files.folder / name)
    return ["sample", str(store or files.store), "--learning", f"{{{asked}}}", "--output", output]


def from_samples(files, asked, name, *stores):
    folder = str(files.folder / "out" / name)
    given = [f"--samples={files.folder / store}/samples.zarr" for store in stores]
    return ["learn", str(files.store), *given, "--learning", f"{{{asked}}}", "--output", folder]


def test_samples_say_what_they_are(registered, call):
    code, said = call(*sampling(registered, QUICK))
    assert code == 0, said
    with xarray.open_zarr(registered.folder / "samples/samples.zarr", consolidated=False) as seen:
        patches, labels = seen.patches.values, seen.labels.values
        assert seen.patches.dims == ("ring", "sample", "level", "y", "x")
        manifest = json.loads((registered.folder / "out/sequence.zarr.json").read_text())
        assert [sha for _, sha in seen.attrs["sequences"]] == [manifest["sha256"]]
        assert seen.attrs["edges"] == [[2.0, 3.5], [3.5, 5.0]]
        assert seen.attrs["drawing"]["seed"] == 1
        assert seen.attrs["exosift"]
    side = patches.shape[-1]
    assert patches.shape == (2, 200, 4, side, side)
    assert (labels.sum(axis=1) == 100).all()
    assert np.isfinite(patches).all()
    middle = patches[:, :, 0, side // 2, side // 2]
    assert middle[labels].mean() > middle[~labels].mean() + 1


@pytest.mark.parametrize("memory", ["5000", "1"])
def test_samples_that_were_drawn_before_teach_the_same(registered, call, memory):
    steps = (
        sampling(registered, QUICK),
        learning(registered, QUICK, "at-once"),
        [*from_samples(registered, QUICK, "later", "samples"), "--memory", memory],
    )
    for step in steps:
        code, said = call(*step)
        assert code == 0, said
    models = [registered.folder / f"out/{name}/model.npz" for name in ("at-once", "later")]
    assert models[0].read_bytes() == models[1].read_bytes()


def test_samples_of_several_stars_teach_together(registered, call, tmp_path):
    stars = [renamed(registered.store, tmp_path / f"{name}.zarr", name) for name in "ab"]
    asked = f"{QUICK}, protocol: survey"
    steps = [
        learning(registered, asked, "at-once", *stars),
        *([*sampling(registered, asked, s.stem, s), "--among", "2"] for s in stars),
        from_samples(registered, asked, "later", "a", "b"),
    ]
    for step in steps:
        code, said = call(*step)
        assert code == 0, said
    models = [registered.folder / f"out/{name}/model.npz" for name in ("at-once", "later")]
    assert models[0].read_bytes() == models[1].read_bytes()
    known = ["--known", "{a: [{separation: 400, position_angle: 300}]}"]
    for step, line in (
        (
            from_samples(registered, asked, "twice", "a", "a"),
            "a/samples.zarr: a/1 is in another store",
        ),
        (from_samples(registered, QUICK, "own", "a"), "protocol sequence learns from it alone"),
        (
            from_samples(registered, asked.replace("200", "300"), "more", "a"),
            "drawn with another sampling than is asked for",
        ),
        (
            [*from_samples(registered, asked, "both", "a"), f"--star={stars[1]}"],
            "they say whose they are, so give no --star",
        ),
        (
            [*from_samples(registered, asked, "known", "a"), *known],
            "a/1: its samples were drawn with other known companions than are given",
        ),
    ):
        code, said = call(*step)
        assert code == 2
        assert line in said


def test_a_target_does_not_teach_its_own_survey_model(registered, call):
    asked = f"{QUICK}, protocol: survey"
    other = renamed(registered.store, registered.folder / "other.zarr", "U")
    both = [*sampling(registered, asked), str(other)]
    assert call(*both)[0] == 0
    code, said = call(*from_samples(registered, asked, "own", "samples"))
    assert code == 2
    assert "1 of its own sequences and 1 of other stars, and protocol survey learns from" in said


@pytest.mark.parametrize("kind", ["boosted", "forest"])
def test_samples_on_disk_teach_as_those_in_memory(kind, tmp_path):
    rng = np.random.default_rng(4)
    patches = rng.normal(size=(1500, 3, 5, 5)).astype(np.float32)
    labels = np.arange(1500) % 2 == 0
    patches[labels, :, 2, 2] += 2.0
    disk = room.OnDisk.of(tmp_path / "samples", patches.shape)
    disk[:700] = patches[:700]
    disk[700:1500] = patches[700:]
    classifier = {"boosted": Boosted(trees=5), "forest": Forest(trees=5)}[kind]
    margins = [
        classifier.fit(given, labels, labels, 1).margin(patches[:50]) for given in (patches, disk)
    ]
    np.testing.assert_array_equal(*margins)
    some = np.array([3, 1400, 3])
    np.testing.assert_array_equal(disk[some], patches[some])
    np.testing.assert_array_equal(disk[-4:], patches[-4:])


NET = "classifier: {kind: cnn2d, filters: [4, 4], dense: 8, epochs: 4, device: cpu}"


def test_a_network_learns_from_samples_on_disk(registered, call):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `nn`)")
    models = []
    for name, memory in (("held", "5000"), ("disk", "1")):
        code, said = call(*learning(registered, f"{NET}, {SMALL}", name), "--memory", memory)
        assert code == 0, said
        models.append((registered.folder / "out" / name / "model.npz").read_bytes())
    assert models[0] == models[1]


def test_a_network_that_was_killed_goes_on_where_it_was(registered, call, monkeypatch):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `nn`)")
    asked = f"{NET}, {SMALL}"
    assert call(*learning(registered, asked, "whole"))[0] == 0
    written, write = [], CheckpointFile.write

    def counted(self, state):
        write(self, state)
        written.append(self.path)
        if len(written) == 6:  # in the second ring
            raise KeyboardInterrupt

    monkeypatch.setattr(CheckpointFile, "write", counted)
    folder = registered.folder / "out/killed"
    assert call(*learning(registered, asked, "killed"))[0] != 0
    (left,) = folder.glob("training-*")
    assert {path.name for path in left.iterdir()} == {"2-3.5.npz", "3.5-5.npz"}
    assert not (folder / "model.npz").exists()
    stale = folder / "training-0123"
    shutil.copytree(left, stale)
    code, said = call(*learning(registered, asked, "killed"))
    assert code == 0, said
    assert len(written) == 8  # the last two epochs of the second ring
    assert "ring 3.5–5 FWHM, epochs" in said
    models = [(registered.folder / f"out/{n}/model.npz").read_bytes() for n in ("whole", "killed")]
    assert models[0] == models[1]
    assert not list(folder.glob("training-*"))
    told = json.loads((folder / "status/learn.json").read_text())["outputs"]
    assert set(told) == {"model.npz", "card.md", "card.json", "card.png", "training.png"}


def test_a_checkpoint_that_is_damaged_is_begun_anew(registered, call, monkeypatch):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `nn`)")
    write = CheckpointFile.write

    def damaged(self, state):
        write(self, state)
        self.path.write_bytes(b"PK")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(CheckpointFile, "write", damaged)
        assert call(*learning(registered, f"{NET}, {SMALL}", "net"))[0] != 0
    code, said = call(*learning(registered, f"{NET}, {SMALL}", "net"))
    assert code == 0, said
