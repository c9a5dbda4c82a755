"""`exosift certify`: false alarms of candidates, counted on null frames, also of other stars."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

import numpy as np

from exosift.errors import BadInput
from exosift.io.nulls import NullTable, read_nulls, write_certified
from exosift.io.tables import read_candidates
from exosift.learn.exchange import Pool, exchangeability, pooled
from exosift.learn.request import Certify
from exosift.limits.maxima import rarity
from exosift.limits.nulls import NullKind
from exosift.settings import plain
from exosift.steps.recording import recorded
from exosift.types import Floats

Pools = Mapping[NullKind, Pool]


def run(
    candidates: Path, nulls: Path, others: Several[Path], asked: Certify, folder: Path
) -> list[dict[str, Any]]:
    """Write certified.ecsv and certified.png into `folder`, and return the table's rows.

    nulls: the scores of the candidates' own star's null frames; others: those of other stars.
    """
    with recorded("certify", folder, [candidates, nulls, *others], plain(asked)):
        found = read_candidates(candidates)
        own, rest = read_nulls(nulls), [read_nulls(path) for path in others]
        pools = pools_of(own, rest, asked)
        rows = [
            told(i, candidate, kind, pool)
            for i, candidate in enumerate(found)
            for kind, pool in pools.items()
        ]
        meta = {"star": own.star, "pools": {kind: _summary(pool) for kind, pool in pools.items()}}
        write_certified(folder / "certified.ecsv", rows, meta)
        _draw([own, *rest], pools, rows, folder)
        return rows


def pools_of(own: NullTable, rest: Several[NullTable], asked: Certify) -> Pools:
    """Null scores by kind that tell a star's candidates: its own, and others' where they may."""
    _refuse_unlike(own, rest, asked)
    stars = [own, *(rest if asked.pool else [])]
    pools: dict[NullKind, Pool] = {}
    for kind in asked.nulls.kinds:
        maxima = {table.star: table.scores[kind] for table in stars}
        p = exchangeability(maxima, np.random.default_rng(asked.seed))
        pools[kind] = pooled(own.star, maxima, kind, p, asked.unlike)
    return pools


def _refuse_unlike(own: NullTable, rest: Several[NullTable], asked: Certify) -> None:
    """Raise BadInput for nulls of other settings, or of a star that comes twice."""
    for kind in asked.nulls.kinds:
        if kind not in own.scores:
            raise BadInput(f"{own.star}: there are no {kind} nulls; run `exosift nulls` with them")
    seen = {own.star}
    for table in rest:
        if table.settings != own.settings:
            raise BadInput(
                f"nulls of {table.star} and {own.star} are of other methods or null frames; make "
                "both alike"
            )
        if table.star in seen:
            raise BadInput(f"nulls of {table.star} are given twice; give each star's once")
        seen.add(table.star)


def told(number: int, candidate: Mapping[str, float], kind: NullKind, pool: Pool) -> dict[str, Any]:
    """A candidate told by null frames of one kind."""
    nulls = pool.nulls
    score = float(rarity(np.array(candidate["snr"]), np.array(candidate["fpf"])))
    return {
        "candidate": number,
        "separation": candidate["separation"],
        "position_angle": candidate["position_angle"],
        "score": score,
        "nulls": kind,
        "false_alarm_conformal": float(nulls.told(np.array(score))),
        "false_alarm_resolution": nulls.resolution,
        "false_alarm_least": nulls.least,
        "null_frames": nulls.maxima.size,
        "effective_frames": nulls.effective,
        "stars": pool.stars,
        "said": nulls.said(score),
    }


def _summary(pool: Pool) -> dict[str, Any]:
    """What the table says of a pool."""
    unlike = None if np.isnan(pool.p) else pool.p
    return {"stars": pool.stars, "exchangeable_p": unlike, "line": pool.line}


def _draw(stars: list[NullTable], pools: Pools, rows: list[dict[str, Any]], folder: Path) -> None:
    """Draw the null frames' scores, and whether the star's own are as the others' say."""
    from exosift.report.figures import save  # slow to load
    from exosift.report.nulls import nulls_figure

    scores: dict[str, Floats] = {str(kind): stars[0].scores[kind] for kind in pools}
    rest: dict[str, Floats] = {
        str(kind): np.concatenate([np.empty(0), *[table.scores[kind] for table in stars[1:]]])
        for kind in pools
    }
    nulls = {str(kind): pool.nulls for kind, pool in pools.items()}
    reached = sorted({row["score"] for row in rows})
    title = f"{stars[0].star}  {folder.name}: scores of null frames"
    save(nulls_figure(nulls, scores, rest, reached, title), folder / "certified.png")
