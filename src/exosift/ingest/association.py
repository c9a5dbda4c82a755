"""Calibrations that belong together, and which of them each frame is to use, with the reason."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from exosift.ingest.frame import Frame, folder_name
from exosift.instruments.description import CALIBRATIONS, Fact, Kind, Match, Raw

NEEDS: dict[Kind, tuple[str, ...]] = {
    "science": CALIBRATIONS,
    "centre": CALIBRATIONS,
    "flux": CALIBRATIONS,
    "sky": tuple(kind for kind in CALIBRATIONS if kind != "sky"),
    "flat": ("dark",),
}
"""What is matched to what."""


@dataclass(frozen=True)
class Calibration:
    """Files of one kind and night, taken alike: they make one master."""

    name: str
    kind: Kind
    files: tuple[Frame, ...]

    @property
    def like(self) -> Frame:
        """A file that stands for all."""
        return self.files[0]

    @property
    def mjd(self) -> float:
        """Middle of the set (UTC); NaN without dates."""
        return sum(frame.mjd for frame in self.files) / len(self.files)


def calibrations(frames: Iterable[tuple[Frame, Raw]]) -> list[Calibration]:
    """The sets among `frames`: one a kind, night, setup and reason; skies also one a visit.

    A visit to the sky ends with the next science frame of the same instrument. Masters and
    undated files stand alone.
    """
    sets: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    facts: dict[tuple[object, ...], tuple[Fact, ...]] = {}
    visit: Counter[str] = Counter()
    for frame, raw in sorted(frames, key=lambda pair: (math.isnan(pair[0].mjd), pair[0].mjd)):
        if frame.kind == "science":
            visit[frame.instrument] += 1
        if frame.kind in CALIBRATIONS:
            same = getattr(raw.match, frame.kind).same
            alone = frame.file if frame.combined > 1 or math.isnan(frame.mjd) else ""
            visited = visit[frame.instrument] if frame.kind == "sky" else 0
            alike = tuple(_shown(frame, fact) for fact in same)
            kept = (frame.kind, frame.instrument, frame.epoch, frame.reason, alone, visited)
            sets[kept + alike].append(frame)
            facts[kept + alike] = same
    names: Counter[str] = Counter()
    found = []
    for key, files in sets.items():
        parts = (files[0].kind, files[0].epoch, *(_shown(files[0], fact) for fact in facts[key]))
        name = "-".join(folder_name(part) for part in parts if part)
        names[name] += 1
        numbered = name if names[name] == 1 else f"{name}-{names[name]}"
        found.append(Calibration(numbered, files[0].kind, tuple(files)))
    return found


def associate(frame: Frame, raw: Raw, sets: Sequence[Calibration]) -> Frame:
    """`frame` with the sets that it is to use, or why there is none."""
    found: dict[str, str] = {}
    for kind in () if raw.calibrated else NEEDS.get(frame.kind, ()):
        own = [s for s in sets if s.kind == kind and s.like.instrument == frame.instrument]
        found[kind], found[f"{kind}_reason"] = _choice(frame, own, getattr(raw.match, kind), raw)
    return replace(frame, **found)  # type: ignore[arg-type]


def _choice(frame: Frame, sets: Sequence[Calibration], match: Match, raw: Raw) -> tuple[str, str]:
    """Name of the set to use and why; an empty name and why not."""
    fitting = list(sets)
    for fact in match.same:
        left = [s for s in fitting if _fits(frame, s, fact, raw)]
        if not left and fitting:
            there = sorted({_shown(s.like, fact) for s in fitting})
            wanted = _shown(frame, fact)
            return "", f"none of {_NAMES[fact]} {wanted}; there is {', '.join(there)}"
        fitting = left
    if not fitting:
        return "", "no such file"
    facts = (*match.same, *match.prefer)

    def rank(one: Calibration) -> tuple[int, float]:
        alike = sum(_shown(one.like, fact) == _shown(frame, fact) for fact in facts)
        apart = abs(one.mjd - frame.mjd)
        return -alike, apart if math.isfinite(apart) else math.inf

    best = min(fitting, key=rank)
    shared = [_NAMES[f] for f in facts if _shown(best.like, f) == _shown(frame, f) != ""]
    reason = f"{_ago(best.mjd - frame.mjd)}, {len(best.files)} of the same {', '.join(shared)}"
    if best.like.window != frame.window and best.like.window:
        reason += f"; to be cut from {best.like.window}"
    return best.name, reason + (f"; nearest of {len(fitting)} sets" if len(fitting) > 1 else "")


_NAMES: dict[Fact, str] = {
    "exposure_time": "exposure time",
    "ndit": "coadds",
    "filter": "filter",
    "camera": "camera",
    "neutral_density": "neutral density",
    "window": "window",
    "readout": "readout",
}


def _fits(frame: Frame, one: Calibration, fact: Fact, raw: Raw) -> bool:
    """Whether a set shares a fact with a frame, or does not tell it."""
    there, wanted = _shown(one.like, fact), _shown(frame, fact)
    if there == wanted or (there == "" and fact != "exposure_time"):
        return True
    cut = fact == "window" and raw.windows == "centred" and one.kind in ("flat", "badpixels")
    return cut and all(a >= b for a, b in zip(one.like.shape, frame.shape, strict=True))


def _shown(frame: Frame, fact: Fact) -> str:
    """A fact as text; exposure times to 0.01 s."""
    found = getattr(frame, fact)
    if fact == "exposure_time":
        return f"{found:.2f}s" if math.isfinite(found) else ""
    return str(found)


def _ago(days: float) -> str:
    """A time difference in words."""
    if not math.isfinite(days):
        return "undated"
    apart = abs(days)
    units = ((1, "d"), (24, "h"), (1440, "min"), (86400, "s"))
    size, unit = next(((apart * n, u) for n, u in units if apart * n >= 1), (0.0, "s"))
    return f"{size:.3g} {unit} {'later' if days > 0 else 'before'}"
