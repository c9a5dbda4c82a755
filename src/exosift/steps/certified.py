"""False alarms as the report tells them: with null frames of the whole survey, as far as it came.

The jobs of the workflow know their own star alone, so that none waits for others; what the survey
adds is pooled here, from the tables that there are.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exosift.config import Config
from exosift.errors import BadInput
from exosift.io.nulls import NullTable, read_nulls
from exosift.io.tables import read_candidates
from exosift.learn.conformal import benjamini_hochberg
from exosift.learn.exchange import exchangeability, pooled
from exosift.observations import Row
from exosift.report.certified import CertifiedRow, CertifiedSummary
from exosift.report.summary import ObservationSummary
from exosift.steps.certify import Pools, told
from exosift.types import Floats


@dataclass(frozen=True, eq=False)
class SurveyNulls:
    """Null scores of a method over the survey: the first epoch of each target that has them.

    p: by kind, how well stars agree; NaN where it is not known or they are not to be pooled.
    """

    tables: Mapping[str, NullTable]
    p: Mapping[str, float]

    @classmethod
    def of(cls, name: str, rows: tuple[Row, ...], config: Config, results: Path) -> "SurveyNulls":
        """Those that lie under `results`."""
        tables: dict[str, NullTable] = {}
        for row in rows:
            path = results / row.target / row.epoch / name / "nulls.ecsv"
            if row.role == "science" and row.target not in tables and path.exists():
                tables[row.target] = read_nulls(path)
        p: dict[str, float] = {}
        for kind in config.certify.nulls.kinds:
            stars = {target: one.scores.get(kind, np.empty(0)) for target, one in tables.items()}
            stars = {target: scores for target, scores in stars.items() if scores.size}
            rng = np.random.default_rng(config.certify.seed)
            p[kind] = exchangeability(stars, rng) if len(stars) > 1 else float("nan")
        return cls(tables, p)

    def pools(self, own: NullTable, target: str, config: Config) -> Pools:
        """Null scores that tell the candidates of a star whose nulls are `own`."""
        asked = config.certify
        others = [] if not asked.pool else [t for name, t in self.tables.items() if name != target]
        found = {}
        for kind in asked.nulls.kinds:
            stars: dict[str, Floats] = {own.star: own.scores[kind]}
            stars |= {t.star: t.scores[kind] for t in others if t.settings == own.settings}
            found[kind] = pooled(own.star, stars, kind, self.p[kind], asked.unlike)
        return found


def certified(
    row: Row, config: Config, nulls: SurveyNulls, folder: Path, base: Path
) -> CertifiedSummary:
    """The false alarms of the candidates in `folder`, whose step is done."""
    try:
        own = read_nulls(folder / "nulls.ecsv")
        candidates = read_candidates(folder / "candidates.ecsv")
    except BadInput as error:
        return CertifiedSummary("missing", str(error))
    pools = nulls.pools(own, row.target, config)
    rows = []
    for number, candidate in enumerate(candidates):
        for kind, pool in pools.items():
            one = told(number, candidate, kind, pool)
            rows.append(
                CertifiedRow(
                    one["separation"],
                    one["position_angle"],
                    kind,
                    one["said"],
                    one["false_alarm_conformal"],
                    one["null_frames"],
                    one["effective_frames"],
                    one["stars"],
                )
            )
    path = folder / "certified.png"
    figure = os.path.relpath(path, base) if path.exists() else None
    lines = tuple(pool.line for pool in pools.values() if pool.line)
    least = pools[config.certify.nulls.kinds[0]].nulls.least
    return CertifiedSummary("done", "", figure, tuple(rows), lines, least)


def discoveries(
    observations: tuple[ObservationSummary, ...], nulls: Mapping[str, SurveyNulls], config: Config
) -> tuple[str, ...]:
    """What the false alarms of each method say of the survey, a line each.

    Every frame counts once, by its strongest candidate that is not known; one without any has 1.
    """
    lines = []
    kind = config.certify.nulls.kinds[0]
    for name in nulls:
        p, least = [], []
        for seen in observations:
            for reduction in seen.reductions:
                if reduction.name != name or reduction.certified is None:
                    continue
                if reduction.certified.status != "done":
                    continue
                known = [candidate.known for candidate in reduction.candidates]
                rows = [row for row in reduction.certified.rows if row.nulls == kind]
                new = [one for one, is_known in zip(rows, known, strict=True) if not is_known]
                p.append(min((one.chance for one in new), default=1.0))
                least.append(reduction.certified.least)
        if not p:
            continue
        asked = config.certify.discovery
        found = benjamini_hochberg(np.array(p), asked, min(least))
        line = (
            f"{name}: {found.found.sum()} of {len(p)} frames hold a discovery, at {asked:g} false"
        )
        lines.append(f"{line}; {found.line}" if found.line else line)
    return tuple(lines)
