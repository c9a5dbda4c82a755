"""Other wavelengths and other stars as references: SDI and RDI, alone and with ADI."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.geometry.regions import Annuli, FullFrame
from exosift.psfsub.catalogue import Reduction, Stage
from exosift.psfsub.engine import reduce, subtract_stage
from exosift.psfsub.library import References
from exosift.psfsub.mean import Mean
from exosift.psfsub.median import Median
from exosift.psfsub.pca import Pca
from exosift.sequence import Observation, Sequence

WAVELENGTH = np.linspace(1.0, 1.6, 7)
SIZE, FWHM = 61, 4.0  # the FWHM at the longest wavelength
MIDDLE = (SIZE - 1) / 2
ANGLE = np.linspace(0.0, 30.0, 8)
PLACE = (14.0, 30.0)  # separation [px] and position angle [deg] of the companion


@pytest.fixture(scope="module")
def spectral(gaussian):
    """(rng, angle, flux) → a sequence whose speckles scale with wavelength; a companion's don't.

    Speckles, each a Gaussian that drifts in brightness, lie anywhere within 20 px at 1.6 µm.
    """

    def build(rng, angle=ANGLE, flux=0.0):
        place = rng.uniform(-20, 20, (30, 2))
        brightness = rng.uniform(0.5, 1.5, (len(angle), 30))
        cube = np.zeros((len(WAVELENGTH), len(angle), SIZE, SIZE))
        widths = FWHM * WAVELENGTH / WAVELENGTH.max()
        for channel, (wavelength, width) in enumerate(zip(WAVELENGTH, widths, strict=True)):
            x, y = MIDDLE + place.T * wavelength / WAVELENGTH.max()
            spots = np.stack([gaussian((SIZE, SIZE), *at, width) for at in zip(x, y, strict=True)])
            # As many photons in a speckle at each wavelength: fainter a pixel where it is wider.
            area = (width / FWHM) ** 2
            cube[channel] = 100 * np.tensordot(brightness, spots, 1) / area
            for frame, theta in enumerate(np.radians(PLACE[1] - angle)):
                at = MIDDLE - PLACE[0] * np.sin(theta), MIDDLE + PLACE[0] * np.cos(theta)
                cube[channel, frame] += flux * gaussian((SIZE, SIZE), *at, width) / area
        psf = np.stack([gaussian((21, 21), 10, 10, width) for width in widths])
        observation = Observation(
            "star", "e1", "ifs", "YH", 7.46, tuple(widths), (MIDDLE, MIDDLE), (MIDDLE, MIDDLE)
        )
        return Sequence(
            cube, angle, psf, WAVELENGTH, np.arange(float(len(angle))),
            np.zeros(cube.shape, dtype=bool), observation,
        )  # fmt: skip

    return build


@pytest.fixture(scope="module")
def with_companion(spectral):
    return spectral(np.random.default_rng(1), flux=20.0)


def at_companion(image):
    """Value where the companion is, North up, and the rms elsewhere in the inner field."""
    y, x = np.mgrid[:SIZE, :SIZE] - MIDDLE
    theta = np.radians(PLACE[1])
    near = np.hypot(x + PLACE[0] * np.sin(theta), y - PLACE[0] * np.cos(theta))
    field = (np.hypot(x, y) > 5) & (np.hypot(x, y) < 18)
    return image[near < 1.5].max(), np.sqrt(np.nanmean(image[field & (near > 6)] ** 2))


SDI = References(0.4, own="exposure", wavelengths="all")
ASDI = References(0.4, wavelengths="all")
INNER = Annuli(1.0, 2.0)


@pytest.mark.parametrize(
    "references", [SDI, ASDI, References(wavelengths="all")], ids=["SDI", "ASDI", "no threshold"]
)
def test_speckles_vanish_when_wavelengths_are_aligned_and_the_companion_stays(
    references, with_companion
):
    stage = Stage(Pca((2,), "none"), INNER, references)
    reduced = reduce(with_companion, Reduction(stage.model, INNER, references))
    companion, noise = at_companion(reduced.images[0])
    before = at_companion(np.median(with_companion.cube[-1], axis=0))[1]
    assert noise < 0.05 * before
    assert companion > 5 * noise
    assert reduced.channels.shape == (1, 7, SIZE, SIZE)
    seen = np.isfinite(reduced.channels)
    mean = np.where(seen, reduced.channels, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    np.testing.assert_allclose(mean, np.nan_to_num(reduced.images), atol=1e-9)


def test_a_still_field_needs_other_wavelengths(spectral):
    still = spectral(np.random.default_rng(2), np.zeros(6), 20.0)
    alone = reduce(still, Reduction(Pca((2,), "none"), INNER))
    spectral_too = reduce(still, Reduction(Pca((2,), "none"), INNER, SDI))
    lost, noise = at_companion(alone.images[0])  # it subtracts itself
    kept, less_noise = at_companion(spectral_too.images[0])
    assert kept / less_noise > 3 * lost / noise


def test_residuals_come_back_to_the_wavelengths_own_scale(spectral):
    """With a mean of everything and no star, the companion's own images are what is left."""
    sequence = spectral(np.random.default_rng(3), flux=20.0)
    empty = spectral(np.random.default_rng(3))
    references = References(0.5, own="exposure", wavelengths="all")
    stage = Stage(Mean(), Annuli(1.0, 2.5), references)
    left = subtract_stage(sequence, stage) - subtract_stage(empty, stage)
    added = sequence.cube - empty.cube
    y, x = np.mgrid[:SIZE, :SIZE] - MIDDLE
    ring = np.abs(np.hypot(x, y) - PLACE[0]) < 1
    for channel in (0, 6):  # those in between are nearer to their references, and lose more
        for frame in (0, 5):
            found = np.where(ring, left[0, channel, frame], 0)
            expected = np.where(ring, added[channel, frame], 0)
            assert np.abs(np.argmax(found) - np.argmax(expected)) in (0, 1, SIZE)
            assert found.max() == pytest.approx(expected.max(), rel=0.15)


def test_two_stages_are_one_after_the_other(with_companion):
    first = Stage(Pca((1,), "none"), Annuli(2.0, 2.0), SDI)
    then = Stage(Pca((1, 2)), Annuli(1.0, 2.0), References(0.3))
    both = reduce(with_companion, Reduction(then.model, then.regions, then.references, first=first))
    before = replace(with_companion, cube=subtract_stage(with_companion, first)[0])
    by_hand = subtract_stage(before, then, partial=True)
    np.testing.assert_array_equal(both.residuals, by_hand)
    once = reduce(with_companion, Reduction(first.model, first.regions, first.references))
    assert not np.allclose(both.images[0], once.images[0], equal_nan=True)
    # What was scaled out of the blue frames has no residual in either stage.
    assert np.isnan(both.residuals[:, 0, :, 2, 2]).all()


def star_like(sequence, factor=1.0, name="other"):
    """Another star with the same speckles, brighter by `factor`, that does not turn."""
    return replace(
        sequence,
        cube=factor * sequence.cube,
        observation=replace(sequence.observation, target=name),
    )


RDI = References(own="none", stars=("other/e1",))


@pytest.mark.parametrize("references", [RDI, replace(RDI, correlated=10)], ids=["all", "10"])
def test_reference_stars_remove_the_speckles_and_nothing_of_the_companion(references, spectral):
    rng = np.random.default_rng(4)
    empty = spectral(rng)
    added = 20.0 * np.random.default_rng(5).random(empty.cube.shape)
    sequence = replace(empty, cube=empty.cube + added)
    regions = FullFrame()
    # Every pattern of the empty frames is in the library: what is left is what was added, less
    # its own projection on them.
    left = subtract_stage(
        sequence, Stage(Pca((8,), "none"), regions, references), [star_like(empty)]
    )
    for channel in range(len(WAVELENGTH)):
        R = empty.cube[channel].reshape(len(ANGLE), -1)
        a = added[channel].reshape(len(ANGLE), -1)
        own = a - a @ np.linalg.pinv(R) @ R
        found = left[0, channel].reshape(len(ANGLE), -1)
        np.testing.assert_allclose(found, own, atol=1e-8)


def test_brightness_of_a_reference_star_is_matched_where_both_fluxes_are_known(spectral):
    target = spectral(np.random.default_rng(6))
    other = star_like(target, 5.0)
    flux = [
        replace(s.observation, star_flux=(f,) * len(WAVELENGTH))
        for s, f in ((target, 10.0), (other, 50.0))
    ]
    target, other = (replace(s, observation=o) for s, o in zip((target, other), flux, strict=True))
    for model in (Mean(), Median()):
        left = subtract_stage(target, Stage(model, FullFrame(), RDI), [other])[0]
        average = np.mean if isinstance(model, Mean) else np.median
        np.testing.assert_allclose(
            left, target.cube - average(target.cube, axis=1, keepdims=True), atol=1e-10
        )


def test_own_and_other_frames_join(spectral):
    sequence = spectral(np.random.default_rng(7))
    other = spectral(np.random.default_rng(8), np.linspace(5, 9, 5))
    ardi = References(stars=("other/e1",))
    left = subtract_stage(sequence, Stage(Mean(), FullFrame(), ardi), [other])[0]
    together = np.concatenate([sequence.cube, other.cube], axis=1).mean(axis=1, keepdims=True)
    np.testing.assert_allclose(left, sequence.cube - together, atol=1e-10)


def refusal(*arguments, **more):
    with pytest.raises(BadInput) as refused:
        reduce(*arguments, **more)
    return str(refused.value)


def test_reference_stars_unlike_the_target_are_refused(with_companion):
    other = star_like(with_companion)
    cases = {
        "its filter is K, not YH": replace(
            other, observation=replace(other.observation, filter="K")
        ),
        "its pixel scale [mas] is 9.0, not 7.46": replace(
            other, observation=replace(other.observation, pixel_scale=9.0)
        ),
        "its frames [px] are 59×61, not 61×61": replace(
            other, cube=other.cube[..., 1:-1], mask=other.mask[..., 1:-1]
        ),
        "its wavelengths [µm] are [1.1": replace(other, wavelength=WAVELENGTH + 0.1),
    }
    for told, star in cases.items():
        line = refusal(with_companion, Reduction(Mean(), FullFrame(), RDI), stars=[star])
        assert line.startswith("other/e1 as a reference of star/e1: ")
        assert told in line
        assert line.endswith("leave it out of references.stars")


def test_wavelengths_that_are_missing_are_refused(with_companion):
    unknown = replace(with_companion, wavelength=np.array([1.0, np.nan, *WAVELENGTH[2:]]))
    assert refusal(unknown, Reduction(Mean(), FullFrame(), ASDI)) == (
        "star/e1: the wavelength of channel 1 is not known, and `wavelengths: all` scales by it; "
        "give the observation's wavelengths"
    )
    alike = replace(with_companion, wavelength=np.ones(7))
    assert refusal(alike, Reduction(Mean(), FullFrame(), ASDI)) == (
        "star/e1: all channels have one wavelength, and `wavelengths: all` needs two or more; use "
        "`wavelengths: same`"
    )


def test_a_first_stage_of_several_ranks_is_refused():
    with pytest.raises(BadInput, match="first: pca has 3 ranks"):
        Reduction(first=Stage(Pca((1, 2, 3))))
    with pytest.raises(BadInput, match=r"name the stars in first\.references"):
        Reduction(references=RDI, first=Stage(Pca((1,))))


def test_wavelengths_are_as_bright_as_the_longest_while_they_are_modelled(spectral):
    """With known star fluxes a mean of other wavelengths fits a star of any colour."""
    grey = spectral(np.random.default_rng(9))
    colour = np.linspace(1.0, 4.0, len(WAVELENGTH))
    flux = tuple(10.0 * colour)
    red = replace(
        grey,
        cube=grey.cube * colour[:, None, None, None],
        observation=replace(grey.observation, star_flux=flux),
    )
    stage = Stage(Mean(), INNER, SDI)
    level = replace(grey, observation=replace(grey.observation, star_flux=(10.0,) * len(flux)))
    expected = subtract_stage(level, stage) * colour[:, None, None, None]
    np.testing.assert_allclose(subtract_stage(red, stage), expected, atol=1e-9)
