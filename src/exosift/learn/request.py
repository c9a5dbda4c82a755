"""What is asked of false alarms: whose candidates are told by null frames, and by which."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from exosift.errors import BadInput
from exosift.limits.nulls import NullKind, Nulls

# At these angles a classifier learns from its own sequence.
_TAUGHT: tuple[NullKind, ...] = ("negated", "negated-shifted")


def taught_by(kinds: Iterable[NullKind]) -> tuple[NullKind, ...]:
    """Those kinds of null frames that teach a classifier what its own sequence teaches it."""
    return tuple(kind for kind in kinds if kind in _TAUGHT)


@dataclass(frozen=True)
class Certify:
    """False alarms counted on null frames.

    methods: reductions and inversions whose candidates are told, by name. nulls: the null frames.
    pool: take those of all targets together, where they are exchangeable; unlike: below which
    chance they are not. discovery: share of false ones among the candidates of the whole survey
    that are called discoveries. seed: of permutations.
    """

    methods: tuple[str, ...] = ()
    nulls: Nulls = field(default_factory=lambda: Nulls(count=40))
    pool: bool = True
    unlike: float = 0.01
    discovery: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("unlike", "discovery"):
            if not 0 < getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name):g}, expected between 0 and 1")

    @property
    def of_each(self) -> "Certify":
        """What is asked of each method, whichever others there are."""
        return replace(self, methods=())
