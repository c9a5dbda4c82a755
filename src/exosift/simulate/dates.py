"""Dates as people write them, and as modified Julian dates (UTC)."""

from datetime import UTC, datetime, timedelta

from exosift.errors import BadInput

_MJD_0 = datetime(1858, 11, 17, tzinfo=UTC)

DAY = 86400.0
"""Seconds; leap seconds are not counted."""


def mjd_of(date: str, name: str) -> float:
    """A date, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss (UTC); BadInput, by its `name`, if it is none."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        raise BadInput(
            f"{name} is {date!r}, expected YYYY-MM-DD or YYYY-MM-DDThh:mm:ss (UTC)"
        ) from None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _MJD_0) / timedelta(days=1)


def date_of(mjd: float) -> str:
    """A date as YYYY-MM-DDThh:mm:ss.sss (UTC)."""
    moment = _MJD_0 + timedelta(milliseconds=round(mjd * DAY * 1e3))
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
