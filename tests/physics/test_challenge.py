"""Scores of the Data Challenge: hand-made maps whose counts are known."""

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.limits.challenge import (
    DetectionMap,
    Rules,
    Score,
    areas,
    pooled,
    score,
    thresholds_about,
)

FWHM = 4.0
NONE = np.empty((0, 2))
APERTURE = 45  # pixels nearer than 4 px to a pixel


def disc(x, y, radius=2.0, height=9.0):
    rows, columns = np.ogrid[:61, :61]
    return np.where(np.hypot(columns - x, rows - y) <= radius, height, 0.0)


def counts(values, injections, threshold=5.0, rules=None):
    found = score(DetectionMap(values, np.reshape(injections, (-1, 2)), FWHM), threshold, rules)
    return found.found, found.false


def test_a_blob_on_an_injection_finds_it_and_one_beside_it_does_not():
    injection = [(40, 20)]
    assert counts(disc(40, 20), injection) == (1, 0)
    assert counts(disc(20, 40), injection) == (0, 1)  # x and y are not to be confused
    assert counts(disc(42, 20), injection) == (1, 0)
    assert counts(disc(44, 20), injection) == (0, 1)
    assert counts(disc(40, 20), injection, threshold=9.0) == (0, 0)


def test_overlap_is_of_the_smaller_area():
    # 49 of the aperture's 49 px lie under a blob of 81 px.
    assert counts(disc(30, 30, 5.0), [(30, 30)]) == (1, 0)
    half = disc(30, 30, 2.0)
    half[:, :30] = 0
    assert counts(half, [(26.9, 30)]) == (0, 1)
    assert counts(half, [(26.9, 30)], rules=Rules(overlap=0.2)) == (1, 0)


def test_an_injection_counts_once_and_its_second_blob_is_not_false():
    two = disc(28, 30, 1.0) + disc(32, 30, 1.0, 8.0)
    assert counts(two, [(30, 30)]) == (1, 0)
    assert counts(two + disc(10, 10), [(30, 30)]) == (1, 1)


def test_a_blob_finds_no_more_than_one_injection_and_two_find_two():
    assert counts(disc(30, 30), [(29, 30), (32, 30)]) == (1, 0)
    two = disc(28, 30, 1.0) + disc(32, 30, 1.0, 8.0)
    assert counts(two, [(29, 30), (31, 30)]) == (2, 0)


def test_frames_without_injections_count():
    maps = [
        DetectionMap(disc(30, 30), np.array([(30.0, 30.0)]), FWHM),
        DetectionMap(disc(30, 30) + disc(10, 45), NONE, FWHM),
        DetectionMap(np.zeros((61, 61)), NONE, FWHM),
    ]
    found = pooled(maps, np.array([5.0]))[0]
    assert (found.found, found.injections, found.false) == (1, 1, 2)
    assert found.fdr == pytest.approx(2 / 3)
    assert found.elements == pytest.approx(3 * 61**2 / APERTURE - 1)
    assert found.fpr == pytest.approx(2 / found.elements)


def test_a_blob_larger_than_two_apertures_is_as_many_false_positives():
    large = disc(30, 30, 8.0)
    expected = round((large > 5).sum() / APERTURE)
    assert expected == 4
    assert counts(large, [(30, 30)]) == (0, expected)
    assert counts(large, [(30, 30)], rules=Rules(largest=5.0)) == (1, 0)


def test_single_pixels_and_missing_ones_are_no_blobs():
    values = np.full((61, 61), np.nan)
    values[10, 10] = 9.0
    values[30:33, 30] = 9.0
    assert counts(values, NONE) == (0, 1)
    assert counts(values, NONE, rules=Rules(pixels=1)) == (0, 2)
    diagonal = np.zeros((61, 61))
    diagonal[[20, 21], [20, 21]] = 9.0
    assert counts(diagonal, NONE) == (0, 0)  # two pixels that only touch at a corner


def test_rates_and_their_areas():
    one = Score(found=3, injections=5, false=2, elements=100.0)
    assert (one.tpr, one.fpr, one.fdr, one.f1) == (0.6, 0.02, 0.4, 0.6)
    precision, recall = 3 / 5, 0.6
    assert one.f1 == pytest.approx(2 * precision * recall / (precision + recall))
    nothing = Score(0, 0, 0, 10.0)
    assert nothing.fdr == 0
    assert np.isnan([nothing.tpr, nothing.f1]).all()

    maps = [DetectionMap(disc(30, 30, height=8.0) + disc(10, 10, height=2.0), [(30, 30)], FWHM)]
    thresholds = thresholds_about(5.0, 1001)
    assert (thresholds[0], thresholds[-1]) == (0.0, 10.0)
    found = areas(thresholds, pooled(maps, thresholds))
    assert found.tpr == pytest.approx(0.8, abs=2e-3)
    assert found.fdr == pytest.approx(0.2 / 2, abs=2e-3)
    assert found.fpr == pytest.approx(0.2 / (61**2 / APERTURE - 1), abs=1e-4)


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (
            lambda: DetectionMap(np.zeros((9, 9)), [(9, 0)], 2.0),
            "x=9, y=0 is outside the map of 9×9",
        ),
        (lambda: Rules(overlap=1.0), "overlap is 1, expected"),
        (lambda: Rules(pixels=0), "pixels is 0"),
        (lambda: thresholds_about(0.0), "threshold is 0, expected more than 0"),
    ],
)
def test_bad_input(made, line):
    with pytest.raises(BadInput, match=line):
        made()
