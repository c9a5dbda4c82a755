"""Shapes of products without reading them, for the workflow's resource requests."""

import json
from pathlib import Path

from exosift.types import Shape


def sequence_shape(manifest: str) -> Shape:
    """Shape (wavelength, time, y, x) of the cube that a sequence's manifest vouches for."""
    return tuple(json.loads(Path(manifest).read_text())["arrays"]["cube"]["shape"])
