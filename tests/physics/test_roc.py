"""ROC curves: each definition by itself, closed forms, and methods judged on the same frames."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import beta, chi2, norm

from exosift.detect.snr import snr_at
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.geometry.regions import Annuli, FullFrame
from exosift.inverse.andromeda import Andromeda
from exosift.limits.comparison import Comparison, Contestant
from exosift.limits.judging import Judged
from exosift.limits.methods import InversionOf, Method, SnrOf, StimOf, method_of, of_rank
from exosift.limits.nulls import Nulls
from exosift.limits.recovery import trimmed
from exosift.limits.roc import Intervals, effective_frames, roc, supported_rates
from exosift.limits.trials import Alarms, Annulus, Trial, alarms, refuse_unmeasured
from exosift.photometry.apertures import aperture_flux
from exosift.photometry.injection import inject
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.psfsub.library import References
from exosift.psfsub.llsg import Llsg
from exosift.psfsub.pca import Pca
from exosift.steps.judge import on_star

FWHM, SIZE, COUNT = 4.0, 61, 24
SHAPE = (SIZE, SIZE)
MIDDLE = SIZE // 2
SEEN = np.zeros(SHAPE, dtype=bool)
REDUCTION = Reduction(Pca((3,)), FullFrame())
ASKED = Comparison(
    bins=((2.0, 4.0), (4.0, 6.0)),
    injections=6,
    snr=(5.0, 5.0),
    nulls=Nulls(("negated", "negated-shifted"), 4),
)


@pytest.fixture(scope="module")
def annulus():
    return Annulus.of(SHAPE, (2.0, 6.0), FWHM, SEEN)


@pytest.fixture(scope="module")
def sequence(speckles, as_sequence):
    frames = 100.0 + speckles(np.random.default_rng(8), COUNT, SIZE, FWHM)
    given = as_sequence(frames.astype(np.float32), np.linspace(0, 80, COUNT), FWHM)
    middle = given.psf.shape[-1] // 2
    flux = aperture_flux(given.psf[0], middle, middle, FWHM / 2)
    return trimmed(replace(given, psf=given.psf / flux), 3.0)


@pytest.fixture(scope="module")
def judged(sequence):
    return Judged.of(sequence, ASKED, REDUCTION)


def trial(hit, score, frames, block=None, blocks=1, elements=50.0):
    """A trial with null frames that are independent, whatever their peaks."""
    found = Alarms(np.asarray(score), np.arange(len(score)) % blocks, np.arange(frames) % 2.0)
    hit = np.asarray(hit)
    block = np.zeros(hit.size, int) if block is None else block
    return Trial(hit, block, blocks, elements, {"negated": found})


def spots(gaussian, *places):
    return sum(height * gaussian(SHAPE, x, y, FWHM / 2) for x, y, height in places)


# What a frame, a false positive and a hit are.


def test_a_frame_is_the_annulus_of_its_bin(annulus):
    radius = radius_map(SHAPE) / FWHM
    np.testing.assert_array_equal(annulus.searched, (radius >= 2) & (radius < 6))
    assert annulus.elements == pytest.approx((6**2 - 2**2) * 4, rel=0.01)


def test_peaks_outside_the_annulus_and_their_flanks_are_no_false_positives(annulus, gaussian):
    just_outside = spots(gaussian, (MIDDLE + 6 * FWHM + 1, MIDDLE, 9.0))
    assert (just_outside[annulus.searched] > 0.1).any()
    assert not (alarms([just_outside], annulus).score > 0.1).any()
    inside = spots(gaussian, (MIDDLE + 5 * FWHM, MIDDLE, 9.0))
    np.testing.assert_array_equal(annulus.peaks(inside)[:1], [[MIDDLE, MIDDLE + 20]])


def test_peaks_within_one_fwhm_are_one_false_positive(annulus, gaussian):
    for apart, count in ((4, 1), (5, 2)):
        row = MIDDLE + 14
        found = spots(gaussian, (MIDDLE, row, 9.0), (MIDDLE + apart, row, 8.0))
        heights = alarms([found], annulus).score
        assert (heights > 5).sum() == count


def test_a_hit_is_a_peak_within_half_an_fwhm(annulus, gaussian):
    values = spots(gaussian, (MIDDLE, MIDDLE + 14, 9.0))
    for apart, found in ((0.0, True), (2.0, True), (2.01, False)):
        height = annulus.hits(values, [(MIDDLE + apart, MIDDLE + 14.0)])[0]
        assert height == (pytest.approx(9.0) if found else -np.inf)


def test_a_brighter_peak_farther_off_is_no_hit_and_hides_none(annulus, gaussian):
    values = spots(gaussian, (MIDDLE, MIDDLE + 14, 5.0), (MIDDLE + 8, MIDDLE + 14, 9.0))
    assert annulus.hits(values, [(MIDDLE, MIDDLE + 14.0)]) == pytest.approx(5.0, abs=0.1)


def test_blocks_are_two_fwhm_long_or_more(annulus):
    assert annulus.blocks == 6  # 2π · 2 FWHM / 2 FWHM
    assert 2 * np.pi * 2 / annulus.blocks >= 2
    assert set(np.unique(annulus.block)) == set(range(6))


def test_known_companions_are_not_searched_and_bins_stay_in_the_field():
    near = radius_map(SHAPE, (MIDDLE, MIDDLE + 12.0)) < 6
    found = Annulus.of(SHAPE, (2.0, 4.0), FWHM, near)
    assert not (found.searched & near).any()
    assert not found.inside[MIDDLE + 12, MIDDLE + 7]
    with pytest.raises(BadInput, match=r"maps of 61×61 px are searched to 6\.50 FWHM; lower it"):
        Annulus.of(SHAPE, (4.0, 6.6), FWHM, SEEN)


# The curve.


def test_white_noise_with_nothing_in_it_has_as_many_hits_as_false_positives(annulus):
    rng = np.random.default_rng(3)
    inside = np.argwhere(annulus.inside)
    maps = ndimage.gaussian_filter(rng.normal(size=(400, *SHAPE)), (0, 1.5, 1.5))
    maps /= maps.std()
    hit = []
    for one in maps[:200]:
        y, x = inside[rng.integers(len(inside), size=40)].T + rng.uniform(-0.5, 0.5, (2, 40))
        hit.append(annulus.hits(one, np.stack([x, y], axis=1)))
    made = Trial(
        np.concatenate(hit),
        np.zeros(200 * 40, int),
        annulus.blocks,
        annulus.elements,
        {"negated": alarms(list(maps[200:]), annulus)},
    )
    curve = roc([made], "negated", rng, np.array([0.5, 1.0, 3.0]))
    # It is peaks that are independent of each other, and not the 40 places of a frame.
    error = np.sqrt(curve.fpr / (200 * annulus.elements / 2))
    assert (np.abs(curve.tpr - curve.fpr) < 4 * error).all()


def test_gaussian_peaks_have_the_closed_form_of_two_normals():
    rng = np.random.default_rng(4)
    frames, injections, shift = 4000, 4000, 1.5
    made = trial(shift + rng.normal(size=injections), rng.normal(size=frames), frames)
    rates = np.array([0.02, 0.05, 0.2, 0.5])
    curve = roc([made], "negated", rng, rates, Intervals(resamples=10))
    expected = norm.sf(norm.isf(rates) - shift)
    error = np.sqrt(expected * (1 - expected) / injections)
    assert (np.abs(curve.tpr - expected) < 4 * error + 0.03).all()
    np.testing.assert_allclose(curve.fpr, rates / 50)


def test_at_each_rate_so_many_false_positives_lie_above_the_threshold():
    made = trial([5.0, 3.0, 2.0, -np.inf], [4.0, 3.0, 3.0, 1.0], 4)
    rng = np.random.default_rng(0)
    curve = roc([made], "negated", rng, np.array([0.25, 0.5, 0.75, 1.0]) * 4 / 4)
    np.testing.assert_array_equal(curve.threshold, [3.0, 3.0, 1.0, -np.inf])
    # Equal to the threshold is not above it; where no peak is, nothing is ever found.
    np.testing.assert_array_equal(curve.found, [1, 1, 3, 3])


def test_no_rate_below_one_in_the_effective_number_is_told():
    made = trial([1.0], np.arange(40.0), 20)
    maxima = np.repeat(np.random.default_rng(1).normal(size=10), 2)
    made = replace(made, alarms={"negated": replace(made.alarms["negated"], maxima=maxima)})
    effective = effective_frames([made], "negated")
    assert 1 < effective < 12
    rng = np.random.default_rng(0)
    assert roc([made], "negated", rng).rate.min() >= 1 / effective
    assert supported_rates([made], "negated").min() == np.ceil(20 / effective) / 20
    with pytest.raises(BadInput, match=r"0.05 false positives a frame: negated nulls count as"):
        roc([made], "negated", rng, np.array([0.05]))
    assert effective_frames([made, made], "negated") == 2 * effective


def test_intervals_of_counts():
    made = trial(np.arange(10.0), [6.5, *[-1.0] * 9], 10)
    rate = np.array([0.1])
    curve = roc([made], "negated", np.random.default_rng(0), rate, Intervals(0.9))
    assert (curve.found[0], curve.threshold[0]) == (10, -1.0)
    curve = roc([trial(np.arange(10.0), [6.5] * 9, 10)], "negated", np.random.default_rng(0), rate)
    assert curve.found[0] == 3
    assert curve.low[0] == pytest.approx(beta.ppf(0.025, 3, 8))
    assert curve.high[0] == pytest.approx(beta.ppf(0.975, 4, 7))
    count = 0.1 * curve.effective
    expected = chi2.ppf(0.95, 2 * count + 2) / 2 / curve.effective
    assert curve.bound[0] == pytest.approx(expected)


def test_blocks_that_go_together_widen_the_interval_and_independent_ones_do_not():
    rng = np.random.default_rng(6)
    block = np.repeat(np.arange(40), 10)
    nulls = rng.normal(size=4000)
    rate = np.array([0.2])

    def width(hit):
        curve = roc([trial(hit, nulls, 4000, block, 40)], "negated", np.random.default_rng(2), rate)
        return curve.block_high[0] - curve.block_low[0], curve.high[0] - curve.low[0]

    alone, binomial = width(np.where(rng.random(400) < 0.5, 9.0, -9.0))
    assert alone == pytest.approx(binomial, rel=0.25)
    together, binomial = width(np.repeat(np.where(np.arange(40) % 2, 9.0, -9.0), 10))
    assert together == pytest.approx(np.sqrt(10) * binomial, rel=0.3)


def test_sequences_are_drawn_anew_too():
    good, bad = (trial(np.full(50, hit), [0.0] * 5, 10) for hit in (1.0, -1.0))
    curve = roc([good, bad], "negated", np.random.default_rng(0), np.array([0.2]))
    assert (curve.tpr[0], curve.block_low[0], curve.block_high[0]) == (0.5, 0.0, 1.0)
    assert (curve.injections, curve.frames) == (100, 20)


def test_false_positives_are_resampled_with_their_frames():
    # All false positives in one of two blocks: when it is drawn twice, the threshold rises.
    found = Alarms(np.array([5.0, 4.0, 3.0, 2.0]), np.zeros(4, int), np.array([0.0, 1.0, 0.0, 1.0]))
    made = Trial(np.full(8, 3.5), np.zeros(8, int), 2, 9.0, {"negated": found})
    curve = roc([made], "negated", np.random.default_rng(0), np.array([0.5]))
    assert curve.tpr[0] == 1.0
    assert (curve.block_low[0], curve.block_high[0]) == (0.0, 1.0)


# Methods, and what they are judged on.


@pytest.mark.parametrize("regions", [FullFrame(), Annuli(1.0, 1.0)])
@pytest.mark.parametrize("matched", [False, True])
def test_in_gram_space_the_map_is_that_of_the_injected_frames(regions, matched, judged):
    method = SnrOf(Reduction(Pca((3,)), regions, References(0.2)), matched)
    map_with = method.injected(judged.sequence)
    for annulus, some in zip(judged.annuli, judged.companions, strict=True):
        found = map_with(some[0], annulus.mapped)
        expected = method.map(inject(judged.sequence, some[:1]))
        here = annulus.mapped
        np.testing.assert_allclose(found[here], expected[here], atol=2e-3)


@dataclass(frozen=True)
class Brightness(Method):
    """A method of one's own: the mean of the frames, turned by nothing."""

    def map(self, sequence):
        return sequence.cube[0].mean(axis=0)


def test_a_method_needs_no_more_than_a_map(judged):
    told = []
    found = judged.trials(Brightness(), lambda: told.append(1))
    assert len(told) == judged.maps == 2 * 6 + 1 + 4
    assert [len(one.hit) for one in found] == [6, 6]
    assert {kind: one.maxima.size for kind, one in found[0].alarms.items()} == {
        "negated": 1,
        "negated-shifted": 4,
    }


def test_a_method_that_learns_is_the_one_for_the_star_it_is_judged_on(sequence):
    asked = replace(ASKED, bins=((2.0, 4.0),), injections=1, contrast=(1.0, 2.0))
    bright = replace(sequence, observation=replace(sequence.observation, star_flux=(2e4,)))
    stars = []

    def method_for(sequence, known):
        assert known == []
        stars.append(sequence.label)
        return Brightness()

    found = on_star(bright, {"learnt": method_for}, asked, None, {})
    assert stars == [sequence.label]
    assert found.stars == (sequence.label,)
    assert found.in_bin("learnt", (2.0, 4.0))[0].hit.size == 1


def test_companions_have_the_signal_to_noise_asked_for(judged):
    image = reduce(judged.sequence, REDUCTION).images[0]
    for some in judged.companions:
        rise = []
        for one in some:
            place = pixel_position(one.separation, one.position_angle, centre_of(SHAPE))
            after = reduce(inject(judged.sequence, [one]), REDUCTION).images[0]
            rise.append(snr_at(after, *place, FWHM) - snr_at(image, *place, FWHM))
        assert np.mean(rise) == pytest.approx(5.0, abs=1.2)


def test_a_few_companions_have_the_fluxes_of_many(sequence):
    # S/N is measured where few companions are, and interpolated between three places for many.
    several = Judged.of(sequence, replace(ASKED, bins=((3.0, 5.0),), injections=40), REDUCTION)
    places = [(one.separation, one.flux[0]) for one in several.companions[0]]
    alone = Judged.of(sequence, replace(ASKED, bins=((3.0, 5.0),), injections=2), REDUCTION)
    for one in alone.companions[0]:
        near = min(places, key=lambda place: abs(place[0] - one.separation))
        assert one.flux[0] == pytest.approx(near[1], rel=0.25)


def test_companions_are_the_same_for_all_and_lie_inside_their_bins(sequence, judged):
    again = Judged.of(sequence, ASKED, REDUCTION)
    assert again.companions == judged.companions
    other = Judged.of(sequence, replace(ASKED, seed=1), REDUCTION)
    assert other.companions != judged.companions
    for (inner, outer), some in zip(ASKED.bins, judged.companions, strict=True):
        places = np.array([one.separation for one in some]) / FWHM
        assert (inner + 0.3 < places).all()
        assert (places < outer - 0.3).all()


def test_known_companions_are_kept_away_from_or_taken_out(sequence):
    asked = replace(ASKED, injections=200, bins=((2.0, 4.0),))
    known = KnownCompanion(12 * 27.0, 40.0)
    here = Judged.of(sequence, asked, REDUCTION, [known])
    x0, y0 = pixel_position(12.0, 40.0, centre_of(SHAPE))
    for one in here.companions[0]:
        x, y = pixel_position(one.separation, one.position_angle, centre_of(SHAPE))
        assert np.hypot(x - x0, y - y0) > 1.8 * FWHM
    assert here.annuli[0].elements == pytest.approx(4 * (4**2 - 2**2) - 9, rel=0.05)
    bright = Judged.of(sequence, asked, REDUCTION, [replace(known, flux=50.0)])
    assert bright.annuli[0].elements == pytest.approx(48, rel=0.01)
    assert (bright.sequence.cube < sequence.cube - 0.5).any()


def test_contrasts_are_of_the_star(sequence):
    bright = replace(sequence, observation=replace(sequence.observation, star_flux=(2e4,)))
    asked = replace(ASKED, contrast=(1e-4, 1e-3), injections=50)
    flux = np.array([one.flux[0] for one in Judged.of(bright, asked, None).companions[0]]) / 2e4
    assert 1e-4 <= flux.min() < 2e-4
    assert 5e-4 < flux.max() <= 1e-3
    with pytest.raises(BadInput, match="the star's flux is not known"):
        Judged.of(sequence, asked, None)
    with pytest.raises(BadInput, match="no reduction is named whose"):
        Judged.of(sequence, ASKED, None)


def test_a_method_that_leaves_much_of_a_bin_out_is_refused(judged):
    values = np.zeros(SHAPE)
    values[:, : MIDDLE - 4] = np.nan
    with pytest.raises(
        BadInput, match=r"half: its map has values on \d+ % of the bin 2.0–4.0 FWHM"
    ):
        refuse_unmeasured("half", values, judged.annuli[0])
    outer = Reduction(Pca((3,)), FullFrame(inner=3.0))
    with pytest.raises(BadInput, match="outer: its map has values on"):
        judged.check("outer", SnrOf(outer))


def test_every_map_has_its_method():
    assert method_of(REDUCTION) == SnrOf(REDUCTION)
    assert method_of(REDUCTION, "matched") == SnrOf(REDUCTION, matched=True)
    assert method_of(REDUCTION, "stim") == StimOf(REDUCTION)
    assert method_of(Andromeda()) == InversionOf(Andromeda())
    several = Reduction(Pca((2, 3)), FullFrame())
    assert method_of(several, "snr", 3) == SnrOf(REDUCTION)
    assert of_rank(several, 3) == REDUCTION


@pytest.mark.parametrize(
    ("settings", "more", "line"),
    [
        (
            Reduction(Pca((2, 3))),
            ("snr", None),
            "pca has ranks 2, 3, and none is given: give `rank`",
        ),
        (Reduction(Pca((2, 3))), ("snr", 4), "pca has ranks 2, 3, and it has not 4"),
        (Andromeda(), ("stim", None), "an inversion has one map, its own S/N"),
        (
            Reduction(references=References(stars=("*/1",))),
            ("snr", None),
            "a reduction with reference stars cannot be judged yet",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(settings, more, line):
    with pytest.raises(BadInput, match=line):
        method_of(settings, *more)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"methods": (Contestant("a"), Contestant("a"))}, "methods are a, a; name each once"),
        ({"methods": (Contestant("a"),)}, "reference: name the reduction whose S/N"),
        ({"bins": ((2.0, 3.0),)}, "bins: 2 to 3 FWHM, expected 1 or more, and more than 1 wide"),
        ({"snr": (3.0, 1.0)}, "snr is 3 to 1, expected 0 < low ≤ high"),
        ({"injections": 0}, "injections is 0"),
    ],
)
def test_bad_settings(given, line):
    with pytest.raises(BadInput, match=line):
        Comparison(**given)


@pytest.mark.parametrize("given", [{"level": 1.0}, {"resamples": 5}])
def test_bad_intervals(given):
    with pytest.raises(BadInput, match="expected"):
        Intervals(**given)


def test_every_kind_of_method_finds_a_bright_companion(sequence):
    asked = replace(ASKED, bins=((2.5, 5.5),), injections=2, snr=(15.0, 15.0))
    here = Judged.of(sequence, asked, REDUCTION)
    llsg = SnrOf(Reduction(Llsg(3), FullFrame()))
    for method in (SnrOf(REDUCTION), StimOf(REDUCTION), InversionOf(Andromeda()), llsg):
        found = here.trials(method, lambda: None)[0]
        assert (found.hit > found.alarms["negated-shifted"].maxima.max()).any(), method


@pytest.mark.real_data
def test_on_betapic_without_its_planet(empty_sequence):
    asked = Comparison(
        bins=((4.0, 6.0),),
        injections=12,
        snr=(7.0, 9.0),
        nulls=Nulls(("negated-shifted", "shifted"), 6, planet_free=True),
    )
    full = Reduction(Pca((8,)), FullFrame())
    here = Judged.of(empty_sequence, asked, full, [KnownCompanion(452, 211)])
    assert 60 < here.annuli[0].elements < 80
    found = here.trials(SnrOf(full), lambda: None)
    for kind in asked.nulls.kinds:
        curve = roc(found, kind, np.random.default_rng(0), np.array([1.0, 5.0]))
        assert curve.tpr[0] > 0.7
        assert 2 < curve.threshold[0] < 5
        assert (curve.fpr == curve.rate / here.annuli[0].elements).all()
