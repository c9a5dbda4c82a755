"""`exosift ranks`: the S/N of a place, or of companions injected at its separation, by rank."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from exosift.errors import BadInput
from exosift.io.sequences import read_sequence
from exosift.limits.ranks import around, injected_snr_by_rank, snr_by_rank
from exosift.psfsub.catalogue import Reduction


@dataclass(frozen=True)
class Place:
    """Where to look: separation [mas], position angle [deg]; or how many companions to inject.

    flux of each injected companion, in cube units inside the 1-FWHM aperture.
    """

    separation: float
    position_angle: float | None = None
    flux: float | None = None
    count: int = 8


def run(
    store: Path, stars: tuple[Path, ...], reduction: Reduction, place: Place
) -> list[tuple[float, float, float]]:
    """(rank, S/N, its standard error) of every rank; the error is 0 at a single place."""
    sequence = read_sequence(store)
    others = [read_sequence(star) for star in stars]
    separation = place.separation / sequence.observation.pixel_scale
    if place.flux is None:
        if place.position_angle is None:
            raise BadInput("give a position angle to look at, or the flux of companions to inject")
        snr = snr_by_rank(sequence, reduction, [(separation, place.position_angle)], others)
    else:
        flux = (place.flux,) * len(sequence.wavelength)
        companions = around(separation, flux, place.count)
        snr = np.concatenate(
            [
                injected_snr_by_rank(sequence, reduction, [one], others)
                for one in tqdm(companions, desc="injections", file=sys.stderr, leave=False)
            ],
            axis=1,
        )
    error = snr.std(axis=1, ddof=1) / np.sqrt(snr.shape[1]) if snr.shape[1] > 1 else 0 * snr[:, 0]
    table = zip(reduction.model.variants, snr.mean(axis=1), error, strict=True)
    return [(rank, float(mean), float(spread)) for rank, mean, spread in table]
