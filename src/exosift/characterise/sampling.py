"""What place and flux the residuals allow: Markov chains on exp(−χ²/2) (Wertz et al. 2017).

χ² = Σ (I − μ)² / σ², its σ² raised by the pixels of a resolution element (see `merit`). Chains are
those of affine-invariant walkers (Goodman & Weare 2010; emcee, Foreman-Mackey et al. 2013, PASP
125, 306), grown until they are many autocorrelation times long.

Residuals are smooth in place and flux: a cubic in all three, fitted to the exact ones about their
best, stands for them where it is as good at places that it was not fitted to; else each is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from exosift.characterise.merit import PARAMETERS, NegativeCompanion
from exosift.characterise.simplex import Best
from exosift.errors import BadInput, Failed
from exosift.geometry.grid import pixel_position
from exosift.types import Floats

# Steps [px; share of the flux] of the derivatives that tell the posterior's size.
_PIXEL, _SHARE = 0.05, 0.02

# The cubic: fitted to so many places a coefficient, drawn that many times as wide as the posterior,
# and used within so many standard deviations; checked on others, where log L may be off by so much.
_PLACES, _WIDER, _WITHIN, _CHECKED, _OFF = 5, 1.7, 5.0, 40, 0.2

# Steps between two looks at the autocorrelation time, of which so many are dropped at first.
_LOOK, _BURN = 500, 2


@dataclass(frozen=True)
class Sampling:
    """How the posterior is drawn.

    walkers: how many. lengths: of the chains, in autocorrelation times, when they may end. steps:
    at most. seed: of everything random.
    """

    walkers: int = 32
    lengths: float = 50.0
    steps: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.walkers < 2 * PARAMETERS + 2 or self.walkers % 2:
            raise BadInput(f"walkers is {self.walkers}, expected an even number from 8")
        if self.lengths < 20 or self.steps < _LOOK:
            raise BadInput(
                f"lengths is {self.lengths:g} and steps {self.steps}: expected 20, {_LOOK} or more"
            )


@dataclass(frozen=True, eq=False)
class Posterior:
    """Independent draws (draw, 3) of separation [px], position angle [deg], flux.

    time: the longest autocorrelation time [steps]; steps: of each walker; cubic: whether a cubic
    stood for the residuals, and by how much log L was off where it was checked.
    """

    draws: Floats
    time: float
    steps: int
    cubic: bool
    off: float


def sampled(best: Best, sampling: Sampling, rng: np.random.Generator) -> Posterior:
    """The posterior about the least χ²; raises Failed when the chains do not converge.

    The prior is flat in place, within the reach of `negative`, and in flux, above zero.
    """
    negative = best.negative
    if negative.merit.kind != "chi2":
        raise BadInput(f"a posterior needs the merit chi2, not {negative.merit.kind}")
    centre = _cartesian(negative, best.place)
    root = _root(negative, centre)
    residuals, off = _cubic(negative, centre, root, rng)
    exact = residuals is None

    def log_posterior(steps: Floats) -> Floats:
        moved = centre + steps @ root.T
        reach = negative.merit.reach * negative.field.fwhm
        allowed = np.hypot(moved[:, 0], moved[:, 1]) <= reach
        allowed &= moved[:, 2] > 0
        found = np.full(len(steps), -np.inf)
        if residuals is not None:
            allowed &= (np.abs(steps) <= _WITHIN).all(axis=1)
        if allowed.any():
            told = residuals(steps[allowed]) if residuals else _exact(negative, moved[allowed])
            found[allowed] = -0.5 * (told**2).sum(axis=1)
        return found

    steps, time, count = _walked(log_posterior, sampling, rng)
    return Posterior(negative.polar(centre + steps @ root.T), time, count, not exact, off)


def _cartesian(negative: NegativeCompanion, place: Floats) -> Floats:
    """A place (3,) as (x, y) [px] from the corridor's, and flux."""
    star = negative.field.injected.sequence.observation.star
    x, y = pixel_position(float(place[0]), float(place[1]), star)
    x0, y0 = negative.corridor.place
    return np.array([x - x0, y - y0, place[2]])


def _exact(negative: NegativeCompanion, moved: Floats) -> Floats:
    """(I − μ) / σ of the patch (case, pixel)."""
    return np.asarray((negative.values(negative.polar(moved)) - negative.mean) / negative.sigma)


def _root(negative: NegativeCompanion, centre: Floats) -> Floats:
    """Cholesky's root of the covariance (JᵀJ)⁻¹ that the residuals' derivatives J give."""
    step = np.diag([_PIXEL, _PIXEL, _SHARE * centre[2]])
    ends = _exact(negative, np.vstack([centre + step, centre - step]))
    slopes = (ends[:PARAMETERS] - ends[PARAMETERS:]) / (2 * np.diag(step))[:, None]
    return np.linalg.cholesky(np.linalg.inv(slopes @ slopes.T))


def _cubic(
    negative: NegativeCompanion, centre: Floats, root: Floats, rng: np.random.Generator
) -> tuple[Callable[[Floats], Floats] | None, float]:
    """The residuals as a cubic of steps along the root, if it is good enough; how far it is off."""
    terms = [term for order in range(4) for term in combinations_with_replacement(range(3), order)]

    def powers(steps: Floats) -> Floats:
        return np.stack([np.prod(steps[:, term], axis=1) for term in map(list, terms)], axis=1)

    drawn = _WIDER * rng.normal(size=(_PLACES * len(terms), PARAMETERS))
    coefficients = np.linalg.lstsq(powers(drawn), _exact(negative, centre + drawn @ root.T))[0]

    def residuals(steps: Floats) -> Floats:
        return np.asarray(powers(steps) @ coefficients)

    tried = rng.normal(size=(_CHECKED, PARAMETERS))
    exact = _exact(negative, centre + tried @ root.T)
    wrong = 0.5 * ((residuals(tried) ** 2).sum(axis=1) - (exact**2).sum(axis=1))
    off = float(np.std(wrong))  # a constant is of no account
    return (residuals if off <= _OFF else None), off


def _walked(
    log_posterior: Callable[[Floats], Floats], sampling: Sampling, rng: np.random.Generator
) -> tuple[Floats, float, int]:
    """Independent draws (draw, 3), the longest autocorrelation time, and steps of each walker."""
    import emcee  # slow to load

    sampler = emcee.EnsembleSampler(sampling.walkers, PARAMETERS, log_posterior, vectorize=True)
    generator = np.random.RandomState(np.random.MT19937(int(rng.integers(2**32))))
    state = emcee.State(
        0.3 * rng.normal(size=(sampling.walkers, PARAMETERS)), random_state=generator.get_state()
    )
    done, time = 0, np.inf
    while done < sampling.steps:
        state = sampler.run_mcmc(state, _LOOK, skip_initial_state_check=True)
        done += _LOOK
        time = float(np.max(sampler.get_autocorr_time(tol=0)))
        if done >= sampling.lengths * time:
            burn, thin = int(_BURN * time) + 1, max(1, int(time / 2))
            return sampler.get_chain(discard=burn, thin=thin, flat=True), time, done
    raise Failed(
        f"the chains are {done} steps long, {done / time:.0f} autocorrelation times, and "
        f"{sampling.lengths:g} are asked for: raise sampling.steps"
    )
