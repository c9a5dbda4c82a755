"""`exosift detect`: maps of significance, candidates and a picture from a reduction's images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from exosift.detect.candidates import Candidate, Searched, find_candidates
from exosift.detect.search import Search
from exosift.detect.significance import Null
from exosift.geometry.grid import centre_of
from exosift.io.fits import observation_of, write_images
from exosift.photometry.known import KnownCompanion
from exosift.report.summary import CandidateRow
from exosift.settings import plain
from exosift.steps.recording import recorded
from exosift.steps.searching import Products, maps_to_search, null_of
from exosift.types import Floats

# Whose noise an S/N is measured in, as the table of candidates says it.
_NOISE: dict[Null, str] = {
    "student": "apertures at the same distance, Student's t (Mawet et al. 2014)",
    "laplace": "apertures at the same distance, Laplace-tailed (Bonse et al. 2023)",
    "normal": "given with the image, normalised by its spread at each distance, standard normal",
    "unknown": "cut away by the PSF model, or learnt: the map is no significance, has no fraction",
}


def settings_of(search: Search, known: tuple[KnownCompanion, ...]) -> dict[str, Any]:
    """What is recorded of the settings of a search."""
    return {"search": plain(search), "known": plain(known)}


def run(
    products: Products, search: Search, known: tuple[KnownCompanion, ...], folder: Path
) -> None:
    """Write snr.fits, the other maps asked for, candidates.ecsv and detection.png into `folder`.

    An S/N map that is given is searched as it is, and no map is written.
    """
    with recorded("detect", folder, products.files, settings_of(search, known)):
        searched, images, header = maps_to_search(products, search, known)
        found = find_candidates(searched, search)
        null = null_of(products, search, header)
        if not products.given:
            _write_maps(searched, header, null, folder)
        _write_candidates(found, searched, search, header, _NOISE[null], folder)
        _draw(found, searched, search, images, header, folder)


def _write_maps(searched: Searched, header: Any, null: Null, folder: Path) -> None:
    """Write every map with the logarithms of its false-positive fractions."""
    cards = {name: (header[name], header.comments[name]) for name in header if _own(name)}
    for name, found in {"snr": searched.snr, **searched.others}.items():
        fpf = None if np.isnan(found.fpf).all() else found.fpf
        own = cards | {"NULL": (null if name != "stim" else "inverse map", "what noise follows")}
        write_images(folder / f"{name}.fits", found.statistic, observation_of(header), own, fpf)


def _write_candidates(
    found: list[Candidate],
    searched: Searched,
    search: Search,
    header: Mapping[str, Any],
    noise: str,
    folder: Path,
) -> None:
    """Write the table of candidates."""
    from exosift.io.tables import write_candidates  # slow to load, and not needed before

    meta = {
        "target": header["OBJECT"],
        "epoch": header["EPOCH_ID"],
        "reduction": header["REDUCTIO"],
        "threshold": search.threshold,
        "threshold_fpf": search.fpf,
        "ranks": list(searched.ranks),
        "noise": noise,
        "places": {"count": searched.places.count, "growth": searched.places.growth},
    }
    write_candidates(folder / "candidates.ecsv", found, header["PIXSCALE"], meta)


def _draw(
    found: list[Candidate],
    searched: Searched,
    search: Search,
    images: Floats,
    header: Any,
    folder: Path,
) -> None:
    """Draw the image and the S/N map of the rank that shows most; a classifier's two maps."""
    from exosift.report import figures  # slow to load

    snr, ranks = searched.snr.statistic, searched.ranks
    best = ranks.index(found[0].rank) if found else int(np.nanargmax(np.nanmax(snr, (1, 2))))
    rank = f", rank {ranks[best]}" if ranks[best] else ""
    title = f"{header['OBJECT']}  {header['EPOCH_ID']}  {header['REDUCTIO']}{rank}"
    scale = header["PIXSCALE"]
    rows = [_row(candidate, scale) for candidate in found]
    view = figures.View(scale, centre_of(images.shape), searched.fwhm)
    shown = figures.FLUX, figures.snr_within(search.threshold)
    if header.get("QUANTITY") == "probability":
        shown = figures.PROBABILITY, figures.margin_within(search.threshold)
    figure = figures.detection_figure((images[best], snr[best]), shown, rows, view, title=title)
    figures.save(figure, folder / "detection.png")


def _own(keyword: str) -> bool:
    """Cards of the reduction, to be handed on from the image to its maps."""
    return keyword in ("REDUCTIO", "MODEL", "REGIONS", "COMBINE", "KEEPNOIS") or "RANK" in keyword


def _row(candidate: Candidate, scale: float) -> CandidateRow:
    """A candidate as the figure wants it; scale in mas/px."""
    c = candidate
    return CandidateRow(
        c.x,
        c.y,
        c.separation * scale,
        c.position_angle,
        c.snr,
        c.fpf,
        c.false_alarm,
        c.rank or None,
        c.known,
    )
