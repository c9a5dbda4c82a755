"""Measure one kernel: in fresh processes, warm, and against a peer at its fastest setting."""

import contextlib
import io
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

Setting = tuple[int, int]
"""Processes, and BLAS threads of each."""

SETTINGS: tuple[Setting, ...] = ((2, 1), (1, 1), (1, 2), (2, 2))

# A peer's setting this much slower than its best so far is given up, its imports granted [s]; a
# call this long [s] is not repeated, one measurement times it well enough; the first may take [s].
_HOPELESS, _IMPORTS, _LONG, _LIMIT = 1.5, 30.0, 5.0, 900.0

Row = dict[str, Any]

Work = Callable[[], Any]
"""One call, its input ready."""


def clock(work: Work) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextlib.contextmanager
def silence():
    """Hold back what a peer prints and warns of."""
    held = io.StringIO()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(held),
        contextlib.redirect_stderr(held),
    ):
        warnings.simplefilter("ignore")
        yield


def child(module: str, *arguments: str, blas: int | None = None, limit: float = 120.0) -> Any:
    """Run `python -m module arguments`; the JSON on its last line, or None past `limit` [s]."""
    environment = dict(os.environ)
    if blas is not None:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(blas)
    command = [sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )
    try:
        told, faults = running.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)  # its pool, too: that would go on, in others' way
        running.communicate()
        return None
    if running.returncode:
        raise RuntimeError(f"{' '.join(command)}: {faults.strip()[-500:]}")
    return json.loads(told.strip().splitlines()[-1])


def fresh(module: str, name: str, repeats: int = 5) -> tuple[list[float], list[float]]:
    """First calls in `repeats` fresh processes, and each one's median of the calls that follow."""
    runs = [child(module, "ours", name) for _ in range(repeats)]
    return [run[0] for run in runs], [statistics.median(run[1:]) for run in runs]


def fastest(module: str, name: str, settings: tuple[Setting, ...]) -> tuple[float, str]:
    """Median seconds and name of the peer's best setting: processes × BLAS threads."""
    best, setting = float("inf"), "none"
    for processes, blas in settings:
        limit = _IMPORTS + min(_LIMIT, max(_HOPELESS * best, 3 * _LONG))
        worth = min(best * _HOPELESS, _LONG)
        seconds = child(module, "peer", name, str(processes), str(worth), blas=blas, limit=limit)
        if seconds and statistics.median(seconds) < best:
            best = statistics.median(seconds)
            setting = f"nproc={processes}, BLAS threads={blas}"
    return best, setting


def table(rows: list[Row], columns: list[str]) -> str:
    """Rows as aligned text."""
    cells = [columns] + [[_text(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
