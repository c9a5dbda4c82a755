"""Model files: what comes back is what was written, and nothing else is believed."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.io.models import CheckpointFile, read_model, write_model
from exosift.io.sealed import read_sealed, write_sealed
from exosift.learn.card import card_of
from exosift.learn.labelled import Sampling
from exosift.learn.mlar import Mlar
from exosift.learn.model import Model, Provenance, Zone, installed
from exosift.learn.network import Cnn2d, Cnn3d, ConvLstm, Curve, Trained
from exosift.learn.networks.weights import initial, shapes
from exosift.report.card import card_data, card_markdown
from exosift.report.training import training_figure
from exosift.sequence import Observation, Sequence

PATCH = (6, 9, 9)
MLAR, SAMPLING = Mlar(levels=6), Sampling(samples=2000)
NETWORKS = [
    Cnn2d(filters=(4, 4), dense=8),
    Cnn3d(filters=(2, 4), dense=8),
    ConvLstm(filters=(2, 2)),
]


def trained(network, seed=1):
    weights = initial(network, PATCH, np.random.default_rng(seed))
    curve = Curve(np.array([0.7, 0.5, 0.4]), np.array([0.7, 0.55, 0.6]), 1)
    return Trained(network, PATCH, weights, curve)


@pytest.fixture
def model():
    zones = tuple(
        Zone((n, n + 1), trained(network, n), 1000, 1100) for n, network in enumerate(NETWORKS, 1)
    )
    made = Provenance((("betapic/2013-02-01", "ab12"),), "sequence", "L'", 7)
    return Model(NETWORKS[0], MLAR, 9, SAMPLING, zones, made)


@pytest.fixture
def path(model, tmp_path):
    write_model(tmp_path / "model.npz", model)
    return tmp_path / "model.npz"


def test_model_comes_back_as_it_was(model, path):
    back = read_model(path)
    assert (back.classifier, back.mlar) == (model.classifier, model.mlar)
    assert (back.sampling, back.provenance) == (model.sampling, model.provenance)
    for a, b in zip(model.zones, back.zones, strict=True):
        assert (a.edges, a.companions, a.nulls) == (b.edges, b.companions, b.nulls)
        assert (a.fitted.network, a.fitted.patch) == (b.fitted.network, b.fitted.patch)
        assert a.fitted.weights.keys() == b.fitted.weights.keys()
        for name, values in a.fitted.weights.items():
            np.testing.assert_array_equal(values, b.fitted.weights[name])
            assert values.dtype == b.fitted.weights[name].dtype
        np.testing.assert_array_equal(a.fitted.curve.validation, b.fitted.curve.validation)
        assert a.fitted.curve.kept == b.fitted.curve.kept


def test_margins_are_the_same_before_and_after(model, path):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `nn`)")
    patches = np.random.default_rng(2).normal(size=(50, *PATCH)).astype(np.float32)
    for a, b in zip(model.zones, read_model(path).zones, strict=True):
        np.testing.assert_array_equal(a.fitted.margin(patches), b.fitted.margin(patches))


def test_same_model_same_bytes(model, path, tmp_path):
    write_model(tmp_path / "again.npz", model)
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_nothing_half_written(model, path, monkeypatch):
    before = path.read_bytes()

    def stopped(file, **_):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_model(path, model)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["model.npz"]


def noticed_or_harmless(path):
    """Some bytes of an archive carry nothing, such as dates."""
    try:
        return read_model(path).provenance.seed == 7
    except BadInput as error:
        return "\n" not in str(error)


def test_every_damage_is_noticed(path):
    whole = path.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 200).astype(int):
        damaged = bytearray(whole)
        damaged[place] ^= 0x5A
        path.write_bytes(damaged)
        assert noticed_or_harmless(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"model\.npz: not a model file, or damaged"):
        read_model(path)


class Trap:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a file ran code",))


def test_no_file_runs_code(path):
    for content in (pickle.dumps(Trap()), b""):
        path.write_bytes(content)
        with pytest.raises(BadInput, match="not a model file, or damaged"):
            read_model(path)
    with path.open("wb") as file:
        np.savez(file, header=np.array([Trap()], dtype=object), seal=np.zeros(32, np.uint8))
    with pytest.raises(BadInput, match="not a model file, or damaged"):
        read_model(path)


def test_missing_file_and_other_formats_are_said(path, tmp_path):
    with pytest.raises(BadInput, match=r"none\.npz: there is no such file; train the model anew"):
        read_model(tmp_path / "none.npz")
    write_sealed(path, {}, {"format": "exosift model 9"})
    with pytest.raises(BadInput, match="its format is exosift model 9, expected exosift model 2"):
        read_model(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    path.with_suffix(".npy").replace(path)
    with pytest.raises(BadInput, match="not a model file, or damaged"):
        read_model(path)


ZONE = ("model", "fields", "zones", 1)
FITTED = (*ZONE, "fields", "fitted")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ((*FITTED, "class"), "Oracle", "it holds a Oracle, which this version does not know"),
        (FITTED, {"code": "1 + 1"}, "it holds code, which is no form of anything"),
        ((*FITTED, "fields", "patch"), [6, 7, 7], "weight dense is .*, expected"),
        ((*FITTED, "fields", "network", "fields", "batch"), 0, "batch is 0"),
        ((*FITTED, "fields", "network", "fields", "colour"), "red", "not a model .*colour"),
        ((*ZONE, "fields", "edges"), [3.0, 2.0], "ring 3–2 FWHM"),
        (("model",), [1, 2], "it holds a tuple, expected a model"),
        ((*FITTED, "fields", "weights"), {"map": {"last": {"array": "none"}}}, "not a model"),
    ],
)
def test_mismatched_content_is_refused_in_one_line(path, place, value, message):
    arrays, header = read_sealed(path, "a model file", "")
    within = header
    for step in place[:-1]:
        within = within[step]
    within[place[-1]] = value
    write_sealed(path, arrays, header)
    with pytest.raises(BadInput, match=message) as caught:
        read_model(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_what_has_no_form_in_a_file_is_not_written(model, path):
    odd = replace(model, side={9})
    with pytest.raises(TypeError, match="model/side: a set has no form in a file"):
        write_model(path, odd)


def sequence_of(band, fwhm, frames):
    seen = Observation("star", "e", "NACO", band, 27.19, (fwhm,), (20.0, 20.0), (20.0, 20.0))
    return Sequence(
        cube=np.zeros((1, frames, 41, 41), np.float32),
        angle=np.linspace(0, 60, frames),
        psf=np.ones((1, 9, 9), np.float32),
        wavelength=np.array([3.8]),
        mjd=np.arange(float(frames)),
        mask=np.zeros((1, frames, 41, 41), bool),
        observation=seen,
    )


def test_a_model_is_held_to_what_it_has_learnt_from(model):
    model.require(sequence_of("L'", 4.4, 30))
    for band, fwhm, frames, message in (
        ("Ks", 4.4, 30, "star/e: the model has learnt in filter L', and this was taken in Ks"),
        ("L'", 3.1, 30, r"from patches of 9 px, and at an FWHM of 3\.10 px they have 7"),
        ("L'", 4.4, 7, "the model takes 6 levels, and 7 frames have not so many"),
    ):
        with pytest.raises(BadInput, match=message):
            model.require(sequence_of(band, fwhm, frames))


def test_checkpoint_file(tmp_path):
    file = CheckpointFile(tmp_path / "training.npz")
    assert file.read() is None
    state = {"now/last": np.arange(3.0), "step/last": np.array(5.0)}, {"training": [0.1 + 0.2]}
    file.write(state)
    arrays, header = file.read()
    np.testing.assert_array_equal(arrays["now/last"], np.arange(3.0))
    assert arrays["step/last"].shape == ()
    assert header["training"] == [0.1 + 0.2]
    file.path.write_bytes(b"PK")
    with pytest.raises(BadInput, match=r"not a checkpoint, or damaged .* remove it to begin anew"):
        file.read()


def test_trained_network_has_the_weights_of_its_settings():
    network = NETWORKS[0]
    weights = dict(trained(network).weights)
    assert {name: w.shape for name, w in weights.items()} == shapes(network, PATCH)
    with pytest.raises(BadInput, match="cnn2d: weight last is None, expected"):
        replace(trained(network), weights={n: w for n, w in weights.items() if n != "last"})


def test_card_tells_what_the_model_is(model):
    card = card_of("SODINN on β Pic", model, {"calibration": "calibration plot.png"})
    text = card_markdown(card)
    assert "betapic/2013-02-01" in text
    assert "ab12" in text
    assert "judges at true angles" in text
    assert "0.550" in text
    assert installed()["numpy"] in text
    assert "![calibration](calibration%20plot.png)" in text
    data = json.loads(json.dumps(card_data(card)))
    assert data["provenance"]["seed"] == 7
    assert [row["epochs"] for row in data["rows"]] == [3, 3, 3]
    assert data["rows"][0]["kept"] == 2


def test_training_figure_has_a_panel_a_curve(model):
    curves = {f"{zone.edges[0]:.1f}": zone.fitted.curve for zone in model.zones}
    figure = training_figure(curves, "SODINN")
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == list(curves)
    np.testing.assert_array_equal(panels[0].lines[1].get_ydata(), [0.7, 0.55, 0.6])
    assert list(panels[0].lines[2].get_xdata()) == [2, 2]
