"""`exosift fetch`: a public file, checked, under the name asked for."""

from pathlib import Path

from exosift.io.atomic import whole
from exosift.io.public import fetch, local_copy
from exosift.steps.recording import recorded


def run(name: str, output: Path) -> None:
    """Link the checked local copy of the public file `name` to `output`."""
    local = local_copy(name)
    inputs = [] if local is None else [local]
    with recorded(f"fetch-{output.stem}", output.parent, inputs, {"name": name}):
        found = fetch(name).resolve()
        with whole(output) as partial:
            partial.symlink_to(found)
