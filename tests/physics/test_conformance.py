"""What holds for every PSF model in the catalogue, whatever the regions and references."""

import contextlib
import dataclasses
import itertools
import typing

import numpy as np
import pytest

from exosift import threads
from exosift.errors import BadInput
from exosift.geometry.regions import Annuli, FullFrame
from exosift.psfsub.catalogue import AnyModel, Reduction
from exosift.psfsub.engine import fit, reduce
from exosift.psfsub.library import References

FWHM, SIZE, COUNT = 4.0, 37, 24
ANGLE = np.concatenate([np.linspace(0, 90, 14), np.linspace(85, 20, 10)])


def configurations(model):
    """A model with each value of its Literal options; low ranks and few iterations."""
    options = {
        name: typing.get_args(kind)
        for name, kind in typing.get_type_hints(model).items()
        if typing.get_origin(kind) is typing.Literal and len(typing.get_args(kind)) > 1
    }
    few = {"ranks": (1, 3, 5), "rank": 3, "iterations": 5}
    fixed = {key: value for key, value in few.items() if key in model.__dataclass_fields__}
    for values in itertools.product(*options.values()):
        with contextlib.suppress(BadInput):  # a pair of options that the model refuses
            yield model(**fixed, **dict(zip(options, values, strict=True)))


def name(value):
    parts = [str(v) for v in dataclasses.astuple(value) if isinstance(v, str | float | int)]
    return "-".join(parts)


MODELS = [m for model in typing.get_args(AnyModel) for m in configurations(model)]
REGIONS = [FullFrame(), Annuli(1.5, 1.0)]
REFERENCES = [References(), References(0.5), References(0.3, 9)]

each_model = pytest.mark.parametrize("model", MODELS, ids=name)
each_region = pytest.mark.parametrize("regions", REGIONS, ids=name)
each_library = pytest.mark.parametrize("references", REFERENCES, ids=name)


@pytest.fixture(scope="module")
def frames(speckles):
    return 100.0 + speckles(np.random.default_rng(11), COUNT, SIZE, FWHM)


def joint(model):
    """Whether a model takes all frames together, and has no libraries to choose."""
    return getattr(model, "joint", False)


@pytest.fixture
def usable(model):
    """One library a frame, some with their target in."""
    share = 1.0 if joint(model) else 0.6
    return np.random.default_rng(12).random((COUNT, COUNT)) < share


@pytest.fixture
def apart(model):
    return References(0.0 if joint(model) else 0.3)


@pytest.fixture(autouse=True)
def _not_asked_for_what_it_refuses(request):
    given = request.node.callspec.params
    if joint(given["model"]) and given.get("references", References()) != References():
        pytest.skip("decomposes all frames together: refuses libraries")


def close(found, expected, tolerance):
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert np.nanmax(np.abs(found - expected)) < tolerance * np.nanstd(expected)


@each_model
@each_region
@each_library
def test_inputs_are_untouched_and_the_shape_is_that_of_the_frames(
    model, regions, references, frames, as_sequence
):
    sequence = as_sequence(frames, ANGLE, FWHM)
    arrays = {
        f.name: getattr(sequence, f.name).copy()
        for f in dataclasses.fields(sequence)
        if isinstance(getattr(sequence, f.name), np.ndarray)
    }
    reduced = reduce(sequence, Reduction(model, regions, references))
    for key, before in arrays.items():
        np.testing.assert_array_equal(getattr(sequence, key), before)
    assert reduced.variants == model.variants
    assert reduced.residuals.shape == (len(model.variants), 1, COUNT, SIZE, SIZE)
    assert reduced.images.shape == (len(model.variants), SIZE, SIZE)
    covered = np.zeros(SIZE * SIZE, dtype=bool)
    for region in regions.partition((SIZE, SIZE), FWHM):
        covered[region.pixels] = True
    seen = np.isfinite(reduced.residuals).reshape(-1, SIZE * SIZE)
    np.testing.assert_array_equal(seen, np.tile(covered, (len(seen), 1)))


@each_model
@each_region
@each_library
def test_a_constant_star_is_removed_exactly(model, regions, references, frames, as_sequence):
    for star in (frames[0], 1e4 + frames[0]):
        sequence = as_sequence(np.tile(star, (COUNT, 1, 1)), ANGLE, FWHM)
        reduced = reduce(sequence, Reduction(model, regions, references))
        assert np.nanmax(np.abs(reduced.residuals)) < 1e-11 * np.abs(star).max()


@each_model
@each_region
@each_library
def test_units_do_not_matter(model, regions, references, frames, as_sequence):
    reduction = Reduction(model, regions, references)
    plain = reduce(as_sequence(frames, ANGLE, FWHM), reduction)
    scaled = reduce(as_sequence(1e3 * frames, ANGLE, FWHM), reduction)
    close(scaled.residuals, 1e3 * plain.residuals, 1e-9)
    close(scaled.images, 1e3 * plain.images, 1e-9)


@each_model
def test_pixel_order_does_not_matter(model, frames, usable):
    rows = frames.reshape(COUNT, -1)
    order = np.random.default_rng(13).permutation(rows.shape[1])
    close(fit(rows[:, order], usable, model), fit(rows, usable, model)[..., order], 1e-9)
    turned = frames.transpose(0, 2, 1).reshape(COUNT, -1)
    left = fit(turned, usable, model).reshape(-1, COUNT, SIZE, SIZE).transpose(0, 1, 3, 2)
    close(left.reshape(-1, *rows.shape), fit(rows, usable, model), 1e-9)


@each_model
def test_frame_order_does_not_matter(model, frames, usable):
    rows = frames.reshape(COUNT, -1)
    order = np.random.default_rng(14).permutation(COUNT)
    found = fit(rows[order], usable[np.ix_(order, order)], model)
    close(found, fit(rows, usable, model)[:, order], 1e-9)


@each_model
def test_references_that_may_not_be_used_do_not_matter(model, frames, usable):
    if joint(model):
        pytest.skip("decomposes all frames together: refuses libraries")
    rows = frames.reshape(COUNT, -1)
    barred = usable.copy()
    barred[:, 5] = False
    spoilt = rows.copy()
    spoilt[5] = 1e3 * np.random.default_rng(15).normal(size=rows.shape[1])
    others = np.arange(COUNT) != 5
    close(fit(spoilt, barred, model)[:, others], fit(rows, barred, model)[:, others], 1e-7)


@each_model
@each_region
def test_nan_stays_where_it_was(model, regions, frames, as_sequence):
    reduction = Reduction(model, regions, References())
    plain = reduce(as_sequence(frames, ANGLE, FWHM), reduction)
    holed = frames.copy()
    holed[:, 5, 9] = np.nan  # a dead pixel
    holed[3, 20, 26:28] = np.nan
    sequence = as_sequence(holed, ANGLE, FWHM)
    # Interpolated once already, but not measured: in no residual, in all predictions.
    sequence.mask[0, 7, 12, 12] = True
    reduced = reduce(sequence, reduction)
    unseen = np.isnan(plain.residuals) | np.isnan(holed).any(axis=0) | sequence.mask
    np.testing.assert_array_equal(np.isnan(reduced.residuals), unseen)


@each_model
@each_region
def test_precision_is_kept_and_single_is_close_to_double(
    model, regions, apart, frames, as_sequence
):
    reduction = Reduction(model, regions, apart)
    single = frames.astype(np.float32)
    found = reduce(as_sequence(single, ANGLE, FWHM), reduction)
    exact = reduce(as_sequence(single.astype(float), ANGLE, FWHM), reduction)
    assert found.residuals.dtype == found.images.dtype == np.float32
    close(found.residuals.astype(float), exact.residuals, 2e-4)
    close(found.images.astype(float), exact.images, 2e-3)


@each_model
def test_the_result_does_not_depend_on_the_threads(model, apart, frames, as_sequence):
    sequence = as_sequence(frames, ANGLE, FWHM)
    reduction = Reduction(model, Annuli(1.0, 1.0), apart)
    with threads.limit(1):
        alone = reduce(sequence, reduction)
    with threads.limit(3):
        together = reduce(sequence, reduction)
    close(together.images, alone.images, 1e-9)
