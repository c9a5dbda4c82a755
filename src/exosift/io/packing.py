"""Frozen dataclasses of arrays, numbers and words, taken apart to arrays and JSON and put together.

What may be put together is a list of classes that is given: a file names one of them, or is
refused. Their own checks run as they do on any other values.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from exosift.errors import BadInput

Arrays = dict[str, np.ndarray]
"""Arrays by the place that they were taken from."""


def packed(value: Any, arrays: Arrays, place: str = "") -> Any:
    """The value as JSON can hold it; its arrays go to `arrays`, by their place in it."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.ndarray():
            arrays[place] = value
            return {"array": place}
        case tuple() | list():
            return [packed(one, arrays, f"{place}/{i}") for i, one in enumerate(value)]
        case Mapping():
            return {"map": {k: packed(one, arrays, f"{place}/{k}") for k, one in value.items()}}
        case _ if is_dataclass(value) and not isinstance(value, type):
            of = [field.name for field in fields(value) if field.init]
            within = {n: packed(getattr(value, n), arrays, f"{place}/{n}") for n in of}
            return {"class": type(value).__name__, "fields": within}
        case _:
            raise TypeError(f"{place}: a {type(value).__name__} has no form in a file")


def unpacked(told: Any, arrays: Mapping[str, np.ndarray], known: Mapping[str, type]) -> Any:
    """What was packed; lists come back as tuples. Raises BadInput for a class that is not known."""
    match told:
        case list():
            return tuple(unpacked(one, arrays, known) for one in told)
        case {"array": place}:
            return arrays[place]
        case {"map": values}:
            return {name: unpacked(one, arrays, known) for name, one in values.items()}
        case {"class": name, "fields": values}:
            if name not in known:
                raise BadInput(f"it holds a {name}, which this version does not know")
            return known[name](**{n: unpacked(one, arrays, known) for n, one in values.items()})
        case dict():
            raise BadInput(f"it holds {', '.join(told)}, which is no form of anything")
        case _:
            return told
