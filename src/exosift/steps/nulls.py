"""`exosift nulls`: scores of a sequence's null frames, by the method that its candidates are of."""

import sys
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from exosift.detect.search import Search
from exosift.errors import BadInput
from exosift.inverse.andromeda import Andromeda
from exosift.io.sequences import read_sequence
from exosift.io.store import manifest_of
from exosift.learn.request import Certify
from exosift.limits.judging import without_known
from exosift.limits.maxima import null_scores
from exosift.limits.nulls import null_angles
from exosift.limits.recovery import trimmed
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.settings import plain
from exosift.steps.recording import recorded

# Width [FWHM] of the PSF as companions of known flux are taken out.
_TEMPLATE = 3.0


@dataclass(frozen=True)
class Scored:
    """What decides the scores: method, search, null frames, and companions that are known."""

    method: Reduction | Andromeda
    search: Search
    asked: Certify
    known: tuple[KnownCompanion, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """As the status file keeps it."""
        told = self.of_all | {"seed": self.asked.seed}
        return told | {"known": plain(list(self.known))}

    @property
    def of_all(self) -> dict[str, Any]:
        """What must be the same for scores of several stars to be pooled."""
        return {
            "method": plain(self.method),
            "noise": self.search.noise,
            "nulls": plain(self.asked.nulls),
        }


def run(store: Path, stars: Several[Path], scored: Scored, folder: Path) -> None:
    """Write nulls.ecsv into `folder`; stars: the stores of the reduction's reference stars."""
    if isinstance(scored.method, Reduction) and scored.method.stars and not stars:
        raise BadInput("the reduction has reference stars: give each one's store by --star")
    inputs = [manifest_of(path) for path in (store, *stars)]
    with recorded("nulls", folder, inputs, scored.settings):
        from exosift.io.nulls import NullTable, write_nulls  # slow to load

        sequence = read_sequence(store)
        if any(one.flux is not None for one in scored.known):
            # Others stay in the frames, smeared by the wrong angles.
            sequence, _ = without_known(trimmed(sequence, _TEMPLATE), scored.known)
        others = [read_sequence(star) for star in stars]
        nulls = scored.asked.nulls
        rng = np.random.default_rng([scored.asked.seed, *sequence.label.encode()])
        angles = {k: null_angles(sequence.angle, k, nulls.count, rng) for k in nulls.kinds}
        total = sum(map(len, angles.values()))
        name = f"{sequence.label} {folder.name} nulls"
        with tqdm(desc=name, total=total, file=sys.stderr, leave=False) as bar:

            def told() -> None:
                bar.update(1)

            noise = scored.search.noise
            scores = {
                str(kind): null_scores(sequence, scored.method, noise, list(each), others, told)
                for kind, each in angles.items()
            }
        write_nulls(folder / "nulls.ecsv", NullTable(sequence.label, scores, scored.of_all))
