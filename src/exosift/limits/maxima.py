"""Scores of frames: how rare the rarest place of an image is, told as its candidates are.

A place is as rare as its false-positive fraction, told for all ranks that were tried, so that near
and far from the star count alike. Where an S/N is no significance, it is scored by the S/N itself.
"""

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import replace

import numpy as np

from exosift.detect.maps import Detection, given, small_samples
from exosift.detect.significance import Noise, Null, false_alarm_probability
from exosift.detect.snr import SmallSample, small_sample
from exosift.inverse.andromeda import Andromeda, invert
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import reduce
from exosift.sequence import Sequence
from exosift.types import Bools, Floats

# Rarer fractions are no numbers of double precision.
_RAREST = 1e-300


def rarity(snr: Floats, fpf: Floats) -> Floats:
    """Scores (…) of places: −log₁₀ of their false-positive fraction, or the S/N where it is NaN."""
    return np.where(np.isnan(fpf), snr, -np.log10(np.maximum(fpf, _RAREST)))


def null_scores(
    sequence: Sequence,
    method: Reduction | Andromeda,
    noise: Noise,
    angles: Several[Floats],
    stars: Several[Sequence] = (),
    told: Callable[[], None] = lambda: None,
) -> Floats:
    """Scores (frame,) of a sequence under each of `angles` (time,) instead of its own.

    noise: what that of resolution elements is taken for. stars: the reduction's reference stars.
    `told()` is called after each frame.
    """
    scores = []
    for angle in angles:
        found = _detection(replace(sequence, angle=angle), method, noise, stars)
        fpf = false_alarm_probability(found.fpf, len(found.fpf))
        scores.append(float(np.nanmax(rarity(found.statistic, fpf))))
        told()
    return np.array(scores)


def _detection(
    sequence: Sequence, method: Reduction | Andromeda, noise: Noise, stars: Several[Sequence]
) -> Detection:
    """S/N and its fractions (rank, y, x), as `exosift detect` has them."""
    if isinstance(method, Andromeda):
        return given(invert(sequence, method).snr[None])
    fwhm = float(np.mean(sequence.observation.fwhm))  # as images keep it

    def measure(image: Floats, left_out: Bools) -> SmallSample:
        return small_sample(image, fwhm, left_out)

    images = reduce(sequence, method, stars=stars).images
    return small_samples(images, measure, _null(method, noise))


def _null(method: Reduction, noise: Noise) -> Null:
    """What the S/N of noise follows in a reduction."""
    if not method.keeps_noise:
        return "unknown"
    return "laplace" if noise == "laplace" else "student"
