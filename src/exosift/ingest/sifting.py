"""Files that stand out: taken twice, or in another setup than the rest of their observation."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from exosift.ingest.cards import text
from exosift.ingest.classification import Seen
from exosift.ingest.frame import Frame, Problem, setting, some
from exosift.instruments.description import Kind

_SHARE = 0.2
"""Of the science's integration that frames of another setup may have to pass as the star's PSF."""


def without_doubles(seen: Sequence[Seen]) -> tuple[list[Seen], list[Problem]]:
    """Files in order of their path, an exposure's second file marked as ignored.

    Exposures of one instrument that begin together are one, unless checksums of the data differ.
    """
    first: dict[tuple[object, ...], Frame] = {}
    kept, problems = [], []
    for one in seen:
        frame, start = one.frame, one.exposures.start
        sums = text(one.cards, one.raw.keywords.checksum)
        # Cubes cut from one raw file share its date.
        known = math.isfinite(start) and (sums or not one.raw.calibrated)
        if known and frame.kind != "ignore":
            moment = round(start * 86400, 2)
            key = (frame.instrument, frame.kind, moment, frame.window, frame.combined, sums)
            other = first.setdefault(key, frame)
            if other is not frame:
                reason = f"the same exposure as {other.name} ({one.raw.keywords.named('start')})"
                frame = replace(frame, kind="ignore", reason=reason)
                problems.append(Problem("", f"{frame.file}: {reason}; remove one of the two"))
        kept.append(replace(one, frame=frame))
    return kept, problems


def by_setup(seen: Sequence[Seen]) -> tuple[list[Seen], list[Problem]]:
    """Science frames of another setup than most: the star's PSF where that may be, else ignored.

    Where an instrument's headers do not tell the two apart (`flux: setup`), a few frames of shorter
    exposures, or behind another neutral density, are of the star alone.
    """
    groups: dict[tuple[str, ...], list[Seen]] = defaultdict(list)
    for one in seen:
        if one.frame.kind == "science":
            groups[setting(one.frame)].append(one)
    changed: dict[str, Frame] = {}
    problems = []
    for group in groups.values():
        setups: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
        for one in group:
            setups[_setup(one)].append(one.frame)
        usual, *others = sorted(setups.values(), key=_seconds, reverse=True)
        for files in others:
            small = _seconds(files) < _SHARE * _seconds(usual)
            star = small and _is_star(files[0], usual[0], group[0])
            kind: Kind = "flux" if star else "ignore"
            unlike = _unlike(files[0], usual[0])
            reason = f"{unlike} of the science frames{': the PSF of the star' if star else ''}"
            if not star:
                where = f"{usual[0].target}/{usual[0].epoch}"
                line = f"{where}: {some(files)}: {reason}: left out; ingest them by themselves"
                problems.append(Problem(where, line))
            changed |= {f.file: replace(f, kind=kind, reason=reason) for f in files}
    kept = [replace(one, frame=changed.get(one.frame.file, one.frame)) for one in seen]
    return kept, problems


def _seconds(frames: Sequence[Frame]) -> float:
    """Integration of several files [s]."""
    return sum(frame.seconds for frame in frames)


def _setup(one: Seen) -> tuple[object, ...]:
    """What its science frames share besides, where it tells them from others."""
    frame = one.frame
    told = (round(frame.exposure_time, 2), frame.neutral_density) if one.raw.flux == "setup" else ()
    return (frame.window, *told)


def _is_star(frame: Frame, usual: Frame, one: Seen) -> bool:
    """Whether a setup is one that keeps a star from saturating."""
    dimmed = frame.neutral_density != usual.neutral_density
    return one.raw.flux == "setup" and (dimmed or frame.exposure_time < usual.exposure_time)


def _unlike(frame: Frame, usual: Frame) -> str:
    """How a setup differs from the usual one."""
    pairs = (
        (f"{frame.exposure_time:.2f} s", f"{usual.exposure_time:.2f} s"),
        (frame.neutral_density or "no density", usual.neutral_density or "no density"),
        (f"window {frame.window}", f"window {usual.window}"),
    )
    return ", ".join(f"{a} for the {b}" for a, b in pairs if a != b)
