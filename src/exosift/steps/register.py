"""`exosift register`: an observation's frames, angles and PSF become `sequence.zarr`."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

import numpy as np

from exosift import __version__
from exosift.calib.centring import Centring
from exosift.calib.medians import temporal_median
from exosift.calib.registration import Registration
from exosift.compute.blocks import Block, frames_together
from exosift.compute.registration import Placed, moved, place, sample
from exosift.instruments.description import Description
from exosift.observations import Row
from exosift.raw.prepared import Prepared
from exosift.sequence import Observation
from exosift.settings import plain
from exosift.steps.recording import digest, recorded

# Frames, spread over the sequence, whose median the picture shows.
_SHOWN = 25


def run(
    row: Row,
    registration: Registration,
    calibrated: Path | None,
    given: Mapping[str, Description],
    store: Path,
) -> None:
    """Put the star of an observation on the centre pixel; write `store`, a table and pictures.

    The frames are those of the store `calibrated`, or else of the files of `row`. given:
    descriptions of instruments besides those known.
    """
    files = [Path(cell) for cell in (row.cube, row.angles, row.psf, row.wavelengths) if cell]
    settings = {"row": asdict(row), "registration": plain(registration)}
    inputs = files if calibrated is None else [Path(f"{calibrated}.json"), *files]
    with recorded("register", store.parent, inputs, settings) as known:
        prepared = _prepared(row, registration, calibrated, given)
        if calibrated is None:
            known |= {Path(name): found for name, found in prepared.sources.items()}
        placed = place(prepared.frames, prepared.fwhm, registration, prepared.known)
        observation = _observation(row, prepared, placed, registration, digest(settings))
        # All slow to load, and not needed before there is something to write.
        from exosift.io.sequences import writing_sequence
        from exosift.io.store import blocks_written

        side = 2 * placed.reach + 1
        size = frames_together(len(prepared.wavelength) * side**2)
        arrays = {
            "angle": prepared.angle[placed.kept],
            "mjd": prepared.mjd[placed.kept],
            "wavelength": prepared.wavelength,
            "psf": prepared.psf,
        }
        with writing_sequence(store, observation, arrays, side, size, prepared.variance) as empty:

            def write(span: slice, block: Block) -> None:
                blocks_written(empty, span, block)

            moved(prepared.frames, placed, prepared.fwhm, registration.transients, write, size)
        _told(row, prepared, placed, observation, store.parent)


def _told(
    row: Row, prepared: Prepared, placed: Placed, observation: Observation, folder: Path
) -> None:
    """Write which frames were kept, and pictures of that and of where the star was found."""
    from exosift.io.tables import write_selection
    from exosift.report.figures import registration_figure, save
    from exosift.report.selection import selection_figure

    title = f"{row.target}  {row.epoch}  {row.filter}"
    kept = f"{title}: {placed.kept.sum()} of {placed.kept.size} frames kept"
    write_selection(folder / "selection.ecsv", placed, prepared.mjd, prepared.angle)
    save(selection_figure(placed, kept), folder / "selection.png")
    some = sample(prepared.frames, _SHOWN)
    middle = temporal_median(some[0] if prepared.frames.apart else some.mean(axis=0))
    title += ": median of the frames as they came"
    figure = registration_figure(middle, observation.raw_star, observation.pixel_scale, title)
    save(figure, folder / "registration.png")


def _prepared(
    row: Row,
    registration: Registration,
    calibrated: Path | None,
    given: Mapping[str, Description],
) -> Prepared:
    """The observation's frames, from wherever they come; each way loads what it needs."""
    if calibrated is None:
        from exosift.raw.tabled import from_files

        return from_files(row, given)
    from exosift.raw.recalled import from_calibrated

    return from_calibrated(row, calibrated, registration, given)


def _observation(
    row: Row, prepared: Prepared, placed: Placed, registration: Registration, settings: str
) -> Observation:
    """What is known of the sequence, and how each number was found."""
    centre = float(placed.reach)
    side = 2 * placed.reach + 1
    star = placed.star[placed.kept]
    told = {
        "star": f"{_found(registration)}; then moved to the centre pixel ({centre:.0f}, "
        f"{centre:.0f}) of {side}² px",
        "fwhm": "Gaussian fit to the core of the PSF",
        "frames": f"{placed.kept.sum()} of {placed.kept.size} kept",
        "software": f"exosift {__version__}",
        "settings": f"SHA-256 {settings[:16]}…",
    }
    return Observation(
        target=row.target,
        epoch=row.epoch,
        instrument=prepared.instrument,
        filter=row.filter,
        pixel_scale=prepared.pixel_scale,
        fwhm=tuple(prepared.fwhm.tolist()),
        star=(centre, centre),
        raw_star=(float(np.median(star[:, 0])), float(np.median(star[:, 1]))),
        exposure_time=prepared.exposure_time,
        transmission=row.transmission,
        star_flux=prepared.star_flux,
        sources=MappingProxyType(dict(prepared.sources)),
        history=MappingProxyType({**prepared.history, **told}),
    )


def _found(centring: Centring) -> str:
    """How the star was found, in words."""
    match centring.frames:
        case "together":
            where = "the median frame"
        case "correlated":
            where = "the median of frames aligned on each other"
        case "centre":
            return "satellite spots in the frames before and after"
        case "each":
            where = "each frame (median given)"
    if centring.method == "symmetry":
        return f"centre of symmetry of {where}"
    return f"{centring.method} fit to {where} within {centring.radius:g} FWHM"
