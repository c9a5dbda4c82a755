"""`exosift detect`: S/N maps, candidates and a picture from the images of a reduction."""

from pathlib import Path

import numpy as np

from exosift.detect.candidates import Candidate, Search, find_candidates
from exosift.detect.snr import snr_map
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of
from exosift.io.fits import observation_of, read_images, write_images
from exosift.report.summary import CandidateRow
from exosift.settings import plain
from exosift.steps.recording import recorded


def run(image: Path, search: Search, folder: Path) -> None:
    """Write snr.fits, candidates.ecsv and detection.png of `image` into `folder`."""
    with recorded("detect", folder, [image], plain(search)):
        images, header = read_images(image)
        observation = observation_of(header)
        fwhm, scale = observation.fwhm[0], observation.pixel_scale
        ranks = tuple(header[f"RANK{i}"] for i in range(1, header["NRANKS"] + 1))
        snr = np.stack([snr_map(one, fwhm) for one in images])
        if not np.isfinite(snr).any():
            raise BadInput(
                f"{image}: no pixel has enough apertures around the star to tell a signal from "
                "noise: widen the regions or give larger frames"
            )
        found = find_candidates(images, snr, ranks, fwhm, search.threshold)
        # Both are slow to load, and not needed before there is something to write.
        from exosift.io.tables import write_candidates
        from exosift.report.figures import View, detection_figure, save

        cards = {name: (header[name], header.comments[name]) for name in header if _own(name)}
        write_images(folder / "snr.fits", snr, observation, cards)
        meta = {
            "target": observation.target,
            "epoch": observation.epoch,
            "reduction": header["REDUCTIO"],
            "threshold": search.threshold,
            "ranks": list(ranks),
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
