"""Mean and median over time, where NaN carries no weight."""

import warnings

import numpy as np
import pytest

from exosift import threads
from exosift.psfsub.combine import combine

ORACLES = {"mean": np.nanmean, "median": np.nanmedian}


@pytest.mark.parametrize("how", ORACLES)
@pytest.mark.parametrize("count", [1, 2, 7, 8])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_combination_is_that_of_what_is_not_nan(how, count, dtype):
    rng = np.random.default_rng(count)
    frames = rng.normal(10, 1, (count, 9, 11)).astype(dtype)
    frames[rng.random(frames.shape) < 0.3] = np.nan
    frames[:, 2, 3] = np.nan
    given = frames.copy()
    image = combine(frames, how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ORACLES[how](frames.astype(float), axis=0)
    np.testing.assert_allclose(image, expected, rtol=4 * np.finfo(dtype).eps)
    assert np.isnan(image[2, 3])
    assert image.dtype == dtype
    np.testing.assert_array_equal(frames, given)


@pytest.mark.parametrize("how", ORACLES)
def test_the_image_does_not_depend_on_the_threads(how):
    frames = np.random.default_rng(0).normal(size=(6, 10, 10))
    with threads.limit(1):
        alone = combine(frames, how)
    with threads.limit(3):
        np.testing.assert_array_equal(combine(frames, how), alone)


def test_the_mean_is_summed_in_double_precision():
    frames = np.full((4001, 1, 1), 0.1, dtype=np.float32)
    frames[0] = 1e6
    expected = frames.astype(float).mean()
    assert combine(frames, "mean")[0, 0] == pytest.approx(expected, rel=1e-7)
