"""How often noise alone would do as well: false-positive fractions of S/N values."""

from typing import Literal

import numpy as np

from exosift.types import Floats, Ints

Noise = Literal["gaussian", "laplace"]
"""What the noise in resolution elements is taken for."""

Null = Literal["student", "laplace", "normal", "unknown"]
"""What the S/N of noise follows.

Told from few apertures: Student's t where they are Gaussian, or what Laplace noise gives. Where the
spread of the noise is known, a unit Gaussian. Unknown where an S/N is no significance.
"""


def false_positive_fraction(snr: Floats, noise: Ints, null: Null = "student") -> Floats:
    """Chance that noise in one resolution element exceeds `snr`, told from `noise` apertures.

    Student's t with noise − 1 degrees of freedom (Mawet et al. 2014, ApJ 792, 97, eq. 10); of
    Laplace noise, a table a number of apertures (Bonse et al. 2023, AJ 166, 71), below whose
    resolution the fraction is an upper bound; the normal distribution. NaN where the S/N is NaN,
    where fewer than three apertures are left, or where the null is unknown.
    """
    from scipy.special import ndtr, stdtr  # slow to load, and most of the package does without

    values = np.asarray(snr, dtype=np.float64)
    match null:
        case "student":
            enough = np.where(np.asarray(noise) >= 3, noise, np.nan)
            return np.asarray(stdtr(enough - 1, -values))
        case "laplace":
            return _laplace(values, np.broadcast_to(noise, values.shape))
        case "normal":
            return np.asarray(ndtr(-values))
        case "unknown":
            return np.full(values.shape, np.nan)


def _laplace(snr: Floats, noise: Ints) -> Floats:
    """Fractions of S/N values (…), each by the table of its number of noise apertures (…)."""
    from exosift.detect.laplace import laplace_tail  # its tables are made when first asked for

    fractions = np.full(snr.shape, np.nan)
    told = np.isfinite(snr) & (noise >= 3)
    for count in np.unique(noise[told]):
        here = told & (noise == count)
        fractions[here] = laplace_tail(int(count)).fraction(snr[here])
    return fractions


def false_alarm_probability(fpf: Floats, trials: float) -> Floats:
    """Chance of at least one such false positive in `trials` independent places: 1 − (1 − p)ⁿ."""
    return np.asarray(-np.expm1(trials * np.log1p(-np.minimum(fpf, 1 - 1e-16))))
