"""Model cards as Markdown and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from exosift.learn.card import PROTOCOLS, Card

_HEADS = ("ring [FWHM]", "companions", "nulls", "epochs", "kept", "loss", "loss left out")


def card_markdown(card: Card) -> str:
    """A model card as Markdown; figures are named relative to the file."""
    made = card.provenance
    lines = [f"# {card.title}", ""]
    lines += [f"**Protocol**: {made.protocol}: {PROTOCOLS.get(made.protocol, '')}.", ""]
    for name, settings in _tables(card).items():
        lines += [f"## {name}", "", *_table(("", ""), list(settings.items())), ""]
    lines += ["## Rings", "", *_table(_HEADS, _rows(card)), ""]
    for name, file in card.figures.items():
        lines += [f"## {name}", "", f"![{name}]({quote(file)})", ""]
    return "\n".join(lines).rstrip() + "\n"


def card_data(card: Card) -> dict[str, Any]:
    """A model card as JSON can hold it."""
    return asdict(card)


def _tables(card: Card) -> dict[str, Mapping[str, Any]]:
    """The card's tables of two columns, by their heads."""
    made = card.provenance
    return {
        "Sequences": {label: f"SHA-256 {digest}" for label, digest in made.sequences},
        "Classifier": card.classifier,
        "Patches": card.sampling,
        "Versions and seed": {**made.versions, "seed": made.seed, "filter": made.filter},
    }


def _rows(card: Card) -> list[tuple[str, ...]]:
    """The rings as text, empty where a column has no meaning."""
    rows = []
    for one in card.rows:
        counts = (one.companions, one.nulls, one.epochs, one.kept)
        losses = (one.training, one.validation)
        rows.append(
            (
                "{:g}–{:g}".format(*one.edges),
                *("" if count is None else str(count) for count in counts),
                *("" if loss is None else f"{loss:.3f}" for loss in losses),
            )
        )
    return rows


def _table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    """A Markdown table, line by line."""
    cells = [heads, tuple("---" for _ in heads), *rows]
    return [
        "| " + " | ".join(str(cell).replace("|", r"\|") for cell in row) + " |" for row in cells
    ]
