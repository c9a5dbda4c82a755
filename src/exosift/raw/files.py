"""The files that one observation is made of, and the frames in them, in order of time."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from exosift.errors import BadInput
from exosift.ingest.archive import Archive
from exosift.ingest.frame import Frame
from exosift.instruments.description import CALIBRATIONS, Description, Keywords, Kind, Raw
from exosift.types import Floats

Read = Callable[[Frame, slice], Floats]
"""Planes (plane, y, x) of a raw file."""


@dataclass(frozen=True, eq=False)
class Files:
    """Raw files of an observation by kind, in order of time, and calibrations by their set."""

    label: str
    description: Description
    raw: Raw
    kinds: Mapping[Kind, tuple[Frame, ...]]
    sets: Mapping[str, tuple[Frame, ...]]

    @classmethod
    def of(cls, archive: Archive, label: str, described: Mapping[str, Description]) -> "Files":
        """Those of an observation in a sorted archive.

        Raises BadInput when it has no science frames, with what ingest said of it, or when these
        differ in shape, exposure time or neutral density.
        """
        kinds: dict[Kind, list[Frame]] = defaultdict(list)
        sets: dict[str, list[Frame]] = defaultdict(list)
        for frame in sorted(archive.frames, key=lambda frame: (frame.mjd_first, frame.file)):
            if frame.observation == label:
                kinds[frame.kind].append(frame)
            if frame.set:
                sets[frame.set].append(frame)
        science = kinds["science"]
        if not science:
            raise BadInput(_nothing(archive, label))
        # Calibrations without a header may be described apart, under the same name.
        named = [d for d in described.values() if d.name == science[0].instrument]
        description = next((d for d in named if d.wavelengths), named[0])
        assert description.raw is not None  # or ingest would not have known its files
        files = cls(
            label,
            description,
            description.raw,
            {kind: tuple(frames) for kind, frames in kinds.items()},
            {name: tuple(frames) for name, frames in sets.items()},
        )
        _refuse_unlike(label, science, description.raw.keywords)
        return files

    @property
    def science(self) -> tuple[Frame, ...]:
        """The science files."""
        return self.kinds["science"]

    @property
    def count(self) -> int:
        """Science frames in all files."""
        return sum(frame.frames for frame in self.science)

    def channels(self, read: Read) -> int:
        """Wavelengths of a frame; where they are planes, those of the first file are counted."""
        if self.raw.planes == "time":
            return self.raw.fields
        return len(read(self.science[0], slice(None)))

    def used(self) -> list[Frame]:
        """Every file that goes in, calibrations and all."""
        own = [frame for frames in self.kinds.values() for frame in frames]
        found = {frame.file: frame for frame in own}
        names = _sets_of(own)
        while names:
            more = [frame for name in names for frame in self.sets[name] if frame.file not in found]
            found |= {frame.file: frame for frame in more}
            names = _sets_of(more)
        return list(found.values())

    @property
    def mjd(self) -> Floats:
        """Middle of every science frame (UTC)."""
        return np.concatenate([frame.times() for frame in self.science])

    def pieces(self, span: slice) -> list[tuple[Frame, slice]]:
        """Where the science frames `span` lie: files, and planes in each."""
        found, first = [], 0
        for frame in self.science:
            stop = first + frame.frames
            inside = slice(max(span.start, first) - first, min(span.stop, stop) - first)
            if inside.start < inside.stop:
                found.append((frame, inside))
            first = stop
        return found


def _sets_of(frames: Iterable[Frame]) -> list[str]:
    """Names of the sets that frames are to be calibrated with."""
    return sorted({getattr(frame, kind) for frame in frames for kind in CALIBRATIONS} - {""})


def _nothing(archive: Archive, label: str) -> str:
    """Why an observation has no science frames."""
    told = [problem.line for problem in archive.problems if problem.observation == label]
    known = ", ".join(observation.label for observation in archive.observations) or "none"
    if told:
        return f"{told[0]}; the observations that there are: {known}"
    return (
        f"{label}: no science frame among the raw files; their observations are {known}: correct "
        "target and epoch, or see the reasons in frames.ecsv"
    )


def _refuse_unlike(label: str, science: list[Frame], words: Keywords) -> None:
    """Raise BadInput for a file that is not like the first one."""
    for fact in ("window", "exposure_time", "neutral_density"):
        expected = getattr(science[0], fact)
        for frame in science:
            found = getattr(frame, fact)
            if found != expected and not (fact == "exposure_time" and abs(found - expected) < 0.01):
                raise BadInput(
                    f"{label}: {frame.file}: {fact.replace('_', ' ')} ({words.named(fact)}) is "
                    f"{found or 'none'}, in {science[0].name} it is {expected or 'none'}; remove "
                    "the files of one of the two, or ingest them by themselves"
                )
