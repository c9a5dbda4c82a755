"""`exosift calibrate`: the raw files of an observation become `calibrated.zarr`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from exosift import threads
from exosift.calib.recipe import Recipe
from exosift.compute.blocks import frames_together, stream
from exosift.ingest.angles import angles
from exosift.ingest.frame import Frame
from exosift.instruments import descriptions
from exosift.instruments.description import Description
from exosift.io.public import sha256
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
    with recorded("calibrate", store.parent, [table], settings):
        # All slow to load, and not needed before there is something to read.
        from exosift.io.calibrated import writing_calibrated
        from exosift.io.ephemeris import zenith_angle
        from exosift.io.frames import read_frames
        from exosift.io.store import blocks_written
        from exosift.raw.beside import off_axis, spots
        from exosift.raw.files import Files
        from exosift.raw.frames import Observed
        from exosift.raw.outline import expected_fwhm, outline, wavelengths

        files = Files.of(read_frames(table), label, descriptions(given))
        used = files.used()
        hashes = threads.over(lambda frame: sha256(Path(frame.file)), used, products=False)
        width, height = files.science[0].shape
        channels = files.channels(_read)
        wavelength = wavelengths(files, channels)
        fwhm = expected_fwhm(files, recipe, float(np.mean(wavelength)))
        observed = Observed.of(files, recipe, _read, fwhm)
        star, centres = off_axis(observed), spots(observed)
        arrays: dict[str, Floats] = {"mjd": files.mjd}
        turns = [angles(frame, zenith_angle, files.raw.site) for frame in files.science]
        arrays["angle"] = np.concatenate(turns)
        if star is not None:
            arrays["flux"] = star.frames
        if centres is not None:
            arrays["centre"], arrays["centre_mjd"] = centres
        unknown = star.unknown if star else "no frames of the star off the coronagraph"
        sources = {frame.file: found for frame, found in zip(used, hashes, strict=True)}
        told = outline(observed, wavelength, unknown, sources)
        shape = (channels, files.count, height, width // files.raw.fields)
        size = frames_together(shape[0] * shape[2] * shape[3])
        with writing_calibrated(store, told, shape, size, arrays, recipe.variance) as empty:

            def work(span: slice) -> None:
                blocks_written(empty, span, observed.block(span))

            stream(work, files.count, size, f"{label} calibrated")


def _read(frame: Frame, planes: slice) -> Floats:
    """Planes (plane, y, x) of a raw file."""
    from exosift.io.planes import read_planes

    return read_planes(Path(frame.file), planes)
