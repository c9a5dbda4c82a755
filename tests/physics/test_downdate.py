"""Components of large libraries, found from their neighbours', are those of each library alone."""

import numpy as np
import pytest

from exosift.psfsub import pca
from exosift.psfsub.downdate import TOLERANCE, Whole
from exosift.psfsub.engine import fit
from exosift.psfsub.pca import Pca

COUNT, RANKS = 110, (1, 3, 6)


@pytest.fixture(scope="module")
def frames(speckles):
    """(frame, pixel): speckles that move slowly, under noise."""
    return speckles(np.random.default_rng(21), COUNT, 31, 4.0).reshape(COUNT, -1)


def apart(least):
    """Libraries of the frames at least so many away."""
    return np.abs(np.arange(COUNT)[:, None] - np.arange(COUNT)) >= least


def rms(values):
    return np.sqrt(np.mean(values**2))


LIBRARIES = {
    "neighbours left out": apart(6),
    "half left out": apart(40),
    "any frames left out": np.random.default_rng(22).random((COUNT, COUNT)) < 0.8,
    "the target in its own": apart(6) | np.eye(COUNT, dtype=bool),
}


@pytest.mark.parametrize("centring", ["none", "temporal", "spatial"])
@pytest.mark.parametrize("usable", LIBRARIES.values(), ids=LIBRARIES)
def test_residuals_are_those_of_each_library_alone(frames, usable, centring, monkeypatch):
    model = Pca(RANKS, centring)
    alone = fit(frames, usable, model)
    monkeypatch.setattr(pca, "_LARGE", 1)
    monkeypatch.setattr(pca.Pca, "_weights", None)  # not one of them is left to it
    found = fit(frames, usable, model)

    for one, other in zip(found, alone, strict=True):
        assert 0 < rms(one - other) < TOLERANCE * rms(other)


def test_order_of_frames_does_not_matter(frames, monkeypatch):
    monkeypatch.setattr(pca, "_LARGE", 1)
    usable, mixed = apart(6), np.random.default_rng(23).permutation(COUNT)
    here = fit(frames, usable, Pca(RANKS))
    there = fit(frames[mixed], usable[np.ix_(mixed, mixed)], Pca(RANKS))

    assert rms(here[:, mixed] - there) < TOLERANCE * rms(here[-1])


def test_without_structure_too(monkeypatch):
    """White noise, whose components are hardly apart: the most steps."""
    white = np.random.default_rng(24).normal(size=(COUNT, 500))
    alone = fit(white, apart(6), Pca((6,)))
    monkeypatch.setattr(pca, "_LARGE", 1)

    assert rms(fit(white, apart(6), Pca((6,))) - alone) < TOLERANCE * rms(alone)


def test_more_components_than_there_are_is_left_to_the_library_itself(frames, monkeypatch):
    few = frames[np.arange(COUNT) % 5]  # five different frames
    alone = fit(few, apart(6), Pca((6,)))
    assert Whole.of(few @ few.T).leading(apart(6)[0], 6, False, np.eye(5)) is None
    monkeypatch.setattr(pca, "_LARGE", 1)

    np.testing.assert_allclose(fit(few, apart(6), Pca((6,))), alone, atol=1e-6 * few.std())
