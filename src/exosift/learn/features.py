"""Compact features of patches: how well each level shows a companion, and all of them together.

The template of a level is what companions leave of themselves there: the mean patch with one less
the mean patch without, taken over the eight ways to turn and mirror it, as they lie at any azimuth.
It holds the fading that PCA of that rank causes, exactly, since companions are injected before PCA.
Of each level of a patch: its match with the template (the flux, by least squares), its mean, and
how much is left of it besides. Levels share their noise; Fisher's discriminant Σ⁻¹ t, with Σ the
covariance of the matches among null patches and t those of the template, weighs them against each
other: what a matched filter over all levels says (Fisher 1936, Ann. Eugenics 7, 179).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from exosift import threads
from exosift.errors import BadInput
from exosift.learn.room import Readable
from exosift.types import Bools, Floats, Shape

# Of a covariance, so much is taken from its diagonal alone.
_SHRINKAGE = 0.1

# Patches that are measured together.
_TOGETHER = 1024


@dataclass(frozen=True, eq=False)
class Features:
    """What is measured on patches (sample, level, y, x).

    templates (level, y, x), of zero mean and unit match with themselves. centre (match,) and
    weights (discriminant, match): of Fisher's discriminants of the matches alone, and of matches
    and means together, in units of their null standard deviation.
    """

    templates: Floats
    centre: Floats
    weights: Floats

    @classmethod
    def of(cls, patches: Readable, labels: Bools) -> "Features":
        """Learn templates and discriminants from patches, labels (sample,) True with companions.

        Raises BadInput when there are none of either.
        """
        if labels.all() or not labels.any():
            raise BadInput(
                f"{len(labels)} samples, {int(labels.sum())} with a companion: give both kinds"
            )
        excess = np.zeros(patches.shape[1:])
        for some in threads.blocks(len(labels), _TOGETHER):
            here, lit = patches[some], labels[some]
            for kind, share in ((lit, 1 / labels.sum()), (~lit, -1 / (~labels).sum())):
                excess += share * here[kind].sum(axis=0, dtype=np.float64)
        templates = _unit(_symmetric(excess))
        linear = _by_parts(lambda some: _linear(some, templates), patches)
        nulls = linear[~labels].astype(np.float64)
        centre, seen = nulls.mean(axis=0), linear[labels].mean(axis=0, dtype=np.float64)
        covariance = np.cov(nulls.T)
        levels = len(templates)
        weights = np.zeros((2, 2 * levels))
        for own, count in zip(weights, (levels, 2 * levels), strict=True):
            own[:count] = _fisher(covariance[:count, :count], (seen - centre)[:count])
        return cls(templates, centre, weights)

    @property
    def shape(self) -> Shape:
        """Levels, rows and columns of the patches."""
        return self.templates.shape

    def discriminants(self, patches: Floats) -> Floats:
        """Fisher's discriminants (sample, 2): of the matches, and of matches and means."""
        return np.asarray((_linear(patches, self.templates) - self.centre) @ self.weights.T)

    def of_all(self, patches: Readable) -> Floats:
        """As `every`, of patches that may be on disk."""
        return _by_parts(self.every, patches)

    def every(self, patches: Floats) -> Floats:
        """Features (sample, feature): discriminants, matches, and what else is in each level."""
        linear = _linear(patches, self.templates)
        joint = (linear - self.centre) @ self.weights.T
        matches = linear[:, : len(self.templates)]
        power = np.einsum("slyx,slyx->sl", patches, patches) / self.templates[0].size
        fitted = matches**2 / np.square(self.templates).sum(axis=(1, 2)) / self.templates[0].size
        rest = np.sqrt(np.maximum(power - linear[:, len(self.templates) :] ** 2 - fitted, 0.0))
        return np.concatenate([joint, matches, rest], axis=1).astype(np.float32)


def _by_parts(measure: Callable[[Floats], Floats], patches: Readable) -> Floats:
    """What is measured of patches, some of them in memory at a time."""
    parts = threads.blocks(len(patches), _TOGETHER)
    return np.concatenate([measure(patches[part]) for part in parts])


def _linear(patches: Floats, templates: Floats) -> Floats:
    """Matches and means (sample, 2 × level)."""
    flat, own = patches.reshape(*patches.shape[:2], -1), templates.reshape(len(templates), -1)
    return np.concatenate([np.einsum("slp,lp->sl", flat, own), flat.mean(axis=2)], axis=1)


def _symmetric(image: Floats) -> Floats:
    """Images (level, y, x), the mean of their turns by quarters and mirror images."""
    both = (image, image[..., ::-1])
    return np.asarray(np.mean([np.rot90(one, q, (1, 2)) for one in both for q in range(4)], axis=0))


def _unit(image: Floats) -> Floats:
    """Images (level, y, x) of zero mean whose product with what they are made of is one."""
    apart = image - image.mean(axis=(1, 2), keepdims=True)
    power = np.square(apart).sum(axis=(1, 2), keepdims=True)
    return np.asarray(apart / np.maximum(power, np.finfo(float).tiny), np.float32)


def _fisher(covariance: Floats, seen: Floats) -> Floats:
    """Weights of the best linear discriminant, of unit variance among nulls."""
    own = np.diag(np.diag(covariance))
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * own
    weights = np.linalg.solve(covariance, seen)
    return np.asarray(weights / np.sqrt(weights @ covariance @ weights))
