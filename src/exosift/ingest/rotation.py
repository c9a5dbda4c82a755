"""How the sky lies on the detector: from the zenith's position angle to that of the frames.

In every recipe a frame's angle a (a source at position angle θ sits at θ − a in the frame) is the
zenith's position angle q plus a number where the telescope keeps the pupil still, and a number
alone where it keeps the field still.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from exosift.errors import BadInput
from exosift.ingest.cards import Cards, number, text
from exosift.instruments.description import Recipe, Rotation

_SPHERE_MENDED = 57581.0
"""2016-07-12, when the clocks of SPHERE's derotator were set right (MJD)."""


@dataclass(frozen=True)
class Orientation:
    """angle = q + offset where the field `turns` with q, else offset [deg]."""

    turns: bool
    offset: float


def orientation(cards: Cards, rotation: Rotation, start: float, zenith: float) -> Orientation:
    """How the sky lay in a file that began at `start` (MJD), the zenith then at `zenith` [deg].

    Raises BadInput naming the keyword that is missing or says what has no recipe.
    """
    return _RECIPES[rotation.recipe](cards, rotation, start, zenith)


def _naco(cards: Cards, rotation: Rotation, _start: float, zenith: float) -> Orientation:
    """NACO manual: q − (90 + 89.44 − PUPILPOS); a still field by ADA POSANG.

    Without PUPILPOS it follows from the position angle at the start: 180 − q + POSANG.
    """
    still = cards.get("ESO TEL ROT ALTAZTRACK") is True
    if not still and "PT" not in text(cards, "ESO DPR TECH").split(","):
        return Orientation(False, _needed(cards, "ESO ADA POSANG") + rotation.offset)
    pupil = number(cards, "ESO ADA PUPILPOS")
    if math.isnan(pupil):
        try:
            pupil = 180.0 - zenith + _needed(cards, "ESO ADA POSANG")
        except BadInput:
            raise _missing("ESO ADA PUPILPOS") from None
    return Orientation(True, pupil + rotation.pupil_offset + rotation.offset)


def _sphere(cards: Cards, rotation: Rotation, start: float, _zenith: float) -> Orientation:
    """SPHERE manual: q + 135.99 + instrument; before 2016-07-12 + atan tan(ALT − 2 DROT2 BEGIN)."""
    mode = text(cards, "ESO INS4 DROT2 MODE") or "absent"
    if mode == "SKY":
        return Orientation(False, _needed(cards, "ESO INS4 DROT2 POSANG") + rotation.offset)
    if mode != "ELEV":
        raise BadInput(
            f"ESO INS4 DROT2 MODE is {mode}, expected ELEV (pupil still) or SKY (field still); the "
            "angles of other frames are not known: leave them out"
        )
    offset = rotation.pupil_offset + rotation.offset
    if start < _SPHERE_MENDED:
        drot = number(cards, ("ESO INS4 DROT2 BEGIN", "ESO INS4 DROT2 START"))
        if math.isnan(drot):
            raise _missing("ESO INS4 DROT2 BEGIN")
        slip = math.radians(_needed(cards, "ESO TEL ALT") - 2.0 * drot)
        offset += math.degrees(math.atan(math.tan(slip)))
    return Orientation(True, offset)


def _nirc2(cards: Cards, rotation: Rotation, _start: float, _zenith: float) -> Orientation:
    """Keck: ROTPOSN − INSTANGL, with q where the rotator keeps the vertical angle."""
    mode = text(cards, "ROTMODE") or "absent"
    if mode not in ("vertical angle", "position angle"):
        raise BadInput(
            f"ROTMODE is {mode}, expected vertical angle or position angle; the angles of other "
            "frames are not known: leave them out"
        )
    offset = _needed(cards, "ROTPOSN") - _needed(cards, "INSTANGL") + rotation.offset
    return Orientation(mode == "vertical angle", offset)


def _eris(cards: Cards, rotation: Rotation, _start: float, zenith: float) -> Orientation:
    """ERIS: detector up lies at −ADA POSANG, which changes with q when the pupil is still.

    Raises BadInput when it changes against q, for then the sense taken here is not the file's.
    """
    first = _needed(cards, "ESO ADA POSANG")
    last = number(cards, "ESO ADA POSANG END")
    begin, end = (_needed(cards, f"ESO TEL PARANG {name}") for name in ("START", "END"))
    moved = 0.0 if math.isnan(last) else _difference(first, last)
    turned = _difference(end, begin)
    turns = abs(moved) > abs(turned) / 2
    if turns and moved * turned < 0:
        raise BadInput(
            "ESO ADA POSANG and ESO TEL PARANG move the same way, expected opposite ways: the "
            "sense of the angles is not known; leave the file out"
        )
    return Orientation(turns, -first + rotation.offset - (zenith if turns else 0.0))


def _parallactic(_cards: Cards, rotation: Rotation, _start: float, _zenith: float) -> Orientation:
    """A telescope that keeps its pupil still, turned by a fixed angle."""
    return Orientation(True, rotation.offset + rotation.pupil_offset)


_RECIPES: dict[Recipe, Callable[[Cards, Rotation, float, float], Orientation]] = {
    "naco": _naco,
    "sphere": _sphere,
    "nirc2": _nirc2,
    "eris": _eris,
    "parallactic": _parallactic,
    "header": _parallactic,
}


def _difference(a: float, b: float) -> float:
    """a − b [deg], the short way round."""
    return (a - b + 180.0) % 360.0 - 180.0


def _needed(cards: Cards, keyword: str) -> float:
    """A number of the header. Raises BadInput when it is missing."""
    found = number(cards, keyword)
    if math.isnan(found):
        raise _missing(keyword)
    return found


def _missing(keyword: str) -> BadInput:
    return BadInput(
        f"no number in {keyword}: the angle is not known; add the keyword or leave the file out"
    )
