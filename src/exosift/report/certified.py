"""What the report says of false alarms that were counted on null frames."""

from dataclasses import dataclass

from exosift.report.status import Status


@dataclass(frozen=True)
class CertifiedRow:
    """A candidate told by null frames of one kind: place [mas, deg], and its chance in words.

    chance: what is told, in numbers; frames, and effective ones, of so many stars.
    """

    separation: float
    position_angle: float
    nulls: str
    said: str
    chance: float
    frames: int
    effective: float
    stars: int


@dataclass(frozen=True)
class CertifiedSummary:
    """False alarms of a method's candidates: a figure, as a path relative to the page.

    pools: why other stars' null frames do not count, a line a kind; least: the least chance that is
    told by the first kind.
    """

    status: Status
    line: str
    figure: str | None = None
    rows: tuple[CertifiedRow, ...] = ()
    pools: tuple[str, ...] = ()
    least: float = 1.0
