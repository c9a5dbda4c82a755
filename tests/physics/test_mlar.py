"""Multi-level residuals against the naive way, and the patches that are cut out of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position, radius_map
from exosift.geometry.rotation import derotate, sources
from exosift.learn.clear import clear_pixels
from exosift.learn.labelled import Gathered, Sampling, drawn, unit_flux
from exosift.learn.mlar import Levels, Mlar
from exosift.learn.ring import rings
from exosift.learn.turned import Turned
from exosift.photometry.injection import Companion, inject

FWHM, SIZE, COUNT, LEVELS = 4.0, 45, 20, 6
ASKED = Mlar(levels=LEVELS)
EDGES = [(2.0, 3.0), (3.0, 4.0)]
PLACE = Companion(11.3, 130.0, (1.0,))
ORDER = np.roll(np.arange(COUNT), 5)


@pytest.fixture(scope="module")
def sequence(speckles, as_sequence):
    frames = 100.0 + speckles(np.random.default_rng(3), COUNT, SIZE, FWHM)
    return as_sequence(frames.astype(np.float32), np.linspace(10, 85, COUNT), FWHM)


@pytest.fixture(scope="module")
def negated(sequence):
    """Its rings at the negative of its angles."""
    return rings(Turned.of(sequence, -sequence.angle, "fourier"), EDGES, ASKED)


def around(companion):
    """Pixels of a patch about a companion."""
    x, y = pixel_position(companion.separation, companion.position_angle, centre_of((SIZE, SIZE)))
    rows, columns = np.mgrid[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4]
    return (rows * SIZE + columns).ravel()


def naive(sequence, zone, ranks, pixels, how, combination):
    """Whole singular vectors of the zone, residuals of all pixels, each frame turned, combined."""
    frames = sequence.cube[0].reshape(COUNT, -1).astype(float)
    frames = frames - frames.mean(axis=0)
    left_modes = np.linalg.svd(frames[:, zone], full_matrices=False)[0]
    images = []
    for rank in ranks:
        star = left_modes[:, :rank] @ (left_modes[:, :rank].T @ frames)
        left = (frames - star).reshape(COUNT, SIZE, SIZE)
        if how == "fourier":
            turned = derotate(left, sequence.angle).reshape(COUNT, -1)[:, pixels]
        else:
            places = sources(sequence.angle, SIZE, *np.divmod(pixels, SIZE))
            order = {"cubic": 3, "bilinear": 1}[how]
            turned = [
                ndimage.map_coordinates(frame, [rows, columns], order=order, mode="mirror")
                for frame, rows, columns in zip(left, *places, strict=True)
            ]
        images.append(getattr(np, combination)(turned, axis=0))
    return np.array(images)


@pytest.mark.parametrize("how", ["fourier", "cubic", "bilinear"])
@pytest.mark.parametrize("combination", ["mean", "median"])
@pytest.mark.parametrize("sign", [1, -1])
def test_levels_with_and_without_a_companion_are_those_of_the_naive_way(
    sequence, how, combination, sign
):
    turned = Turned.of(sequence, sign * sequence.angle, how)
    levels = Levels.of(turned, (8.0, 14.0), replace(ASKED, combination=combination))
    pixels, flux = around(PLACE), 5.0
    own, light = turned.at(pixels), turned.light(PLACE, ORDER, pixels)
    modes = levels.lit(PLACE, ORDER, np.array([flux]))[0]
    ways = {
        0.0: levels.combined(own, levels.plain, ORDER),
        flux: levels.combined(own + np.float32(flux) * light, modes, ORDER),
    }
    for brightness, found in ways.items():
        given = inject(turned.given(ORDER), [replace(PLACE, flux=(brightness,))])
        zone = levels.region.part.pixels
        expected = naive(given, zone, levels.ranks, pixels, how, combination)
        plain = naive(turned.given(ORDER), zone, levels.ranks, pixels, how, combination)
        error = np.abs(found - expected).max(axis=1)
        assert (error < 1e-3 * plain.std(axis=1)).all()
    excess = np.ptp(ways[flux] - ways[0.0], axis=1)
    assert (excess > 1).all()  # and the companion is there


def test_ranks_are_as_many_as_levels_and_end_at_the_share_of_variance(sequence):
    turned = Turned.of(sequence, sequence.angle, "bilinear")
    for levels, share in ((3, 0.5), (6, 0.9), (10, 0.999), (18, 0.99)):
        found = Levels.of(turned, (8.0, 14.0), Mlar(levels=levels, share=share))
        assert len(found.ranks) == levels
        assert found.ranks[0] == 1
        assert (np.diff(found.ranks) > 0).all()
        power = np.linalg.eigvalsh(found.region.products.product)[::-1]
        explained = np.cumsum(power) / power.sum()
        enough = 1 + int((explained < share).sum())
        assert found.ranks[-1] == min(max(levels, enough), COUNT - 2)


def test_patches_are_cut_out_of_the_level_images(negated):
    ring = negated[1]
    images, side = ring.images(ORDER), ring.side
    whole = np.full((LEVELS, SIZE * SIZE), np.nan)
    whole[:, ring.wide] = images
    whole = whole.reshape(LEVELS, SIZE, SIZE)
    some = ring.pixels[::37]
    patches = ring.patches(images, some)
    assert patches.shape == (len(some), LEVELS, 7, 7)
    for pixel, patch in zip(some, patches, strict=True):
        y, x = divmod(pixel, SIZE)
        inside = (slice(None), slice(y - 3, y + 4), slice(x - 3, x + 4))
        np.testing.assert_array_equal(patch, whole[inside])
    assert side == 7


def test_patches_with_a_companion_are_those_of_the_injected_sequence(sequence, negated):
    low = replace(ASKED, share=0.1)  # ranks 1 to 6, whatever the companion adds
    ring = rings(negated[0].levels.turned, EDGES, low)[0]
    flux = np.array([0.0, 25.0])
    pixels = ring.pixels[:: len(ring.pixels) // 9]
    found = ring.lit(PLACE, flux, np.arange(COUNT), pixels)
    given = replace(sequence, angle=-sequence.angle)
    given = inject(given, [replace(PLACE, flux=(25.0,))])
    whole = rings(Turned.of(given, given.angle, "fourier"), EDGES, low)[0]
    for got, expected in zip(found, (ring, whole), strict=True):
        order = np.arange(COUNT)
        image = expected.patches(expected.images(order), pixels)
        np.testing.assert_allclose(got, image, atol=2e-3 * image.std())


def test_samples_are_of_the_asked_brightness_and_the_same_for_a_seed(negated):
    ring, asked = negated[0], Sampling(samples=200, snr=(3.0, 3.0), fluxes=5, mixed=0.1)
    one, again, other = (drawn(ring, asked, FWHM, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.patches, again.patches)
    assert not np.array_equal(one.patches, other.patches)
    assert one.patches.shape == (200, LEVELS, 7, 7)
    assert one.labels.sum() == 100
    nulls = one.patches[~one.labels]
    np.testing.assert_allclose(nulls.std(axis=(0, 2, 3)), 1.0, atol=0.25)
    # An aperture of one FWHM, on the level where companions stand out most.
    y, x = np.mgrid[-3:4, -3:4]
    disc = np.hypot(x, y) <= FWHM / 2
    flux = one.patches[..., disc].sum(axis=-1)
    excess = flux[one.labels].mean(axis=0) - flux[~one.labels].mean(axis=0)
    assert (excess / flux[~one.labels].std(axis=0)).max() == pytest.approx(3.0, rel=0.3)


def test_noise_is_that_of_the_circle_but_for_the_place_itself(negated):
    ring = negated[1]
    images = ring.images(ORDER)
    noise = ring.noise(images)
    y, x = (each - (SIZE - 1) / 2 for each in np.divmod(ring.wide, SIZE))
    for number in (0, 40, 133):
        y0, x0 = (each - (SIZE - 1) / 2 for each in divmod(int(ring.pixels[number]), SIZE))
        on = np.abs(np.hypot(x, y) - np.hypot(x0, y0)) < 1
        others = images[:, on & (np.hypot(x - x0, y - y0) > FWHM)]
        np.testing.assert_allclose(noise.mean[number], others.mean(axis=1), atol=1e-4)
        np.testing.assert_allclose(noise.scale[number], others.std(axis=1), rtol=1e-3)


def test_companions_of_unit_flux_have_an_snr_of_one_where_it_is_highest(negated):
    found = [
        unit_flux(ring, np.arange(len(ring.pixels)), FWHM, np.random.default_rng(0))
        for ring in negated
    ]
    assert found[0] > found[1] > 0  # speckles fall with the halo


def test_blocks_are_azimuths_a_patch_long_and_stay_apart_when_joined(negated):
    asked = Sampling(samples=60, fluxes=2)
    some = [drawn(ring, asked, FWHM, np.random.default_rng(0)) for ring in negated]
    for ring, samples in zip(negated, some, strict=True):
        count = int(samples.blocks.max()) + 1
        assert 2 * np.pi * ring.bounds[0] / count >= ring.side
    both = Gathered.of((120, *some[0].patches.shape[1:]))
    for one in some:
        both.add(one)
    np.testing.assert_array_equal(both.every.patches, np.concatenate([o.patches for o in some]))
    assert len(both.labels) == 120
    first, second = both.blocks[:60], both.blocks[60:]
    assert second.min() > first.max() + 1


def test_a_companion_of_the_sky_is_smeared_where_samples_are_drawn(sequence):
    bright = inject(sequence, [replace(PLACE, flux=(200.0,))])
    peaks = {}
    for sign in (1, -1):
        turned = Turned.of(bright, sign * bright.angle, "fourier")
        ring = rings(turned, [(2.0, 4.0)], ASKED)[0]
        image = ring.images(np.arange(COUNT))[0, ring.number[ring.pixels]]
        peaks[sign] = np.abs(image).max()
    assert peaks[-1] < 0.3 * peaks[1]


def negated_ring(sequence, bounds=(2.0, 4.0)):
    return rings(Turned.of(sequence, -sequence.angle, "fourier"), [bounds], ASKED)[0]


def test_pixels_clear_of_a_known_companion_are_those_that_its_light_does_not_reach(sequence):
    place = PLACE.separation, PLACE.position_angle
    dark, lit = (
        negated_ring(one) for one in (sequence, inject(sequence, [replace(PLACE, flux=(200.0,))]))
    )
    clear = clear_pixels(lit, [place], FWHM)
    assert 0.2 < len(clear) / len(lit.pixels) < 0.7
    for shift in (0, 3, COUNT // 2):
        order = np.roll(np.arange(COUNT), shift)
        # Without a model of the star: what that adds to it is not the companion's light.
        first, second = (
            one.values[one.held][:, order, np.arange(COUNT)].mean(axis=1)[one.number[one.pixels]]
            for one in (lit, dark)
        )
        light = np.abs(first - second)
        assert light[clear].max() < 0.02 * light.max()
    far = (60.0, 0.0)
    np.testing.assert_array_equal(clear_pixels(lit, [far], FWHM), np.arange(len(lit.pixels)))


def test_samples_are_drawn_clear_of_a_known_companion(sequence):
    place = PLACE.separation, PLACE.position_angle
    lit = negated_ring(inject(sequence, [replace(PLACE, flux=(2000.0,))]))
    fluxes = [
        unit_flux(ring, clear_pixels(ring, known, FWHM), FWHM, np.random.default_rng(0))
        for ring, known in ((negated_ring(sequence), ()), (lit, [place]), (lit, ()))
    ]
    # What is called an S/N of one is told from the noise, and not from the companion's own arc.
    assert fluxes[1] < 0.5 * fluxes[2]
    asked = Sampling(samples=400, fluxes=4, mixed=0.0)
    blocks = [
        np.unique(drawn(lit, asked, FWHM, np.random.default_rng(1), known).blocks)
        for known in ([place], ())
    ]
    assert len(blocks[0]) < len(blocks[1])


def test_a_companion_smeared_all_round_wants_its_flux(sequence):
    whole = replace(sequence, angle=np.linspace(0.0, 350.0, COUNT))
    place = PLACE.separation, PLACE.position_angle
    with pytest.raises(BadInput, match=r"is smeared over all of the ring .* give its flux"):
        clear_pixels(negated_ring(whole), [place], FWHM)


def test_refusals(sequence):
    turned = Turned.of(sequence, sequence.angle, "bilinear")
    with pytest.raises(BadInput, match=r"19 levels of 20 frames: ask for 18 at most"):
        Levels.of(turned, (8.0, 14.0), Mlar(levels=19))
    with pytest.raises(BadInput, match=r"rings to 6 FWHM .* leave frames of 45 px; they may reach"):
        rings(turned, [(5.0, 6.0)], ASKED)
    gaps = sequence.cube.copy()
    gaps[0, 3, radius_map((SIZE, SIZE)) > 9] = np.nan
    with pytest.raises(BadInput, match=r"annulus 8.0–14.0 px: only \d+ of \d+ pixels"):
        Levels.of(Turned.of(replace(sequence, cube=gaps), sequence.angle, "cubic"), (8, 14), ASKED)
    two = replace(
        sequence,
        cube=np.repeat(sequence.cube, 2, 0),
        mask=np.repeat(sequence.mask, 2, 0),
        psf=np.repeat(sequence.psf, 2, 0),
        wavelength=np.ones(2),
        observation=replace(sequence.observation, fwhm=(4.0, 4.0)),
    )
    with pytest.raises(BadInput, match="supervised detection takes one wavelength"):
        Turned.of(two, two.angle, "fourier")
    for wrong in ({"levels": 1}, {"share": 1.0}, {"patch": 0.5}):
        with pytest.raises(BadInput, match=next(iter(wrong))):
            Mlar(**wrong)
    for wrong in ({"samples": 2}, {"snr": (3.0, 1.0)}, {"paired": 0.9, "mixed": 0.2}):
        with pytest.raises(BadInput, match=next(iter(wrong))):
            Sampling(**wrong)
