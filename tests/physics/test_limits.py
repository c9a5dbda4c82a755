"""Limits: what the injected companions say is what the sequence's noise and losses are."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.detect.snr import resolution_elements, snr_at
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position
from exosift.geometry.regions import Annuli, FullFrame
from exosift.limits.circle import Circle, innermost
from exosift.limits.completeness import Completeness, binomial_interval, completeness
from exosift.limits.contrast import Throughput, contrast_curve, star_flux, student
from exosift.limits.recovery import Field, recover, trimmed, without
from exosift.limits.request import Limits, limits
from exosift.photometry.apertures import aperture_flux
from exosift.photometry.injection import Companion, inject
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.psfsub.library import References
from exosift.psfsub.mean import Mean
from exosift.psfsub.median import Median
from exosift.psfsub.pca import Pca

FWHM, SIZE, COUNT = 4.0, 61, 24
ANGLE = np.linspace(0.0, 80.0, COUNT)
PLACES = np.array([7.0, 11.0, 16.0, 23.0])
REDUCTION = Reduction(Pca((3,)), Annuli(1.0, 1.0), References(0.4))


@pytest.fixture(scope="module")
def sequence(speckles, as_sequence):
    frames = 100.0 + speckles(np.random.default_rng(31), COUNT, SIZE, FWHM)
    given = as_sequence(frames.astype(np.float32), ANGLE, FWHM)
    middle = given.psf.shape[-1] // 2
    flux = aperture_flux(given.psf[0], middle, middle, FWHM / 2)
    return trimmed(replace(given, psf=given.psf / flux), 3.0)


@pytest.fixture(scope="module")
def field(sequence):
    return Field.of(sequence, REDUCTION)


@pytest.fixture(scope="module")
def curve(field):
    return contrast_curve(field, PLACES, 1e-4, Throughput(4))


@pytest.mark.parametrize("place", [(6.2, 10.0), (9.3, 200.0), (20.0, 77.7)])
def test_the_statistic_is_that_of_the_snr_map(place, field):
    circle = field.circle(*place)
    x, y = pixel_position(*place, centre_of(field.image.shape))
    assert len(circle.weights) == resolution_elements(np.array(place[0]), FWHM)
    found = circle.snr(field.image.ravel()[circle.pixels])
    assert found == pytest.approx(snr_at(field.image, x, y, FWHM), abs=0.02)


def test_apertures_over_gaps_are_left_out_as_in_the_snr_map(field):
    image = field.image.copy()
    x, y = (round(v) for v in pixel_position(16.0, 30.0, centre_of(image.shape)))
    image[y - 1 : y + 2, x - 1 : x + 2] = np.nan
    circle = Circle.through(16.0, 100.0, FWHM, np.isnan(image))
    whole = field.circle(16.0, 100.0)
    assert circle.noise_elements in (whole.noise_elements - 1, whole.noise_elements - 2)
    at = pixel_position(16.0, 100.0, centre_of(image.shape))
    found = circle.snr(image.ravel()[circle.pixels])
    assert found == pytest.approx(snr_at(image, *at, FWHM), abs=0.02)
    assert Circle.through(16.0, 30.0, FWHM, np.isnan(image)) is None


def test_one_companion_is_recovered_as_reducing_its_frames_says(field, sequence):
    companion = Companion(16.0, 100.0, (150.0,))
    (found,) = recover(field, [companion])
    image = reduce(inject(sequence, [companion]), REDUCTION).images[0]
    at = pixel_position(16.0, 100.0, centre_of(image.shape))
    assert found.snr == pytest.approx(snr_at(image, *at, FWHM), abs=0.02)
    assert 0.2 < found.throughput < 1.0


def test_without_a_star_to_subtract_all_the_light_is_left(as_sequence):
    """A mean of frames in which the companion is not leaves it whole, in noise of known width."""
    rng = np.random.default_rng(32)
    angle = np.repeat([0.0, 90.0], 12)
    noise = rng.normal(size=(24, SIZE, SIZE))
    sequence = trimmed(as_sequence(noise, angle, FWHM), 6.0)
    mean = Reduction(Mean(), FullFrame(), References(1.0), combination="mean")
    here = Field.of(sequence, mean)
    curve = contrast_curve(here, [20.0], 1e-3, Throughput(4))
    assert curve.throughput[0] == pytest.approx(1.0, abs=2e-3)
    assert curve.elements[0] == int(np.pi / np.arcsin(FWHM / 40)) - 1
    # 24 frames' mean less that of 12 others; turned by quarters, pixels stay what they are.
    pixel = np.std(here.image)
    assert curve.noise[0] == pytest.approx(pixel * FWHM / 2 * np.sqrt(np.pi), rel=0.25)
    factor = student(curve.elements[0], 1e-3) * np.sqrt(1 + 1 / curve.elements[0])
    assert curve.flux[0] == pytest.approx(factor * curve.noise[0] / curve.throughput[0])


def test_throughput_is_between_0_and_1_and_rises_outward(curve):
    assert (curve.throughput > 0).all()
    assert (curve.throughput < 1).all()
    assert (np.diff(curve.throughput) > -0.05).all()
    assert curve.throughput[-1] > 1.5 * curve.throughput[0]


def test_limits_ask_more_of_few_apertures_and_of_small_fractions(field, curve):
    assert (np.diff(curve.threshold) < 0).all()
    stricter = contrast_curve(field, PLACES, 1e-6, Throughput(4))
    assert (stricter.flux > curve.flux).all()
    given = contrast_curve(field, PLACES, 1e-4, Throughput(4), lambda n, fpf: 3.0)  # noqa: ARG005
    np.testing.assert_allclose(
        given.flux, 3.0 * np.sqrt(1 + 1 / curve.elements) * curve.noise / given.throughput
    )


@pytest.fixture(scope="module")
def far(field):
    """A curve and its completeness where apertures are many."""
    curve = contrast_curve(field, PLACES[2:], 1e-4, Throughput(4))
    return curve, completeness(field, curve, 10)


def test_half_of_the_companions_at_the_limit_are_recovered(far):
    curve, found = far
    middle = found.flux(0.5)
    np.testing.assert_allclose(middle / curve.flux, 1.0, atol=0.35)
    assert (found.flux(0.9) >= middle).all()
    low, high = found.interval(0.5)
    assert (low <= middle).all()
    assert (high >= middle).all()
    fluxes = np.geomspace(0.1, 30, 20) * np.median(curve.flux)
    share = found.fraction(fluxes)
    assert share.shape == (2, 20)
    assert (np.diff(share, axis=1) >= 0).all()
    assert (share[:, 0] == 0).all()
    assert (share[:, -1] == 1).all()


def test_the_least_flux_is_where_the_threshold_is_crossed(field, far, sequence):
    curve, found = far
    circle = field.circle(PLACES[2], 72.0)
    asked = student(circle.noise_elements, curve.fpf)
    at = pixel_position(PLACES[2], 72.0, centre_of(field.image.shape))
    for times, recovered in ((0.95, False), (1.05, True)):
        one = field.companion(PLACES[2], 72.0, times * found.least[0, 2])
        image = reduce(inject(sequence, [one]), REDUCTION).images[0]
        assert (snr_at(image, *at, FWHM) >= asked) == recovered


def test_order_statistics_of_known_fluxes():
    least = np.array([[1.0, 2.0, 3.0, 4.0, np.inf], [5.0, np.nan, 7.0, 8.0, 6.0]])
    found = Completeness(np.array([10.0, 20.0]), least, 1e-3)
    np.testing.assert_array_equal(found.places, [5, 4])
    np.testing.assert_array_equal(found.flux(0.75), [4.0, 7.0])
    np.testing.assert_allclose(found.fraction([0.5, 3.0, 9.0]), [[0, 0.6, 0.8], [0, 0, 1]])
    np.testing.assert_array_equal(found.flux(0.8), [4.0, np.nan])  # four tell no more than 0.75
    low, high = found.interval(0.5)
    np.testing.assert_array_equal(low, [1.0, 5.0])
    np.testing.assert_array_equal(high, [np.inf, 8.0])


def test_binomial_intervals_are_those_of_clopper_and_pearson():
    low, high = binomial_interval(np.array([0, 5, 10]), np.array(10), 0.95)
    np.testing.assert_allclose(low, [0.0, 0.1871, 0.6915], atol=1e-4)
    np.testing.assert_allclose(high, [0.3085, 0.8129, 1.0], atol=1e-4)


def test_models_that_see_pixels_have_limits_too(sequence):
    here = Field.of(sequence, Reduction(Median(), FullFrame()))
    curve = contrast_curve(here, [20.0], 1e-3, Throughput(2, 10.0))
    assert 0.3 < curve.throughput[0] < 1.0


def test_known_companions_are_taken_out_or_left_aside(sequence):
    known = Companion(16.0, 45.0, (900.0,))
    seen = inject(sequence, [known])
    asked = Limits(separations=(16 * 27.0,), fpf=1e-3, azimuths=0, throughput=Throughput(8, 10.0))
    clean, bright = (next(limits(s, REDUCTION, asked)).curve for s in (sequence, seen))
    assert bright.noise[0] > 2 * clean.noise[0]
    place = KnownCompanion(16 * 27.0, 45.0)
    masked = next(limits(seen, REDUCTION, asked, known=[place])).curve
    assert masked.noise[0] < 0.6 * bright.noise[0]
    assert masked.elements[0] < clean.elements[0]
    again = next(limits(seen, REDUCTION, asked, known=[replace(place, flux=900.0)])).curve
    np.testing.assert_allclose(again.flux, clean.flux, rtol=1e-3)
    np.testing.assert_allclose(without(seen, [known]).cube, sequence.cube, atol=1e-3)


def test_each_rank_has_its_own_limits(sequence):
    asked = Limits(fpf=1e-3, azimuths=0, throughput=Throughput(2, 10.0))
    found = list(limits(sequence, replace(REDUCTION, model=Pca((1, 5))), asked))
    assert [answer.rank for answer in found] == [1.0, 5.0]
    assert (found[1].curve.throughput < found[0].curve.throughput).mean() > 0.7
    np.testing.assert_allclose(np.diff(found[0].curve.separation), FWHM)


@pytest.mark.parametrize(
    ("separation", "line"),
    [
        (2.0, "separation 2.00 px: inside the inner working angle; the reduction can"),
        (40.0, "separation 40.00 px: outside the field, which can be measured to 28.00 px; lower"),
    ],
)
def test_places_that_cannot_be_measured_are_refused(separation, line, field):
    with pytest.raises(BadInput) as refused:
        contrast_curve(field, [separation])
    assert str(refused.value).startswith(line)


def test_too_few_apertures_are_said_and_not_extrapolated():
    with pytest.raises(BadInput, match=r"fewer than 3 other apertures of 4.00 px fit on its"):
        Circle.through(2.5, 0.0, FWHM, np.zeros((61, 61), bool))
    gaps = np.ones((61, 61), bool)
    x, y = pixel_position(16.0, 30.0, (30.0, 30.0))
    gaps[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5] = False
    with pytest.raises(BadInput, match=r"only . other apertures are seen on its circle, and 3 are"):
        Circle.through(16.0, 30.0, FWHM, gaps)
    assert innermost(FWHM) == pytest.approx(FWHM / np.sqrt(2))
    assert Circle.through(innermost(FWHM), 0.0, FWHM, np.zeros((61, 61), bool)) is not None


def test_what_cannot_be_asked_is_refused(sequence, field):
    with pytest.raises(BadInput, match="limits are those of one rank, and pca has 2"):
        Field.of(sequence, replace(REDUCTION, model=Pca((1, 5))))
    with pytest.raises(BadInput, match="star/e1: there is no PSF to draw companions with"):
        trimmed(replace(sequence, psf=0 * sequence.psf), 3.0)
    with pytest.raises(BadInput, match=r"fpf is 0.7, expected between 0 and 0.5"):
        contrast_curve(field, [16.0], 0.7)
    with pytest.raises(BadInput, match="the reduction leaves no value there, or a known companion"):
        recover(
            Field.of(sequence, REDUCTION, masked=[(16.0, 45.0)]), [Companion(16.0, 45.0, (1.0,))]
        )


def test_a_contrast_needs_a_star(sequence):
    with pytest.raises(BadInput, match="star/e1: the star's flux is not known, so that limits are"):
        star_flux(sequence)
    assert star_flux(sequence, 1e5) == 1e5
    behind = replace(sequence.observation, star_flux=(4e5,), transmission=0.5)
    assert star_flux(replace(sequence, observation=behind), 1e5) == 2e5


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"fpf": 0.0}, "fpf is 0, expected more than 0 and less than 0.5"),
        ({"separations": (300.0, 200.0)}, "give different ones, ascending"),
        ({"template": 0.5}, "template is 0.5 FWHM wide, expected 1 or more"),
        ({"star_flux": -1.0}, "star_flux is -1, expected more than 0, or null"),
        ({"azimuths": -1}, "azimuths is -1, expected 0 or more"),
        ({"azimuths": 10}, "completeness 0.95 from 10 places: they tell no more than 0.9"),
        ({"throughput": 0}, "azimuths is 0, expected 1 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused(given, line):
    with pytest.raises(BadInput, match=line):
        Throughput(0) if "throughput" in given else Limits(**given)
