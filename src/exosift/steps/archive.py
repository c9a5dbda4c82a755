"""`exosift simulate --archive`: a made-up survey of raw files, and the truth beside them.

In the folder: `raw/`, a folder a night, for `exosift ingest`; `truth.json`; and `truth/`,
the maps of each detector as NumPy arrays (y, x).
"""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from exosift.errors import BadInput
from exosift.ingest.exposures import day
from exosift.ingest.exposures import night as morning
from exosift.instruments import described
from exosift.instruments.description import Site
from exosift.io.atomic import whole
from exosift.observations import refuse_name
from exosift.settings import plain
from exosift.simulate.archive import Archive, Camera, Flavour, Night
from exosift.simulate.companions import Companions, companions
from exosift.simulate.dates import DAY, mjd_of
from exosift.simulate.detector import FixedPattern, fixed_pattern
from exosift.simulate.nights import RawFile, schedule
from exosift.simulate.observing import Observed, Sky, observe, read_file, targeted
from exosift.steps.recording import recorded
from exosift.types import Floats

_LOWEST = 10.0  # deg, of a star that is observed


@dataclass(frozen=True, eq=False)
class _Telescope:
    """An instrument on a night: camera and its detector's pattern, site, the star's place (ra, dec)
    [deg], and the angle [deg] that turns frames North up besides the zenith's."""

    camera: Camera
    pattern: FixedPattern
    site: Site
    star: tuple[float, float]
    offset: float


def run(archive: Archive, seed: int, folder: Path) -> None:
    """Write every night's files, the detectors' maps and truth.json into `folder`.

    All follows from `seed`: a detector from its camera's name, a night from its target and start.
    """
    settings = {"seed": seed, "archive": plain(archive)}
    for name in archive.targets:
        refuse_name(name)
    with recorded("simulate", folder, [], settings):
        _clear(folder / "raw")
        patterns = {
            name: fixed_pattern(
                camera.detector, camera.size, np.random.default_rng([seed, *name.encode()])
            )
            for name, camera in archive.cameras.items()
        }
        for name, pattern in patterns.items():
            for product in fields(pattern):
                with whole(folder / "truth" / f"{name}-{product.name}.npy") as partial:
                    np.save(partial, getattr(pattern, product.name))
        told = [_night(archive, night, patterns, seed, folder) for night in archive.nights]
        with whole(folder / "truth.json") as partial:
            partial.write_text(json.dumps(settings | {"observations": told}, indent=1) + "\n")


def _clear(raw: Path) -> None:
    """Remove the files of an earlier archive, which would be sorted with the new; no others."""
    mark = raw / ".simulated"
    if raw.exists() and not mark.exists():
        raise BadInput(f"{raw}: there already, and not made by this step; give another folder")
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    mark.touch()


def _night(
    archive: Archive,
    night: Night,
    patterns: Mapping[Flavour, FixedPattern],
    seed: int,
    folder: Path,
) -> dict[str, Any]:
    """Take one night: write its files, return its truth."""
    from exosift.io.horizon import earth  # loads astropy

    files, target = schedule(night), archive.targets[night.target]
    middle = float(np.mean([one.mjd for one in files if one.kind == "science"]))
    telescope = _telescope(archive, night, patterns[night.instrument], middle)
    beside = companions(target, middle, earth(np.array([mjd_of(target.date, "date"), middle])))
    sky = _sky(night, files, telescope, beside)
    name = f"{night.target} {night.start}"
    rng = np.random.default_rng([seed, *name.encode()])
    with tqdm(desc=name, total=len(sky.angle), file=sys.stderr, leave=False) as bar:
        seen = observe(
            night, telescope.camera, files, sky, rng, lambda done, _: bar.update(done - bar.n)
        )
    epoch = morning(middle, telescope.site)
    begun = night.start.replace(":", "")
    paths = _write(night, telescope, seen, rng, folder / "raw" / f"{night.target}-{begun}")
    return {
        "target": night.target,
        "epoch": epoch,
        "instrument": night.instrument,
        "pixel_scale": telescope.camera.scene.pixel_scale,
        "fwhm": seen.fwhm,
        "star_flux": seen.star_flux / telescope.camera.detector.gain,
        "companions": _companions(beside),
        "frames": _frames(seen, [str(path.relative_to(folder)) for path in paths]),
    }


def _telescope(archive: Archive, night: Night, pattern: FixedPattern, mjd: float) -> _Telescope:
    """The instrument of a night, its scale, wavelength and North from its description."""
    from exosift.io.raw_files import SETUPS, angle_offset  # loads astropy

    camera, found = archive.cameras[night.instrument], described(night.instrument)
    name, band = SETUPS[night.instrument]
    optics = found.camera(name, day(mjd))
    if optics is None or found.raw is None:
        raise BadInput(f"{night.instrument}: no camera {name} or no raw files in its description")
    wavelength = float(np.mean(found.wavelengths[band]))
    scene = replace(camera.scene, pixel_scale=optics.pixel_scale, wavelength=wavelength)
    return _Telescope(
        replace(camera, scene=scene),
        pattern,
        found.raw.site,
        archive.targets[night.target].place(mjd),
        angle_offset(night.instrument) + optics.true_north,
    )


def _sky(
    night: Night, files: tuple[RawFile, ...], telescope: _Telescope, beside: Companions
) -> Sky:
    """What there is to see, and how it lies; BadInput when it is below the horizon."""
    from exosift.io.horizon import over  # loads astropy

    horizon = over(telescope.site, *telescope.star, targeted(files)[1])
    if horizon.altitude.min() < _LOWEST:
        raise BadInput(
            f"{night.target} {night.start}: the star is {horizon.altitude.min():.0f}° high at "
            f"some time, expected at least {_LOWEST:.0f}°; choose another start or date"
        )
    scale, size = telescope.camera.scene.pixel_scale, telescope.camera.size
    for name, separation in zip(beside.names, beside.separation / scale, strict=True):
        reach = min(min(x, size - 1 - x) for x in night.place)
        if separation > reach:
            raise BadInput(
                f"{night.target} {night.start}: {name} is {separation:.0f} px from the star, whose "
                f"place is {reach:.0f} px from the edge; enlarge the camera's size"
            )
    angle = horizon.zenith + telescope.offset
    return Sky(angle, beside.separation / scale, beside.position_angle, beside.contrast)


def _write(
    night: Night, telescope: _Telescope, seen: Observed, rng: np.random.Generator, folder: Path
) -> list[Path]:
    """Read every file of a night out and write it; returns where."""
    from exosift.io.horizon import over  # loads astropy
    from exosift.io.raw_files import Taken, write_raw

    ends = np.array([[one.mjd, one.mjd + one.lasts / DAY] for one in seen.files])
    horizon = over(telescope.site, *telescope.star, ends)
    paths = []
    for number, generator in enumerate(rng.spawn(len(seen.files))):
        counts = read_file(seen, number, telescope.camera, telescope.pattern, generator)
        where = horizon.at(number)
        taken = Taken(seen.files[number], night.target, telescope.star, where, number)
        paths.append(write_raw(folder, night.instrument, taken, counts))
    return paths


def _companions(beside: Companions) -> list[dict[str, Any]]:
    """The truth of every companion [mas, deg]."""
    return [
        {
            "name": name,
            "separation": float(beside.separation[number]),
            "position_angle": float(beside.position_angle[number]),
            "contrast": float(beside.contrast[number]),
        }
        for number, name in enumerate(beside.names)
    ]


def _frames(seen: Observed, paths: list[str]) -> list[dict[str, Any]]:
    """The truth of every frame on the target, in the order of the night."""
    plane = np.arange(len(seen.file)) - np.searchsorted(seen.file, seen.file)
    wrapped: Floats = (seen.angle + 180) % 360 - 180
    return [
        {
            "file": paths[number],
            "plane": int(plane[frame]),
            "kind": seen.files[number].kind,
            "mjd": float(seen.mjd[frame]),
            "angle": float(wrapped[frame]),
            "star": seen.star[frame].tolist(),
            "wrong": seen.wrong[frame],
        }
        for frame, number in enumerate(seen.file.tolist())
    ]
