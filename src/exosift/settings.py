"""Settings as people write them, YAML or JSON, to and from the dataclasses that algorithms use.

Parameters are declared once, by the algorithms; whatever is wrong with them is said in one line.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from exosift.errors import BadInput

Value = TypeVar("Value")


def parse(kind: type[Value], given: Any, where: str) -> Value:
    """Turn plain YAML or JSON values into the dataclass `kind`.

    Raises BadInput with the place of the first fault and, for an unknown key, the nearest known.
    """
    adapter: TypeAdapter[Value] = TypeAdapter(kind)
    try:
        value = adapter.validate_python(given)
    except ValidationError as error:
        raise BadInput(_first_fault(error, given, where)) from None
    _refuse_unknown(given, plain(value), where)
    return value


def plain(value: Any) -> Any:
    """A configuration value as JSON can hold it."""
    return json.loads(json.dumps(value, default=asdict))


def _first_fault(error: ValidationError, given: Any, where: str) -> str:
    """One line for the first fault; in a choice of several kinds, that of the kind asked for."""
    faults = error.errors(include_url=False)
    other = {f["loc"][:-1] for f in faults if f["loc"] and f["loc"][-1] == "kind"}
    meant = [f for f in faults if not any(f["loc"][: len(o)] == o for o in other)] or faults
    fault = meant[0]
    place = ".".join(_within(given, fault["loc"]))
    told = fault["type"] in ("missing", "value_error")
    found = "" if told else f", found {fault['input']!r}"
    if fault["loc"] and fault["loc"][-1] == "kind":
        kinds = sorted(
            {str(f["ctx"]["expected"]) for f in faults if "expected" in f.get("ctx", {})}
        )
        return f"{where}.{place}: expected one of {', '.join(kinds)}{found}"
    return f"{where}{'.' + place if place else ''}: {_said(fault['msg'])}{found}"


def _within(given: Any, path: tuple[int | str, ...]) -> list[str]:
    """The path of a fault as it was written: without the names of the kinds that were tried."""
    kept, here = [], given
    for number, part in enumerate(path):
        inside = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if inside or (isinstance(here, Mapping) and part in here):
            here = here[part]
            kept.append(str(part))
        elif number == len(path) - 1 and not str(part)[:1].isupper():
            kept.append(str(part))  # what is missing
    return kept


def _said(message: str) -> str:
    """Pydantic's words for a fault; our own, where a dataclass refused its values, as they are."""
    own = message.removeprefix("Value error, ")
    return own if own != message else message.lower()


def _refuse_unknown(given: Any, known: Any, where: str) -> None:
    """Raise BadInput for a key that the configuration does not know."""
    if isinstance(given, Mapping) and isinstance(known, Mapping):
        for key, value in given.items():
            if key not in known:
                near = get_close_matches(str(key), list(known), 1, 0.5)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise BadInput(f"{where}.{key}: unknown key; {hint}")
            _refuse_unknown(value, known[key], f"{where}.{key}")
    elif isinstance(given, list) and isinstance(known, list):
        for i, (a, b) in enumerate(zip(given, known, strict=True)):
            _refuse_unknown(a, b, f"{where}[{i}]")
