"""When the exposures of a file were taken."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from exosift.errors import BadInput
from exosift.ingest.cards import Cards, count, number, text, value
from exosift.instruments.description import Raw, Site

_MJD_0 = datetime(1858, 11, 17, tzinfo=UTC)
_DAY = 86400.0


@dataclass(frozen=True)
class Exposures:
    """Exposures of a file: how many single ones, how long each [s]; times are MJD (UTC).

    start and end are of the whole file, first and last the middles of the first and last exposure.
    """

    frames: int
    ndit: int
    seconds: float
    start: float
    end: float
    first: float
    last: float


def exposures(cards: Cards, raw: Raw) -> Exposures:
    """Times of the exposures in a file; NaN where the header has no date.

    Exposure k of n is centred on start + k (end − start)/n + delay + DIT/2; a single plane that
    holds several, or none that is stamped, on the middle of the whole. Raises BadInput for a date
    or an exposure time that makes no sense.
    """
    words = raw.keywords
    dit = number(cards, words.exposure_time)
    ndit = count(cards, words.ndit)
    start, end = _mjd(cards, "start", raw), _mjd(cards, "end", raw)
    if end < start:  # a date of the start, with times on both sides of midnight
        end += 1.0
    if not math.isfinite(end):
        end = start + dit * ndit / _DAY
    cube = cards.get("NAXIS") == 3 and raw.planes == "time"
    planes = count(cards, "NAXIS3") if cube else 1
    frames = planes - raw.extra_planes if planes > raw.extra_planes else planes
    if not cube and (raw.planes == "time" or ndit > 1):
        middle = (start + end) / 2
        return _sensible(Exposures(frames, ndit, dit, start, end, middle, middle), raw)
    delay = number(cards, words.delay)
    lag = (dit / 2 + (delay if math.isfinite(delay) else 0.0)) / _DAY
    step = (end - start) / ndit
    last = start + lag + (frames - 1) * step
    return _sensible(Exposures(frames, ndit, dit, start, end, start + lag, last), raw)


def night(mjd: float, site: Site) -> str:
    """The date (YYYY-MM-DD) of the morning that ends a night, from noon to noon at the site."""
    if not math.isfinite(mjd):
        return ""
    local = mjd + ((site.longitude + 180.0) % 360.0 - 180.0) / 360.0
    return (_MJD_0 + timedelta(days=math.floor(local + 0.5))).date().isoformat()


def day(mjd: float) -> str:
    """The date (YYYY-MM-DD, UTC) of a time; empty for NaN."""
    return (_MJD_0 + timedelta(days=mjd)).date().isoformat() if math.isfinite(mjd) else ""


def _sensible(taken: Exposures, raw: Raw) -> Exposures:
    """The exposures themselves. Raises BadInput when they take more than a day, or no time."""
    times = (taken.first, taken.last, taken.end)
    if taken.seconds < 0 or any(time < taken.start or time > taken.start + 1.0 for time in times):
        words = raw.keywords
        said = [words.named(w) for w in ("start", "end", "delay", "exposure_time", "ndit")]
        raise BadInput(
            f"its exposures would take {(taken.end - taken.start) * _DAY:.3g} s; correct "
            f"{', '.join(word for word in said if word)} or remove the file"
        )
    return taken


def _mjd(cards: Cards, what: str, raw: Raw) -> float:
    """A time of the header as MJD (UTC); NaN when it is not there."""
    source = getattr(raw.keywords, what)
    if value(cards, source) is None:
        return math.nan
    found = text(cards, source).replace(" ", "")
    try:
        moment = datetime.fromisoformat(found)
    except ValueError:
        raise BadInput(
            f"{raw.keywords.named(what)} is {found!r}, expected YYYY-MM-DDThh:mm:ss; correct it or "
            "remove the file"
        ) from None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _MJD_0) / timedelta(days=1)
