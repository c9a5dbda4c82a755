"""`exosift detect`: S/N maps, candidates and a picture from the images of a reduction."""

from pathlib import Path

import numpy as np

from exosift.detect.candidates import Candidate, Search, find_candidates
from exosift.detect.significance import Null
from exosift.detect.snr import snr_map
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of
from exosift.io.fits import observation_of, read_images, write_images
from exosift.report.summary import CandidateRow
from exosift.settings import plain
from exosift.steps.recording import recorded
from exosift.types import Floats

# Whose noise an S/N is measured in, as the table of candidates says it.
_NOISE: dict[Null, str] = {
    "small sample": "apertures at the same distance, Student's t (Mawet et al. 2014)",
    "normal": "given with the image, normalised by its spread at each distance, standard normal",
}


def run(image: Path, search: Search, folder: Path, given: Path | None = None) -> None:
    """Write snr.fits, candidates.ecsv and detection.png of `image` into `folder`.

    An S/N map that is `given`, its noise standard normal, is searched instead, and none is written.
    """
    null: Null = "normal" if given else "small sample"
    with recorded("detect", folder, [image, *([given] if given else [])], plain(search)):
        images, header = read_images(image)
        observation = observation_of(header)
        fwhm, scale = observation.fwhm[0], observation.pixel_scale
        ranks = tuple(header[f"RANK{i}"] for i in range(1, header["NRANKS"] + 1))
        snr = _given(given, images) if given else _small_sample(image, images, fwhm)
        # A given S/N is the root of a likelihood, whose peak is the best place; a flux need not be.
        light = snr if given else images
        found = find_candidates(light, snr, ranks, fwhm, search.threshold, null)
        # Both are slow to load, and not needed before there is something to write.
        from exosift.io.tables import write_candidates
        from exosift.report.figures import View, detection_figure, save

        cards = {name: (header[name], header.comments[name]) for name in header if _own(name)}
        if not given:
            write_images(folder / "snr.fits", snr, observation, cards)
        meta = {
            "target": observation.target,
            "epoch": observation.epoch,
            "reduction": header["REDUCTIO"],
            "threshold": search.threshold,
            "ranks": list(ranks),
            "noise": _NOISE[null],
        }
        write_candidates(folder / "candidates.ecsv", found, scale, meta)

        best = ranks.index(found[0].rank) if found else int(np.nanargmax(np.nanmax(snr, (1, 2))))
        rank = f", rank {ranks[best]}" if ranks[best] else ""
        title = f"{observation.target}  {observation.epoch}  {header['REDUCTIO']}{rank}"
        rows = [_row(candidate, scale) for candidate in found]
        view = View(scale, centre_of(images.shape), fwhm)
        figure = detection_figure(
            images[best], snr[best], rows, view, search.threshold, title=title
        )
        save(figure, folder / "detection.png")


def _small_sample(path: Path, images: Floats, fwhm: float) -> Floats:
    """S/N maps (rank, y, x) of the images read from a path; refuse them where none can be told."""
    snr = np.stack([snr_map(image, fwhm) for image in images])
    if not np.isfinite(snr).any():
        raise BadInput(
            f"{path}: no pixel has enough apertures around the star to tell a signal from "
            "noise: widen the regions or give larger frames"
        )
    return snr


def _given(path: Path, images: Floats) -> Floats:
    """S/N maps (rank, y, x) from a path; refuse those of other images."""
    snr, _ = read_images(path)
    if snr.shape != images.shape or not np.isfinite(snr).any():
        raise BadInput(
            f"{path}: an S/N map of shape {snr.shape} with {np.isfinite(snr).sum()} values for an "
            f"image of shape {images.shape}; give the one that belongs to the image"
        )
    return snr


def _own(keyword: str) -> bool:
    """Cards of the reduction, to be handed on from the image to its S/N map."""
    return keyword in ("REDUCTIO", "MODEL", "REGIONS", "COMBINE") or "RANK" in keyword


def _row(candidate: Candidate, scale: float) -> CandidateRow:
    """A candidate as the figure wants it."""
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
    )
