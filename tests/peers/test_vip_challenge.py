"""The challenge's scorer as VIP ships it: the same counts, and where it departs from itself."""

import numpy as np
import pytest

from exosift.limits.challenge import DetectionMap, score

pytestmark = pytest.mark.peers

FWHM = 4.0


@pytest.fixture(scope="module")
def theirs(vip):
    def counts(values, injections, threshold):
        found, false, _ = vip(
            "metrics.roc.compute_binary_map", values, [threshold], injections, FWHM, npix=2
        )
        return found[0], false[0]

    return counts


def ours(values, injections, threshold):
    found = score(DetectionMap(values, np.array(injections), FWHM), threshold)
    return found.found, found.false


def spots(places, width=1.6):
    rows, columns = np.ogrid[:101, :101]
    squared = [((columns - x) ** 2 + (rows - y) ** 2, height) for x, y, height in places]
    return sum(height * np.exp(-apart / 2 / width**2) for apart, height in squared)


@pytest.mark.parametrize("seed", range(6))
def test_counts_are_the_same_where_blobs_are_far_apart(seed, theirs):
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(12, 95, 20), np.arange(12, 95, 20)), -1).reshape(-1, 2)
    places = grid[rng.permutation(25)[:10]] + rng.uniform(-1, 1, (10, 2))
    heights = rng.uniform(3, 30, 10)
    values = spots(np.column_stack([places, heights]), rng.uniform(1.2, 2.5))
    injections = [tuple(place + rng.normal(0, 1.5, 2)) for place in places[:5]]
    for threshold in (1.0, 4.0, 8.0, 16.0):
        assert ours(values, injections, threshold) == theirs(values, injections, threshold)


def test_two_blobs_on_one_injection_are_two_detections_there(theirs):
    values = spots([(47, 50, 9), (53, 50, 8)], 1.2)
    assert theirs(values, [(50, 50)], 5.0) == (2, 0)
    assert ours(values, [(50, 50)], 5.0) == (1, 0)
