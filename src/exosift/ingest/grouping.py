"""Observations among the frames: one target, night, filter and camera each."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from exosift.ingest.classification import SKYWARD
from exosift.ingest.frame import Frame, Problem, folder_name, setting, some


@dataclass(frozen=True)
class Observation:
    """A target on a night in one filter and camera: files of each kind; seconds and degrees of
    field rotation of its science."""

    label: str
    instrument: str
    filter: str
    camera: str
    files: dict[str, int]
    seconds: float
    rotation: float


def labelled(frames: Sequence[Frame]) -> tuple[list[Frame], list[Problem]]:
    """Frames with the observation they belong to: `target/epoch`, and the filter where there are
    several. Observations without science are told."""
    science: dict[str, dict[tuple[str, ...], Frame]] = defaultdict(dict)
    for frame in frames:
        if frame.kind == "science":
            science[f"{frame.target}/{frame.epoch}"].setdefault(setting(frame), frame)
    labels, problems = [], []
    for frame in frames:
        where, label = f"{frame.target}/{frame.epoch}", ""
        if frame.kind in SKYWARD:
            alone = len(science[where]) == 1 and setting(frame) in science[where]
            label = where if alone else _suffixed(where, frame, science[where].values())
        labels.append(replace(frame, observation=label))
    for where, settings in science.items():
        for instrument in sorted({f.instrument for f in settings.values()}):
            mixed = [f for f in settings.values() if f.instrument == instrument]
            if len(mixed) > 1:
                said = ", ".join(f"{f.filter or 'none'} {f.camera} ({f.name})" for f in mixed)
                line = f"{where}: mixed filters or cameras: {said}: taken as separate observations"
                problems.append(Problem(where, f"{line}; correct the headers if they are one"))
    with_science = {f.observation for f in labels if f.kind == "science"}
    served = {(f.instrument, f.epoch) for f in labels if f.kind == "science"}
    for label in sorted({f.observation for f in labels if f.observation} - with_science):
        inside = [f for f in labels if f.observation == label]
        if all(f.kind == "sky" and (f.instrument, f.epoch) in served for f in inside):
            continue  # a sky under a name of its own
        counts = ", ".join(f"{n} {kind}" for kind, n in Counter(f.kind for f in inside).items())
        line = f"{label}: no science frame ({counts}; {some(inside)}): add them, or describe them"
        problems.append(Problem(label, f"{line} under `instruments` if their headers differ"))
    return labels, problems


def observations(frames: Iterable[Frame]) -> list[Observation]:
    """Every observation that has science, in order of its label."""
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        if frame.observation:
            groups[frame.observation].append(frame)
    found = []
    for label, group in sorted(groups.items()):
        science = [frame for frame in group if frame.kind == "science"]
        if science:
            ends = [angle for f in science for angle in (f.angle_first, f.angle_last)]
            found.append(
                Observation(
                    label,
                    science[0].instrument,
                    science[0].filter,
                    science[0].camera,
                    dict(Counter(frame.kind for frame in group)),
                    sum(frame.seconds for frame in science),
                    _span(ends),
                )
            )
    return found


def _suffixed(where: str, frame: Frame, others: Iterable[Frame]) -> str:
    """A label with the filter, and the camera where filters alone do not tell."""
    same = [f for f in others if f.filter == frame.filter]
    parts = [frame.filter or "nofilter", *([frame.camera] if len(same) > 1 else [])]
    return f"{where}-{folder_name('-'.join(parts))}"


def _span(angles: Sequence[float]) -> float:
    """The arc [deg] that angles cover, the short way where they pass ±180°."""
    around = sorted(angle % 360.0 for angle in angles)
    gaps = [b - a for a, b in zip(around, [*around[1:], around[0] + 360.0], strict=True)]
    return 360.0 - max(gaps) if len(around) > 1 else 0.0
