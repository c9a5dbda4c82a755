"""A run as its report tells it: observations, reductions, candidates, and what is missing.

Nothing here reads a file. Positions are 0-based pixels (x, y) of a North-up, East-left image;
separations are mas, position angles degrees from North through East, `fpf` the false-positive
fraction of one resolution element, `false_alarm` the chance of such a peak anywhere in the frame.
A `line` is one plain sentence, empty where there is nothing to explain.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from exosift.report.certified import CertifiedSummary
from exosift.report.status import Outcome, Status

_FAULTLESS = ("done", "nothing to do")


@dataclass(frozen=True)
class CandidateRow:
    """One peak above threshold: x, y [px], separation [mas], position angle [deg], significance.

    fpf and false_alarm are NaN where an S/N is no significance; stim and matched where those maps
    were not made. known: lies on a known companion.
    """

    x: float
    y: float
    separation: float
    position_angle: float
    snr: float
    fpf: float
    false_alarm: float
    rank: float | None
    known: bool = False
    stim: float = math.nan
    matched: float = math.nan


@dataclass(frozen=True)
class LimitsSummary:
    """What a reduction could have seen: figures, as paths relative to the page.

    `nearest` is the faintest contrast, or flux where no star's is known, at the separation [mas]
    nearest to half an arcsecond; `star` says what it is compared with.
    """

    status: Status
    line: str
    figures: tuple[str, ...] = ()
    nearest: tuple[float, float] | None = None
    star: str = ""


@dataclass(frozen=True)
class RocSummary:
    """How methods compare on an observation: a figure, as a path relative to the page."""

    status: Status
    line: str
    figure: str | None = None


@dataclass(frozen=True)
class CompanionRow:
    """A measured companion: separation [mas], position angle [deg], flux and contrast (or NaN).

    The first three each with their total error.
    """

    separation: tuple[float, float]
    position_angle: tuple[float, float]
    flux: tuple[float, float]
    contrast: float


@dataclass(frozen=True)
class CompanionsSummary:
    """What was measured of companions: figures, as paths relative to the page."""

    status: Status
    line: str
    figures: tuple[str, ...] = ()
    rows: tuple[CompanionRow, ...] = ()


@dataclass(frozen=True)
class LearntSummary:
    """What a classifier has learnt from, in words; its card and training curve.

    Paths relative to the page, None where they are not there: only networks have curves.
    """

    protocol: str
    card: str | None = None
    curve: str | None = None


@dataclass(frozen=True)
class ReductionSummary:
    """One reduction, inversion or classifier of one observation, its candidates strongest first.

    `figure` is a path relative to the page, `settings` YAML text. `limits`, `companions` and
    `certified` are None where none were asked for, `learnt` where it is no classifier.
    """

    name: str
    status: Status
    line: str
    candidates: tuple[CandidateRow, ...]
    figure: str | None
    settings: str
    limits: LimitsSummary | None = None
    companions: CompanionsSummary | None = None
    certified: CertifiedSummary | None = None
    learnt: LearntSummary | None = None


@dataclass(frozen=True)
class Source:
    """One place on the sky that reductions point to: the strongest row, and which saw it."""

    row: CandidateRow
    reductions: tuple[str, ...]


@dataclass(frozen=True)
class ObservationSummary:
    """One target at one epoch.

    `rotation` is the field rotation [deg], `pixel_scale` is in mas/px, `fwhm` in px, `star` (x, y)
    in px of the raw frame; NaN (and 0 frames) where the run did not come that far. `history` says
    how each number was found, under the name of its field (`angle`, `fwhm`, `pixel_scale`, `star`)
    or any other, shown as it is; `figure` shows the registration, `selection` which frames were
    kept. `roc` is None where no curves were asked for.
    """

    target: str
    epoch: str
    instrument: str
    filter: str
    status: Status
    line: str
    frames: int
    rotation: float
    pixel_scale: float
    fwhm: float
    star: tuple[float, float]
    contrast_note: str
    history: Mapping[str, str]
    figure: str | None
    reductions: tuple[ReductionSummary, ...]
    selection: str | None = None
    roc: RocSummary | None = None

    @property
    def label(self) -> str:
        """Target and epoch, as messages name them."""
        return f"{self.target}/{self.epoch}"

    @property
    def outcome(self) -> Outcome:
        """The observation's own status, or "partly done" when a reduction of it did not succeed."""
        if self.status == "done" and any(p.status not in _FAULTLESS for p in _problems(self)):
            return "partly done"
        return self.status

    @property
    def sources(self) -> tuple[Source, ...]:
        """Distinct candidates, strongest first: rows of all reductions merged within 1 FWHM."""
        rows = [(row, r.name) for r in self.reductions for row in r.candidates]
        rows.sort(key=lambda pair: _strength(pair[0]), reverse=True)
        found: list[Source] = []
        for row, name in rows:
            near = (i for i, s in enumerate(found) if self._same_place(s.row, row))
            at = next(near, None)
            if at is None:
                found.append(Source(row, (name,)))
            elif name not in found[at].reductions:
                found[at] = Source(found[at].row, (*found[at].reductions, name))
        return tuple(found)

    @property
    def strongest(self) -> Source | None:
        """The candidate of highest S/N, None where no reduction found any."""
        return self.sources[0] if self.sources else None

    def _same_place(self, a: CandidateRow, b: CandidateRow) -> bool:
        # On the sky rather than in pixels: reductions may crop their images differently.
        turn = math.radians(a.position_angle - b.position_angle)
        square = (
            a.separation**2 + b.separation**2 - 2 * a.separation * b.separation * math.cos(turn)
        )
        return math.sqrt(max(square, 0.0)) <= self.fwhm * self.pixel_scale


@dataclass(frozen=True)
class Problem:
    """One thing the run did not deliver; `reduction` is None when it concerns the observation."""

    observation: ObservationSummary
    reduction: str | None
    status: Status
    line: str


@dataclass(frozen=True)
class RunSummary:
    """A finished or partly failed run; `config` is YAML, `finished` a date in words.

    discoveries: what the false alarms of each method say of the survey, a line each.
    """

    title: str
    observations: tuple[ObservationSummary, ...]
    config: str
    versions: Mapping[str, str]
    command: str
    finished: str
    discoveries: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """Observations with every reduction done."""
        return sum(o.outcome == "done" for o in self.observations)

    @property
    def failed(self) -> int:
        """Observations of which at least a part is owed."""
        return sum(o.outcome not in _FAULTLESS for o in self.observations)

    @property
    def skipped(self) -> int:
        """Observations in which there was nothing to do."""
        return sum(o.outcome == "nothing to do" for o in self.observations)

    @property
    def sources(self) -> int:
        """Distinct candidates over all observations."""
        return sum(len(o.sources) for o in self.observations)

    @property
    def with_candidates(self) -> int:
        """Observations that show at least one candidate."""
        return sum(bool(o.sources) for o in self.observations)

    @property
    def strongest(self) -> tuple[ObservationSummary, Source] | None:
        """The candidate of highest S/N of the whole run, with its observation."""
        best = [(o, o.strongest) for o in self.observations]
        pairs = [(o, s) for o, s in best if s is not None]
        return max(pairs, key=lambda pair: _strength(pair[1].row), default=None)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that was not delivered, faults before mere absence of work."""
        found = [p for o in self.observations for p in _problems(o)]
        return tuple(sorted(found, key=lambda p: p.status == "nothing to do"))


# Parts of a reduction, as problems name them.
_PARTS = {"limits": "limits", "companions": "companions", "certified": "false alarms"}


def _problems(observation: ObservationSummary) -> list[Problem]:
    own = observation.status
    found = [] if own == "done" else [Problem(observation, None, own, observation.line)]
    for reduction in observation.reductions:
        # Where the observation itself stopped, a missing reduction is the consequence, not news.
        consequence = own != "done" and reduction.status == "missing"
        if reduction.status != "done" and not consequence:
            found.append(Problem(observation, reduction.name, reduction.status, reduction.line))
        for what in ("limits", "companions", "certified"):
            part = getattr(reduction, what)
            if part and part.status != "done" and reduction.status == "done":
                name = f"{reduction.name}, {_PARTS[what]}"
                found.append(Problem(observation, name, part.status, part.line))
    roc = observation.roc
    if roc and roc.status != "done" and own == "done":
        found.append(Problem(observation, "ROC", roc.status, roc.line))
    return found


def _strength(row: CandidateRow) -> tuple[bool, float]:
    """What orders candidates: S/N, after those whose S/N is no significance."""
    return not math.isnan(row.false_alarm), -math.inf if math.isnan(row.snr) else row.snr
