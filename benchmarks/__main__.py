"""`python -m benchmarks [--no-peer]`: measure, write benchmarks/results.json, print a table."""

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks import betapic, floors, machine
from benchmarks.harness import ROOT, Row, child, fastest, fresh, table

MODULE = "benchmarks.betapic"
COLUMNS = ["name", "seconds", "warm_seconds", "peer_seconds", "peer_setting", "ratio", "bar"]
COLUMNS += ["agreement", "agreement_in", "floor_seconds", "over_floor"]


def measure(name: str, with_peer: bool, floor: tuple[float, str]) -> Row:
    """One row; ours is measured before and after the peer, as the machine's load drifts."""
    first, warm = fresh(MODULE, name)
    row: Row = {"name": name, "bar": betapic.BARS[name], "peer": None}
    if with_peer:
        seconds, setting = fastest(MODULE, name)
        row |= {"peer": "VIP 2.1.1", "peer_seconds": seconds, "peer_setting": setting}
        row |= child(MODULE, "agreement", name)
        more, warmer = fresh(MODULE, name)
        first, warm = first + more, warm + warmer
    row |= {"seconds": float(np.median(first)), "warm_seconds": float(np.median(warm))}
    row |= {"processes": len(first), "floor_seconds": floor[0], "floor": floor[1]}
    row["over_floor"] = row["warm_seconds"] / floor[0]
    if with_peer:
        row["ratio"] = row["peer_seconds"] / row["seconds"]
    return row


def main() -> None:
    """Measure every row, write, print."""
    with_peer = betapic.has_peer() and "--no-peer" not in sys.argv
    cores = len(os.sched_getaffinity(0))
    peak = machine.measure(cores)
    counted = floors.seconds(peak, cores)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "image.npy"
        np.save(picture, betapic.residual_image(*betapic.data()))
        os.environ["EXOSIFT_BENCHMARK_IMAGE"] = str(picture)
        rows: list[Row] = []
        for name in betapic.BARS:
            rows.append(measure(name, with_peer, counted[name]))
            # Written row by row: the peer takes minutes, and an interrupted run keeps what it has.
            result = [{"name": "machine", "cores": cores} | asdict(peak), *rows]
            (ROOT / "benchmarks" / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    if not with_peer:
        print("VIP was not run (extra `peers` missing, or --no-peer): rows without a peer.")
    print(table(rows, COLUMNS))


if __name__ == "__main__":
    main()
