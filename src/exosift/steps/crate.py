"""`exosift crate`: a run with all that says how it was made, as one Workflow Run RO-Crate."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exosift.errors import BadInput
from exosift.settings import plain

try:
    from exosift.io.crate import Execution, RunFiles, write_crate
except ModuleNotFoundError as error:
    raise BadInput(f"{error}: install the extra: pip install 'exosift[crate]'") from error

_OUTSIDE = ("title", "observations", "raw")
"""Of a configuration, what is no parameter."""


def run(results: Path, output: Path, license_: str) -> int:
    """Write what the run whose products are `results` did into `output`; how many files.

    What ran is read from the steps' records, what was asked for from `logs/`, where the workflow
    keeps it.
    """
    folder = results.resolve().parent
    configuration = folder / "logs/configuration.json"
    told = _read(configuration)
    workflow = _read(folder / "logs/workflow.json")
    executions = _executions(folder)
    observations = Path(told["observations"])
    files = {"logs/configuration.json": configuration}
    if observations.exists():
        files[f"config/{observations.name}"] = observations
    settings = {
        f"{section}.{name}": json.dumps(value)
        for section, values in plain(told).items()
        if section not in _OUTSIDE and isinstance(values, Mapping)
        for name, value in values.items()
    }
    return write_crate(
        output,
        RunFiles(
            title=told["title"],
            folder=folder,
            workflow=Path(workflow["folder"]),
            license=license_,
            command=workflow["command"],
            versions=_versions(folder) | {"snakemake": workflow["snakemake"]},
            settings=settings,
            configuration=files,
            executions=executions,
        ),
    )


def _read(path: Path) -> dict[str, Any]:
    """What the workflow kept of its run."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path}: {error}; a crate is made of a run of the workflow, which leaves it there"
        ) from error


def _records(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """What the steps of a run recorded, in the order in which they ended."""
    found = [
        (path, json.loads(path.read_text()))
        for place in ("results", "data")
        for path in sorted((folder / place).rglob("status/*.json"))
    ]
    return sorted(found, key=lambda one: str(one[1].get("at", "")))


def _executions(folder: Path) -> tuple[Execution, ...]:
    """Every step that ran, its files by their paths in the run."""
    return tuple(
        Execution(
            step=told["step"],
            folder=path.parent.parent.relative_to(folder).as_posix(),
            begun=told.get("begun", told["at"]),
            ended=told["at"],
            inputs=_named(told.get("inputs", {}), path, folder),
            outputs=_named(told.get("outputs", {}), path, folder),
            command=told.get("command", ""),
            version=told["exosift"],
            error="" if told["status"] == "done" else told["line"] or told["status"],
        )
        for path, told in _records(folder)
    )


def _named(files: Mapping[str, str], status: Path, folder: Path) -> dict[str, str]:
    """Files by their paths in the run; those from outside by absolute ones."""
    found = {}
    for name, digest in files.items():
        path = Path(os.path.normpath(status.parent.parent / name))
        inside = path.is_relative_to(folder)
        found[path.relative_to(folder).as_posix() if inside else str(path)] = digest
    return found


def _versions(folder: Path) -> dict[str, str]:
    """Versions of what made the products, as the last step recorded them."""
    found: dict[str, str] = {}
    for _, told in _records(folder):
        found |= told.get("versions", {})
    return found
