"""Simulated spectrographs and reference stars: what scales with the wavelength, what is shared."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from exosift.config import load
from exosift.errors import BadInput
from exosift.geometry.grid import radius_map
from exosift.photometry.apertures import aperture_flux
from exosift.simulate.exposure import channel, expose
from exosift.simulate.field import parallactic_angle
from exosift.simulate.optics import diffraction_scale, telescope_pupil
from exosift.simulate.scene import InjectedCompanion, Simulation
from exosift.simulate.sequence import simulate
from exosift.simulate.spectra import contrasts, t_dwarf
from exosift.threads import limit

CONFIG = Path(__file__).parents[2] / "config"

SMALL = Simulation(
    diameter=8.0,
    wavelength=1.3,
    channels=3,
    bandwidth=0.7,
    pixel_scale=7.46,
    size=81,
    psf_size=31,
    pupil_pixels=48,
    frames=2,
    hour_angle_start=-0.1,
    hour_angle_end=0.1,
    star_electrons=1e11,
    background=0.0,
    read_noise=0.0,
    static_rms=40.0,
    drifting_rms=0.0,
    residual_rms=0.0,
    residual_screens=1,
    control_radius=20.0,
    pointing_jitter=0.0,
    decentring_x=0.0,
    decentring_y=0.0,
)


def made(seed=1, companions=(), **changes):
    return simulate(replace(SMALL, **changes), companions, np.random.default_rng(seed))


def speckles(image, inner=10, outer=24):
    """Pixels of an annulus, less the mean of every ring, each ring of unit rms."""
    radius = radius_map(image.shape, ((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2))
    inside = (radius >= inner) & (radius < outer)
    ring, values = radius[inside].astype(int), image[inside].astype(float)
    count = np.maximum(np.bincount(ring), 1)
    values = values - (np.bincount(ring, values) / count)[ring]
    return values / np.sqrt(np.bincount(ring, values**2) / count)[ring]


def magnified(image, factor):
    """`image` magnified about its centre by `factor`."""
    middle = (image.shape[0] - 1) / 2
    places = middle + (np.mgrid[: image.shape[0], : image.shape[1]] - middle) / factor
    return ndimage.map_coordinates(image.astype(float), places, order=3)


def likeness(blue, red, factor):
    """Correlation of the speckles of `blue`, magnified, with those of `red`."""
    return np.corrcoef(speckles(magnified(blue, factor)), speckles(red))[0, 1]


def test_speckles_move_outwards_in_proportion_to_the_wavelength():
    seen = made()
    blue, _, red = seen.cube[:, 0]
    factor = seen.wavelength[2] / seen.wavelength[0]
    assert likeness(blue, red, factor) > 0.98
    assert abs(likeness(blue, red, 1.0)) < 0.4
    assert abs(likeness(blue, red, 1 / factor)) < 0.4


def test_speckles_fade_as_the_square_of_the_wavelength():
    seen = made(static_rms=5.0)  # well below a radian
    blue, _, red = seen.cube[:, 0] / seen.psf.max(axis=(1, 2))[:, None, None]
    factor = seen.wavelength[2] / seen.wavelength[0]
    ring = radius_map(red.shape, (40.0, 40.0))
    bright = (ring > 10) & (ring < 24) & (red > np.median(red[(ring > 10) & (ring < 24)]))
    ratio = np.median(magnified(blue, factor)[bright] / red[bright])
    assert ratio == pytest.approx(factor**2, rel=0.05)


def test_aberrations_out_of_the_pupil_break_the_scaling():
    scaled = {}
    for distance in (0.0, 3000.0):
        seen = made(static_rms=0.0, out_of_pupil_rms=40.0, out_of_pupil_distance=distance)
        blue, middle, red = seen.cube[:, 0]
        low, centre, high = seen.wavelength
        scaled[distance] = likeness(blue, red, high / low), likeness(middle, red, high / centre)
    assert min(scaled[0.0]) > 0.98
    far, near = scaled[3000.0]
    assert far < 0.9
    assert far < near < 0.97


def test_psf_widens_with_the_wavelength():
    seen = made()
    scale = [diffraction_scale(one, 8.0) / 7.46 for one in seen.wavelength]
    np.testing.assert_allclose(np.divide(seen.fwhm, scale), 0.97, rtol=0.03)
    assert list(seen.wavelength) == pytest.approx([0.95, 1.3, 1.65])
    assert seen.psf.shape == (3, 31, 31)
    assert [one.argmax() for one in seen.psf] == [480] * 3


def test_photons_of_every_channel_are_its_own():
    cube = made(frames=300, size=31, star_electrons=1e8, read_noise=20.0, background=50.0).cube
    cube = cube.astype(float)
    mean, variance = cube.mean(axis=1), cube.var(axis=1, ddof=1)
    assert mean.mean() > 10 * 50
    ratio = variance / (mean + 50 + 20**2)
    np.testing.assert_allclose(ratio.mean(axis=(1, 2)), 1.0, atol=0.01)
    noise = (cube - mean[:, None]).reshape(3, -1)
    np.testing.assert_allclose(np.corrcoef(noise), np.eye(3), atol=0.01)


@pytest.mark.parametrize("spectrum", ["flat", "t-type", (1.0, 0.2, 3.0)])
def test_companion_has_contrast_times_spectrum_times_star_in_each_channel(spectrum):
    companion = InjectedCompanion(25 * 7.46, 30.0, 0.05, spectrum)
    alone, seen = made(frames=1), made(frames=1, companions=[companion])
    x, y = seen.companions[0, 0]
    light = seen.cube[:, 0].astype(float) - alone.cube[:, 0]
    fluxes = [
        aperture_flux(one, x, y, fwhm / 2) for one, fwhm in zip(light, seen.fwhm, strict=True)
    ]
    expected = 0.05 * np.asarray(
        {"flat": np.ones(3), "t-type": t_dwarf(seen.wavelength)}.get(spectrum, spectrum)
    )
    np.testing.assert_allclose(seen.contrast, [expected])
    # The coronagraph takes the Airy amplitude there from the companion: some per cent.
    np.testing.assert_allclose(fluxes, expected * seen.star_flux, rtol=0.04)


def test_t_dwarf_is_dark_in_water_and_methane_and_bright_between():
    # Read off the SpeX prism spectrum of 2MASS J15031961+2525196, in units of its peak.
    observed = {0.98: 0.27, 1.08: 0.71, 1.15: 0.24, 1.21: 0.59, 1.27: 0.99, 1.30: 0.84}
    observed |= {1.40: 0.03, 1.50: 0.15, 1.58: 0.46, 1.64: 0.18}
    np.testing.assert_allclose(
        t_dwarf(np.array(list(observed))), list(observed.values()), atol=0.08
    )


@pytest.mark.parametrize(
    ("spectrum", "wavelengths", "message"),
    [
        ("t-type", (3.8,), "described from 0.95 to 1.65 µm, not over 3.8 to 3.8 µm"),
        ((1.0, 2.0), (1.0, 1.1, 1.2), "a spectrum of 2 values for 3 channels"),
    ],
)
def test_spectra_that_fit_no_channels_are_refused(spectrum, wavelengths, message):
    with pytest.raises(BadInput, match=message):
        contrasts(InjectedCompanion(100.0, 0.0, 1e-3, spectrum), wavelengths)


def test_single_precision_is_lost_in_the_noise_of_photons():
    pupil = telescope_pupil(48, 0.14, 0.005)
    path = 60 * np.random.default_rng(3).standard_normal((4, 48, 48))
    places, light = np.array([[0.1, -0.1], [20.0, 5.0]]), {}
    for real, kind in ((np.float32, np.complex64), (float, complex)):
        one = channel(SMALL, 1.3, np.zeros((48, 48), kind), np.array([1.0, 1e-4]))
        light[kind], _ = expose(path.astype(real), pupil.astype(real), places, one)
    electrons = 1e9 * light[complex]
    np.testing.assert_array_less(
        1e9 * abs(light[np.complex64] - light[complex]), 0.02 * np.sqrt(electrons)
    )


def test_same_seed_same_channels_on_any_number_of_threads():
    results, told = [], []
    for threads in (1, 2):
        with limit(threads):
            rng = np.random.default_rng(9)
            results.append(
                simulate(
                    replace(SMALL, residual_rms=60.0, drifting_rms=20.0, frames=3),
                    [],
                    rng,
                    lambda done, of: told.append((done, of)),
                )
            )
    np.testing.assert_array_equal(results[0].cube, results[1].cube)
    assert told == [(1, 3), (2, 3), (3, 3), (2, 3), (3, 3)]
    assert not np.array_equal(results[0].cube, made(10, frames=3).cube)


STAR = Simulation(frames=4, size=61, psf_size=21, pupil_pixels=32, residual_screens=8)


def star(seed, **changes):
    """The mean frame of a star."""
    changed = replace(STAR, **changes)
    return simulate(changed, [], np.random.default_rng(seed)).cube[0].mean(axis=0)


def alike(one, other):
    return np.corrcoef(speckles(one, 6, 26), speckles(other, 6, 26))[0, 1]


def test_reference_stars_share_what_is_the_instruments():
    science, reference = star(1, common=0.9), star(2, common=0.9)
    assert alike(science, reference) > 0.3
    assert alike(science, reference) > alike(science, star(2)) + 0.25
    assert abs(alike(science, star(2, common=0.9, instrument_seed=5))) < 0.2


def test_stars_that_share_all_differ_by_their_photons_alone():
    still = {"drifting_rms": 0.0, "residual_rms": 0.0, "pointing_jitter": 0.0}
    still |= {"out_of_pupil_rms": 40.0, "out_of_pupil_distance": 20.0, "background": 0.0}
    assert alike(star(1, common=1.0, **still), star(2, common=1.0, **still)) > 0.999


def test_what_is_shared_changes_no_rms():
    changes = {"static_rms": 20.0, "drifting_rms": 0.0, "residual_rms": 0.0, "frames": 1}
    own, half = (
        np.mean([star(n, common=common, instrument_seed=n, **changes) for n in range(20)])
        for common in (0.0, 0.5)
    )
    assert half == pytest.approx(own, rel=0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 39}, r"bandwidth is 0 µm for 39 channels at 3\.8 µm: one channel has none"),
        ({"bandwidth": 0.7}, r"bandwidth is 0\.7 µm for 1 channels"),
        ({"channels": 2, "bandwidth": 8}, "bandwidth is 8 µm for 2 channels"),
        ({"common": 1.5}, r"common is 1\.5, expected a share from 0 to 1"),
    ],
)
def test_impossible_spectrographs_are_refused(change, message):
    with pytest.raises(BadInput, match=message):
        Simulation(**change)


def scene_of(name):
    survey = load(CONFIG / name / "config.yaml")
    scene = survey.config.simulate.scene
    hours = np.array([scene.hour_angle_start, scene.hour_angle_end])
    rotation = np.ptp(parallactic_angle(hours, scene.declination, scene.latitude))
    return survey, scene, rotation


def test_spectrograph_scene_is_what_its_page_says():
    survey, scene, rotation = scene_of("ifs")
    assert rotation == pytest.approx(30, abs=0.5)
    assert (scene.channels, scene.wavelengths[0], scene.wavelengths[-1]) == pytest.approx(
        (39, 0.95, 1.65)
    )
    companions = survey.config.simulate.companions["IFS-A/2026-01-15"]
    assert [one.spectrum for one in companions] == ["flat", "t-type"]
    for one in companions:  # in the field of every channel scaled to any other
        assert one.separation / scene.pixel_scale < (scene.size - 1) / 2 * 0.95 / 1.65


def test_reference_scene_is_what_its_page_says():
    survey, scene, rotation = scene_of("rdi")
    assert 6 < rotation < 8
    assert sum(row.target.startswith("REF") for row in survey.rows) >= 4
    (companion,) = survey.config.simulate.companions["SCI/2026-01-15"]
    assert 2 < companion.separation / diffraction_scale(scene.wavelength, scene.diameter) < 3
