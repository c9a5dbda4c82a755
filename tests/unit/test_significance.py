"""False-positive fractions of small samples, and the resolution elements on a circle."""

import numpy as np
import pytest
from scipy import stats

from exosift.detect.laplace import laplace_tail
from exosift.detect.significance import false_alarm_probability, false_positive_fraction
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
    noise = resolution_elements(np.array(radius * 4.0), 4.0) - 1
    fpf = false_positive_fraction(np.array(snr), noise)
    assert fpf == pytest.approx(stats.norm.sf(5), rel=0.15)


def test_the_fraction_is_the_upper_tail_of_student():
    snr, noise = np.array([-1.0, 0.0, 3.0]), np.array([17, 17, 5])
    expected = stats.t.sf(snr, noise - 1)
    np.testing.assert_allclose(false_positive_fraction(snr, noise), expected)


def test_the_fraction_of_a_given_map_is_the_normal_tail():
    snr = np.array([-1.0, 0.0, 3.0, 12.0])
    found = false_positive_fraction(snr, np.zeros(4, int), "normal")
    np.testing.assert_allclose(found, stats.norm.sf(snr))


def test_an_alarm_anywhere_is_one_minus_none_everywhere():
    assert false_alarm_probability(np.array(0.01), 50) == pytest.approx(1 - 0.99**50)
    assert false_alarm_probability(np.array(1e-18), 1000) == pytest.approx(1e-15)
    assert false_alarm_probability(np.array(1.0), 3) == pytest.approx(1.0)


@pytest.mark.parametrize("null", ["student", "laplace"])
def test_too_few_apertures_tell_no_fraction(null):
    snr = np.array([3.0, 3.0, np.nan])
    assert np.isnan(false_positive_fraction(snr, np.array([2, 0, 17]), null)).all()
    assert np.isfinite(false_positive_fraction(snr[:1], np.array([3]), null)).all()


def test_an_snr_that_is_no_significance_has_no_fraction():
    assert np.isnan(false_positive_fraction(np.array([1.0, 25.0]), np.array(17), "unknown")).all()


@pytest.mark.parametrize("noise", [3, 5, 11, 29, 59])
def test_laplace_table_is_that_of_a_brute_bootstrap(noise):
    rng = np.random.default_rng(noise)
    values = rng.laplace(2.0, 3.0, size=(200_000, noise + 1))  # no level or scale matters
    others = values[:, 1:]
    error = others.std(axis=1, ddof=1) * np.sqrt(1 + 1 / noise)
    snr = (values[:, 0] - others.mean(axis=1)) / error
    for fraction in (0.9, 0.3, 0.1, 0.01, 0.001):
        at = np.quantile(snr, 1 - fraction)
        told = false_positive_fraction(np.array(at), np.array(noise), "laplace")
        error = np.sqrt(fraction * (1 - fraction) / len(snr))
        assert abs(told - fraction) < 4 * error + 0.015 * fraction


def test_laplace_tail_of_few_apertures_is_a_power_law():
    """Noise apertures alike by chance make it: P(s < ε) ∝ ε^(n − 1), whatever the noise is like."""
    for noise in (3, 5, 6):
        far = laplace_tail(noise).fraction(np.array([150.0, 300.0]))
        assert np.log2(far[0] / far[1]) == pytest.approx(noise - 1, rel=0.02)


def test_laplace_tail_of_many_apertures_is_that_of_the_noise_itself():
    """With level and scale known, P(x > t σ) = ½ exp(−√2 t)."""
    snr = np.array([1.0, 3.0, 5.0])
    found = false_positive_fraction(snr, np.full(3, 2000), "laplace")
    np.testing.assert_allclose(found, 0.5 * np.exp(-np.sqrt(2) * snr), rtol=0.05)


def test_laplace_fractions_fall_with_snr_and_end_where_the_table_does():
    tail = laplace_tail(16)
    snr = np.linspace(-40, 400, 3000)
    fraction = tail.fraction(snr)
    assert (np.diff(fraction) <= 0).all()
    np.testing.assert_allclose(tail.fraction(-snr), 1 - fraction, atol=1e-12)
    assert fraction[-1] == pytest.approx(tail.least)
    assert tail.least < 1e-15
    assert laplace_tail(16) is tail
