"""A folder of raw files sorted: every file a row, every observation with what it lacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from exosift.errors import BadInput
from exosift.ingest.angles import ZenithAngle, orient
from exosift.ingest.association import associate, calibrations
from exosift.ingest.cards import Cards
from exosift.ingest.classification import Seen, recognise, see
from exosift.ingest.frame import Frame, Problem
from exosift.ingest.grouping import Observation, labelled, observations
from exosift.ingest.sifting import by_setup, without_doubles
from exosift.instruments.description import Description, Raw


@dataclass(frozen=True)
class Archive:
    """Every file, in order of its path; the observations; and what is wrong, a line each."""

    frames: tuple[Frame, ...]
    observations: tuple[Observation, ...]
    problems: tuple[Problem, ...]


def sort_archive(
    headers: Sequence[tuple[Frame, Cards | BadInput]],
    descriptions: Mapping[str, Description],
    zenith_angle: ZenithAngle,
) -> Archive:
    """Say of every file what it is for, from its header or why that could not be read."""
    seen, rest, problems = _seen(headers, descriptions)
    seen, doubles = without_doubles(seen)
    seen, setups = by_setup(seen)
    seen, unturned = _with_angles(seen, zenith_angle)
    raws = [one.raw for one in seen]
    frames, mixed = labelled([one.frame for one in seen])
    sets = calibrations(zip(frames, raws, strict=True))
    member = {frame.file: one.name for one in sets for frame in one.files}
    frames = [
        associate(replace(frame, set=member.get(frame.file, "")), raw, sets)
        for frame, raw in zip(frames, raws, strict=True)
    ]
    lacking = _lacking(list(zip(frames, raws, strict=True)))
    return Archive(
        tuple(sorted([*frames, *rest], key=lambda frame: frame.file)),
        tuple(observations(frames)),
        (*problems, *doubles, *setups, *unturned, *mixed, *lacking),
    )


def _seen(
    headers: Sequence[tuple[Frame, Cards | BadInput]], descriptions: Mapping[str, Description]
) -> tuple[list[Seen], list[Frame], list[Problem]]:
    """Files of known instruments; all others, with the reason; and what was wrong with some."""
    seen, rest, problems, strange = [], [], [], []
    for frame, cards in headers:
        if isinstance(cards, BadInput):
            rest.append(replace(frame, reason=str(cards)))
            problems.append(Problem("", str(cards)))
        elif (found := recognise(cards, descriptions)) is None:
            said = f"INSTRUME = {cards.get('INSTRUME', 'absent')}"
            strange.append(replace(frame, reason=f"no instrument's description fits ({said})"))
        else:
            try:
                seen.append(see(frame, cards, *found))
            except BadInput as error:
                rest.append(replace(frame, reason=str(error), instrument=found[0].name))
                problems.append(Problem("", f"{frame.file}: {error}"))
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        line = f"{strange[0].file}{more}: {strange[0].reason}; describe it under `instruments`"
        problems.append(Problem("", f"{line}, or remove it"))
    return seen, [*rest, *strange], problems


def _with_angles(
    seen: Sequence[Seen], zenith_angle: ZenithAngle
) -> tuple[list[Seen], list[Problem]]:
    """Science frames with their angles; ignored, and told, when these are not known."""
    science = [one for one in seen if one.frame.kind == "science"]
    turned: dict[str, Frame] = {}
    problems = []
    for site in dict.fromkeys(one.raw.site for one in science):
        here = [one for one in science if one.raw.site == site]
        for one, found in zip(here, orient(here, zenith_angle), strict=True):
            if isinstance(found, BadInput):
                where = f"{one.frame.target}/{one.frame.epoch}"
                problems.append(Problem(where, f"{where}: {one.frame.file}: {found}"))
                turned[one.frame.file] = replace(one.frame, kind="ignore", reason=str(found))
            else:
                turned[one.frame.file] = found
    kept = [replace(one, frame=turned.get(one.frame.file, one.frame)) for one in seen]
    return kept, problems


_INSTEAD = {
    "dark": "add one of these, or calibrate without",
    "flat": "add one, or calibrate without",
    "sky": "add one, or the science frames' own dithers must serve",
}


def _lacking(frames: Sequence[tuple[Frame, Raw]]) -> list[Problem]:
    """Calibrations that the frames of observations lack, skies apart, once for each reason.

    A sky of the same exposures holds the dark as well.
    """
    lines: dict[tuple[str, ...], Problem] = {}
    with_science = {frame.observation for frame, _ in frames if frame.kind == "science"}
    for frame, raw in frames:
        told = frame.kind != "sky" and frame.observation in with_science and not raw.calibrated
        for kind in _INSTEAD if told else ():
            if getattr(frame, kind) or (kind == "dark" and frame.sky):
                continue
            reason = str(getattr(frame, f"{kind}_reason"))
            fact = "exposure_time" if kind in ("dark", "sky") else "filter"
            line = (
                f"{frame.observation}: no {kind} for {frame.name} and its like "
                f"({raw.keywords.named(fact)}): {reason}; {_INSTEAD[kind]}"
            )
            lines.setdefault(
                (frame.observation, frame.kind, kind, reason), Problem(frame.observation, line)
            )
    return list(lines.values())
