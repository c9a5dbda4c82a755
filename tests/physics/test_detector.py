"""The made-up detector and its background: statistics against those asked for."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.simulate.background import Background, glow
from exosift.simulate.detector import Detector, cosmic_rays, fixed_pattern, read_out
from exosift.simulate.surfaces import smooth_modes
from exosift.simulate.wavefront import drift

PLAIN = Detector(hot=0.0, dead=0.0, pixel_response=0.0, large_response=0.0, cosmic_rays=0.0)
SIZE = 64


def rng(seed=1):
    return np.random.default_rng(seed)


def exposures(electrons, detector=PLAIN, count=40, seconds=1.0):
    pattern = fixed_pattern(detector, SIZE, rng(2))
    light = np.full((count, SIZE, SIZE), float(electrons))
    return read_out(light, seconds, pattern, detector, rng()), pattern


def test_photon_transfer():
    """Variance over mean is one over the gain, above the read noise."""
    dim, bright = (
        exposures(electrons, replace(PLAIN, dark_current=0.0))[0] for electrons in (2e3, 6e4)
    )
    variance = [counts.var(axis=0, ddof=1).mean() for counts in (dim, bright)]
    slope = (variance[1] - variance[0]) / (bright.mean() - dim.mean())
    assert slope == pytest.approx(1 / PLAIN.gain, rel=0.01)
    expected = (PLAIN.read_noise / PLAIN.gain) ** 2 + 2e3 / PLAIN.gain**2 + 1 / 12
    assert variance[0] == pytest.approx(expected, rel=0.02)


def test_bias_read_noise_and_dark_current():
    short, pattern = exposures(0.0, seconds=0.0)
    np.testing.assert_allclose(short.mean(axis=0), pattern.bias, atol=4.5)  # 6 σ of 40
    noise = short.std(axis=0, ddof=1).mean()
    assert noise == pytest.approx(PLAIN.read_noise / PLAIN.gain, rel=0.02)
    assert pattern.bias.std() == pytest.approx(PLAIN.bias_pattern, rel=0.05)
    long, _ = exposures(0.0, seconds=1000.0)
    rate = (long.mean() - short.mean()) * PLAIN.gain / 1000
    assert rate == pytest.approx(PLAIN.dark_current, rel=0.005)


def test_linear_up_to_saturation():
    detector = replace(PLAIN, read_noise=0.0, bias_pattern=0.0, dark_current=0.0)
    full = (detector.saturation - detector.bias) * detector.gain
    for share in (0.1, 0.5, 0.9):
        counts, _ = exposures(share * full, detector)
        assert counts.mean() - detector.bias == pytest.approx(
            share * full / detector.gain, rel=1e-3
        )
    assert (exposures(2 * full, detector)[0] == detector.saturation).all()


def test_fixed_pattern_is_as_asked_for():
    detector = replace(Detector(), pixel_response=0.02, large_response=0.05)
    pattern = fixed_pattern(detector, 200, rng())
    assert pattern.hot.sum() == round(detector.hot * 200**2)
    assert pattern.dead.sum() == round(detector.dead * 200**2)
    assert not (pattern.hot & pattern.dead).any()
    assert pattern.response[pattern.dead].max() < 0.12
    alive = pattern.response[~pattern.dead]
    assert alive.mean() == pytest.approx(1, abs=1e-4)
    modes = smooth_modes(200)
    slow = np.tensordot((pattern.response * modes).mean(axis=(1, 2)), modes, axes=1)
    assert slow.std() == pytest.approx(0.05, rel=0.05)
    assert (pattern.response - slow)[~pattern.dead].std() == pytest.approx(0.02, rel=0.05)
    assert pattern.dark[~pattern.hot].max() == detector.dark_current
    assert pattern.dark[pattern.hot].mean() == pytest.approx(detector.hot_current, rel=0.3)


def test_response_acts_on_light_and_not_on_dark_current():
    detector = replace(PLAIN, read_noise=0.0, large_response=0.1, bias_pattern=0.0)
    lit, pattern = exposures(5e4, detector)
    np.testing.assert_allclose(
        (lit.mean(axis=0) - detector.bias) * detector.gain,
        5e4 * pattern.response + detector.dark_current,
        rtol=6 / np.sqrt(40 * 5e4) + 1e-4,
    )
    dark, _ = exposures(0.0, detector, seconds=1000.0)
    assert dark.mean(axis=0).std() < 0.005 * dark.mean()


def test_cosmic_rays_are_as_many_and_as_strong_as_asked_for():
    detector = replace(PLAIN, cosmic_rays=1e-3, cosmic_electrons=1e4)
    hit = cosmic_rays((50, 128, 128), 2.0, detector, rng())
    rays = 1e-3 * 2 * 50 * 128**2
    assert hit.sum() == pytest.approx(rays * 1e4, rel=0.1)
    assert rays < (hit > 0).sum() < 4 * rays
    assert (hit.reshape(50, -1) > 0).any(axis=1).all()
    assert not cosmic_rays((3, 8, 8), 0.0, detector, rng()).any()


def test_smooth_modes_are_orthonormal():
    modes = smooth_modes(50).reshape(-1, 2500)
    np.testing.assert_allclose(modes @ modes.T / 2500, np.eye(len(modes)), atol=0.01)
    np.testing.assert_allclose(modes.mean(axis=1), 0, atol=1e-12)


def test_background_drifts_as_asked_for():
    told = Background(1e4, level_drift=0.02, level_time=100.0, pattern=0.05, pattern_drift=0.01)
    elapsed = np.cumsum(rng().choice([20.0, 200.0, 5000.0], 3000))
    made = glow(told, 24, elapsed, rng(3))
    assert made.level.mean() == pytest.approx(1e4, rel=0.005)
    assert made.level.std() == pytest.approx(200, rel=0.1)
    change = (made.weights - made.weights.mean(axis=0)).std(axis=0)
    assert np.sqrt(np.sum(change**2)) == pytest.approx(0.01, rel=0.1)
    rate = made.rate(slice(7, 9))
    assert rate.shape == (2, 24, 24)
    np.testing.assert_allclose(rate.mean(axis=(1, 2)), made.level[7:9], rtol=1e-6)


def test_form_of_the_background_is_of_the_strength_asked_for():
    forms = [
        glow(Background(pattern=0.05), 24, np.zeros(1), rng(n)).rate(slice(0, 1)) for n in range(60)
    ]
    spread = [(one / one.mean()).var() for one in forms]
    assert np.sqrt(np.mean(spread)) == pytest.approx(np.hypot(0.05, 0.01), rel=0.1)


def test_drift_forgets_with_time():
    """Correlation of an Ornstein-Uhlenbeck process exp(−Δt/τ), for steps of different lengths."""
    steps = np.tile([10.0, 40.0], 3000)
    path = drift(rng().standard_normal((6001, 20)), np.exp(-steps / 50))
    assert path.std() == pytest.approx(1, rel=0.03)
    for first, step in ((0, 10.0), (1, 40.0)):
        found = np.mean(path[first:-1:2] * path[first + 1 :: 2])
        assert found == pytest.approx(np.exp(-step / 50), abs=0.02)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"gain": 0.0}, "gain is 0 electrons a count, expected more than 0"),
        ({"saturation": 300.0}, "saturation is 300 counts, expected more than the bias, 400"),
        ({"hot": 0.5}, "hot is 0.5, expected a share from 0 to 0.2"),
        ({"read_noise": -1.0}, "read_noise is -1, expected 0 or more"),
    ],
)
def test_detectors_that_cannot_be(wrong, line):
    with pytest.raises(BadInput, match=line):
        Detector(**wrong)


def test_backgrounds_that_cannot_be():
    with pytest.raises(BadInput, match="level is -1, expected 0 or more"):
        Background(level=-1.0)
    with pytest.raises(BadInput, match="level_time is 0 s, expected more than 0"):
        Background(level_time=0.0)
