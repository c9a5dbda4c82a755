"""Model cards (Mitchell et al. 2019, arXiv:1810.03993): what a model is, for those who use it.

A card is drawn up from the model itself; figures that judge it (ROC curves, calibration) are given.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from exosift.learn.model import Model, Provenance, Zone
from exosift.learn.network import Trained

PROTOCOLS = {
    "sequence": "trained at negated angles on the sequence's own frames: the pixels that it then "
    "judges at true angles, in another alignment",
    "survey": "trained on other stars: no pixel of the sequence that it judges",
    "pooled": "trained on other stars, and on the sequence's own frames at negated angles",
}
"""What each protocol says of leakage, plainly."""


@dataclass(frozen=True)
class Row:
    """What one ring [FWHM] learnt from, and how: epochs and losses for networks only."""

    edges: tuple[float, float]
    companions: int
    nulls: int
    epochs: int | None = None
    kept: int | None = None
    training: float | None = None
    validation: float | None = None


@dataclass(frozen=True)
class Card:
    """A model card.

    classifier: its kind and settings; sampling: how patches are made and drawn. rows: rings.
    figures: files beside the card, by what they show.
    """

    title: str
    classifier: Mapping[str, Any]
    sampling: Mapping[str, Any]
    provenance: Provenance
    rows: tuple[Row, ...]
    figures: Mapping[str, str]


def card_of(title: str, model: Model, figures: Mapping[str, str]) -> Card:
    """The card of a model, with figures of `training`, `ROC curves`, `calibration` or others."""
    rows = tuple(_row(zone) for zone in model.zones)
    sampling = {"side": f"{model.side} px", **asdict(model.mlar), **asdict(model.sampling)}
    return Card(title, asdict(model.classifier), sampling, model.provenance, rows, figures)


def _row(zone: Zone) -> Row:
    counts = zone.edges, zone.companions, zone.nulls
    if not isinstance(zone.fitted, Trained):
        return Row(*counts)
    curve = zone.fitted.curve
    losses = float(curve.training[curve.kept]), float(curve.validation[curve.kept])
    return Row(*counts, curve.training.size, 1 + curve.kept, *losses)
