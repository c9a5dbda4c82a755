"""Tables of null frames' scores, and of candidates told by them, as ECSV."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from exosift.errors import BadInput
from exosift.io.atomic import whole
from exosift.types import Floats

_CERTIFIED = {
    "candidate": ("", "row of candidates.ecsv, from 0"),
    "separation": ("mas", "from the star"),
    "position_angle": ("deg", "from North through East"),
    "score": ("", "of the candidate, as of null frames: −log10 of the fpf, or the S/N"),
    "nulls": ("", "kind of null frames"),
    "false_alarm_conformal": (
        "",
        "chance of such a score in a frame without a companion: (1 + null frames that reach it) / "
        "(F + 1), no less than is told",
    ),
    "false_alarm_resolution": ("", "1 / (F + 1), of F null frames"),
    "false_alarm_least": ("", "1 / (N + 1), of as many as are independent: no less is told"),
    "null_frames": ("", "F"),
    "effective_frames": ("", "N, from the autocorrelation of their scores"),
    "stars": ("", "whose null frames they are"),
    "said": ("", "the chance in words"),
}


@dataclass(frozen=True, eq=False)
class NullTable:
    """Scores (frame,) of null frames by kind, of a star (target/epoch)."""

    star: str
    scores: Mapping[str, Floats]
    settings: Any


def write_nulls(path: Path, table: NullTable) -> None:
    """Write one row a null frame, in order."""
    kinds = [kind for kind, scores in table.scores.items() for _ in scores]
    found = Table(
        {"nulls": np.array(kinds, dtype=str), "score": np.concatenate([*table.scores.values()])},
        meta={"star": table.star, "settings": table.settings},
    )
    found["score"].description = "of the rarest place: −log10 of its fpf for all ranks, or its S/N"
    with whole(path) as partial:
        found.write(partial, format="ascii.ecsv", overwrite=True)


def read_nulls(path: Path) -> NullTable:
    """Scores of null frames. Raises BadInput for another table."""
    try:
        table = Table.read(path, format="ascii.ecsv")
        kinds = np.asarray(table["nulls"], dtype=str)
        score = np.asarray(table["score"], dtype=float)
        scores = {str(kind): score[kinds == kind] for kind in dict.fromkeys(kinds.tolist())}
        return NullTable(table.meta["star"], scores, table.meta["settings"])
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{path}: not a table of nulls ({error}); run `exosift nulls`") from error


def write_certified(
    path: Path, rows: Several[Mapping[str, Any]], meta: Mapping[str, object]
) -> None:
    """Write one row a candidate and kind of null frames, candidates strongest first."""
    texts, whole_numbers = ("nulls", "said"), ("candidate", "null_frames", "stars")
    kinds = [
        str if name in texts else int if name in whole_numbers else float for name in _CERTIFIED
    ]
    given = [[row[name] for name in _CERTIFIED] for row in rows]
    table = Table(rows=given or None, names=list(_CERTIFIED), dtype=kinds, meta=dict(meta))
    for name, (unit, description) in _CERTIFIED.items():
        table[name].unit = unit or None
        table[name].description = description
    with whole(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)


def read_certified(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of certified candidates, and what the table says of all."""
    try:
        table = Table.read(path, format="ascii.ecsv")
        rows = [{name: row[name].item() for name in _CERTIFIED} for row in table]
        return rows, dict(table.meta)
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(
            f"{path}: not certified candidates ({error}); run `exosift certify`"
        ) from error
