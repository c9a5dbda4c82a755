"""How often noise alone would do as well: false-positive fractions of S/N values."""

from typing import Literal

import numpy as np

from exosift.detect.snr import resolution_elements
from exosift.types import Floats

Null = Literal["small sample", "normal"]
"""What the S/N of noise follows: Student's t for `snr_map`, a unit Gaussian where it is given."""


def false_positive_fraction(
    snr: Floats, radius: Floats, fwhm: float, null: Null = "small sample"
) -> Floats:
    """Chance that Gaussian noise in one resolution element at `radius` [px] exceeds `snr`.

    Student's t with n − 1 degrees of freedom, n = apertures − 1 (Mawet et al. 2014, eq. 10), for
    a small sample; else the normal distribution, which takes the noise for known.
    """
    from scipy.special import ndtr, stdtr  # slow to load, and most maps hold no candidate

    if null == "normal":
        return np.asarray(ndtr(-np.asarray(snr, dtype=np.float64)))
    freedom = resolution_elements(radius, fwhm) - 2
    return np.asarray(stdtr(freedom, -np.asarray(snr, dtype=np.float64)))


def false_alarm_probability(fpf: Floats, trials: float) -> Floats:
    """Chance of at least one such false positive in `trials` independent places: 1 − (1 − p)ⁿ."""
    return np.asarray(-np.expm1(trials * np.log1p(-np.minimum(fpf, 1 - 1e-16))))


def elements_in_field(inner: float, outer: float, fwhm: float) -> float:
    """Resolution elements between two radii [px]: the ring's area over that of a 1-FWHM disc."""
    return max(1.0, 4 * (outer**2 - inner**2) / fwhm**2)
