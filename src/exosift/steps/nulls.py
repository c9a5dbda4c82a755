"""`exosift nulls`: scores of a sequence's null frames, by the method that its candidates are of."""

import sys
from collections.abc import Callable
from collections.abc import Sequence as Several
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from exosift.detect.search import Search
from exosift.errors import BadInput
from exosift.inverse.andromeda import Andromeda
from exosift.io.models import read_model
from exosift.io.sequences import Stored, read_sequence
from exosift.io.store import manifest_of
from exosift.learn.learning import Taught
from exosift.learn.model import Model
from exosift.learn.request import Certify, taught_by
from exosift.learn.supervised import Supervised
from exosift.limits.judging import without_known
from exosift.limits.maxima import null_scores
from exosift.limits.nulls import null_angles
from exosift.limits.recovery import trimmed
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.sequence import Sequence
from exosift.settings import plain
from exosift.steps.middle import reaching, read_middle, room_of
from exosift.steps.recording import recorded
from exosift.steps.sample import hashes_of
from exosift.types import Floats

# Width [FWHM] of the PSF as companions of known flux are taken out.
_TEMPLATE = 3.0


@dataclass(frozen=True)
class Scored:
    """What decides the scores: method, search, null frames, and companions that are known.

    Of a classifier, what it has in common with those of other stars; its model is given apart.
    """

    method: Reduction | Andromeda | Taught
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


def taught_in(model: Path) -> Taught:
    """The method that a model's file holds, as null frames are told by it."""
    return Taught.of(read_model(model))


def run(
    store: Path,
    stars: Several[Path],
    scored: Scored,
    folder: Path,
    model: Path | None = None,
    memory: float | None = None,
) -> None:
    """Write nulls.ecsv into `folder`; stars: the stores of the reduction's reference stars.

    model: the file of the classifier, where the method is one; its turned frames go to disk where
    they need more than `memory` [MB], or what the job has.
    """
    if isinstance(scored.method, Reduction) and scored.method.stars and not stars:
        raise BadInput("the reduction has reference stars: give each one's store by --star")
    inputs = [*(manifest_of(path) for path in (store, *stars)), *([model] if model else [])]
    with recorded("nulls", folder, inputs, scored.settings), ExitStack() as rooms:
        from exosift.io.nulls import NullTable, write_nulls  # slow to load

        mapped, known = None, scored.known
        if model:
            learnt, outline = read_model(model), Stored.open(store).outline
            learnt.require(outline)
            refuse_taught(learnt, outline.label, hashes_of([store])[0], scored.asked)
            sequence = read_middle(store, learnt.mlar, learnt.outermost)
            known = reaching(known, sequence)
            room = rooms.enter_context(room_of(learnt, outline, memory))
            mapped = Supervised(learnt.mlar, learnt.zones, room.turned)
        else:
            sequence = read_sequence(store)
        if any(one.flux is not None for one in known):
            # Others stay in the frames, smeared by the wrong angles.
            sequence, _ = without_known(trimmed(sequence, _TEMPLATE), known)
        others = [read_sequence(star) for star in stars]
        nulls = scored.asked.nulls
        rng = np.random.default_rng([scored.asked.seed, *sequence.label.encode()])
        angles = {k: null_angles(sequence.angle, k, nulls.count, rng) for k in nulls.kinds}
        total = sum(map(len, angles.values()))
        name = f"{sequence.label} {folder.name} nulls"
        with tqdm(desc=name, total=total, file=sys.stderr, leave=False) as bar:

            def told() -> None:
                bar.update(1)

            scores = {
                str(kind): _scores(sequence, scored, mapped, (list(each), others), told)
                for kind, each in angles.items()
            }
        write_nulls(folder / "nulls.ecsv", NullTable(sequence.label, scores, scored.of_all))


def refuse_taught(model: Model, label: str, sha256: str, asked: Certify) -> None:
    """Refuse null frames that a model has learnt from: those of its own sequence, negated."""
    own = any(label == one or sha256 == other for one, other in model.provenance.sequences)
    taught = taught_by(asked.nulls.kinds) if own else ()
    if taught:
        raise BadInput(
            f"{label}: the model has learnt from these frames at negated angles, so that "
            f"{taught[0]} nulls tell nothing of its false alarms: take `permuted` nulls, or "
            "`shifted` ones of planet-free data, or teach by other stars (protocol survey)"
        )


def _scores(
    sequence: Sequence,
    scored: Scored,
    mapped: Supervised | None,
    given: tuple[list[Floats], list[Sequence]],
    told: Callable[[], None],
) -> Floats:
    """Scores (frame,) of a sequence under each of the angles given, with its reference stars.

    Of a classifier, the highest margin: that of a candidate is its score.
    """
    angles, others = given
    if not isinstance(scored.method, Taught):
        return null_scores(sequence, scored.method, scored.search.noise, angles, others, told)
    if mapped is None:
        raise BadInput("null frames of a classifier want its model: give it by --model")
    found = []
    for angle in angles:
        found.append(float(np.nanmax(mapped.map(replace(sequence, angle=angle)))))
        told()
    return np.array(found)
