"""Arrays and axes, named once.

Axes come in the order (wavelength, time, y, x); pixel coordinates are 0-based. Lengths are pixels
inside the package and milliarcseconds at its borders; angles are degrees.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
"""Real numbers of either precision; the shape is said where it is used."""

Bools = npt.NDArray[np.bool_]
"""Masks and selections."""

Ints = npt.NDArray[np.integer[Any]]
"""Indices."""

Shape = tuple[int, ...]
"""Lengths of an array's axes."""

Point = tuple[float, float]
"""A place in an image: (x, y) [px]."""
