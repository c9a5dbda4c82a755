"""The observations table that ingest writes, so that nobody needs to type it."""

from collections.abc import Mapping
from pathlib import Path

from exosift.errors import BadInput
from exosift.ingest.frame import Problem
from exosift.ingest.grouping import Observation
from exosift.instruments.description import Description
from exosift.io.atomic import whole
from exosift.observations import RAW

_COLUMNS = ("target", "epoch", "instrument", "filter", "cube")


def refuse_to_replace(path: Path) -> None:
    """Raise BadInput when there is a table already: it may hold what somebody typed."""
    if path.exists():
        raise BadInput(
            f"{path}: there already, and not written over; name another file, and take over the "
            "lines that are new"
        )


def write_observations(
    path: Path, found: tuple[Observation, ...], described: Mapping[str, Description]
) -> tuple[Problem, ...]:
    """Write a row an observation; returns what is wrong with those that cannot be reduced.

    described: instruments by the name that `instruments.load` knows them by. A row whose camera or
    filter is not described stands in the table as a comment.
    """
    lines, problems = ["\t".join(_COLUMNS)], list[Problem]()
    for one in found:
        target, _, epoch = one.label.partition("/")
        try:
            name = _instrument(one, described)
            lines.append("\t".join((target, epoch, name, one.filter, RAW)))
        except BadInput as error:
            lines.append(f"# {one.label}: {error}")
            problems.append(Problem(one.label, f"{one.label}: {error}; left out of {path.name}"))
    with whole(path) as partial:
        partial.write_text("\n".join(lines) + "\n")
    return tuple(problems)


def _instrument(one: Observation, described: Mapping[str, Description]) -> str:
    """The name of an observation's instrument and camera."""
    for file, found in described.items():
        # Calibrations without a header may be described apart, under the same name.
        if found.name == one.instrument and found.wavelengths:
            cameras = [c.camera.lower() for c in found.cameras if not c.until]
            if cameras and one.camera.lower() not in cameras:
                known = ", ".join(cameras)
                raise BadInput(f"camera {one.camera or 'without a name'} is none of {known}")
            if one.filter not in found.wavelengths:
                known = ", ".join(found.wavelengths)
                raise BadInput(f"filter {one.filter or 'without a name'} is none of {known}")
            return f"{file}-{one.camera.lower()}" if cameras else file
    raise BadInput(f"no filter of {one.instrument} is described")
