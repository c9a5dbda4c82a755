"""The simulator's optics, wavefronts and field rotation against closed forms."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from scipy.special import j1

from exosift.errors import BadInput
from exosift.simulate.field import parallactic_angle
from exosift.simulate.optics import (
    diffraction_scale,
    focal_plane,
    image,
    perfect_coronagraph,
    pupil_axis,
    pupil_field,
    telescope_pupil,
    tilt,
)
from exosift.simulate.wavefront import (
    adaptive_optics,
    amplitudes,
    drift,
    frequencies,
    out_of_pupil,
    power_law,
    screens,
)


def test_diffraction_scale_of_the_vlt_at_3_8_micrometres():
    assert diffraction_scale(3.8, 8.2) == pytest.approx(95.587, abs=1e-3)


def test_pupil_lets_through_the_area_of_the_annulus():
    pupil = telescope_pupil(128, 0.3, 0.0)
    assert pupil.sum() / 128**2 == pytest.approx(np.pi / 4 * (1 - 0.3**2), rel=1e-3)


def test_spiders_thinner_than_a_pixel_cover_their_area():
    blocked = telescope_pupil(63, 0.2, 0.0) - telescope_pupil(63, 0.2, 0.01)
    # Four vanes from the obstruction to the edge; 8 samples a pixel hold the width to 1/8 pixel.
    assert blocked.sum() / 63**2 == pytest.approx(2 * 0.01 * 0.8, rel=0.25)


def test_clear_pupil_gives_the_airy_pattern():
    step, half = 0.02, 150
    plane = focal_plane(256, (1, 2 * half + 1), (half, 0), step)
    field = pupil_field(telescope_pupil(256, 0.0, 0.0), np.zeros((256, 256)), 3.8)
    profile = image(field, plane)[0, half:]
    x = step * np.arange(half + 1)
    airy = np.ones_like(x)
    airy[1:] = (2 * j1(np.pi * x[1:]) / (np.pi * x[1:])) ** 2
    assert profile[0] == pytest.approx(np.pi / 4 * step**2, rel=1e-4)
    np.testing.assert_allclose(profile / profile[0], airy, atol=1e-3)
    first_ring = int(np.argmin(profile[40:80])) + 40
    assert x[first_ring] == pytest.approx(1.22, abs=step)


def test_matrix_transform_equals_the_fft_and_keeps_the_power():
    rng = np.random.default_rng(1)
    field = rng.standard_normal((3, 16, 16)) + 1j * rng.standard_normal((3, 16, 16))
    seen = image(field, focal_plane(16, (32, 32), (16, 16), 0.5))
    expected = np.fft.fftshift(np.abs(np.fft.fft2(field, (32, 32))) ** 2, axes=(1, 2)) / 32**2
    np.testing.assert_allclose(seen, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(seen.sum(axis=(1, 2)), np.sum(np.abs(field) ** 2, axis=(1, 2)))


def test_tilted_field_lands_where_it_points():
    pupil = telescope_pupil(32, 0.1, 0.0)
    field = pupil_field(pupil, np.zeros((32, 32)), 2.0) * tilt(32, (3.0, -2.0))
    seen = image(field, focal_plane(32, (61, 51), (25, 30), 0.25))
    assert np.unravel_index(seen.argmax(), seen.shape) == (30 - 8, 25 + 12)


def test_one_path_is_half_the_phase_at_twice_the_wavelength():
    pupil = telescope_pupil(32, 0.1, 0.0)
    opd = 100 * np.random.default_rng(2).standard_normal((32, 32))
    blue, red = pupil_field(pupil, opd, 1.0), pupil_field(pupil, opd, 2.0)
    np.testing.assert_allclose(blue * np.abs(red), red**2 * np.sign(pupil), atol=1e-12)


@pytest.mark.parametrize("wavelength", [1.0, 1.5])
def test_ripple_of_the_path_makes_two_speckles_at_as_many_wavelengths_over_diameter(wavelength):
    pupil, cycles = telescope_pupil(48, 0.1, 0.0), 8
    opd = 20 * np.cos(2 * np.pi * cycles * pupil_axis(48)) * np.ones((48, 1))
    step = 10.0 / diffraction_scale(wavelength, 8.0)  # pixels of 10 mas
    field = perfect_coronagraph(pupil_field(pupil, opd, wavelength), pupil)
    seen = image(field, focal_plane(48, (1, 121), (60, 0), step))[0]
    expected = cycles / step
    for half, place in ((slice(0, 50), 60 - expected), (slice(71, 121), 60 + expected)):
        assert seen[half].argmax() + half.start == pytest.approx(place, abs=0.6)
    assert seen.max() / step**2 == pytest.approx(
        pupil.sum() / 48**2 * (np.pi * 20e-3 / wavelength) ** 2, rel=0.1
    )


def propagated(opd, wavelength, ratio):
    """Complex path of a periodic phase screen a distance on, by the angular spectrum."""
    wave = 2e-3 * np.pi / wavelength
    axis = np.fft.fftfreq(len(opd), 1 / len(opd))
    transfer = np.exp(-1j * np.pi * ratio * (axis[:, None] ** 2 + axis**2))
    field = np.fft.ifft2(np.fft.fft2(np.exp(1j * wave * opd)) * transfer)
    return np.log(field) / (1j * wave)


def test_ripple_out_of_the_pupil_is_what_propagation_makes_of_it():
    n, cycles, pupil = 32, 5, np.ones((32, 32))
    amplitude = np.where(np.isclose(frequencies(n), cycles), 0.05, 0.0)
    quarter = 1 / (2 * cycles**2)  # of the Talbot length: all phase is amplitude
    turned, seen = out_of_pupil(
        amplitude, pupil, [quarter, 0.3 * quarter], np.random.default_rng(1)
    )
    opd = -turned.imag
    np.testing.assert_allclose(turned.real, 0, atol=1e-9)
    expected = propagated(opd, 1.3, 0.3 * quarter)
    assert np.std(seen.imag) == pytest.approx(opd.std() * np.sin(0.15 * np.pi), rel=1e-6)
    np.testing.assert_allclose(seen.imag, expected.imag, atol=0.02 * opd.std())
    u, v = pupil_axis(n)[None, :] * pupil, pupil_axis(n)[:, None] * pupil
    modes = np.stack([pupil.ravel(), u.ravel(), v.ravel()])
    weights = np.linalg.lstsq(modes.T, expected.real.ravel(), rcond=None)[0]
    flat = expected.real - (weights @ modes).reshape(n, n)
    np.testing.assert_allclose(seen.real, flat, atol=0.02 * opd.std())


def test_light_gathers_behind_the_longest_path():
    pupil, n = telescope_pupil(32, 0.1, 0.0), 32
    amplitude = amplitudes(power_law(frequencies(n), -2.5), 30.0, pupil)
    near, far = out_of_pupil(amplitude, pupil, [0.0, 1e-3], np.random.default_rng(2))
    assert np.abs(near.imag).max() < 1e-9
    bright = np.abs(pupil_field(np.ones((n, n)), far, 1.3))
    curvature = 4 * near.real - sum(np.roll(near.real, s, a) for s in (1, -1) for a in (0, 1))
    inside = (slice(1, -1), slice(1, -1))
    assert np.corrcoef(bright[inside].ravel(), curvature[inside].ravel())[0, 1] > 0.5


def test_screens_out_of_the_pupil_have_the_stated_rms():
    pupil = telescope_pupil(32, 0.14, 0.01)
    amplitude = amplitudes(power_law(frequencies(32), -2.5), 50.0, pupil)
    rng = np.random.default_rng(3)
    opd = np.stack([out_of_pupil(amplitude, pupil, [0.0], rng)[0].real for _ in range(400)])
    variance = np.tensordot(opd**2, pupil, axes=2) / pupil.sum()
    assert np.sqrt(variance.mean()) == pytest.approx(50.0, rel=0.05)


def test_images_and_sources_beyond_the_sampled_pupil_are_refused():
    with pytest.raises(BadInput, match=r"an image of 20\.0 λ/D is wider than the 16"):
        focal_plane(16, (40, 40), (20, 20), 0.5)
    with pytest.raises(BadInput, match=r"a source at x = 9\.0, y = 0\.0 λ/D is beyond the 8"):
        tilt(16, (9.0, 0.0))


def test_perfect_coronagraph_removes_an_unaberrated_star():
    pupil = telescope_pupil(64, 0.14, 0.005)
    star = pupil_field(pupil, np.full((64, 64), 70.0), 3.8)
    assert np.abs(perfect_coronagraph(star, pupil)).max() < 1e-15


def test_perfect_coronagraph_passes_a_companion_but_for_the_airy_amplitude():
    pupil = telescope_pupil(256, 0.0, 0.0)
    companion = pupil_field(pupil, np.zeros((256, 256)), 3.8) * tilt(256, (2.5, 0.0))
    power = np.sum(np.abs(companion) ** 2)
    passed = np.sum(np.abs(perfect_coronagraph(companion, pupil)) ** 2) / power
    assert passed == pytest.approx(1 - (2 * j1(2.5 * np.pi) / (2.5 * np.pi)) ** 2, abs=1e-4)


@pytest.mark.parametrize("spectrum", [(power_law, -2.5), (adaptive_optics, 7.0)])
def test_screens_have_the_stated_rms_over_the_pupil(spectrum):
    pupil = telescope_pupil(32, 0.14, 0.01)
    density, parameter = spectrum
    amplitude = amplitudes(density(frequencies(32), parameter), 50.0, pupil)
    opd = screens(amplitude, pupil, 601, np.random.default_rng(3))
    assert opd.shape == (601, 32, 32)
    mean = np.tensordot(opd, pupil, axes=2) / pupil.sum()
    variance = np.tensordot(opd**2, pupil, axes=2) / pupil.sum()
    np.testing.assert_allclose(mean, 0, atol=1e-10)
    # A few low modes hold the variance of a steep spectrum, so it scatters by about half.
    assert np.sqrt(variance.mean()) == pytest.approx(50.0, rel=0.04)


def test_screens_neither_tip_nor_tilt():
    pupil = telescope_pupil(32, 0.14, 0.01)
    amplitude = amplitudes(power_law(frequencies(32), -2.5), 50.0, pupil)
    opd = screens(amplitude, pupil, 4, np.random.default_rng(4))
    axis = pupil_axis(32)
    np.testing.assert_allclose(np.sum(opd * pupil * axis, axis=(1, 2)), 0, atol=1e-9)
    np.testing.assert_allclose(np.sum(opd * pupil * axis[:, None], axis=(1, 2)), 0, atol=1e-9)


def test_adaptive_optics_spectrum_bends_at_the_control_radius():
    f = np.array([2.0, 4.0, 7.0, 14.0, 28.0])
    slopes = np.diff(np.log(adaptive_optics(f, 7.0))) / np.diff(np.log(f))
    np.testing.assert_allclose(slopes, [-5 / 3, -5 / 3, -11 / 3, -11 / 3])


def test_drift_is_stationary_and_forgets_exponentially():
    path = drift(np.random.default_rng(5).standard_normal((400, 40, 40)), 0.9)
    assert path.var() == pytest.approx(1.0, rel=0.02)
    assert path[0].var() == pytest.approx(1.0, rel=0.1)
    for lag in (1, 5, 10):
        assert np.mean(path[lag:] * path[:-lag]) == pytest.approx(0.9**lag, abs=0.02)


@pytest.mark.parametrize(
    ("declination", "latitude"), [(-51.07, -24.63), (38.8, 19.83), (5.0, 50.0)]
)
def test_parallactic_angle_is_the_position_angle_of_the_zenith(declination, latitude):
    hour_angle = np.linspace(-4.0, 4.0, 41)
    star = SkyCoord(-15 * hour_angle * u.deg, declination * u.deg)
    zenith = SkyCoord(0 * u.deg, latitude * u.deg)
    expected = star.position_angle(zenith).deg
    error = parallactic_angle(hour_angle, declination, latitude) - expected
    np.testing.assert_allclose((error + 180) % 360 - 180, 0, atol=1e-9)


def test_parallactic_angle_is_continuous_through_the_meridian():
    angle = parallactic_angle(np.linspace(-1.0, 1.0, 201), 38.8, 19.83)
    assert np.abs(np.diff(angle)).max() < 2.0
