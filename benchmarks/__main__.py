"""`python -m benchmarks [--no-peer] [ROW …]`: measure, write benchmarks/results.json, print."""

import json
import os
import sys
import tempfile
from dataclasses import asdict
from importlib import metadata, util
from pathlib import Path

import numpy as np

from benchmarks import betapic, data, floors, machine
from benchmarks.betapic import Case
from benchmarks.harness import ROOT, Row, child, fastest, fresh, table

MODULE = "benchmarks.betapic"
RESULTS = ROOT / "benchmarks" / "results.json"
COLUMNS = ["name", "seconds", "warm_seconds", "peer", "peer_seconds", "peer_setting", "ratio"]
COLUMNS += ["bar", "agreement", "agreement_in", "floor_seconds", "over_floor"]


def measure(case: Case, with_peer: bool, counted: dict[str, tuple[float, str]]) -> Row:
    """One row; ours is measured before and after the peer, as the machine's load drifts."""
    row: Row = {"name": case.name, "bar": case.bar, "peer": None}
    first, warm = fresh(MODULE, case.name) if case.ours else ([], [])
    if with_peer:
        seconds, setting = fastest(MODULE, case.name, case.settings)
        row |= {"peer": f"{case.package} {metadata.version(case.package)}"}
        row |= {"peer_seconds": seconds, "peer_setting": setting}
    if case.ours is None:
        return row
    if with_peer:
        row |= child(MODULE, "agreement", case.name, blas=case.settings[0][1], limit=900.0) or {}
        more, warmer = fresh(MODULE, case.name)
        first, warm = first + more, warm + warmer
    row |= {"seconds": float(np.median(first)), "warm_seconds": float(np.median(warm))}
    row |= {"processes": len(first)}
    if with_peer:
        row["ratio"] = row["peer_seconds"] / row["seconds"]
    if case.name in counted:
        row["floor_seconds"], row["floor"] = counted[case.name]
        row["over_floor"] = row["warm_seconds"] / row["floor_seconds"]
    return row


def _others(names: list[str]) -> list[Row]:
    """The rows of the last run that are not to be measured again."""
    if not names or not RESULTS.exists():
        return []
    return [row for row in json.loads(RESULTS.read_text())[1:] if row["name"] not in names]


def main() -> None:
    """Measure every row, or those named; write, print."""
    alone = "--no-peer" in sys.argv
    names = [argument for argument in sys.argv[1:] if argument != "--no-peer"]
    cases = [betapic.BY_NAME[name] for name in names] or betapic.CASES
    cores = len(os.sched_getaffinity(0))
    peak = machine.measure(cores)
    counted = floors.seconds(peak, cores)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "image.npy"
        np.save(picture, np.nan_to_num(betapic.reduce(data.cube(), data.angle(), betapic.FULL)))
        os.environ["EXOSIFT_BENCHMARK_IMAGE"] = str(picture)
        kept = _others(names)
        rows: list[Row] = []
        for case in cases:
            with_peer = not alone and util.find_spec(case.package) is not None
            rows.append(measure(case, with_peer, counted))
            # Written row by row: the peers take minutes, and an interrupted run keeps what it has.
            order = [one.name for one in betapic.CASES]
            every = sorted([*kept, *rows], key=lambda row: order.index(row["name"]))
            result = [{"name": "machine", "cores": cores} | asdict(peak), *every]
            RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    if any(row["peer"] is None for row in rows):
        print("Rows without a peer: not installed (extra `peers`), or --no-peer.")
    print(table(rows, COLUMNS))


if __name__ == "__main__":
    main()
