"""Sequences as supervised detection takes them: of large frames only the middle is read."""

from collections.abc import Sequence as Several
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from exosift import threads
from exosift.compute.lessons import Lesson, predict_need
from exosift.compute.room import roomy
from exosift.io.sequences import Stored
from exosift.learn.drawing import Rings
from exosift.learn.learning import Learning
from exosift.learn.middle import inside, middle_of
from exosift.learn.mlar import Mlar
from exosift.learn.model import Model
from exosift.learn.room import Room
from exosift.photometry.known import KnownCompanion
from exosift.sequence import Sequence


def read_middle(store: Path, asked: Mlar, outermost: float) -> Sequence:
    """A sequence with what rings to `outermost` [FWHM] take of its frames; without variances."""
    stored = Stored.open(store)
    outline = replace(stored.outline, variance=None)
    middle = middle_of(outline, asked, outermost)
    part = inside(outline.cube.shape[-1], middle.cube.shape[-1])
    arrays = {name: stored.within(name, *part) for name in ("cube", "mask")}
    return replace(middle, **arrays)


def reaching(known: Several[KnownCompanion], sequence: Sequence) -> tuple[KnownCompanion, ...]:
    """Those of the known companions that are in what was read; the light of others is not."""
    farthest = sequence.cube.shape[-1] / 2 * sequence.observation.pixel_scale
    return tuple(one for one in known if one.separation <= farthest)


def room_of(model: Model, outline: Sequence, memory: float | None) -> AbstractContextManager[Room]:
    """Room for a sequence turned for a model's maps; memory: as in `roomy`."""
    (inner, first), *_ = (zone.edges for zone in model.zones)
    rings = Rings(inner, model.outermost, first - inner)
    asked = Learning(model.classifier, mlar=model.mlar, sampling=model.sampling, rings=rings)
    lesson = Lesson(asked, ((outline.cube.shape, outline.observation.fwhm[0]),))
    return roomy(predict_need(lesson, threads.budget()), memory)
