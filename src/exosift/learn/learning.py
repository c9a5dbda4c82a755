"""What is asked of supervised detection: the classifier, its patches and samples, who teaches."""

from dataclasses import dataclass, field
from typing import Literal

from exosift.errors import BadInput
from exosift.learn.catalogue import AnyClassifier
from exosift.learn.drawing import Drawing, Rings
from exosift.learn.forest import Boosted
from exosift.learn.labelled import Sampling
from exosift.learn.mlar import Mlar
from exosift.learn.model import Model, Protocol


@dataclass(frozen=True)
class Taught:
    """What classifiers of different stars have in common: all but who taught them.

    rings: their edges [FWHM].
    """

    classifier: AnyClassifier
    protocol: Protocol
    mlar: Mlar
    sampling: Sampling
    rings: tuple[tuple[float, float], ...]
    seed: int
    kind: Literal["classifier"] = "classifier"

    @classmethod
    def of(cls, model: Model) -> "Taught":
        """That of a model."""
        made, edges = model.provenance, tuple(zone.edges for zone in model.zones)
        return cls(model.classifier, made.protocol, model.mlar, model.sampling, edges, made.seed)


@dataclass(frozen=True)
class Learning:
    """How a classifier is taught.

    classifier: forest (SODIRF), boosted, or a network (SODINN): convlstm, cnn3d, cnn2d. protocol:
    "sequence", the sequence's own frames at angles of the other sign; "survey", other stars, in
    whose samples no pixel of it is; "pooled", both. stars: those others, as target/epoch or shell
    patterns of it; of all that match, those of another target in the same filter. mlar: levels and
    patches. sampling: of labelled patches. rings: each has a classifier of its own. template: width
    [FWHM] of the PSF as companions are drawn. seed: of everything random.
    """

    classifier: AnyClassifier = field(default_factory=Boosted)
    protocol: Protocol = "sequence"
    stars: tuple[str, ...] = ()
    mlar: Mlar = field(default_factory=Mlar)
    sampling: Sampling = field(default_factory=Sampling)
    rings: Rings = field(default_factory=Rings)
    template: float = 3.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.template < 1:
            raise BadInput(f"template is {self.template:g} FWHM wide, expected 1 or more")
        if self.stars and not self.by_others:
            raise BadInput(
                "stars are named, and protocol sequence learns from the sequence alone: take "
                "protocol survey or pooled, or leave them out"
            )

    @property
    def by_itself(self) -> bool:
        """Whether the sequence's own frames teach."""
        return self.protocol != "survey"

    @property
    def by_others(self) -> bool:
        """Whether other stars teach."""
        return self.protocol != "sequence"

    @property
    def drawing(self) -> Drawing:
        """How its labelled patches are made."""
        return Drawing(self.mlar, self.sampling, self.rings, self.template, self.seed)

    @property
    def taught(self) -> Taught:
        """What it has in common with a model that comes of it."""
        edges = tuple(self.rings.edges)
        return Taught(self.classifier, self.protocol, self.mlar, self.sampling, edges, self.seed)
