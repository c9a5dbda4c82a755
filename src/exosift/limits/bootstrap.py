"""How uncertain a share of companions found is: stars, and azimuth blocks in them, drawn anew."""

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np

from exosift.limits.nulls import NullKind
from exosift.limits.trials import Trial
from exosift.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class _Draws:
    """How often each azimuth block of each star is drawn (resample, block), star after star.

    first (star,): the number of a star's first block. frames (resample,): null frames drawn.
    """

    hit: Ints
    score: Ints
    first: Ints
    frames: Floats

    @classmethod
    def of(
        cls, trials: Several[Trial], kind: NullKind, resamples: int, rng: np.random.Generator
    ) -> "_Draws":
        """Blocks of injected and of null frames are drawn apart: they lie elsewhere on the sky."""
        stars = rng.multinomial(len(trials), np.full(len(trials), 1 / len(trials)), resamples)
        hit, score, frames = [], [], np.zeros(resamples)
        for times, trial in zip(stars.T, trials, strict=True):
            share = np.full(trial.blocks, 1 / trial.blocks)
            hit.append(rng.multinomial(times * trial.blocks, share))
            score.append(rng.multinomial(times * trial.blocks, share))
            frames += times * trial.alarms[kind].maxima.size
        first = np.cumsum([0] + [trial.blocks for trial in trials[:-1]])
        return cls(np.concatenate(hit, axis=1), np.concatenate(score, axis=1), first, frames)


def resampled_tpr(
    trials: Several[Trial], kind: NullKind, rates: Floats, resamples: int, rng: np.random.Generator
) -> Floats:
    """TPR (resample, rate) at rates of false positives a frame, thresholds found anew each time.

    The draws follow from the stars and their blocks alone, so methods judged on the same frames
    with generators alike are drawn alike, and their ratios can be taken draw by draw.
    """
    draws = _Draws.of(trials, kind, resamples, rng)
    pairs = list(zip(draws.first, trials, strict=True))
    hit = np.concatenate([trial.hit for trial in trials])
    hit_block = np.concatenate([first + trial.block for first, trial in pairs])
    score = np.concatenate([trial.alarms[kind].score for trial in trials])
    score_block = np.concatenate([first + trial.alarms[kind].block for first, trial in pairs])
    order = np.argsort(-score, kind="stable")
    falling = np.append(score[order], -np.inf)
    score_block = score_block[order]
    tpr = np.empty((resamples, len(rates)))
    for i in range(resamples):
        above = draws.score[i, score_block].cumsum()
        places = np.searchsorted(above, rates * draws.frames[i] + 1e-9, side="right")
        put = draws.hit[i, hit_block]
        tpr[i] = (put * (hit > falling[places][:, None])).sum(axis=1) / max(put.sum(), 1)
    return tpr
