"""Negative companions: the merit, its least, and the real β Pic b."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.characterise.merit import Merit, NegativeCompanion, noise_on_ring
from exosift.characterise.simplex import best
from exosift.errors import BadInput, Failed
from exosift.geometry.regions import Annuli, FullFrame
from exosift.limits.recovery import Field
from exosift.photometry.injection import Companion, inject
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.psfsub.pca import Pca

FWHM, SIZE, COUNT = 4.0, 49, 30
ANGLE = np.linspace(0, 80, COUNT)
REDUCTION = Reduction(Pca((4,), "temporal"), FullFrame(1.0))
TRUTH = Companion(13.2, 75.0, (160.0,))


@pytest.fixture(scope="module")
def empty(speckles, as_sequence):
    return as_sequence(speckles(np.random.default_rng(5), COUNT, SIZE, FWHM), ANGLE, FWHM)


@pytest.fixture(scope="module")
def field(empty):
    return Field.of(inject(empty, [TRUTH]), REDUCTION)


def test_what_is_measured_is_the_image_without_the_companion(empty, field):
    negative = NegativeCompanion.at(field, 13.0, 74.0, Merit("sum"))
    tried = np.array([[13.2, 75.0, 160.0], [12.8, 76.0, 90.0]])
    clean = reduce(empty, REDUCTION).images[0].ravel()[negative.corridor.pixels]
    np.testing.assert_allclose(negative.values(tried)[0], clean, atol=1e-9)
    gone = inject(inject(empty, [TRUTH]), [Companion(12.8, 76.0, (-90.0,))])
    expected = reduce(gone, REDUCTION).images[0].ravel()[negative.corridor.pixels]
    np.testing.assert_allclose(negative.values(tried)[1], expected, atol=1e-9)
    count = len(expected)
    assert negative.of(tried)[1] == pytest.approx(np.abs(expected).sum() / (count - 3))
    chi2 = replace(negative, merit=Merit("chi2"), mean=1.0, sigma=2.0)
    assert chi2.of(tried)[1] == pytest.approx(((expected - 1) ** 2).sum() / 4 / (count - 3))
    stddev = replace(negative, merit=Merit("stddev"))
    assert stddev.of(tried)[1] == pytest.approx(expected.std() * count / (count - 3))


def test_another_companion_stays_in_the_frames(field):
    negative = NegativeCompanion.at(field, 13.2, 75.0, Merit())
    both = replace(negative, there=(Companion(13.2, 75.0, (50.0,)),))
    more = both.values(np.array([[13.2, 75.0, 210.0]]))
    np.testing.assert_allclose(more, negative.values(np.array([[13.2, 75.0, 160.0]])), atol=1e-9)


@pytest.mark.parametrize("kind", ["chi2", "sum", "stddev"])
def test_the_least_of_every_merit_lies_on_the_companion(kind, field):
    found = best(field, 13.8, 73.0, Merit(kind))
    separation, position_angle, flux = found.place
    assert abs(separation - 13.2) < 0.15
    assert abs(position_angle - 75.0) < 0.8
    assert abs(flux / 160.0 - 1) < 0.08
    assert found.evaluations < 200


def test_the_noise_of_a_ring_is_that_of_elements(field, empty):
    mean, sigma = noise_on_ring(field, np.array([13.2, 75.0, 160.0]))
    image = reduce(empty, REDUCTION).images[0]
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    ring = np.abs(np.hypot(x, y) - 13.2) <= FWHM
    elements = np.sqrt(np.pi * (FWHM / 2) ** 2)
    assert sigma == pytest.approx(image[ring].std() * elements, rel=0.05)
    assert abs(mean) < 0.2 * image[ring].std()


def test_places_that_cannot_be_measured_are_refused(field):
    with pytest.raises(BadInput, match=r"40\.00 px: outside the field, which can be measured to"):
        NegativeCompanion.at(field, 40.0, 0.0, Merit())
    with pytest.raises(BadInput, match=r"2\.00 px: inside the inner working angle"):
        NegativeCompanion.at(field, 2.0, 0.0, Merit())
    with pytest.raises(BadInput, match="the reduction leaves gaps around this place"):
        NegativeCompanion.at(field, 6.0, 0.0, Merit(aperture=3.0))
    with pytest.raises(BadInput, match="aperture is 0 FWHM, expected between 0 and 3"):
        Merit(aperture=0.0)


def test_noise_is_no_companion(field):
    with pytest.raises(Failed, match="no companion at 13"):
        best(field, 13.2, 200.0, Merit(reach=0.2))


@pytest.mark.real_data
def test_beta_pic_b_where_the_field_has_it(betapic_fixed):
    """VIP's tutorials give 452 mas, 210.5° with the star on this pixel."""
    annulus = Reduction(Pca((7,), "none"), Annuli(4.0, 16.62 / 4.8 - 2))
    found = best(Field.of(betapic_fixed, annulus), 16.8, 211.5, Merit())
    assert abs(found.place[0] * 27.19 - 452) < 4
    assert abs(found.place[1] - 210.5) < 1.0
