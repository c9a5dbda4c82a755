"""Bad frames found by what is wrong with them, and told; good ones kept."""

import numpy as np
import pytest
from scipy import ndimage

from exosift.calib.selection import Selection, measure, select
from exosift.errors import BadInput

FWHM = 4.0
SIZE = 61


@pytest.fixture
def sequence(gaussian):
    """(rng) → sixty frames of a star on its halo, which flicker a little, and where it was."""

    def draw(rng, count=60):
        core = gaussian((SIZE, SIZE), 30.0, 30.0, FWHM)
        halo = gaussian((SIZE, SIZE), 30.0, 30.0, 25.0)
        flux = 1 + 0.02 * rng.normal(size=(count, 1, 1))
        light = 1 + 0.02 * rng.normal(size=(count, 1, 1))
        frames = 50 + 1000 * flux * core + 100 * light * halo
        frames += rng.normal(size=frames.shape)
        return frames, rng.normal([30.0, 31.0], 0.2, (count, 2))

    return draw


def test_measures_are_those_of_the_star(sequence, gaussian):
    rng = np.random.default_rng(0)
    frames, star = sequence(rng)
    wide = np.tile(1000 * gaussian((SIZE, SIZE), 30.0, 30.0, FWHM), (60, 1, 1))
    y, x = np.mgrid[:SIZE, :SIZE]
    wide[1] = 1000 * np.exp(-((x - 30) ** 2 / 2 / 2.4**2 + (y - 30) ** 2 / 2 / 1.6**2))
    found = measure(wide, star, FWHM)
    total = 1000 * 2 * np.pi * (FWHM / 2.3548) ** 2
    np.testing.assert_allclose(found.flux[0], total, rtol=1e-3)
    np.testing.assert_allclose(found.fwhm[0], FWHM, rtol=1e-2)
    assert found.ellipticity[0] == pytest.approx(0.0, abs=1e-3)
    assert found.ellipticity[1] == pytest.approx((2.4**2 - 1.6**2) / (2.4**2 + 1.6**2), rel=0.03)
    assert found.correlation[0] == pytest.approx(1.0)
    np.testing.assert_allclose(
        found.position, np.hypot(*(star - np.median(star, axis=0)).T), rtol=1e-12
    )
    holed = frames.copy()
    holed[3, 33, 31] = np.nan
    given = holed.copy()
    np.testing.assert_allclose(
        measure(holed, star, FWHM).flux, measure(frames, star, FWHM).flux, rtol=3e-3
    )
    np.testing.assert_array_equal(holed, given)


def test_good_frames_are_kept(sequence):
    rng = np.random.default_rng(1)
    kept = [select(measure(*sequence(rng), FWHM), Selection()).kept.mean() for _ in range(10)]
    assert np.mean(kept) > 0.98


@pytest.mark.parametrize("unit", [1.0, 1e-7])
def test_each_fault_is_told_and_nothing_else_is_dropped(sequence, unit):
    rng = np.random.default_rng(2)
    frames, star = sequence(rng)
    frames[5] = 50 + 0.5 * (frames[5] - 50)
    frames[12] = ndimage.gaussian_filter(frames[12], 1.5)
    frames[20] = ndimage.gaussian_filter(frames[20], (0, 2.0))
    frames[31] = np.roll(frames[31], 4, axis=1)
    frames[40] += 400 * np.exp(-((np.mgrid[:SIZE, :SIZE][0] - 38.0) ** 2) / 4)
    star[50] += 4.0
    frames[55] = np.nan
    chosen = select(measure(unit * frames, star, FWHM), Selection())
    faults = [5, 12, 20, 31, 40, 50, 55]
    assert not chosen.kept[faults].any()
    assert np.delete(chosen.kept, faults).sum() >= 52
    assert [bool(reason) for reason in chosen.reasons] == (~chosen.kept).tolist()
    assert chosen.reasons[5].startswith("flux ")
    assert " MADs low" in chosen.reasons[5]
    assert "fwhm" in chosen.reasons[12]
    assert "high" in chosen.reasons[12]
    assert "ellipticity" in chosen.reasons[20]
    assert "correlation" in chosen.reasons[31]
    assert chosen.reasons[50].startswith("position ")
    assert chosen.reasons[55].startswith("no flux; no core; no correlation")
    assert chosen.deviations.flux[5] < -8


def test_measures_that_do_not_count_drop_nothing(sequence):
    rng = np.random.default_rng(3)
    frames, star = sequence(rng)
    frames[5] = 50 + 0.5 * (frames[5] - 50)
    off = Selection(None, None, None, None, None, None)
    assert select(measure(frames, star, FWHM), off).kept.all()
    same = np.repeat(frames[:1], 6, axis=0)
    assert select(measure(same, star[:1].repeat(6, axis=0), FWHM), Selection()).kept.all()


def test_a_slow_change_is_no_fault_where_the_drift_is_told(sequence):
    rng = np.random.default_rng(4)
    frames, star = sequence(rng, 120)
    airmass = np.linspace(1, 0.3, 120)
    frames = 50 + (frames - 50) * airmass[:, None, None]
    frames[60] = 50 + 0.6 * (frames[60] - 50)
    measures = measure(frames, star, FWHM)
    only = Selection(core=None, correlation=None, fwhm=None, ellipticity=None)
    assert select(measures, only).kept[60]
    drifting = Selection(core=None, correlation=None, fwhm=None, ellipticity=None, drift=10)
    assert np.flatnonzero(~select(measures, drifting).kept).tolist() == [60]


@pytest.mark.real_data
def test_no_frame_of_betapic_is_bad_until_it_is_spoilt(betapic_registered):
    frames = betapic_registered.cube.copy()
    star = np.random.default_rng(5).normal(51, 0.2, (len(frames), 2))
    assert select(measure(frames, star, 4.8), Selection()).kept.mean() > 0.95
    frames[10] *= 0.5
    frames[33] = np.roll(frames[33], 3, axis=1)
    left = select(measure(frames, star, 4.8), Selection())
    assert not left.kept[[10, 33]].any()
    assert left.kept.sum() >= 57


def test_frames_too_small_and_limits_of_nothing_are_refused():
    with pytest.raises(BadInput) as refused:
        measure(np.ones((3, 25, 25)), np.ones((3, 2)), FWHM)
    assert str(refused.value) == (
        "frames of 25×25 px with a FWHM of 4.0 px: selection needs 4 FWHM around the star; give "
        "larger frames"
    )
    with pytest.raises(BadInput, match=r"^flux is 0, expected more than 0, or null$"):
        Selection(flux=0.0)
    with pytest.raises(BadInput, match=r"^drift is -1, expected more than 0, or null$"):
        Selection(drift=-1)
