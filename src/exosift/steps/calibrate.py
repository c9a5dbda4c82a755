"""`exosift calibrate`: the raw files of an observation become `calibrated.zarr`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from exosift import threads
from exosift.calib.recipe import Recipe
from exosift.compute.blocks import frames_together, stream
from exosift.errors import BadInput
from exosift.ingest.angles import every_angle
from exosift.ingest.frame import Frame
from exosift.instruments import descriptions
from exosift.instruments.description import Description
from exosift.io.public import sha256
from exosift.raw.files import Files
from exosift.raw.frames import Observed
from exosift.settings import plain
from exosift.steps.recording import recorded
from exosift.types import Floats


def run(
    table: Path, label: str, recipe: Recipe, given: Mapping[str, Description], store: Path
) -> None:
    """Calibrate the observation `label` (target/epoch) of a table of `exosift ingest`.

    given: descriptions of instruments besides those known.
    """
    settings = {"observation": label, "recipe": plain(recipe), "instruments": plain(dict(given))}
    inputs = [table, *_named(table)]
    with recorded("calibrate", store.parent, inputs, settings, [table]) as known:
        # All slow to load, and not needed before there is something to read.
        from exosift.io.calibrated import writing_calibrated
        from exosift.io.frames import read_frames
        from exosift.io.store import blocks_written
        from exosift.raw.outline import expected_fwhm, outline, refuse_unscaled, wavelengths

        files = Files.of(read_frames(table), label, descriptions(given))
        used = files.used()
        _refuse_changed(used)
        refuse_unscaled(files)
        channels = files.channels(_read)
        wavelength = wavelengths(files, channels)
        fwhm = expected_fwhm(files, recipe, float(np.mean(wavelength)))
        observed = Observed.of(files, recipe, _read, fwhm)
        arrays, star = _beside(observed)
        hashes = threads.over(lambda frame: sha256(Path(frame.file)), used, products=False)
        known |= {Path(frame.file): found for frame, found in zip(used, hashes, strict=True)}
        sources = {frame.file: found for frame, found in zip(used, hashes, strict=True)}
        told = outline(observed, wavelength, star, sources)
        width, height = files.science[0].shape
        shape = (channels, files.count, height, width // files.raw.fields)
        size = frames_together(shape[0] * shape[2] * shape[3])
        with writing_calibrated(store, told, shape, size, arrays, observed.variance) as empty:

            def work(span: slice) -> None:
                blocks_written(empty, span, observed.block(span))

            stream(work, files.count, size, f"{label} calibrated")


def _beside(observed: Observed) -> tuple[dict[str, Floats], dict[str, str]]:
    """All arrays but the frames themselves, and what is told of the star off the coronagraph."""
    from exosift.io.ephemeris import zenith_angle
    from exosift.raw.beside import off_axis, spots

    files = observed.files
    turns = every_angle(files.science, zenith_angle, files.raw.site)
    arrays = {"mjd": files.mjd, "angle": np.concatenate(turns)}
    star, centres = off_axis(observed), spots(observed)
    if centres is not None:
        arrays["centre"], arrays["centre_mjd"] = centres
    if star is None:
        return arrays, {"psf": "none", "star_flux": "not known: no frames of the star alone"}
    arrays["flux"] = star.frames
    return arrays, {"psf": star.told, "star_flux": star.unknown}


def _named(table: Path) -> list[Path]:
    """Raw files of a table of ingest; none where it cannot be read, which the step then says."""
    from exosift.io.frames import read_frames

    try:
        return [Path(frame.file) for frame in read_frames(table).frames]
    except BadInput:
        return []


def _refuse_changed(frames: list[Frame]) -> None:
    """Raise BadInput for a file that is not what ingest saw."""
    for frame in frames:
        path = Path(frame.file)
        found = path.stat().st_size if path.exists() else None
        if found != frame.size:
            now = "not there any more" if found is None else f"{found:,} bytes"
            raise BadInput(
                f"{frame.file}: {now}, {frame.size:,} bytes when it was sorted; run "
                "`exosift ingest` again"
            )


def _read(frame: Frame, planes: slice) -> Floats:
    """Planes (plane, y, x) of a raw file."""
    from exosift.io.planes import read_planes

    return read_planes(Path(frame.file), planes)
