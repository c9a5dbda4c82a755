"""The angle of every exposure, from the zenith's position angle in its middle."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from exosift.calib.parallactic import wrapped
from exosift.errors import BadInput
from exosift.ingest.cards import number
from exosift.ingest.classification import Seen
from exosift.ingest.exposures import day
from exosift.ingest.frame import Frame
from exosift.ingest.rotation import orientation
from exosift.instruments.description import Site
from exosift.types import Floats

ZenithAngle = Callable[[Floats, Floats, Floats, Site], Floats]
"""Position angle of the zenith [deg] from ra, dec [deg], MJD (UTC) and site."""


def orient(seen: Sequence[Seen], zenith_angle: ZenithAngle) -> list[Frame | BadInput]:
    """Frames of one site with their angles, the zenith's found for all of them in one call.

    A frame whose angle cannot be had comes as the BadInput that says why.
    """
    if not seen:
        return []
    times = np.array([[s.exposures.start, s.exposures.first, s.exposures.last] for s in seen])
    places = np.array([[s.frame.ra, s.frame.dec] for s in seen])
    known = np.isfinite(places).all(axis=1) & np.isfinite(times).all(axis=1)
    known &= (np.abs(places[:, 0]) <= 360) & (np.abs(places[:, 1]) <= 90)
    known &= np.array([s.raw.rotation.recipe != "header" for s in seen])
    zenith = np.array([_told(s) for s in seen])
    if known.any():
        ra, dec = (places[known, i, None] for i in (0, 1))
        zenith[known] = zenith_angle(ra, dec, times[known], seen[0].raw.site)
    return [_oriented(s, z, bool(k)) for s, z, k in zip(seen, zenith, known, strict=True)]


def angles(frame: Frame, zenith_angle: ZenithAngle, site: Site) -> Floats:
    """The angle [deg] of every exposure in a science file, at its middle, without jumps."""
    return every_angle([frame], zenith_angle, site)[0]


def every_angle(frames: Sequence[Frame], zenith_angle: ZenithAngle, site: Site) -> list[Floats]:
    """The angles [deg] of the exposures in science files, the zenith's found in one call."""
    turning = [frame for frame in frames if frame.field == "turns"]
    zenith: dict[str, Floats] = {}
    if turning:
        counts = [frame.frames for frame in turning]
        ra, dec = (np.repeat([getattr(f, axis) for f in turning], counts) for axis in ("ra", "dec"))
        times = np.concatenate([frame.times() for frame in turning])
        parts = np.split(zenith_angle(ra, dec, times, site), np.cumsum(counts)[:-1])
        zenith = {frame.file: part for frame, part in zip(turning, parts, strict=True)}
    found = []
    for frame in frames:
        match frame.field:
            case "turns":
                turned = np.unwrap(zenith[frame.file], period=360.0)
                found.append(np.asarray(turned - turned[0] + frame.angle_first))
            case "fixed" | "interpolated":
                found.append(np.linspace(frame.angle_first, frame.angle_last, frame.frames))
            case _:
                raise BadInput(f"{frame.file}: a {frame.kind} frame, whose angles are not known")
    return found


def _told(seen: Seen) -> Floats:
    """The parallactic angle at start, first and last exposure as the header tells it [deg]."""
    words, taken = seen.raw.keywords, seen.exposures
    begin, end = (number(seen.cards, w) for w in (words.parang_start, words.parang_end))
    if seen.raw.rotation.recipe == "header" and not words.parang_end:
        end = begin
    share = np.array([0.0, taken.first - taken.start, taken.last - taken.start])
    return begin + float(wrapped(end - begin)) * share / max(taken.end - taken.start, 1e-12)


def _oriented(seen: Seen, zenith: Floats, known: bool) -> Frame | BadInput:
    """A frame with its angles, or why it has none."""
    words, start = seen.raw.keywords, seen.exposures.start
    try:
        found = orientation(seen.cards, seen.raw.rotation, start, float(zenith[0]))
    except BadInput as error:
        return error
    described = seen.description.camera(seen.frame.camera, day(start))
    offset = found.offset + (described.true_north if described else 0.0)
    first = float(wrapped((zenith[1] if found.turns else 0.0) + offset))
    moved = float(wrapped(zenith[2] - zenith[1])) if found.turns else 0.0
    if not math.isfinite(first + moved):
        return BadInput(
            f"neither a place ({words.named('ra')}, {words.named('dec')}) nor parallactic angles "
            f"({words.named('parang_start')}, {words.named('parang_end')}) in the header: the "
            "angle is not known; add them or leave the file out"
        )
    return replace(
        seen.frame,
        field=("turns" if known else "interpolated") if found.turns else "fixed",
        angle_first=first,
        angle_last=first + moved,
        angle_offset=offset,
    )
