"""A sequence refuses parts that do not fit together, saying which and how."""

import dataclasses

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.sequence import Observation, Sequence

OBSERVATION = Observation(
    "HIP 1", "2013-02-01", "NACO", "L'", 27.19, (4.8, 5.0), (2.0, 2.0), (2.3, 1.9)
)


def parts(**changes):
    plain = {
        "cube": np.zeros((2, 3, 5, 5)),
        "angle": np.zeros(3),
        "psf": np.zeros((2, 7, 7)),
        "wavelength": np.array([3.8, 4.0]),
        "mjd": np.zeros(3),
        "mask": np.zeros((2, 3, 5, 5), dtype=bool),
        "observation": OBSERVATION,
        "variance": np.ones((2, 3, 5, 5)),
    }
    return plain | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cube": np.zeros((3, 5, 5))}, "cube has 3 axes, expected 4"),
        ({"angle": np.zeros(2)}, "angle has shape (2,), the cube asks for (3,)"),
        ({"mjd": np.zeros(4)}, "mjd has shape (4,), the cube asks for (3,)"),
        ({"wavelength": np.ones(1)}, "wavelength has shape (1,), the cube asks for (2,)"),
        (
            {"mask": np.zeros((2, 3, 5, 4), dtype=bool)},
            "mask has shape (2, 3, 5, 4), the cube asks for (2, 3, 5, 5)",
        ),
        (
            {"variance": np.ones((3, 5, 5))},
            "variance has shape (3, 5, 5), the cube asks for (2, 3, 5, 5)",
        ),
        ({"psf": np.zeros((7, 7))}, "psf has shape (7, 7), expected (2, y, x)"),
        ({"psf": np.zeros((1, 7, 7))}, "psf has shape (1, 7, 7), expected (2, y, x)"),
        (
            {"observation": dataclasses.replace(OBSERVATION, fwhm=(4.8,))},
            "1 FWHM for 2 wavelengths",
        ),
        (
            {"observation": dataclasses.replace(OBSERVATION, star_flux=(1e6,))},
            "1 star fluxes for 2 wavelengths",
        ),
        ({"angle": np.array([0.0, 1.0, np.nan])}, "the angle of frame 2 is not a number"),
        ({"angle": np.array([0.0, np.inf, np.nan])}, "the angle of frame 1 is not a number"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(BadInput) as refused:
        Sequence(**parts(**changes))
    assert str(refused.value) == f"HIP 1/2013-02-01: {message}"


def test_parts_that_fit_are_kept_as_they_are():
    given = parts()
    sequence = Sequence(**given)
    assert all(getattr(sequence, name) is value for name, value in given.items())
    assert Sequence(**parts(variance=None)).variance is None
    assert sequence.label == "HIP 1/2013-02-01"
    with pytest.raises(dataclasses.FrozenInstanceError):
        sequence.cube = None
