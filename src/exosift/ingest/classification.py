"""What a file is, from its header: whose, for what, and how it was taken."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from exosift.errors import BadInput
from exosift.ingest.cards import Cards, count, degrees, hold, number, spoken, text
from exosift.ingest.exposures import Exposures, day, exposures, night
from exosift.ingest.frame import Frame, folder_name
from exosift.instruments.description import Description, Kind, Raw

SKYWARD: tuple[Kind, ...] = ("science", "centre", "flux", "sky")
"""Kinds that belong to a target."""


@dataclass(frozen=True)
class Seen:
    """A file with its header, its instrument and the times of its exposures."""

    frame: Frame
    cards: Cards
    description: Description
    raw: Raw
    exposures: Exposures


def recognise(
    cards: Cards, descriptions: Mapping[str, Description]
) -> tuple[Description, Raw] | None:
    """The first instrument one of whose sets of conditions the header meets; None when none."""
    for found in descriptions.values():
        if found.raw and any(hold(cards, conditions) for conditions in found.raw.files):
            return found, found.raw
    return None


def see(frame: Frame, cards: Cards, description: Description, raw: Raw) -> Seen:
    """Fill in what a header says, but for the angles, which come from `angles.orient`.

    Raises BadInput when the file's kind needs a value that the header lacks.
    """
    kind, reason = _kind(cards, raw)
    taken = exposures(cards, raw)
    _refuse_lack(kind, taken, raw)
    words = raw.keywords
    camera = text(cards, words.camera)
    described = description.camera(camera, day(taken.start))
    packed = raw.coordinates == "packed"
    made = replace(
        frame,
        instrument=description.name,
        kind=kind,
        reason=reason,
        target=folder_name(text(cards, words.target)) if kind in SKYWARD else "",
        epoch=night(taken.first, raw.site),
        filter=text(cards, words.filter),
        camera=camera,
        neutral_density=text(cards, words.neutral_density),
        window=_window(cards),
        readout=text(cards, words.readout),
        exposure_time=taken.seconds,
        ndit=taken.ndit,
        combined=count(cards, words.combined),
        frames=taken.frames,
        mjd_first=taken.first,
        mjd_last=taken.last,
        ra=degrees(cards, words.ra, packed, hours=True),
        dec=degrees(cards, words.dec, packed, hours=False),
        pixel_scale=described.pixel_scale if described else 1e3 * number(cards, words.pixel_scale),
        mirrored=bool(described and described.mirrored),
    )
    return Seen(made, cards, description, raw, taken)


def _kind(cards: Cards, raw: Raw) -> tuple[Kind, str]:
    """The kind that the first fitting rule gives, and the reason."""
    for rule in raw.classes:
        if hold(cards, rule.when):
            return rule.kind, rule.because or spoken(cards, rule.when)
    asked = {keyword: None for rule in raw.classes for keyword in rule.when if keyword in cards}
    return "ignore", f"no rule fits: {spoken(cards, asked)}"


def _refuse_lack(kind: Kind, taken: Exposures, raw: Raw) -> None:
    """Raise BadInput when a frame has no exposure time, or one of the sky no date."""
    needed = {"exposure_time": taken.seconds} if kind in (*SKYWARD, "dark") else {}
    if kind in SKYWARD:
        needed["start"] = taken.start
    for word, found in needed.items():
        if not math.isfinite(found):
            said = {"exposure_time": "exposure time", "start": "date"}[word]
            raise BadInput(
                f"no {said} in the header ({raw.keywords.named(word)}), which a {kind} frame "
                "needs; add the keyword or leave the file out"
            )


def _window(cards: Cards) -> str:
    """Width and height of the image [px]; empty without one."""
    width, height = number(cards, "NAXIS1"), number(cards, "NAXIS2")
    return f"{width:.0f}x{height:.0f}" if height > 0 else ""
