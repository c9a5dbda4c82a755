"""From raw counts to clean frames: a simulated detector under a drifting sky, and NIRC2's."""

from dataclasses import replace

import numpy as np
import pytest

from exosift.calib.calibration import Calibrations, calibrate, cleaned
from exosift.calib.masters import MasterDark, MasterFlat, master_dark, master_flat
from exosift.calib.outliers import Outliers, outliers, static_outliers
from exosift.calib.sky import Sky, SkyLibrary, apart_from, subtract_sky, without_stars
from exosift.errors import BadInput
from exosift.photometry.apertures import aperture_flux
from exosift.photometry.psf import fit_gaussian

SHAPE = (96, 104)
GAIN, READ = 5.0, 4.0
FWHM = 4.0


@pytest.fixture(scope="module")
def detector():
    """(rng) → dark (y, x), response (y, x), hot and dead pixels (y, x), and a way to expose it."""
    rng = np.random.default_rng(10)
    dark = 100 + rng.gamma(2, 3, SHAPE)
    response = 1 + 0.04 * rng.normal(size=SHAPE) - np.linspace(0, 0.2, SHAPE[1])
    hot, dead = rng.random((2, *SHAPE)) < 0.003
    dark[hot] += rng.uniform(300, 3000, hot.sum())
    response[dead] = 0.02
    response /= np.median(response)

    def expose(light):
        electrons = rng.poisson(np.maximum(light * response * GAIN, 0))
        return np.round(electrons / GAIN + dark + rng.normal(0, READ, light.shape)).astype(np.int32)

    return dark, response, hot, dead, expose


def masters(detector, saturation=np.inf, gain=GAIN):
    *_, expose = detector
    darks = expose(np.zeros((40, *SHAPE)))
    dark = master_dark(darks)
    flat = master_flat(expose(np.full((40, *SHAPE), 2e4)), dark.frame)
    return Calibrations(dark, flat, np.zeros(SHAPE, dtype=bool), saturation, gain)


def test_the_truth_comes_back_within_photon_noise(detector, gaussian):
    """Dark, flat, drifting sky with a glow, hot, dead and struck pixels, and a dithered star."""
    _, _, hot, dead, expose = detector
    rng = np.random.default_rng(11)
    count = 16
    star = rng.uniform(25, 70, (count, 2))
    truth = np.stack([800 * gaussian(SHAPE, x, y, FWHM) for x, y in star])
    glow = 500 * gaussian(SHAPE, 90.0, 5.0, 60.0)
    level = 900 + 15 * np.arange(count)[:, None, None]
    raw = expose(truth + glow + level)
    struck = rng.random(raw.shape) < 5e-4
    raw[struck] += rng.integers(400, 5000, struck.sum())

    calibrations = masters(detector)
    assert calibrations.unusable[hot | dead].all()
    assert calibrations.unusable[~hot & ~dead].mean() < 1e-3  # the dark current has a long tail
    seen = calibrate(raw, np.arange(float(count)), calibrations)
    free = without_stars(seen, star, 12.0)
    background = np.isfinite(free.frames).sum(axis=0) >= 0
    rim = np.zeros(SHAPE, dtype=bool)
    rim[:12] = rim[-12:] = True
    library = SkyLibrary.of(free, background & rim, Sky("median"))
    left = subtract_sky(seen, library, apart_from(star, star, 12.0))
    final = cleaned(left, outliers(left.frames, FWHM, Outliers()))

    assert final.mask[:, hot | dead].all()
    assert final.mask[struck].mean() > 0.97
    good = ~final.mask
    assert good.mean() > 0.98
    level_left = np.median((final.frames - truth)[:, rim], axis=1)
    assert np.abs(level_left).max() < 1.0
    pull = (final.frames - truth)[good] / np.sqrt(final.variance[good])
    assert np.std(pull) == pytest.approx(1.0, abs=0.04)
    assert abs(np.mean(pull)) < 0.05
    assert np.isinf(final.variance[final.mask]).all()
    filled = (final.frames - truth)[final.mask & np.isfinite(final.frames)]
    assert 1.48 * np.median(np.abs(filled)) < 25  # noise is about 17
    np.testing.assert_array_equal(np.isfinite(final.frames), True)


def test_any_chunk_of_frames_is_calibrated_by_itself(detector):
    *_, expose = detector
    raw = expose(np.full((6, *SHAPE), 700.0))
    given = raw.copy()
    calibrations = masters(detector, saturation=880)
    whole = calibrate(raw, np.arange(6.0), calibrations)
    np.testing.assert_array_equal(raw, given)
    assert whole.mask[raw >= 880].all()
    assert 0.001 < (raw >= 880).mean() < 0.2
    assert whole.frames.dtype == whole.variance.dtype == np.float32
    for chunk in (slice(0, 2), slice(2, 3), slice(3, 6)):
        part = calibrate(raw[chunk], np.arange(6.0)[chunk], calibrations)
        for name in ("frames", "mask", "variance", "mjd"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[chunk])


@pytest.mark.parametrize("dtype", [">i4", "<u2", np.int16, np.float32, np.float64])
def test_raw_counts_of_any_type_give_the_same(detector, dtype):
    *_, expose = detector
    raw = expose(np.full((2, *SHAPE), 700.0)).clip(0, 30000)
    calibrations = masters(detector, gain=None)
    expected = calibrate(raw, np.zeros(2), calibrations)
    found = calibrate(raw.astype(dtype), np.zeros(2), calibrations)
    np.testing.assert_array_equal(found.frames, expected.frames)
    assert found.variance is None


def test_calibrations_of_another_window_are_refused(detector):
    calibrations = masters(detector)
    with pytest.raises(BadInput) as refused:
        calibrate(np.zeros((2, 50, 50)), np.zeros(2), calibrations)
    assert str(refused.value) == (
        "frames of shape (2, 50, 50) with 2 times, for calibrations of (96, 104): give those of "
        "the same window, and one time a frame"
    )
    with pytest.raises(BadInput, match=r"^calibrations of different shapes \(y, x\): dark \(96,"):
        replace(calibrations, bad=np.zeros((50, 50), dtype=bool))
    with pytest.raises(BadInput, match=r"^gain is 0 electrons a count, expected more than 0$"):
        replace(calibrations, gain=0.0)


@pytest.fixture(scope="module")
def observed(nirc2):
    """The real frames calibrated, less their skies, and cleaned: each stage's exposures."""
    calibrations = Calibrations(
        master_dark(nirc2.dark[None]),
        master_flat(nirc2.flat[None], np.zeros_like(nirc2.dark)),
        nirc2.bad,
    )
    seen = calibrate(nirc2.frames, np.arange(10.0), calibrations)
    free = without_stars(seen, nirc2.star, 30.0)
    everywhere = np.ones(nirc2.dark.shape, dtype=bool)
    # The last dither is where the first one was: neither may be the other's sky.
    usable = apart_from(nirc2.star, nirc2.star, 15.0)
    left = subtract_sky(seen, SkyLibrary.of(free, everywhere, Sky("median")), usable)
    bad = outliers(left.frames, FWHM, Outliers()) | static_outliers(seen.frames, FWHM, Outliers())
    return {"calibrated": seen, "sky": left, "clean": cleaned(left, bad)}


def scatter(frame):
    values = frame[np.isfinite(frame)]
    return 1.4826 * np.median(np.abs(values - np.median(values)))


@pytest.mark.real_data
def test_nirc2s_background_goes_down_to_its_photon_noise(nirc2, observed):
    good = ~nirc2.bad & (nirc2.flat > 0.3)
    before = [scatter(raw[good]) / np.median(raw[good]) for raw in nirc2.frames]
    assert np.mean(before) == pytest.approx(0.0334, abs=0.0005)
    for seen, left in zip(observed["calibrated"].frames, observed["clean"].frames, strict=True):
        assert scatter(left[good]) / np.nanmedian(seen[good]) < 0.0070


def isolated(frames, star):
    """Pixels 5 standard deviations from the median of their neighbours, none of which is at 3.5.

    Away from stars; the standard deviation is that of 32 × 32 px around.
    """
    y, x = np.mgrid[:1024, :1024]
    shifts = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    found = []
    for frame, places in zip(frames, star, strict=True):
        padded = np.pad(frame, 1, constant_values=np.nan)
        around = np.stack([padded[i : i + 1024, j : j + 1024] for i, j in shifts])
        around = np.sort(around, axis=0)  # NaN last
        lowest, low, high, highest = around[[0, 3, 4, 7]]
        apart = frame - (low + high) / 2
        tiles = np.abs(apart).reshape(32, 32, 32, 32).swapaxes(1, 2).reshape(32, 32, -1)
        sigma = 1.4826 * np.kron(np.nanmedian(tiles, axis=2), np.ones((32, 32)))
        calm = np.maximum(highest - low, high - lowest) < 3.5 * sigma
        away = np.all([np.hypot(x - a, y - b) > 25 for a, b in places], axis=0)
        found.append((np.abs(apart) > 5 * sigma) & calm & away)
    return np.stack(found)


@pytest.mark.real_data
def test_nirc2s_bad_pixels_and_outliers_are_gone(nirc2, observed):
    clean = observed["clean"]
    assert clean.mask[:, nirc2.bad].all()
    filled = clean.frames[:, nirc2.bad]
    noise = np.array([scatter(frame) for frame in clean.frames])
    assert np.mean(np.abs(filled) < 5 * noise[:, None]) > 0.99

    # Two faint stars of the field besides those that were marked: (303, 784) in the first frame.
    offsets = np.array([[0, 0], [137, 425], [-9, 541], [-18, 171]])
    star = nirc2.star[:, None] + offsets
    before = isolated(observed["sky"].frames[::2], star[::2])
    after = isolated(clean.frames[::2], star[::2])
    assert before.sum() > 50
    assert (before & after).sum() <= 0.05 * before.sum()
    assert clean.mask[::2][before].mean() >= 0.95
    # Next to nothing else is touched.
    assert (clean.mask & ~observed["calibrated"].mask).mean() < 3e-4


@pytest.mark.real_data
@pytest.mark.parametrize(("which", "radius"), [("star", 8.0), ("faint", 6.0)])  # one saturated
def test_nirc2s_stars_agree_between_dithers_no_worse_than_before(nirc2, observed, which, radius):
    def fluxes(frames):
        y, x = np.mgrid[:101, :101] - 50
        ring = (np.hypot(x, y) > 30) & (np.hypot(x, y) < 45)
        found = []
        for frame, (column, row) in zip(frames, getattr(nirc2, which).astype(int), strict=True):
            image = frame[row - 50 : row + 51, column - 50 : column + 51].astype(float)
            image = np.nan_to_num(image - np.nanmedian(image[ring]))
            star = fit_gaussian(image, (50.0, 50.0), 8.0, 8.0)
            found.append(aperture_flux(image, *star.centre, radius))
        return np.array(found)

    def spread(values):
        return values.std(ddof=1) / values.mean()

    raw, clean = fluxes(nirc2.frames), fluxes(observed["clean"].frames)
    assert spread(clean) <= spread(raw)
    assert clean.mean() == pytest.approx(raw.mean(), rel=0.03)


def test_variance_by_the_formula():
    """One pixel by hand: 1000 counts above a dark of 50 ± 0.5, response 0.8 ± 0.01."""
    one = np.ones((3, 3), np.float32)
    dark = MasterDark(50 * one, 0.25 * one, 3.0, one < 0)
    flat = MasterFlat(0.8 * one, 1e-4 * one, one < 0)
    seen = calibrate(1050 * one[None], np.zeros(1), Calibrations(dark, flat, one < 0, gain=4.0))
    np.testing.assert_allclose(seen.frames, 1250.0)
    expected = (1000 / 4 + 9 + 0.25) / 0.64 + (1250 * 0.01 / 0.8) ** 2
    np.testing.assert_allclose(seen.variance, expected, rtol=1e-6)
