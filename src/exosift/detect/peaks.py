"""Peaks of a map: local maxima, of which those within one FWHM of a higher one are dropped."""

import numpy as np

from exosift.types import Bools, Floats, Ints


def peaks(values: Floats, fwhm: float, counted: Bools) -> Ints:
    """Places (peak, 2), as (row, column), of the peaks of a map (y, x), highest first.

    A maximum is the highest pixel within half an FWHM [px] and one that is `counted` (y, x).
    """
    rows, columns = np.nonzero(_maxima(values, fwhm) & counted)
    order = np.argsort(-values[rows, columns], kind="stable")
    return apart(np.stack([rows, columns], axis=1)[order], fwhm)


def apart(places: Ints, fwhm: float) -> Ints:
    """Those of places (place, 2) that are more than one FWHM [px] from all that come before."""
    kept: list[Ints] = []
    for place in places:
        if all(np.hypot(*(place - other)) > fwhm for other in kept):
            kept.append(place)
    return np.array(kept, dtype=int).reshape(-1, 2)


def _maxima(values: Floats, fwhm: float) -> Bools:
    """Pixels (y, x) that are the highest within half an FWHM [px]; NaN is none and hides none."""
    from scipy import ndimage  # slow to load, and not before there is a map to search

    filled = np.where(np.isnan(values), -np.inf, values)
    highest = ndimage.maximum_filter(filled, footprint=core(fwhm), mode="constant", cval=-np.inf)
    return np.asarray((filled == highest) & np.isfinite(filled))


def core(fwhm: float) -> Bools:
    """Pixels (y, x) within half an FWHM [px] of the middle one."""
    reach = int(np.ceil(fwhm / 2))
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(np.hypot(x, y) <= fwhm / 2)
