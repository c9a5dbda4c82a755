"""Injection in Gram space: the same image as reducing the frames with the companion in them."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.geometry.regions import Annuli, FullFrame
from exosift.photometry.injection import Companion, inject
from exosift.psfsub.catalogue import Reduction, Stage
from exosift.psfsub.corridor import Corridor
from exosift.psfsub.engine import reduce
from exosift.psfsub.injected import Injected, in_gram_space
from exosift.psfsub.library import References
from exosift.psfsub.llsg import Llsg
from exosift.psfsub.loci import Loci
from exosift.psfsub.mean import Mean
from exosift.psfsub.median import Median
from exosift.psfsub.nmf import Nmf
from exosift.psfsub.pairwise import Pairwise
from exosift.psfsub.pca import Pca

FWHM, SIZE, COUNT = 4.0, 37, 24
ANGLE = np.concatenate([np.linspace(0, 90, 14), np.linspace(85, 20, 10)])
EVERYWHERE = np.arange(SIZE * SIZE)
RINGS = Annuli(1.0, 1.0, 2)

REDUCTIONS = {
    "mean": Reduction(Mean(), RINGS, References(0.5)),
    "narrow segments": Reduction(Mean(), Annuli(1.5, 1.0, 12), References(0.5)),
    "pca": Reduction(Pca((1, 4), "temporal"), RINGS, References(0.5)),
    "pca none": Reduction(Pca((3,), "none"), FullFrame(1.0)),
    "pca spatial": Reduction(Pca((3,), "spatial"), RINGS, References(0.3)),
    "pca shares": Reduction(Pca((0.7, 0.95)), RINGS, combination="mean"),
    "pca nearest": Reduction(Pca((2,)), RINGS, References(0.5, nearest=6)),
    "pca correlated": Reduction(Pca((2,)), RINGS, References(0.3, correlated=6)),
    "loci": Reduction(Loci(), RINGS, References(0.5)),
    "loci narrow": Reduction(Loci("damped", optimisation=1.0), RINGS, References(0.5)),
    "loci spatial": Reduction(Loci("nnls", centring="spatial"), RINGS, References(0.5)),
    "pairwise": Reduction(Pairwise(3), RINGS, References(0.5)),
    "spline": Reduction(Pca((3,)), RINGS, References(0.5), "spline"),
}
THE_LONG_WAY = {
    "median": Reduction(Median(), RINGS, References(0.5)),
    "nmf": Reduction(Nmf((2,), iterations=5), FullFrame(1.0)),
    "llsg": Reduction(Llsg(rank=2, iterations=3), RINGS),
    "pairwise": Reduction(Pairwise(2, percentile=60.0), RINGS, References(0.5)),
    "two stages": Reduction(Pca((2,)), RINGS, first=Stage(Mean(), FullFrame(1.0))),
    "iterated": Reduction(Pca((2,)), FullFrame(1.0), iterations=1),
}
COMPANIONS = [
    Companion(8.3, 40.0, (90.0,)),
    Companion(8.3, 250.0, (700.0,)),
    Companion(13.9, 140.0, (-40.0,)),
]


@pytest.fixture(scope="module")
def sequence(speckles, as_sequence):
    frames = 100.0 + speckles(np.random.default_rng(21), COUNT, SIZE, FWHM)
    return as_sequence(frames, ANGLE, FWHM)


def brute(sequence, reduction, companions, stars=()):
    return reduce(inject(sequence, companions), reduction, stars=stars).images


def agree(found, expected, tolerance=1e-6):
    """Everywhere, NaN in the same places, within a tolerance in units of the residual's std."""
    found = found.reshape(expected.shape)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert np.nanmax(np.abs(found - expected)) < tolerance * np.nanstd(expected)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_every_linear_model_gives_the_image_of_the_injected_frames(name, sequence):
    reduction = REDUCTIONS[name]
    assert in_gram_space(reduction)
    injected = Injected.of(sequence, reduction)
    agree(injected.images, reduce(sequence, reduction).images, 1e-12)
    ready = [injected.injection([one]) for one in COMPANIONS]
    together = injected.measured(ready, [1.0] * 3, EVERYWHERE)
    for one, injection, image in zip(COMPANIONS, ready, together, strict=True):
        expected = brute(sequence, reduction, [one])
        assert np.nanmax(np.abs(expected - injected.images)) > 0.1 * np.nanstd(expected)
        agree(image, expected)
        agree(injected.measured([injection], [1.0], EVERYWHERE)[0], expected)


@pytest.mark.parametrize("name", THE_LONG_WAY)
def test_other_reductions_go_the_long_way_to_the_same_image(name, sequence):
    reduction = THE_LONG_WAY[name]
    assert not in_gram_space(reduction)
    injected = Injected.of(sequence, reduction)
    ready = injected.injection(COMPANIONS[:1])
    found = injected.measured([ready], [2.0], EVERYWHERE)[0]
    agree(found, brute(sequence, reduction, [replace(COMPANIONS[0], flux=(180.0,))]), 1e-9)
    agree(injected.images, reduce(sequence, reduction).images, 1e-9)


@pytest.mark.parametrize("name", [*REDUCTIONS, "median"])
def test_a_companion_moved_in_its_corridor_gives_the_same_image(name, sequence):
    """In it, beside it, and with another that stays where it is."""
    reduction = (REDUCTIONS | THE_LONG_WAY)[name]
    injected = Injected.of(sequence, reduction)
    about = Companion(9.0, 40.0, (1.0,))
    some = np.flatnonzero(np.isfinite(injected.images[0]).ravel())[300:330]
    corridor = Corridor.of(injected, about, 1.0, some)
    in_it = [Companion(8.3, 41.0, (90.0,)), Companion(9.5, 38.0, (-300.0,))]
    beside = Companion(12.0, 80.0, (100.0,))
    for cases in ([[in_it[0]], [in_it[1]]], [in_it], [[in_it[0], beside]]):
        found = corridor.values(cases)
        for values, case in zip(found, cases, strict=True):
            expected = brute(sequence, reduction, case)
            expected = expected.reshape(len(expected), -1)[:, some]
            moved = np.abs(expected - injected.images.reshape(len(expected), -1)[:, some]).max()
            np.testing.assert_allclose(values, expected, atol=1e-6 * moved)


def test_a_corridor_that_leaves_the_frame_is_measured_as_well(sequence):
    injected = Injected.of(sequence, REDUCTIONS["pca"])
    far = Companion(16.0, 90.0, (80.0,))
    found = Corridor.of(injected, far, 1.0, EVERYWHERE).values([[far]])
    agree(found[0], brute(sequence, REDUCTIONS["pca"], [far]))
    with pytest.raises(BadInput, match="a companion at 90 px is outside every frame of 37×37 px"):
        Corridor.of(injected, Companion(90.0, 0.0, (1.0,)), 1.0, EVERYWHERE)


def test_only_what_is_measured_is_returned_in_its_order(sequence):
    reduction = REDUCTIONS["pca"]
    injected = Injected.of(sequence, reduction)
    ready = [injected.injection([one]) for one in COMPANIONS]
    whole = injected.measured(ready, [1.0, 2.0, 1.0], EVERYWHERE)
    some = np.random.default_rng(3).permutation(np.flatnonzero(np.isfinite(whole[0, 0])))[:40]
    found = injected.measured(ready, [1.0, 2.0, 1.0], some)
    assert found.shape == (3, 2, 40)
    np.testing.assert_allclose(found, whole[..., some], atol=1e-10)


def test_a_patch_that_would_not_fit_in_memory_is_refused(sequence, monkeypatch):
    monkeypatch.setattr("exosift.psfsub.patch._MOST", 1e6)
    injected = Injected.of(sequence, REDUCTIONS["pca"])
    with pytest.raises(BadInput, match="a patch of 1369 px needs"):
        Corridor.of(injected, Companion(9.0, 40.0, (1.0,)), 1.0, EVERYWHERE)


def test_one_track_serves_all_fluxes(sequence):
    reduction = REDUCTIONS["pca"]
    injected = Injected.of(sequence, reduction)
    ready = injected.injection([replace(COMPANIONS[0], flux=(1.0,))])
    fluxes = [0.0, -50.0, 30.0, 4000.0]
    found = injected.measured([ready] * 4, fluxes, EVERYWHERE)
    agree(found[0], injected.images, 1e-12)
    for flux, image in zip(fluxes, found, strict=True):
        agree(image, brute(sequence, reduction, [replace(COMPANIONS[0], flux=(flux,))]))


def test_a_faint_companion_adds_in_proportion_to_its_flux(sequence):
    reduction = replace(REDUCTIONS["pca"], combination="mean")  # the median is not linear
    injected = Injected.of(sequence, reduction)
    ready = injected.injection([replace(COMPANIONS[0], flux=(1.0,))])
    images = injected.measured([ready] * 2, [1e-3, 2e-3], EVERYWHERE)
    small, twice = images - injected.images.reshape(2, -1)
    agree(twice, 2 * small, 1e-3)


def test_companions_together_are_in_the_same_frames(sequence):
    injected = Injected.of(sequence, REDUCTIONS["loci"])
    crossing = [*COMPANIONS, Companion(9.0, 45.0, (60.0,))]
    ready = injected.injection(crossing)
    found = injected.measured([ready], [1.0], EVERYWHERE)[0]
    agree(found, brute(sequence, REDUCTIONS["loci"], crossing))


def test_missing_and_masked_pixels_stay_missing(sequence):
    cube, mask = sequence.cube.copy(), sequence.mask.copy()
    cube[:, :, 12, 20] = np.nan  # under the track
    cube[0, 3, 25:27, 10] = np.nan
    mask[np.isnan(cube)] = True
    mask[0, 7, 11, 22] = True  # filled in: modelled, and not measured
    holed = replace(sequence, cube=cube, mask=mask)
    for name in ("pca", "pca none", "spline"):
        injected = Injected.of(holed, REDUCTIONS[name])
        ready = [injected.injection([one]) for one in COMPANIONS]
        for one, image in zip(
            COMPANIONS, injected.measured(ready, [1.0] * 3, EVERYWHERE), strict=True
        ):
            agree(image, brute(holed, REDUCTIONS[name], [one]))


@pytest.mark.parametrize("own", ["all", "none"])
def test_reference_stars_are_references_without_a_companion(own, sequence, speckles, as_sequence):
    frames = 100.0 + speckles(np.random.default_rng(22), 15, SIZE, FWHM)
    star = as_sequence(frames, np.zeros(15), FWHM)
    references = References(0.5, own=own, stars=("other/1",))
    reduction = Reduction(Pca((2,), "temporal"), RINGS, references)
    injected = Injected.of(sequence, reduction, [star])
    ready = injected.injection(COMPANIONS[:1])
    found = injected.measured([ready], [1.0], EVERYWHERE)[0]
    expected = brute(sequence, reduction, COMPANIONS[:1], [star])
    agree(found, expected)
    some = np.arange(600, 640)
    corridor = Corridor.of(injected, COMPANIONS[0], 0.5, some)
    measured = corridor.values([COMPANIONS[:1]])[0]
    np.testing.assert_allclose(measured, expected.reshape(1, -1)[:, some], atol=1e-7)


def test_each_wavelength_is_refitted_with_its_own_flux(sequence, as_sequence, speckles):
    other = as_sequence(100.0 + speckles(np.random.default_rng(23), COUNT, SIZE, 5.0), ANGLE, 5.0)
    observation = replace(sequence.observation, fwhm=(FWHM, 5.0))
    size = min(sequence.psf.shape[-1], other.psf.shape[-1])
    psf = np.concatenate([_middle(one.psf, size) for one in (sequence, other)])
    both = replace(
        sequence,
        cube=np.concatenate([sequence.cube, other.cube]),
        mask=np.concatenate([sequence.mask, other.mask]),
        psf=psf,
        wavelength=np.array([1.6, 2.1]),
        observation=observation,
    )
    companion = Companion(9.0, 77.0, (120.0, 30.0))
    injected = Injected.of(both, REDUCTIONS["pca"])
    found = injected.measured([injected.injection([companion])], [1.0], EVERYWHERE)[0]
    agree(found, brute(both, REDUCTIONS["pca"], [companion]))
    corridor = Corridor.of(injected, companion, 0.5, np.arange(500, 540))
    measured = corridor.values([[companion]])[0]
    np.testing.assert_allclose(measured, found.reshape(2, -1)[:, 500:540], rtol=1e-9, atol=1e-8)
    mixed = Reduction(Mean(), FullFrame(1.0), References(wavelengths="all"))
    assert not in_gram_space(mixed)


def _middle(psf, size):
    first = (psf.shape[-1] - size) // 2
    return psf[:, first : first + size, first : first + size]


def test_smearing_goes_with_the_track(sequence):
    smearing = np.full(COUNT, 4.0)
    injected = Injected.of(sequence, REDUCTIONS["pca"])
    found = injected.measured([injected.injection(COMPANIONS[:1], smearing)], [1.0], EVERYWHERE)[0]
    frames = inject(sequence, COMPANIONS[:1], smearing=smearing)
    agree(found, reduce(frames, REDUCTIONS["pca"]).images)


def test_in_single_precision_it_is_as_near_to_the_truth_as_the_long_way(sequence):
    single = replace(sequence, cube=sequence.cube.astype(np.float32))
    double = replace(sequence, cube=single.cube.astype(np.float64))
    injected = Injected.of(single, REDUCTIONS["pca"])
    found = injected.measured([injected.injection(COMPANIONS[:1])], [1.0], EVERYWHERE)[0]
    assert found.dtype == np.float32
    exact = brute(double, REDUCTIONS["pca"], COMPANIONS[:1])
    agree(found.astype(float), exact, 1e-4)
    agree(found, brute(single, REDUCTIONS["pca"], COMPANIONS[:1]), 1e-4)


def test_a_companion_outside_every_frame_is_refused(sequence):
    injected = Injected.of(sequence, REDUCTIONS["pca"])
    with pytest.raises(BadInput, match="a companion at 90 px is outside every frame of 37×37 px"):
        injected.injection([Companion(90.0, 0.0, (1.0,))])
