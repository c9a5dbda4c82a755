"""`exosift fetch`: a public file, checked, under the name asked for."""

from pathlib import Path

from exosift.io.atomic import whole
from exosift.io.public import fetch
from exosift.steps.recording import recorded


def run(name: str, output: Path) -> None:
    """Link the checked local copy of the public file `name` to `output`."""
    with recorded("fetch", output.parent, [], {"name": name}):
        local = fetch(name).resolve()
        with whole(output) as partial:
            partial.symlink_to(local)
