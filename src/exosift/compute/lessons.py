"""Memory and run time of supervised detection, from the shapes of the sequences that teach.

Counted as in `resources`: bytes of what is alive together, and operations at the rates of a slow
core. Of large frames only the middle counts, which is all that is read.
"""

from dataclasses import dataclass
from math import inf, pi, prod

from exosift.compute.resources import grown
from exosift.learn.drawing import shared
from exosift.learn.forest import Boosted, Forest
from exosift.learn.learning import Learning
from exosift.learn.middle import side_of
from exosift.learn.mlar import TOGETHER
from exosift.learn.network import Cnn2d, Cnn3d, ConvLstm
from exosift.types import Shape

_VALUE = 4  # bytes of a float32

# Copies alive: of the frames, as read, about their mean, with a pixel along and turned; of a ring's
# samples as they are drawn, in pieces and together. MB that PyTorch takes for itself.
_FRAMES, _SAMPLES, _TORCH = 8, 4, 400

# Copies of turned frames alive in a thread, of a few pixels at a time. Sets of turned frames that
# are kept: under a sequence's angles, and under their negatives.
_COPIES, _TURNED = 5, 2

# Operations a second: of small products, one an injection; of large ones; of frames turned. And of
# a frame turned, operations a pixel. Highest rank, in frames.
_SMALL, _LARGE, _TURN, _RANK = 3e9, 8e9, 100, 0.6

# Seconds a sample: of a forest of 100 trees; of networks, an epoch of patches of 20 × 9 × 9 px.
_GROWN, _EPOCH = 3.5e-3, {Cnn2d: 1.6e-4, Cnn3d: 8e-4, ConvLstm: 2e-2}

# Seconds for 100 boosted trees, of a forest for a patch's margin, and to load what is needed.
_BOOSTED, _ASKED, _START = 6.0, 1e-4, 10.0

# Trees are grown again without the samples that are held back, to be judged by these.
_JUDGED = 1.8

# Of the seconds of an epoch, those of a margin by one view.
_FORWARD = 1 / 3


@dataclass(frozen=True)
class Lesson:
    """What teaching, or mapping what was taught, has to go through.

    asked: how it is taught; sequences: shape (wavelength, time, y, x) and FWHM [px] of each that
    teaches, or that is mapped; () and 0 where they are not known.
    """

    asked: Learning
    sequences: tuple[tuple[Shape, float], ...]

    @property
    def known(self) -> list[tuple[int, int, float]]:
        """Frames, pixels read of one, and FWHM [px], of the sequences of which they are known."""
        told = [(shape, fwhm) for shape, fwhm in self.sequences if len(shape) == 4 and fwhm > 0]
        outer, mlar = self.asked.rings.outer, self.asked.mlar
        return [(s[1], side_of(s[3], fwhm, mlar, outer) ** 2, fwhm) for s, fwhm in told]

    @property
    def patch(self) -> int:
        """Values of a sample, of the largest."""
        sides = [self.asked.mlar.side(fwhm) for *_, fwhm in self.known]
        return self.asked.mlar.levels * max(sides, default=0) ** 2

    def pixels(self, pixels: int, fwhm: float) -> float:
        """Of a frame's pixels, those that rings and patches about them lie on."""
        reach = (self.asked.rings.outer + self.asked.mlar.patch / 2) * fwhm
        return min(pixels, pi * reach**2)

    @property
    def network(self) -> bool:
        """Whether it takes PyTorch."""
        return isinstance(self.asked.classifier, tuple(_EPOCH))


@dataclass(frozen=True)
class Need:
    """MB that a job needs: all in memory; turned frames on disk; samples there, too.

    files: bytes of turned frames and of samples, as they are on disk.
    """

    whole: int
    unturned: int
    least: int
    files: tuple[float, float]

    def asked(self, attempt: int, most: float) -> int:
        """MB to ask for, where a job can have no more than `most`."""
        if self.whole <= most:
            return attempt * self.whole
        base = self.unturned if self.unturned <= most else self.least
        return int(max(base, min(attempt * base, most)))

    def scratch(self, most: float) -> float:
        """Bytes on disk, where a job has so many MB."""
        turned, samples = self.files
        return turned * (self.whole > most) + samples * (self.unturned > most)


def draw_need(lesson: Lesson, threads: int = 2, among: int | None = None) -> Need:
    """To draw samples: all sequences' frames, one's turned, what is lit of these, all samples.

    among: how many teach together, where others are drawn elsewhere.
    """
    each = _values(lesson, among)
    return _need(lesson, _drawing(lesson, each, threads), threads, _every(lesson, each))


def learn_need(lesson: Lesson, threads: int = 2) -> Need:
    """To draw samples and to learn from them; see `draw_need` and `fit_need`."""
    each = _values(lesson)
    drawing, every = _drawing(lesson, each, threads), _every(lesson, each)
    return _need(lesson, max(drawing, _fitting(lesson.asked, every)), threads, every)


def _values(lesson: Lesson, among: int | None = None) -> int:
    """Values of a ring's samples that a sequence gives."""
    sequences = among or max(1, len(lesson.known))
    return shared(lesson.asked.sampling, sequences).count * lesson.patch


def _every(lesson: Lesson, each: int) -> int:
    """Values of all rings' samples, where a sequence gives so many to a ring."""
    return len(lesson.asked.rings.edges) * max(1, len(lesson.known)) * each


def _drawing(lesson: Lesson, each: int, threads: int) -> float:
    """Values at work as samples are drawn: those of a ring, and what companions have lit."""
    side = lesson.asked.mlar.side
    lit = [count**2 * side(fwhm) ** 2 for count, _, fwhm in lesson.known]
    return _SAMPLES * each + threads * _COPIES * max(lit, default=0)


def _fitting(asked: Learning, every: float) -> float:
    """Values at work as a classifier grows: a forest has all of a ring's samples in memory."""
    return _SAMPLES * every / len(asked.rings.edges) * isinstance(asked.classifier, Forest)


def fit_need(asked: Learning, shape: Shape) -> Need:
    """To teach by samples (ring, sample, level, y, x) that were drawn before; () if unknown."""
    lesson, values = Lesson(asked, ()), float(prod(shape)) if shape else 0.0
    # As they are read, those of a store.
    at_work = _SAMPLES * values / len(asked.rings.edges)
    whole = _memory(lesson, values + at_work)
    return Need(whole, whole, _memory(lesson, at_work), (0.0, _VALUE * values))


def predict_need(lesson: Lesson, threads: int = 2) -> Need:
    """To map: the frames turned, and the patches of a ring."""
    pixels = max((lesson.pixels(size, fwhm) for _, size, fwhm in lesson.known), default=0.0)
    outermost = min(1.0, 3 / len(lesson.asked.rings.edges)) * pixels
    return _need(lesson, 2 * outermost * lesson.patch, threads)


def learn_memory(lesson: Lesson, attempt: int, threads: int = 2, most: float = inf) -> int:
    """MB to ask for to teach, where a job can have no more than `most`."""
    return learn_need(lesson, threads).asked(attempt, most)


def predict_memory(lesson: Lesson, attempt: int, threads: int = 2, most: float = inf) -> int:
    """MB to ask for to map."""
    return predict_need(lesson, threads).asked(attempt, most)


def _need(lesson: Lesson, values: float, threads: int, samples: float = 0.0) -> Need:
    """That of so many values, of the samples, and of turned frames or what is read of them."""
    each = [count**2 * lesson.pixels(size, fwhm) for count, size, fwhm in lesson.known]
    turned = max(each, default=0.0)
    read = max((max(TOGETHER, count * size) for count, size, _ in lesson.known), default=0)
    at_work = values + threads * _COPIES * read
    return Need(
        _memory(lesson, values + samples + turned),
        _memory(lesson, at_work + samples),
        _memory(lesson, at_work),
        (_VALUE * _TURNED * turned, _VALUE * samples),
    )


def _memory(lesson: Lesson, values: float) -> int:
    """MB of all frames and so many more values."""
    frames = sum(count * size for count, size, _ in lesson.known)
    needed = _VALUE * (_FRAMES * frames + values)
    return grown(needed + 1e6 * _TORCH * lesson.network, 1)


def draw_minutes(lesson: Lesson, attempt: int, among: int | None = None) -> int:
    """Minutes to draw samples; an unknown shape asks for the least."""
    return _minutes(_draw_seconds(lesson, among), attempt)


def learn_minutes(lesson: Lesson, attempt: int) -> int:
    """Minutes to draw samples and to learn from them."""
    return _minutes(_draw_seconds(lesson) + _fit_seconds(lesson), attempt)


def fit_minutes(lesson: Lesson, attempt: int) -> int:
    """Minutes to learn from samples that were drawn before."""
    return _minutes(_START + _fit_seconds(lesson), attempt)


def _minutes(seconds: float, attempt: int) -> int:
    """Minutes to ask for."""
    return attempt * (2 + int(seconds / 60))


def _draw_seconds(lesson: Lesson, among: int | None = None) -> float:
    """Seconds to draw the samples of all rings."""
    asked, known = lesson.asked, lesson.known
    if not known:
        return 0.0
    injected = len(asked.rings.edges) * shared(asked.sampling, among or len(known)).count / 2
    seconds = _START
    for count, size, fwhm in known:
        seconds += _turned(count, size) + count * _images(lesson, count, size, fwhm)
        places = asked.mlar.side(fwhm) ** 2
        seconds += injected * (2 * _RANK * places + 10) * count**3 / _SMALL
    return seconds


def predict_minutes(lesson: Lesson, attempt: int, maps: int = 1) -> int:
    """Minutes for so many maps of a sequence, under its angles or others."""
    seconds = 0.0
    for count, size, fwhm in lesson.known:
        each = _images(lesson, count, size, fwhm) + lesson.pixels(size, fwhm) * _margin(lesson)
        seconds += _START + 2 * _turned(count, size) + maps * each
    return attempt * (2 + int(seconds / 60))


def _turned(count: int, size: int) -> float:
    """Seconds to turn frames by all angles."""
    return _TURN * count**2 * size / 1e9


def _images(lesson: Lesson, count: int, size: int, fwhm: float) -> float:
    """Seconds for the level images of all rings; each takes what patches beyond its edges need."""
    beyond = 1 + lesson.asked.mlar.patch / lesson.asked.rings.width
    return beyond * lesson.pixels(size, fwhm) * 2 * _RANK * count**3 / _LARGE


def _fit_seconds(lesson: Lesson) -> float:
    """Seconds to fit all rings' samples; none where patches are not known."""
    how, samples = lesson.asked.classifier, lesson.asked.sampling.samples
    rings = len(lesson.asked.rings.edges) if lesson.known else 0
    match how:
        case Forest():
            return rings * _JUDGED * _GROWN * samples * how.trees / 100
        case Boosted():
            return rings * _JUDGED * (_BOOSTED * how.trees / 100 + 1e-4 * samples)
        case _:
            return rings * samples * how.epochs * _epoch(lesson)


def _margin(lesson: Lesson) -> float:
    """Seconds for the margin of a patch."""
    how = lesson.asked.classifier
    if isinstance(how, Forest | Boosted):
        return _ASKED * how.trees / 100
    return how.views * _FORWARD * _epoch(lesson)


def _epoch(lesson: Lesson) -> float:
    """Seconds of a network for a sample in an epoch; so long as its patch is large."""
    return _EPOCH[type(lesson.asked.classifier)] * lesson.patch / (20 * 9**2)
