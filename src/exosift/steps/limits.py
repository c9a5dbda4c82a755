"""`exosift limits`: contrast curves and completeness of a reduction, as tables and figures."""

import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from exosift.errors import BadInput
from exosift.io.sequences import read_sequence
from exosift.io.store import manifest_of
from exosift.limits.contrast import star_flux
from exosift.limits.request import Answer, Limits, limits
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.sequence import Sequence
from exosift.settings import plain
from exosift.steps.recording import recorded


def settings_of(
    reduction: Reduction, asked: Limits, known: tuple[KnownCompanion, ...]
) -> dict[str, Any]:
    """What decides the limits, as the status file keeps it."""
    told = {"reduction": plain(reduction), "limits": plain(asked.of_each)}
    return told | {"known": plain(list(known))}


def run(
    store: Path,
    stars: tuple[Path, ...],
    reduction: Reduction,
    asked: Limits,
    known: tuple[KnownCompanion, ...],
    folder: Path,
) -> None:
    """Write contrast.ecsv, completeness.ecsv and a figure of each into `folder`.

    stars: the stores of the reduction's reference stars; known: companions in the sequence.
    """
    if reduction.stars and not stars:
        raise BadInput("the reduction has reference stars: give each one's store by --star")
    settings = settings_of(reduction, asked, known)
    with recorded("limits", folder, [manifest_of(s) for s in (store, *stars)], settings):
        sequence = read_sequence(store)
        others = [read_sequence(star) for star in stars]
        with tqdm(desc=f"{sequence.label} {folder.name}", file=sys.stderr, leave=False) as bar:

            def progress(done: int, of: int) -> None:
                bar.total = of
                bar.update(done - bar.n)

            answers = list(limits(sequence, reduction, asked, others, known, progress))
        _write(answers, sequence, asked, folder)


def _write(answers: list[Answer], sequence: Sequence, asked: Limits, folder: Path) -> None:
    """Tables and figures; both are slow to load, and not needed before."""
    from exosift.io.limits import write_completeness, write_contrast
    from exosift.report.curves import completeness_figure, contrast_figure
    from exosift.report.figures import save

    star, told = _star(sequence, asked)
    scale = sequence.observation.pixel_scale
    meta = {
        "target": sequence.observation.target,
        "epoch": sequence.observation.epoch,
        "reduction": folder.name,
        "fpf": asked.fpf,
        "noise": "apertures at the same separation, Student's t (Mawet et al. 2014)",
        "star_flux": told,
    }
    write_contrast(folder / "contrast.ecsv", answers, asked, (scale, star), meta)
    title = f"{sequence.observation.target}  {sequence.observation.epoch}  {folder.name}"
    note = f"{told}; FPF {asked.fpf:.1e}"
    save(contrast_figure(answers, (scale, star), f"{title}  ({note})"), folder / "contrast.png")
    write_completeness(folder / "completeness.ecsv", answers, (scale, star), meta)
    figure = completeness_figure(answers, (scale, star), f"{title}  ({note})")
    save(figure, folder / "completeness.png")


def _star(sequence: Sequence, asked: Limits) -> tuple[float | None, str]:
    """The star's flux, if there is one to compare with, and where it is from."""
    known = sequence.observation.star_flux
    if known is None and asked.star_flux is None:
        return None, "no star flux: limits in counts"
    flux = star_flux(sequence, asked.star_flux)
    return flux, f"star flux {flux:.6g}, {'assumed' if known is None else 'of the data'}"
