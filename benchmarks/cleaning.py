"""Rows of calibration: bad pixels, recentring, sky; faults are put in, so the truth is known."""

from functools import cache

import numpy as np

from benchmarks import data
from benchmarks.harness import Work, silence
from exosift.calib.badpixels import fill
from exosift.calib.calibration import Exposures
from exosift.calib.correlation import relative_shifts
from exosift.calib.outliers import Outliers, outliers
from exosift.calib.sky import Sky, SkyLibrary, subtract_sky
from exosift.geometry.shifting import shift

# Of a thermal background: frames, side [px], components, and the radius that the star may fill.
FRAMES, SIDE, COMPONENTS, STAR = 80, 301, 5, 20


@cache
def struck() -> np.ndarray:
    """β Pic's frames with one pixel in 500 hit by 10 to 100 times the noise."""
    rng = np.random.default_rng(4)
    whole = data.cube()
    noise = 1.48 * np.median(np.abs(np.diff(whole, axis=2))) / np.sqrt(2)
    hit = rng.random(whole.shape) < 2e-3
    return np.where(hit, whole + noise * rng.uniform(10, 100, whole.shape), whole).astype(
        np.float32
    )


def filling() -> Work:
    bad = struck()
    return lambda: fill(bad, outliers(bad, data.FWHM, Outliers()))[0]


def filling_by_vip(_: int) -> Work:
    """It clips at 3 by default, and the star's core with it: 8 leaves less."""
    with silence():
        from vip_hci.preproc import cube_fix_badpix_isolated
    bad = struck()
    return lambda: cube_fix_badpix_isolated(bad, frame_by_frame=True, sigma_clip=8, verbose=False)


def unfilled(filled: np.ndarray) -> float:
    """Root mean square of what is wrong."""
    return float(np.sqrt(np.mean((filled - data.cube()) ** 2)))


def recentring() -> Work:
    cube = data.cube()
    return lambda: shift(cube, -relative_shifts(cube, cube[0]))


def recentring_by_vip(processes: int) -> Work:
    with silence():
        from vip_hci.preproc import cube_recenter_dft_upsampling
    cube = data.cube()
    return lambda: cube_recenter_dft_upsampling(
        cube, upsample_factor=100, nproc=processes, verbose=False, plot=False
    )


def unaligned(cube: np.ndarray) -> float:
    """Scatter about the median frame, away from the edges."""
    inside = cube[:, 15:86, 15:86]
    return float(np.std(inside - np.median(inside, axis=0)))


@cache
def thermal() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames of blank sky, frames with a star, and the star: patterns that drift, and noise."""
    rng = np.random.default_rng(5)
    y, x = (axis - SIDE // 2 for axis in np.mgrid[:SIDE, :SIDE])
    waves = rng.uniform(-1, 1, (COMPONENTS, 2))
    patterns = np.array([np.sin((x * a + y * b) / 40) for a, b in waves])
    amplitude = rng.normal(size=(2 * FRAMES, COMPONENTS)) * 40 / (1 + np.arange(COMPONENTS))
    sky = 1e4 + np.tensordot(amplitude, patterns, axes=1)
    sky += 10 * rng.normal(size=sky.shape)
    star = 3e4 * np.exp(-(x**2 + y**2) / 8)
    blank, seen = sky[:FRAMES].astype(np.float32), (sky[FRAMES:] + star).astype(np.float32)
    return blank, seen, star


def background() -> np.ndarray:
    """Pixels away from the star."""
    return np.hypot(*(np.mgrid[:SIDE, :SIDE] - SIDE // 2)) > STAR


def skies() -> Work:
    blank, seen, _ = thermal()
    usable = np.ones((FRAMES, FRAMES), dtype=bool)
    away = background()

    def exposures(frames: np.ndarray) -> Exposures:
        return Exposures(frames, np.arange(float(len(frames))), np.zeros(frames.shape, dtype=bool))

    def work() -> np.ndarray:
        library = SkyLibrary.of(exposures(blank), away, Sky("pca", components=COMPONENTS))
        return subtract_sky(exposures(seen), library, usable).frames

    return work


def skies_by_vip(_: int) -> Work:
    """With one component more, which it spends on the mean."""
    with silence():
        from vip_hci.preproc import cube_subtract_sky_pca
    blank, seen, _ = thermal()
    mask = background().astype(float)
    return lambda: cube_subtract_sky_pca(seen, blank, mask, ncomp=COMPONENTS + 1)


def sky_left(frames: np.ndarray) -> float:
    """Scatter under the star, of what is not star."""
    return float(np.std((frames - thermal()[2])[:, ~background()]))
