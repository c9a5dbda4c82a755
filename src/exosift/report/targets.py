"""A target as its page tells it: what is known of the star, its objects, its epochs."""

from dataclasses import dataclass

from exosift.report.summary import ObservationSummary


@dataclass(frozen=True)
class Sighting:
    """An object at one epoch: separation [mas] and position angle [deg], each with its error.

    seen_by: how many of the reductions searched saw it, as `2 of 3`. measured: by negative
    companions, and not by its light alone.
    """

    epoch: str
    separation: tuple[float, float]
    position_angle: tuple[float, float]
    snr: float
    false_alarm: float
    seen_by: str
    measured: bool
    known: bool


@dataclass(frozen=True)
class ObjectSummary:
    """One object beside a star: its number, class, the number that decides, where it was seen.

    joint: chance that noise makes such a track. companion, background: χ² with `free` degrees of
    freedom. NaN where they do not apply.
    """

    number: int
    kind: str
    reason: str
    epochs: str
    joint: float
    log_odds: float
    companion: float
    background: float
    free: int
    sightings: tuple[Sighting, ...]


@dataclass(frozen=True)
class TargetSummary:
    """A target's page: its file's name beside the index, facts of the star as (name, text).

    motion, images: figures of a target with several epochs, as paths relative to the page; None
    where there is none.
    """

    name: str
    page: str
    star: tuple[tuple[str, str], ...]
    objects: tuple[ObjectSummary, ...]
    observations: tuple[ObservationSummary, ...]
    motion: str | None = None
    images: str | None = None

    @property
    def linked(self) -> tuple[ObjectSummary, ...]:
        """Objects that were seen at more than one epoch."""
        return tuple(one for one in self.objects if len(one.sightings) > 1)
