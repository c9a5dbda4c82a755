"""Header values as descriptions ask for them: joined, the first of several, against patterns."""

import math
from collections.abc import Mapping
from fnmatch import fnmatchcase

from exosift.instruments.description import Conditions, Joined, Source, Wanted

Value = str | bool | int | float
Cards = Mapping[str, Value]
"""Keyword → value, `HIERARCH` left out; `FILE` is the file's name."""


def value(cards: Cards, source: Source) -> Value | None:
    """What the header says at `source`; None when it says nothing."""
    for place in source if isinstance(source, tuple) else (source,):
        found = _joined(cards, place) if isinstance(place, Joined) else cards.get(place)
        if found not in (None, ""):
            return found
    return None


def _joined(cards: Cards, place: Joined) -> str | None:
    """Several values in one; None when any is absent."""
    values = [cards.get(keyword) for keyword in place.join]
    if None in values:
        return None
    return place.by.join(str(v) for v in values if str(v) not in place.without)


def text(cards: Cards, source: Source) -> str:
    """A value as text, empty when there is none; numbers without needless zeros."""
    found = value(cards, source)
    return f"{found:g}" if isinstance(found, float) else "" if found is None else str(found).strip()


def number(cards: Cards, source: Source) -> float:
    """A value as a number, NaN when there is none or it is no number."""
    found = value(cards, source)
    try:
        return math.nan if found is None else float(found)
    except ValueError:
        return math.nan


def count(cards: Cards, source: Source) -> int:
    """A value as a number of things, 1 when there is none or it is no such number."""
    found = number(cards, source)
    return int(found) if 1 <= found < 1e9 else 1


def degrees(cards: Cards, source: Source, packed: bool, hours: bool) -> float:
    """A coordinate [deg] from degrees, packed (H)HMMSS.sss or sexagesimal text; NaN when none.

    hours: whether packed and sexagesimal values are of time.
    """
    found = value(cards, source)
    if isinstance(found, str) and ":" in found:
        try:
            parts = [abs(float(part)) for part in found.replace("-", "").split(":")]
        except ValueError:
            return math.nan
        size = sum(part / 60.0**n for n, part in enumerate(parts))
        sign = -1.0 if found.strip().startswith("-") else 1.0
    else:
        plain = number(cards, source)
        if not packed or math.isnan(plain):
            return plain
        whole = abs(plain)
        size = whole // 1e4 + whole % 1e4 // 1e2 / 60 + whole % 1e2 / 3600
        sign = math.copysign(1.0, plain)
    return sign * size * (15.0 if hours else 1.0)


def hold(cards: Cards, conditions: Conditions) -> bool:
    """Whether a header meets every condition."""
    return all(
        any(_meets(cards.get(keyword), one) for one in _choices(wanted))
        for keyword, wanted in conditions.items()
    )


def spoken(cards: Cards, conditions: Conditions) -> str:
    """The conditions' keywords with what the header says of them."""
    said = [f"{keyword} = {cards.get(keyword, 'absent')}" for keyword in conditions]
    return ", ".join(said) or "any file"


def _choices(wanted: Wanted | tuple[Wanted, ...]) -> tuple[Wanted, ...]:
    return wanted if isinstance(wanted, tuple) else (wanted,)


def _meets(found: Value | None, wanted: Wanted) -> bool:
    """Whether one value is what one condition asks for."""
    if found is None or wanted is None:
        return found is wanted
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if isinstance(wanted, float):
        return isinstance(found, int | float) and math.isclose(found, wanted, abs_tol=1e-9)
    return fnmatchcase(str(found).strip().lower(), wanted.lower())
