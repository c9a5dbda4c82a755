"""STIM of residuals that stay on disk: frames are turned either way a few at a time."""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from exosift import threads
from exosift.compute.blocks import TILE, together
from exosift.compute.cluster import Cluster
from exosift.detect.maps import Detection, of_stims, stim_searched
from exosift.detect.stim import GROUP, Moments, stim_of
from exosift.geometry.rotation import derotate
from exosift.io.residuals import Residuals
from exosift.types import Floats


@dataclass(frozen=True)
class Group:
    """Some frames of a rank and a wavelength."""

    variant: int
    channel: int
    times: slice


def stored_stims(residuals: Residuals, angle: Floats, fwhm: float, workers: Cluster) -> Detection:
    """As `detect.maps.stims` of all residuals at once, to the last bit."""
    variants, channels, count = residuals.shape[:3]
    searched = stim_searched(residuals.shape, fwhm)
    found = []
    for variant in range(variants):
        each = []
        for channel in range(channels):
            groups = [Group(variant, channel, times) for times in threads.blocks(count, GROUP)]
            each.append(reduce(_joined, workers.each(_moments, groups, residuals, angle)))
        found.append(stim_of(*reduce(_joined, each), searched))
    return of_stims(found, fwhm)


def _joined(
    one: tuple[Moments, Moments], other: tuple[Moments, Moments]
) -> tuple[Moments, Moments]:
    return one[0] + other[0], one[1] + other[1]


def _moments(group: Group, residuals: Residuals, angle: Floats) -> tuple[Moments, Moments]:
    """Moments of a group of frames turned North up, and as far the other way."""
    shape = residuals.shape[-2:]
    size = together(int(np.prod(shape)) * residuals.itemsize, TILE)
    direct = inverse = Moments.none(shape)
    for part in threads.blocks(group.times.stop - group.times.start, size):
        times = slice(group.times.start + part.start, group.times.start + part.stop)
        frames = residuals.frames(group.variant, group.channel, times)
        direct = direct.and_then(derotate(frames, angle[times]))
        inverse = inverse.and_then(derotate(frames, -angle[times]))
    return direct, inverse
