"""A night at the telescope: raw counts, file by file, and the truth behind them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exosift.geometry.grid import raw_offset
from exosift.photometry.psf import normalised_psf
from exosift.simulate.archive import Camera, Night
from exosift.simulate.background import Glow, glow
from exosift.simulate.dates import DAY
from exosift.simulate.detector import FixedPattern, read_out
from exosift.simulate.light import Pointing, light
from exosift.simulate.nights import RawFile
from exosift.types import Floats, Ints

_OPEN_LOOP = 6.0  # times the usual residuals
_SLIP = 6.0  # px from the coronagraph
_SLIPPED = 0.1  # share of the light that arrives then
_LAMP = 0.01  # rms of a flat lamp's brightness from file to file


@dataclass(frozen=True, eq=False)
class Sky:
    """What there is to see: angle [deg] (frame,) that turns each frame on the target North up, in
    the order of the night; separation [px], position_angle [deg] and contrast (companion,)."""

    angle: Floats
    separation: Floats
    position_angle: Floats
    contrast: Floats


@dataclass(frozen=True, eq=False)
class Observed:
    """A night's truth: of every frame on the target (frame,), flux and science, the `file` it is
    in, its middle `mjd`, its `angle` [deg], the `star` (frame, 2) = (x, y) [px] and what is `wrong`
    with it. `fwhm` [px] of the PSF and `star_flux` of the star in an aperture of that diameter, off
    the coronagraph [electrons/s]; electrons (frame, y, x), the expected light of one exposure; glow
    and the frames of it (file → first frame).
    """

    files: tuple[RawFile, ...]
    file: Ints
    mjd: Floats
    angle: Floats
    star: Floats
    wrong: tuple[str, ...]
    fwhm: float
    star_flux: float
    electrons: Floats
    glow: Glow
    glowing: Ints


def targeted(files: tuple[RawFile, ...]) -> tuple[Ints, Floats]:
    """File and middle (MJD) of every frame (frame,) that is taken with the star in it."""
    held = [(number, one) for number, one in enumerate(files) if one.place is not None]
    number = np.concatenate([np.full(one.frames, number) for number, one in held])
    return number, np.concatenate([one.middles() for _, one in held])


def observe(
    night: Night,
    camera: Camera,
    files: tuple[RawFile, ...],
    sky: Sky,
    rng: np.random.Generator,
    progress: Callable[[int, int], None],
) -> Observed:
    """The light of a night on the detector, and its truth; `read_file` makes counts of it."""
    for_pointing, for_light, for_glow = rng.spawn(3)
    file, mjd = targeted(files)
    pointing, wrong = _pointing(night, camera, files, sky, for_pointing)
    fluxes = np.array([1.0, *sky.contrast])
    shares, psfs = light(camera.scene, camera.size, pointing, fluxes, for_light, progress)
    seconds = np.array([files[number].seconds for number in file])
    good = np.array([not one for one in wrong])
    _, fwhm, flux = normalised_psf(psfs[good].mean(axis=0, dtype=np.float64))
    lit = [number for number, one in enumerate(files) if one.kind in ("flux", "science", "sky")]
    counts = [files[number].frames for number in lit]
    first = np.full(len(files), -1)
    first[lit] = np.cumsum([0, *counts[:-1]])
    times = np.concatenate([files[number].middles() for number in lit])
    return Observed(
        files,
        file,
        mjd,
        sky.angle,
        pointing.axis + pointing.sources[0],
        wrong,
        fwhm,
        night.electrons * flux,
        night.electrons * seconds[:, None, None].astype(np.float32) * shares,
        glow(camera.background, camera.size, DAY * (times - times[0]), for_glow),
        first,
    )


def _pointing(
    night: Night, camera: Camera, files: tuple[RawFile, ...], sky: Sky, rng: np.random.Generator
) -> tuple[Pointing, tuple[str, ...]]:
    """Where everything stands in the frames on the target, and what is wrong with each."""
    number, mjd = targeted(files)
    science = np.array([files[n].kind == "science" for n in number])
    axis = np.array([files[n].place for n in number])
    star = camera.scene.pointing_jitter * rng.standard_normal((len(number), 2))
    bad = np.sort(rng.choice(np.flatnonzero(science), night.bad, replace=False))
    wrong = [""] * len(number)
    blur, arriving = np.ones(len(number)), np.ones(len(number))
    for turn, frame in enumerate(bad):
        wrong[frame] = ("adaptive optics open", "guiding slipped")[turn % 2]
        if turn % 2 == 0:
            blur[frame] = _OPEN_LOOP
        else:
            heading = 2 * np.pi * rng.random()
            star[frame] += _SLIP * np.array([np.cos(heading), np.sin(heading)])
            arriving[frame] = _SLIPPED
    beside = [
        raw_offset(float(separation), float(angle), sky.angle)
        for separation, angle in zip(sky.separation, sky.position_angle, strict=True)
    ]
    leakage = np.where(science, camera.scene.leakage, 1.0)
    sources = star + np.stack([np.zeros_like(star), *beside])
    elapsed = DAY * (mjd - mjd[0])
    return Pointing(elapsed, axis, sources, leakage, blur, arriving), tuple(wrong)


def read_file(
    observed: Observed,
    number: int,
    camera: Camera,
    pattern: FixedPattern,
    rng: np.random.Generator,
) -> Floats:
    """Counts (exposure, y, x) of every exposure of a file, also of those that it adds up."""
    one = observed.files[number]
    shape = (one.frames, camera.size, camera.size)
    expected = np.zeros(shape)
    if one.kind == "flat":
        full = (camera.detector.saturation - camera.detector.bias) * camera.detector.gain
        expected += full / 2 * (1 + _LAMP * rng.standard_normal())
    elif one.kind != "dark":
        first = observed.glowing[number]
        expected += one.seconds * observed.glow.rate(slice(first, first + one.frames))
    if one.place is not None:
        expected += observed.electrons[observed.file == number]
    repeated = np.broadcast_to(expected, (one.count, *shape[1:])) if one.frames == 1 else expected
    return read_out(repeated, one.seconds, pattern, camera.detector, rng)
