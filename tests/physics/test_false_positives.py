"""False-positive fractions are what they say: on drawn elements, on images of them, from cubes."""

import numpy as np
import pytest
from scipy import ndimage

from exosift import threads
from exosift.detect.maps import given, places_of, small_samples
from exosift.detect.significance import false_positive_fraction
from exosift.detect.snr import among_others, resolution_elements, small_sample, snr_at
from exosift.geometry.regions import FullFrame
from exosift.photometry.apertures import disc_overlap
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import image, subtract
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Stack

FWHM, SIZE = 4.0, 41
TRIALS = 200_000
ELEMENTS = (6, 12, 30, 60)

DRAW = {
    "gaussian": lambda rng, shape: rng.standard_normal(shape, dtype=np.float32),
    "laplace": lambda rng, shape: rng.laplace(size=shape).astype(np.float32),
}
NULL = {"gaussian": "student", "laplace": "laplace"}


def binomial(rate, nominal, trials):
    """How many standard errors a rate lies from the nominal one."""
    return (rate - nominal) / np.sqrt(nominal * (1 - nominal) / trials)


@pytest.mark.parametrize("elements", ELEMENTS)
@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
def test_rate_is_the_nominal_one_on_drawn_elements(noise, elements):
    values = DRAW[noise](np.random.default_rng(elements), (TRIALS, elements))
    snr, others = among_others(values)
    assert (others == elements - 1).all()
    fractions = false_positive_fraction(snr, others, NULL[noise])
    for nominal in (1e-2, 1e-3):
        assert abs(binomial(np.mean(fractions <= nominal), nominal, TRIALS)) < 3.5


@pytest.mark.parametrize("elements", ELEMENTS)
def test_gaussian_fractions_of_laplace_noise_are_too_small(elements):
    values = DRAW["laplace"](np.random.default_rng(elements), (TRIALS, elements))
    fractions = false_positive_fraction(*among_others(values))
    assert np.mean(fractions <= 1e-3) > 1.8e-3


@pytest.mark.parametrize("elements", ELEMENTS)
@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
def test_images_of_drawn_elements_have_their_snr(noise, elements):
    """Images are made so that every aperture on one circle holds exactly what was drawn for it."""
    radius = FWHM / 2 / np.sin(np.pi / elements) * (1 + 1e-6)
    size = 2 * int(radius + FWHM) + 1
    middle = size // 2
    assert resolution_elements(np.array(radius), FWHM) == elements
    turn = -2 * np.pi / elements * np.arange(elements)  # clockwise
    y, x = np.mgrid[:size, :size] - middle
    at = radius * np.cos(turn), radius * np.sin(turn)
    weights = [disc_overlap(x - a, y - b, FWHM / 2).ravel() for a, b in zip(*at, strict=True)]
    drawn = DRAW[noise](np.random.default_rng(1), (30, elements))
    images = (drawn @ np.linalg.pinv(np.array(weights)).T).reshape(-1, size, size)
    found = [snr_at(one, middle + radius, middle, FWHM) for one in images]
    np.testing.assert_allclose(found, among_others(drawn)[0], rtol=0.02, atol=0.02)


@pytest.fixture(scope="module")
def from_cubes():
    """Images of 300 cubes of white noise through PCA and derotation."""
    angle = np.linspace(0, 80, 12)
    reduction = Reduction(Pca((3,), "temporal"), FullFrame())
    rng = np.random.default_rng(4)
    images = []
    with threads.limit(1):
        for _ in range(300):
            cube = rng.standard_normal((len(angle), SIZE, SIZE), dtype=np.float32)
            left = subtract(Stack.of(cube, angle), FWHM, reduction)[0]
            images.append(image(left, angle, reduction))
    return np.stack(images)


def test_rate_from_noise_cubes_is_near_the_nominal_one_and_below(from_cubes):
    """Pixels overlap, so the error is that of the frames' means.

    An aperture on the middle of a pixel has less noise than one between pixels, 3 % of variance at
    this FWHM, and what the model takes leaves neighbours on a circle opposed to each other.
    """
    with threads.limit(1):
        found = small_samples(from_cubes, lambda one, out: small_sample(one, FWHM, out), "student")
    for nominal in (1e-1, 1e-2, 1e-3):
        share = np.mean(found.fpf <= nominal, axis=(1, 2)) / np.mean(np.isfinite(found.fpf[0]))
        ratio, error = share.mean() / nominal, share.std() / np.sqrt(len(share)) / nominal
        assert 0.8 - 3 * error < ratio < 1.0 + 3 * error


def alarms(images, fwhm, null="student"):
    """The chance that each image (image, y, x) is said to have of a peak as rare as its rarest."""
    with threads.limit(1):
        places = places_of(images[:1], fwhm, null)
        found = small_samples(images, lambda one, out: small_sample(one, fwhm, out), "student")
    if null == "normal":
        found = given(images)
    rarest = np.nanmin(found.fpf, axis=(1, 2))
    return np.array([places.false_alarm(fpf) for fpf in rarest]), places


def assert_uniform(chances):
    for nominal in (0.05, 0.2):
        assert abs(binomial(np.mean(chances <= nominal), nominal, len(chances))) < 3.5


def test_one_frame_in_twenty_of_cubes_has_a_false_alarm_of_a_twentieth(from_cubes):
    assert_uniform(alarms(from_cubes, FWHM)[0])


@pytest.mark.parametrize("smooth", [0.0, 1.2])
def test_frames_alarm_as_often_as_said_however_noise_is_correlated(smooth):
    noise = np.random.default_rng(6).normal(size=(400, SIZE, SIZE)).astype(np.float32)
    images = ndimage.gaussian_filter(noise, (0, smooth, smooth)) if smooth else noise
    chances, places = alarms(images, 4.6)
    assert_uniform(chances)
    # More places than resolution elements: apertures that overlap are not the same aperture.
    elements = np.isfinite(small_sample(images[0], 4.6).snr).sum() / (np.pi * 2.3**2)
    assert places.false_alarms(1e-2) / 1e-2 > 2 * elements


def test_frames_of_a_given_snr_alarm_as_often_as_said():
    noise = np.random.default_rng(7).normal(size=(400, SIZE, SIZE))
    smooth = ndimage.gaussian_filter(noise, (0, 1.5, 1.5), mode="wrap")
    images = smooth / smooth.std()
    assert_uniform(alarms(images, FWHM, "normal")[0])
