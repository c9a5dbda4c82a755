"""SODINN's networks: against a plain computation, the optimal filter, and themselves."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from exosift import threads
from exosift.errors import BadInput, Failed
from exosift.learn.network import Cnn2d, Cnn3d, ConvLstm

LEVELS, SIDE = 4, 7
BLOCKS = 12
QUICK = {"dense": 16, "batch": 64, "learning_rate": 3e-3, "patience": 10}
SMALL = [
    Cnn2d(filters=(16, 8), epochs=10, **QUICK),
    Cnn3d(filters=(4, 8), epochs=10, **QUICK),
    ConvLstm(filters=(4, 6), epochs=10, views=8, **QUICK),
]

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `nn`)")
every_network = pytest.mark.parametrize("network", SMALL, ids=lambda network: network.kind)


def template():
    """A companion (level, y, x): a PSF that loses flux to self-subtraction as the rank grows."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE // 2
    blob = np.exp(-4 * np.log(2) * (x**2 + y**2) / 4.8**2)
    kept = 1.0 - 0.6 * np.arange(LEVELS) / LEVELS
    return (kept[:, None, None] * blob).astype(np.float32)


def drawn(count, distance, seed):
    """Patches of white noise, half of them with a companion `distance` noise std above it."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2 == 1
    shape = template() / np.linalg.norm(template())
    patches = rng.standard_normal((count, LEVELS, SIDE, SIDE), dtype=np.float32)
    patches[labels] += distance * shape
    return patches, labels, rng.integers(BLOCKS, size=count)


def auc(score, labels):
    """The chance that a companion scores above a null."""
    rank = np.argsort(np.argsort(score))
    above = rank[labels].sum() - labels.sum() * (labels.sum() - 1) / 2
    return above / (labels.sum() * (~labels).sum())


@pytest.fixture(scope="module")
def few():
    return drawn(192, 4.0, 1)


class Kept:
    """A checkpoint in memory, which may be interrupted."""

    def __init__(self, most=np.inf):
        self.state, self.most, self.written = None, most, 0

    def read(self):
        return self.state

    def write(self, state):
        self.state, self.written = state, self.written + 1
        if self.written >= self.most:
            raise KeyboardInterrupt


def assert_same(a, b):
    assert a.weights.keys() == b.weights.keys()
    for name in a.weights:
        np.testing.assert_array_equal(a.weights[name], b.weights[name], err_msg=name)
    np.testing.assert_array_equal(a.curve.training, b.curve.training)
    np.testing.assert_array_equal(a.curve.validation, b.curve.validation)
    assert a.curve.kept == b.curve.kept


def plain_convlstm(levels, inner, recurrent, bias):
    """Levels (level, y, x, channel) → hidden states (level, y, x, filter), loop by loop."""
    levels = levels.transpose(0, 3, 1, 2)

    def convolved(image, kernels):
        out, _, high, wide = kernels.shape
        padded = np.pad(image, ((0, 0), ((high - 1) // 2, high // 2), ((wide - 1) // 2, wide // 2)))
        result = np.zeros((out, *image.shape[1:]))
        for o in range(out):
            for y in range(image.shape[1]):
                for x in range(image.shape[2]):
                    seen = padded[:, y : y + high, x : x + wide]
                    result[o, y, x] = (seen * kernels[o]).sum()
        return result

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    filters = len(bias) // 4
    h = c = np.zeros((filters, *levels.shape[2:]))
    states = []
    for level in levels:
        gates = convolved(level, inner) + convolved(h, recurrent) + bias[:, None, None]
        i, f, o, g = gates.reshape(4, filters, *h.shape[1:])
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states).transpose(0, 2, 3, 1)


@pytest.mark.parametrize("side", [2, 3])
def test_convlstm_and_its_gradient_are_those_of_a_plain_computation(side):
    from exosift.learn.networks.convlstm import convlstm

    rng = np.random.default_rng(side)
    levels = rng.normal(size=(4, 2, 5, 4, 3))
    shapes = [(8, 3, side, side), (8, 2, side, side), (8,)]
    weights = [rng.normal(scale=0.5, size=shape) for shape in shapes]
    weighing = rng.normal(size=(4, 2, 5, 4, 2))

    def plainly(levels, weights):
        return np.stack([plain_convlstm(levels[:, n], *weights) for n in range(2)], axis=1)

    given = [torch.tensor(values, requires_grad=True) for values in (levels, *weights)]
    found = convlstm(*given)
    np.testing.assert_allclose(found.detach(), plainly(levels, weights), atol=1e-12)

    (found * torch.from_numpy(weighing)).sum().backward()
    step = 1e-5
    for number, values in enumerate((levels, *weights)):
        along = rng.normal(size=values.shape)
        moved = [
            [
                v + sign * step * along if n == number else v
                for n, v in enumerate((levels, *weights))
            ]
            for sign in (1, -1)
        ]
        above, below = ((plainly(m[0], m[1:]) * weighing).sum() for m in moved)
        slope = float((given[number].grad.numpy() * along).sum())
        assert slope == pytest.approx((above - below) / (2 * step), rel=1e-6)


@pytest.mark.parametrize(("network", "margin"), list(zip(SMALL, (0.02, 0.02, 0.03), strict=True)))
def test_network_comes_near_the_optimal_filter(network, margin):
    trained = network.fit(*drawn(2000, 2.5, 2), seed=3)
    patches, labels, _ = drawn(2000, 2.5, 4)
    optimal = auc((patches * template()).sum(axis=(1, 2, 3)), labels)
    assert optimal == pytest.approx(0.961, abs=0.01)  # Φ(2.5 / √2)
    found = auc(trained.margin(patches), labels)
    assert optimal - margin < found < optimal + 0.01
    assert trained.curve.validation[trained.curve.kept] < trained.curve.validation[0]


@every_network
def test_margins_are_log_odds(network, few):
    patches, labels, blocks = few
    trained = network.fit(patches, labels, blocks, seed=5)
    margins = trained.margin(patches)
    assert margins.shape == (len(patches),)
    assert margins.dtype == np.float32
    chance = 1 / (1 + np.exp(-margins))
    loss = -np.where(labels, np.log(chance), np.log(1 - chance))
    assert trained.curve.validation.min() < np.log(2)
    assert loss.mean() < np.log(2)
    assert trained.margin(patches[:0]).shape == (0,)


@every_network
def test_mixed_precision_says_nearly_the_same(network, few):
    """On the CPU, by the same means as on a CUDA device."""
    from exosift.learn.networks.architectures import log_odds
    from exosift.learn.networks.weights import initial

    weights = dict(initial(network, few[0].shape[1:], np.random.default_rng(1)))
    weights["last"] = np.full_like(weights["last"], 0.1)
    given = {name: torch.tensor(w, requires_grad=True) for name, w in weights.items()}
    patches = torch.from_numpy(few[0][:32])
    whole = log_odds(network, given, patches)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = log_odds(network, given, patches).float()
    assert not torch.equal(whole, mixed)
    assert (whole - mixed).abs().max() < 0.05 * whole.abs().max()
    for odds in (whole, mixed):
        odds.square().sum().backward(inputs=list(given.values()))
    slopes = torch.cat([w.grad.flatten() for w in given.values()])  # of both, added
    alone = torch.autograd.grad(log_odds(network, given, patches).square().sum(), given.values())
    once = torch.cat([slope.flatten() for slope in alone])
    assert torch.linalg.vector_norm(slopes - 2 * once) < 0.1 * torch.linalg.vector_norm(once)


def test_margins_are_the_mean_over_symmetries(few):
    patches = few[0][:20]
    network = replace(SMALL[0], epochs=1, views=8)
    trained = network.fit(*few, seed=1)
    one = replace(trained, network=replace(network, views=1))
    turned = [np.rot90(p, k, axes=(2, 3)) for p in (patches, patches[..., ::-1]) for k in range(4)]
    each = [one.margin(np.ascontiguousarray(p)) for p in turned]
    np.testing.assert_allclose(trained.margin(patches), np.mean(each, axis=0), atol=1e-5)
    np.testing.assert_allclose(trained.margin(patches), trained.margin(turned[6]), atol=1e-5)
    assert np.ptp(each, axis=0).max() > 0.01


@every_network
def test_same_seed_same_bits_on_any_number_of_threads(network, few):
    quick = replace(network, epochs=2)
    with threads.limit(1):
        alone = quick.fit(*few, seed=6)
    with threads.limit(3):
        together = quick.fit(*few, seed=6)
        margins = together.margin(few[0])
    assert_same(alone, together)
    np.testing.assert_array_equal(alone.margin(few[0]), margins)
    other = quick.fit(*few, seed=7)
    assert not np.array_equal(other.weights["last"], alone.weights["last"])


@every_network
def test_interrupted_training_ends_as_if_it_had_not_been(network, few):
    quick = replace(network, epochs=4)
    whole = quick.fit(*few, seed=8)
    kept = Kept(most=2)
    with pytest.raises(KeyboardInterrupt):
        quick.fit(*few, seed=8, checkpoint=kept)
    kept.most = np.inf
    assert_same(whole, quick.fit(*few, seed=8, checkpoint=kept))
    assert kept.written == 4
    assert_same(whole, quick.fit(*few, seed=8, checkpoint=kept))  # nothing is left to learn
    assert kept.written == 4


def test_checkpoint_of_another_training_is_refused(few):
    kept = Kept()
    network = replace(SMALL[0], epochs=1)
    network.fit(*few, seed=1, checkpoint=kept)
    for asked, samples, seed in (
        (network, few, 2),
        (replace(network, dropout=0.5), few, 1),
        (network, (few[0] + 1, *few[1:]), 1),
    ):
        with pytest.raises(BadInput, match="the checkpoint is of a training with other samples"):
            asked.fit(*samples, seed=seed, checkpoint=kept)


def test_training_stops_when_it_gains_nothing_and_keeps_the_best(few):
    rng = np.random.default_rng(9)
    patches, _, blocks = few
    labels = rng.random(len(patches)) < 0.5  # nothing to learn but the samples themselves
    told = []
    network = replace(SMALL[0], epochs=40, patience=3, learning_rate=0.01)
    trained = network.fit(patches, labels, blocks, seed=10, told=lambda *n: told.append(n))
    losses = trained.curve.validation
    assert len(losses) < 40
    assert trained.curve.kept == np.argmin(losses) == len(losses) - 1 - 3
    steps = len(told) // len(losses)
    assert told == [(1 + n, 40 * steps) for n in range(len(losses) * steps)]


def left_out(blocks, share=0.2, seed=1):
    """Blocks learned from, and those left out, when there are samples of both kinds in each."""
    from exosift.learn.networks.samples import Samples

    each = np.repeat(blocks, 4)
    samples = Samples(np.zeros((len(each), 4, 5, 5)), np.arange(len(each)) % 2 == 1, each)
    return [sorted(set(each[part])) for part in samples.split(share, seed)]


def test_validation_leaves_out_an_arc_and_guards_it():
    learnt, out = left_out(np.arange(12))
    assert len(out) == 2
    assert (out[1] - out[0]) % 12 in (1, 11)
    around = {(block + step) % 12 for block in out for step in (-1, 1)} - set(out)
    assert set(learnt) == set(range(12)) - set(out) - around
    assert {tuple(left_out(np.arange(12), seed=seed)[1]) for seed in range(40)} > {(4, 5), (0, 11)}


def test_a_ring_of_few_blocks_has_none_to_guard_with():
    learnt, out = left_out(np.arange(5))
    assert (len(learnt), len(out)) == (4, 1)


def test_every_ring_gives_an_arc_or_many_rings_some_whole_ones():
    two = np.concatenate([np.arange(5), 10 + np.arange(5)])
    assert sorted(block // 10 for block in left_out(two)[1]) == [0, 1]
    ten = (10 * np.arange(10)[:, None] + np.arange(3)).ravel()
    learnt, out = left_out(ten)
    assert len({block // 10 for block in out}) == 2
    assert len(out) == 6
    assert len(learnt) == 24


def test_patches_are_turned_by_the_symmetries_of_the_square():
    from exosift.learn.networks.samples import SYMMETRIES, turned

    patch = np.random.default_rng(12).normal(size=(1, 3, 5, 5)).astype(np.float32)
    all_eight = turned(np.repeat(patch, SYMMETRIES, axis=0), np.arange(SYMMETRIES))
    np.testing.assert_array_equal(all_eight[0], patch[0])
    np.testing.assert_array_equal(all_eight[1], np.rot90(patch[0], -1, axes=(1, 2)))
    np.testing.assert_array_equal(all_eight[4], patch[0, :, :, ::-1])
    assert len({one.tobytes() for one in all_eight}) == SYMMETRIES


def test_a_memory_map_teaches_as_an_array_does(few, tmp_path):
    stored = np.lib.format.open_memmap(
        tmp_path / "patches.npy", mode="w+", dtype=np.float32, shape=few[0].shape
    )
    stored[...] = few[0]
    network = replace(SMALL[0], epochs=2)
    assert_same(network.fit(stored, *few[1:], seed=1), network.fit(*few, seed=1))


def test_without_pytorch_one_line_says_what_to_install(few, monkeypatch):
    trained = replace(SMALL[0], epochs=1).fit(*few, seed=1)
    monkeypatch.setitem(sys.modules, "torch", None)
    line = r"SODINN needs PyTorch, which is not installed: pip install 'exosift\[nn\]'"
    with pytest.raises(BadInput, match=line):
        Cnn2d().fit(*few, seed=1)
    with pytest.raises(BadInput, match=line):
        trained.margin(few[0])


def test_bad_samples_are_refused(few):
    patches, labels, blocks = few
    quick = replace(SMALL[1], epochs=1)
    cases = [
        ((patches[0], labels, blocks), "expected \\(sample, level, y, x\\)"),
        ((patches, labels[:-1], blocks), "191 labels"),
        ((patches[..., :6], labels, blocks), "expected square"),
        ((patches, np.ones_like(labels), blocks), "expected both kinds"),
        ((patches, labels, np.zeros_like(blocks)), "in 1 azimuth blocks"),
        ((patches[:, :3], labels, blocks), "3 levels and 7×7 px are too small"),
    ]
    for samples, message in cases:
        with pytest.raises(BadInput, match=message):
            quick.fit(*samples, seed=1)
    holed = patches.copy()
    holed[7, 0, 3, 3] = np.nan
    with pytest.raises(BadInput, match="patch 7 is not finite"):
        quick.fit(holed, labels, blocks, seed=1)


def test_patches_of_another_shape_are_refused(few):
    trained = replace(SMALL[0], epochs=1).fit(*few, seed=1)
    with pytest.raises(BadInput, match=r"patches are 3×7×7 .* the network learned from 4×7×7"):
        trained.margin(few[0][:, :3])


def test_a_loss_that_is_lost_is_said(few):
    wild = replace(SMALL[0], learning_rate=0.9, epochs=30, patience=30)
    with pytest.raises(Failed, match=r"lower learning_rate, now 0\.9"):
        wild.fit(few[0] * np.float32(1e37), *few[1:], seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 0}, "batch is 0, expected 1 or more"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"dropout": 1.0}, "dropout is 1"),
        ({"views": 3}, "views is 3, expected 1, 4 or 8"),
        ({"validation": 0.0}, "validation is 0"),
        ({"filters": (0, 3)}, "filters \\(0, 3\\)"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(BadInput, match=message):
        Cnn2d(**change)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(few):
    with pytest.raises(BadInput, match="device is cuda, and PyTorch finds none"):
        replace(SMALL[0], device="cuda").fit(*few, seed=1)
