"""Lines of many methods that are told apart, with a legend that covers none."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

# Colours before they begin again, with another dash.
_COLOURS, _DASHES = 10, ("-", "--", ":", "-.")


def styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and dash of each name's line."""
    return {
        name: {
            "color": f"C{number % _COLOURS}",
            "ls": _DASHES[number // _COLOURS % len(_DASHES)],
            "label": name,
        }
        for number, name in enumerate(names)
    }


def legend(figure: Figure) -> None:
    """Name the first axes' lines at the figure's right."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=7)
