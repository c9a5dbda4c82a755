"""The field in annuli: each with the pairs of frames that serve there, and the noise they leave."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from exosift import threads
from exosift.geometry.grid import radius_map
from exosift.geometry.regions import Region
from exosift.inverse.pairs import Pairs, balanced, moving_pairs
from exosift.types import Bools, Floats, Ints, Shape

Variance = Literal["local", "pixel", "annulus"]

# Differences that a variance takes.
_FEWEST = 3


@dataclass(frozen=True, eq=False)
class Annulus:
    """Pixels (flat indices into a frame), and the differences of frames formed for them."""

    pixels: Ints
    pairs: Pairs


def paired(
    frames: Floats, seen: Bools, angle: Floats, regions: list[Region], least: float, zone: float
) -> list[Annulus]:
    """Annuli in which companions move by `least` [px] between three pairs of frames or more.

    frames (time, y, x) at `angle` (time,) [deg]; seen (y, x): pixels with a value in all of them.
    γ is fitted from the annulus' inner edge outwards, on `zone` times its area.
    """
    radius = radius_map(frames.shape)

    def pair(region: Region) -> Annulus | None:
        plus, minus = moving_pairs(angle, region.radius, least)
        if len(plus) < _FEWEST:
            return None
        own = radius.ravel()[region.pixels]
        outer = np.sqrt(zone * own.max() ** 2 - (zone - 1) * own.min() ** 2)
        near = (radius >= own.min()) & (radius <= outer) & seen
        return Annulus(region.pixels, balanced(frames[:, near], plus, minus))

    return [annulus for annulus in threads.over(pair, regions) if annulus]


def weights(
    frames: Floats, seen: Bools, annuli: list[Annulus], variance: Variance, fwhm: float
) -> Floats:
    """1/σ² (y, x) of the differences that are formed for the annulus nearest to each pixel.

    σ² is their variance over pairs: each pixel's own (Cantalloube et al. 2015), its mean within one
    FWHM [px] ("local"), or its mean over the annulus. Pixels not `seen`, and those that never
    change, have no weight.
    """
    radius = radius_map(seen.shape)
    middle = np.array([radius.ravel()[annulus.pixels].mean() for annulus in annuli])
    nearest = np.abs(radius[..., None] - middle).argmin(axis=-1)
    noise: Floats = np.zeros(seen.shape)

    def measure(i: int) -> None:
        here = (nearest == i) & seen
        own = annuli[i].pairs.differences(frames[:, here]).var(axis=0)
        noise[here] = own.mean() if variance == "annulus" else own

    threads.over(measure, range(len(annuli)), products=False)
    known = noise > 0
    if variance == "local":
        noise = _within(noise, known, fwhm)
    return np.divide(1.0, noise, out=np.zeros(noise.shape), where=known)


def _within(image: Floats, known: Bools, reach: float) -> Floats:
    """Mean of an image (y, x) within `reach` [px] of each pixel, of the pixels that are known."""
    from scipy import ndimage  # slow to load, and not every step needs it

    disc = radius_map((2 * int(reach) + 1,) * 2) <= reach
    total, count = (
        ndimage.convolve(each, disc.astype(float), mode="constant")
        for each in (np.where(known, image, 0.0), known.astype(float))
    )
    return np.asarray(total / np.maximum(count, 0.5))


def displacements(annuli: list[Annulus], angle: Floats, shape: Shape) -> tuple[float, float]:
    """Least and most [px] that companions in frames of `shape` move between frames of a pair."""
    radius = radius_map(shape).ravel()
    found = []
    for annulus in annuli:
        turned = np.radians(angle[annulus.pairs.plus] - angle[annulus.pairs.minus])
        chord = 2 * np.abs(np.sin(turned / 2))
        own = radius[annulus.pixels]
        found += [chord.min() * own.min(), chord.max() * own.max()]
    return float(min(found)), float(max(found))
