"""Companions come out where they were put: the sense of angles, astrometry, S/N."""

import numpy as np
import pytest

from exosift.detect.candidates import Searched, find_candidates
from exosift.detect.maps import Detection, Known, small_samples
from exosift.detect.places import Places
from exosift.detect.search import Search
from exosift.detect.significance import false_positive_fraction
from exosift.detect.snr import small_sample
from exosift.geometry.grid import pixel_position, sky_position
from exosift.geometry.regions import Annuli, FullFrame
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.psfsub.library import References
from exosift.psfsub.mean import Mean
from exosift.psfsub.median import Median
from exosift.psfsub.pca import Pca

FWHM, SIZE = 4.6, 61
MIDDLE = (30.0, 30.0)
ANGLE = np.concatenate([np.linspace(-170, -100, 16), [160.0, 150.0], np.linspace(-105, -160, 12)])


@pytest.fixture(scope="module")
def companion(gaussian):
    """(separation, position angle) → frames of a source of unit peak, turning with the sky."""

    def put(separation, position_angle):
        places = [pixel_position(separation, position_angle - angle, MIDDLE) for angle in ANGLE]
        return np.stack([gaussian((SIZE, SIZE), *place, FWHM) for place in places])

    return put


@pytest.fixture(scope="module")
def star(speckles):
    return speckles(np.random.default_rng(21), len(ANGLE), SIZE, FWHM)


@pytest.fixture(scope="module")
def observed(companion, star, as_sequence):
    """(peak, place on the sky) → a sequence of the star with a companion there, float32."""

    def build(peak, place):
        frames = star + peak * companion(*place)
        return as_sequence(frames.astype(np.float32), ANGLE, FWHM)

    return build


@pytest.mark.parametrize(
    "reduction",
    [
        Reduction(Mean(), FullFrame(), References(1.0), derotation, combination)
        for derotation in ("fourier", "spline")
        for combination in ("mean", "median")
    ],
    ids=lambda reduction: f"{reduction.derotation}-{reduction.combination}",
)
@pytest.mark.parametrize("position_angle", [0.0, 75.0, 210.0, 301.0])
def test_a_source_at_theta_minus_angle_appears_at_theta(
    position_angle, reduction, companion, as_sequence
):
    sequence = as_sequence(companion(20.0, position_angle), ANGLE, FWHM)
    (image,) = reduce(sequence, reduction).images
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    separation, angle = sky_position(x, y, MIDDLE)
    assert separation == pytest.approx(20.0, abs=1.0)
    assert abs((angle - position_angle + 180) % 360 - 180) < 3.0


PLACES = Places(count=50.0, growth=1.0)


def candidates(images, snr, ranks=(3,), search=Search(), known=()):  # noqa: B008
    """Candidates of S/N maps (rank, y, x) that were told from 16 apertures everywhere."""
    found = Detection(snr, false_positive_fraction(snr, np.full(snr.shape, 16)))
    return find_candidates(Searched(images, found, PLACES, ranks, FWHM, known=known), search)


@pytest.mark.parametrize("place", [(r, pa) for r in (11.0, 20.0) for pa in (33.0, 160.0, 275.0)])
@pytest.mark.parametrize(
    ("reduction", "peak"),
    [
        (Reduction(Pca((3, 6), "temporal"), Annuli(1.0, 1.0), References(0.5)), 30.0),
        (Reduction(Pca((4, 8), "none"), FullFrame()), 30.0),
        (Reduction(Median(), FullFrame(), combination="mean"), 150.0),
    ],
    ids=["annular-pca", "full-pca", "median"],
)
def test_a_companion_is_found_where_it_was_put(reduction, peak, place, observed):
    reduced = reduce(observed(peak, place), reduction)
    maps = small_samples(
        reduced.images, lambda image, out: small_sample(image, FWHM, out), "student"
    )
    searched = Searched(reduced.images, maps, PLACES, reduced.variants, FWHM)
    found = find_candidates(searched, Search())
    strongest = found[0]
    x, y = pixel_position(*place, MIDDLE)
    assert np.hypot(strongest.x - x, strongest.y - y) < 0.3
    assert strongest.snr > 6.0
    assert (strongest.separation, strongest.position_angle) == pytest.approx(place, abs=2.0)
    assert strongest.rank in reduced.variants
    others = [np.hypot(c.x - x, c.y - y) for c in found[1:]]
    assert min(others, default=np.inf) > FWHM


def test_the_residual_falls_with_rank(star, as_sequence):
    reduced = reduce(
        as_sequence(star, ANGLE, FWHM), Reduction(Pca((1, 2, 4, 8, 16)), FullFrame(), References())
    )
    power = (reduced.residuals**2).sum(axis=(1, 2, 3, 4))
    assert (np.diff(power) < 0).all()
    # Eight patterns move: the ninth component is noise alone, of unit variance.
    assert reduced.residuals[3].std() == pytest.approx(np.sqrt((30 - 9) / 30), rel=0.05)


def test_peaks_within_one_fwhm_at_any_rank_are_one_candidate(gaussian):
    shape = (SIZE, SIZE)
    images = np.stack(
        [
            10 * gaussian(shape, 40.2, 30.0, FWHM) + 6 * gaussian(shape, 20.0, 15.0, FWHM),
            12 * gaussian(shape, 42.4, 31.0, FWHM) + 4 * gaussian(shape, 30.0, 50.0, FWHM),
        ]
    )
    found = candidates(images, images, (5, 10))
    assert [(c.rank, round(c.snr, 1)) for c in found] == [(10, 11.8), (5, 6.0)]
    assert (found[0].x, found[0].y) == pytest.approx((42.4, 31.0), abs=1e-3)
    assert (found[1].x, found[1].y) == pytest.approx((20.0, 15.0), abs=1e-3)
    assert candidates(images, images, (5, 10), Search(12.5)) == []


def test_a_peak_of_the_snr_beside_the_light_is_placed_on_the_light(gaussian):
    shape = (SIZE, SIZE)
    image = 10 * gaussian(shape, 40.3, 30.2, FWHM)
    snr = 9 * gaussian(shape, 43.0, 31.0, FWHM) + 8 * gaussian(shape, 37.0, 30.0, FWHM)
    (one,) = candidates(image[None], snr[None])
    assert (one.x, one.y) == pytest.approx((40.3, 30.2), abs=1e-3)
    assert one.snr == pytest.approx(9.0, abs=0.1)


def test_a_candidate_says_what_its_peak_is_worth(gaussian):
    image = 7.0 * gaussian((SIZE, SIZE), 42.0, 30.0, FWHM)
    snr = image.copy()
    radius = np.hypot(*(np.mgrid[:SIZE, :SIZE] - 30))
    snr[(radius < FWHM) | (radius > 28)] = np.nan
    (one,) = candidates(image[None], snr[None])
    (two,) = candidates(np.stack([image, image]), np.stack([snr, snr]), (3, 6))
    single = float(false_positive_fraction(np.array(7.0), np.array(16)))
    assert one.fpf == pytest.approx(single)
    assert two.fpf == pytest.approx(2 * single, rel=1e-3)  # two ranks are two chances
    expected = PLACES.count * -np.log(single) * single
    assert one.false_alarm == pytest.approx(1 - np.exp(-expected))
    assert two.false_alarm == pytest.approx(1 - np.exp(-2 * expected))
    assert (one.known, one.edge, one.others) == (False, False, {})
    assert (one.separation, one.position_angle) == pytest.approx((12.0, 270.0))


def test_a_peak_on_a_known_companion_says_so(gaussian):
    image = 9 * gaussian((SIZE, SIZE), 42.0, 30.0, FWHM) + 7 * gaussian(
        (SIZE, SIZE), 20.0, 30.0, FWHM
    )
    found = candidates(image[None], image[None], known=((41.0, 31.0),))
    assert [(round(c.x), c.known) for c in found] == [(42, True), (20, False)]


def test_known_companions_are_no_noise_to_others_and_as_noisy_as_ever_to_themselves(gaussian):
    noise = np.random.default_rng(5).normal(size=(SIZE, SIZE))
    places = ((42.0, 30.0), (30.0, 18.0))
    image = noise + sum(50 * gaussian((SIZE, SIZE), *place, FWHM) for place in places)

    def snr(known=()):
        def measure(one, out):
            return small_sample(one, FWHM, out)

        return small_samples(image[None], measure, "student", Known(known, FWHM)).statistic[0]

    neither, one, both = snr(), snr(places[:1]), snr(places)
    assert both[30, 42] == pytest.approx(snr(places[1:])[30, 42])
    assert both[18, 30] == pytest.approx(one[18, 30])
    assert one[30, 42] == neither[30, 42]
    assert both[30, 42] > 3 * neither[30, 42]  # the other one is in its noise
    assert one[18, 30] > 3 * neither[18, 30]


def test_a_peak_beside_what_was_not_measured_is_at_the_edge(gaussian):
    image = 9 * gaussian((SIZE, SIZE), 42.0, 30.0, FWHM)
    for hole, edge in ((43, True), (44, True), (45, False)):
        snr = image.copy()
        snr[:, hole:] = np.nan
        (one,) = candidates(image[None], snr[None])
        assert one.edge is edge
    (one,) = candidates(image[None, :, :43], image[None, :, :43])
    assert one.edge


def test_a_search_by_fraction_is_by_fraction(gaussian):
    image = 9 * gaussian((SIZE, SIZE), 42.0, 30.0, FWHM)
    fraction = float(false_positive_fraction(np.array(9.0), np.array(16)))
    assert candidates(image[None], image[None], search=Search(50.0, fpf=1.01 * fraction))
    assert not candidates(image[None], image[None], search=Search(0.0, fpf=0.99 * fraction))
    # Where an S/N is no significance there is none to search by.
    unknown = Detection(image[None], np.full((1, SIZE, SIZE), np.nan))
    searched = Searched(image[None], unknown, PLACES, (0,), FWHM)
    (one,) = find_candidates(searched, Search(5.0, fpf=1e-3))
    assert np.isnan([one.fpf, one.false_alarm]).all()


def test_a_candidate_has_the_values_of_every_map_at_its_place(gaussian):
    image = 9 * gaussian((SIZE, SIZE), 42.0, 30.0, FWHM)
    other = Detection(np.arange(SIZE**2.0).reshape(1, SIZE, SIZE), np.full((1, SIZE, SIZE), 0.1))
    snr = Detection(image[None], np.full((1, SIZE, SIZE), 1e-3))
    searched = Searched(image[None], snr, PLACES, (0,), FWHM, {"stim": other})
    (one,) = find_candidates(searched, Search())
    assert one.others == {"stim": (30 * SIZE + 42, 0.1)}


def test_iterations_give_back_what_the_model_took_of_the_companion(observed):
    place = (14.0, 210.0)
    x, y = pixel_position(*place, MIDDLE)
    at = (slice(round(y) - 2, round(y) + 3), slice(round(x) - 2, round(x) + 3))
    peaks = [
        reduce(
            observed(60.0, place),
            Reduction(Pca((4, 8), "none"), FullFrame(), combination="mean", iterations=n),
        )
        .images[:, *at]
        .max(axis=(1, 2))
        for n in (0, 2, 8)
    ]
    assert (np.diff(peaks, axis=0) > 0).all()
    assert (peaks[0] < 40.0).all()
    assert peaks[2] == pytest.approx(60.0, rel=0.2)
