"""`exosift characterise`: place, flux and errors of companions, as a table and figures."""

import sys
from collections.abc import Sequence as Several
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from exosift import instruments
from exosift.characterise.request import Characterise, Characterised, characterise
from exosift.errors import BadInput, ExosiftError, NothingToDo
from exosift.io.sequences import read_sequence
from exosift.io.store import manifest_of
from exosift.limits.contrast import star_flux
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.sequence import Sequence
from exosift.settings import plain
from exosift.steps.recording import recorded


def settings_of(
    reduction: Reduction, asked: Characterise, known: tuple[KnownCompanion, ...]
) -> dict[str, Any]:
    """What decides the numbers, as the status file keeps it."""
    told = {"reduction": plain(reduction), "characterise": plain(asked.of_each)}
    return told | {"known": plain(list(known))}


def run(
    stores: tuple[Path, ...],
    reduction: Reduction,
    asked: Characterise,
    known: tuple[KnownCompanion, ...],
    candidates: Path | None,
    folder: Path,
) -> None:
    """Write companions.ecsv, corner.png and companions.png into `folder`.

    stores: the sequence's, then those of its reference stars. candidates: the table whose strong
    ones are measured, where those are asked for.
    """
    if reduction.stars and len(stores) < 2:
        raise BadInput("the reduction has reference stars: give each one's store by --star")
    inputs = [manifest_of(store) for store in stores] + ([candidates] if candidates else [])
    with recorded("characterise", folder, inputs, settings_of(reduction, asked, known)):
        sequence, *stars = (read_sequence(store) for store in stores)
        companions = _companions(sequence, asked, known, candidates)
        asked = _with_instrument(asked, sequence)
        with tqdm(desc=f"{sequence.label} {folder.name}", file=sys.stderr, leave=False) as bar:

            def progress(done: int, of: int) -> None:
                bar.total = of
                bar.update(done - bar.n)

            of_each = characterise(sequence, reduction, asked, companions, stars, progress)
            answers = list(of_each) if companions else []
        _write(answers, sequence, asked, folder)


def _companions(
    sequence: Sequence,
    asked: Characterise,
    known: tuple[KnownCompanion, ...],
    candidates: Path | None,
) -> tuple[KnownCompanion, ...]:
    """The known companions, or the candidates above the threshold."""
    if asked.which == "candidates":
        from exosift.io.tables import read_candidates  # astropy's tables are slow to load

        if candidates is None:
            raise BadInput("which is candidates: give the table by --candidates")
        known = tuple(
            KnownCompanion(row["separation"], row["position_angle"])
            for row in read_candidates(candidates)
            if row["snr"] >= asked.threshold and not row["edge"]
        )
    elif not known:
        raise NothingToDo(f"{sequence.label}: no companion is known; name one by --companion")
    return known


def _with_instrument(asked: Characterise, sequence: Sequence) -> Characterise:
    """Errors of scale and North that were not told are the instrument's, where it is known."""
    about = sequence.observation
    scale, north = instruments.calibration_errors(about.instrument, about.pixel_scale)
    if asked.pixel_scale_error is None:
        asked = replace(asked, pixel_scale_error=scale)
    return asked if asked.true_north_error is not None else replace(asked, true_north_error=north)


def _write(
    answers: Several[Characterised | ExosiftError],
    sequence: Sequence,
    asked: Characterise,
    folder: Path,
) -> None:
    """Table and figures; both are slow to load, and not needed before."""
    from exosift.io.companions import write_companions
    from exosift.report.companions import before_and_after_figure, corner_figure
    from exosift.report.figures import save

    about = sequence.observation
    star, told_star = _star(sequence, asked)
    found = [one for one in answers if isinstance(one, Characterised)]
    told = {
        "centring": f"{found[0].known.centring:.3g} px" if found else "not asked",
        "not_measured": [str(one) for one in answers if isinstance(one, ExosiftError)],
        "pixel_scale_error": _or_unknown(asked.pixel_scale_error, "mas/px"),
        "true_north_error": _or_unknown(asked.true_north_error, "deg"),
    }
    meta = {
        "target": about.target,
        "epoch": about.epoch,
        "reduction": folder.name,
        "merit": asked.merit.kind,
        "star_flux": told_star,
        **told,
    }
    write_companions(folder / "companions.ecsv", found, star, meta)
    title = f"{about.target}  {about.epoch}  {folder.name}"
    save(corner_figure(found, about.pixel_scale, title), folder / "corner.png")
    save(before_and_after_figure(found, title), folder / "companions.png")


def _star(sequence: Sequence, asked: Characterise) -> tuple[float | None, str]:
    """The star's flux, if there is one to compare with, and where it is from."""
    known = sequence.observation.star_flux
    if known is None and asked.star_flux is None:
        return None, "not known"
    flux = star_flux(sequence, asked.star_flux)
    return flux, f"star flux {flux:.6g}, {'assumed' if known is None else 'of the data'}"


def _or_unknown(error: float | None, unit: str) -> str:
    return "not known" if error is None else f"{error:g} {unit}"
