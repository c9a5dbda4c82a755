"""What a classifier of patches is: parameters that fit to samples, and what scores new ones.

A patch (level, y, x) is a cut-out of the level images, each in units of its noise on the patch's
own circle in that frame. A score is a margin, the log-odds of a companion at the patch's middle:
probabilities saturate at one, and margins still tell the brighter from the bright.
"""

from collections.abc import Callable
from typing import Protocol

from exosift.learn.room import Readable
from exosift.types import Bools, Floats, Ints

Told = Callable[[int, int], None]
"""Is told (done, of) while a classifier is fitted."""


class Fitted(Protocol):
    """A classifier that has learnt."""

    def margin(self, patches: Floats) -> Floats:
        """Log-odds (sample,) of patches (sample, level, y, x), float32.

        Raises BadInput for patches of another shape than it has learnt from.
        """
        ...


class Classifier(Protocol):
    """The parameters of a classifier, as a frozen dataclass with its `kind`."""

    def fit(
        self, patches: Readable, labels: Bools, blocks: Ints, seed: int, told: Told | None = None
    ) -> Fitted:
        """Learn from patches (sample, level, y, x), which may be on disk, and labels (sample,).

        labels: True with a companion. blocks (sample,): azimuth block of each; samples of one block
        share pixels, so that those held back for validation must be whole blocks, with a guard of
        one block beside them.
        """
        ...
