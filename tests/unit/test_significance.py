"""False-positive fractions of small samples, and the resolution elements on a circle."""

import numpy as np
import pytest
from scipy import stats

from exosift.detect.significance import (
    elements_in_field,
    false_alarm_probability,
    false_positive_fraction,
)
from exosift.detect.snr import resolution_elements


def test_elements_are_the_touching_discs_that_fit_on_a_circle():
    # Six coins fit around one of their own size; two meet at half a diameter from the centre.
    assert resolution_elements(np.array([4.0, 2.0]), 4.0).tolist() == [6, 2]
    for radius in np.linspace(2.5, 60, 40):
        count = int(resolution_elements(np.array(radius), 4.0))
        chord = 2 * radius * np.sin(np.pi / count)
        crowded = 2 * radius * np.sin(np.pi / (count + 1))
        assert chord >= 4.0 - 1e-9
        assert crowded < 4.0


@pytest.mark.parametrize(("radius", "snr"), [(1, 56.9), (2, 11.2), (3, 8.0), (5, 6.4), (10, 5.6)])
def test_five_sigma_needs_the_published_snr(radius, snr):
    fpf = false_positive_fraction(np.array(snr), np.array(radius * 4.0), 4.0)
    assert fpf == pytest.approx(stats.norm.sf(5), rel=0.15)


def test_the_fraction_is_the_upper_tail_of_student():
    snr, radius = np.array([-1.0, 0.0, 3.0]), np.array([12.0, 12.0, 12.0])
    freedom = resolution_elements(radius, 4.0)[0] - 2
    expected = stats.t.sf(snr, freedom)
    np.testing.assert_allclose(false_positive_fraction(snr, radius, 4.0), expected)


def test_the_fraction_of_a_given_map_is_the_normal_tail():
    snr, radius = np.array([-1.0, 0.0, 3.0, 12.0]), np.full(4, 12.0)
    found = false_positive_fraction(snr, radius, 4.0, "normal")
    np.testing.assert_allclose(found, stats.norm.sf(snr))


def test_an_alarm_anywhere_is_one_minus_none_everywhere():
    assert false_alarm_probability(np.array(0.01), 50) == pytest.approx(1 - 0.99**50)
    assert false_alarm_probability(np.array(1e-18), 1000) == pytest.approx(1e-15)
    assert false_alarm_probability(np.array(1.0), 3) == pytest.approx(1.0)
    assert elements_in_field(4.0, 20.0, 4.0) == pytest.approx(20**2 / 4 - 4**2 / 4)
    assert elements_in_field(4.0, 4.1, 4.0) == 1.0
