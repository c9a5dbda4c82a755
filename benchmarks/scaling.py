"""`python -m benchmarks.scaling`: what frames on disk cost by their number N and their pixels p.

PCA of 20 modes, full frame, mean: seconds of one core at work on what goes with N² p (the Gram
matrix, the residuals; N³ for its eigenvectors) and with N p (rechunking, derotation), with the
exponents that they follow; and the time with one worker over that with two. Writes
benchmarks/scaling.json and docs/figures/scaling.png.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import ROOT, Row, table
from benchmarks.large import make
from exosift.compute.cluster import opened
from exosift.compute.outofcore import reduce_stored
from exosift.geometry.regions import FullFrame
from exosift.io.residuals import writing_residuals
from exosift.io.sequences import Stored
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca

COUNTS, SIDES = (250, 500, 1000, 2000), (128, 256, 512, 1024)
AT_COUNT, AT_SIDE = 250, 256  # what is held while the other grows
REDUCTION = Reduction(Pca((20,)), FullFrame(), combination="mean")
PARTS = ("subtraction", "rechunking, derotation")


class Timed:
    """Workers that add up the seconds of a core that each kind of work takes."""

    def __init__(self, workers):
        self.workers, self.disk, self.seconds = workers, workers.disk, {}

    def each(self, work, items, *shared):
        def clocked(item, *more):
            start = time.thread_time()
            found = work(item, *more)
            seconds = self.seconds.get(work.__name__, 0.0) + time.thread_time() - start
            self.seconds[work.__name__] = seconds
            return found

        return self.workers.each(clocked, items, *shared)


def reduced(store: Path, workers) -> float:
    """Seconds of reducing a sequence on disk."""
    stored = Stored.open(store)
    shape = stored.outline.cube.shape
    start = time.perf_counter()
    with writing_residuals(store.with_name("left.zarr"), (20,), shape, "float32") as products:
        reduce_stored([stored], REDUCTION, products, workers)
    return time.perf_counter() - start


def cost(folder: Path, count: int, side: int) -> Row:
    """Core seconds of N frames of p pixels, by one worker."""
    make(folder / "sequence.zarr", count, side)
    with opened("threads", 1) as one:
        workers = Timed(one)
        start = time.process_time()
        reduced(folder / "sequence.zarr", workers)
        total = time.process_time() - start
    frames = sum(workers.seconds[name] for name in ("_carried", "_summed"))
    return {"frames": count, "pixels": side**2, PARTS[0]: total - frames, PARTS[1]: frames}


def exponents(rows: list[Row], by: str) -> Row:
    """The powers of N or p that the last three points follow."""
    x = np.log([row[by] for row in rows[-3:]])
    fitted = {part: np.polyfit(x, np.log([row[part] for row in rows[-3:]]), 1)[0] for part in PARTS}
    return {by: "to the", **{part: float(power) for part, power in fitted.items()}}


def strong(folder: Path, count: int, side: int) -> Row:
    """Seconds with one worker and with two; whichever came second found the files as the first."""
    make(folder / "sequence.zarr", count, side)
    seconds: dict[int, float] = {}
    for workers in (1, 2, 1, 2):
        with opened("threads", workers) as several:
            taken = reduced(folder / "sequence.zarr", several)
        seconds[workers] = min(taken, seconds.get(workers, np.inf))
    return {"frames": count, "pixels": side**2, "one": seconds[1], "two": seconds[2]}


def draw(grown: dict[str, list[Row]], path: Path) -> None:
    """Costs on log–log axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.5), layout="constrained")
    for axes, (by, rows) in zip(figure.subplots(1, 2), grown.items(), strict=True):
        power = exponents(rows, by)
        for part, marker in zip(PARTS, "os", strict=True):
            label = f"{part} ∝ {'N' if by == 'frames' else 'p'}^{power[part]:.2f}"
            axes.loglog([r[by] for r in rows], [r[part] for r in rows], marker=marker, label=label)
        held = f"{AT_SIDE}² px" if by == "frames" else f"{AT_COUNT} frames"
        axes.minorticks_off()
        axes.set_xticks([r[by] for r in rows], [str(r[by]) for r in rows])
        axes.set(xlabel=f"{by} ({held})", ylabel="core seconds")
        axes.legend(frameon=False)
    figure.savefig(path, dpi=120)


def main(scale: float = 1.0) -> None:
    """Measure at the sizes above, or at frames and sides `scale` times as many; write, print."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["TMPDIR"] = place
        folder, some = Path(place), lambda n: max(32, int(n * scale))
        grown = {
            "frames": [cost(folder, some(count), some(AT_SIDE)) for count in COUNTS],
            "pixels": [cost(folder, some(AT_COUNT), some(side)) for side in SIDES],
        }
        workers = strong(folder, some(1000), some(512))
    workers["speed-up"] = workers["one"] / workers["two"]
    found = {by: [*rows, exponents(rows, by)] for by, rows in grown.items()} | {
        "workers": [workers]
    }
    (ROOT / "benchmarks" / "scaling.json").write_text(json.dumps(found, indent=1) + "\n")
    draw(grown, ROOT / "docs" / "figures" / "scaling.png")
    for rows in found.values():
        print(table(rows, list(rows[0])), end="\n\n")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
