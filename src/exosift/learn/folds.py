"""Folds of stars: what learns for the stars of one fold learns from those of the others alone."""

from collections.abc import Iterable

import numpy as np

from exosift.errors import BadInput


def target_of(label: str) -> str:
    """The star of a sequence, by its label: `target/epoch`, or the target itself."""
    return label.partition("/")[0]


def folds(labels: Iterable[str], count: int, seed: int) -> list[tuple[str, ...]]:
    """The sequences of each fold, by their labels; each is in one, all epochs of a star together.

    Stars are dealt out in an order that follows from their names and the seed. Raises BadInput for
    fewer stars than folds.
    """
    given = sorted(labels)
    stars = sorted({target_of(label) for label in given})
    if len(stars) < count:
        raise BadInput(
            f"{len(stars)} stars in {count} folds: what learns from other stars needs one in each, "
            "so give more, or set roc.folds lower"
        )
    order = np.random.default_rng(seed).permutation(len(stars))
    fold = {stars[star]: place % count for place, star in enumerate(order)}
    return [
        tuple(label for label in given if fold[target_of(label)] == number)
        for number in range(count)
    ]
