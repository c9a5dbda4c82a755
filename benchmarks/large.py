"""`python -m benchmarks.large [FRAMES] [SIDE] [FOLDER]`: a cube larger than memory.

A float32 cube goes through `exosift subtract --memory`: 20 modes, full frame, derotation, combined
by the mean and by the median. Beside it, what it cannot do without, at speeds measured in the same
run: its passes over the disk on files of the cube's size, two matrix products, the Fourier
transforms of derotation. Peak memory is that of all processes (PSS; files cached by the system do
not count). Writes benchmarks/large.json.
"""

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from scipy import fft
from tqdm import tqdm

from benchmarks.harness import ROOT, Row, clock, table
from exosift import threads
from exosift.geometry.grid import pixel_position
from exosift.geometry.rotation import lengths
from exosift.io.fits import read_images
from exosift.io.sequences import writing_sequence
from exosift.sequence import Observation

FRAMES, SIDE, MEMORY = 2000, 1024, 2500  # and MB
RANK, FWHM, TURN = 20, 4.5, 60.0
PATTERNS, POOL, PEAK = 30, 16, 2.0  # of noise frames; of a companion, in σ of a frame's noise
PIECE = 16 * 2**20

# Reads and writes of the whole cube: the first read is of the sequence. Then the frames by pixels
# (w), the Gram pass (r), the residual pass (r, w), derotation (r), which keeps the residuals (w);
# a median also writes the turned frames, and reads them again.
PASSES = {"mean": (4, 3), "median": (5, 4)}
COLUMNS = [
    "combination",
    "frames",
    "side",
    "seconds",
    "floor",
    "ratio",
    "peak_mb",
    "disk",
    "products",
]
COLUMNS += ["transforms", "snr"]


def make(store: Path, count: int, side: int) -> None:
    """A sequence of patterns that change slowly, noise, and a companion that turns with the sky."""
    rng = np.random.default_rng(0)
    x = np.arange(side, dtype=np.float32)
    strength = 30 * np.arange(1, PATTERNS + 1) ** -1.0
    waves = rng.uniform(-0.3, 0.3, (PATTERNS, 2)), rng.uniform(0, 6, (PATTERNS, 2))
    rows, columns = (
        np.sin(np.outer(w, x) + p[:, None]) for w, p in zip(waves[0].T, waves[1].T, strict=True)
    )
    patterns = (rows[:, :, None] * columns[:, None, :]).reshape(PATTERNS, -1).astype(np.float32)
    state = np.cumsum(rng.normal(size=(count, PATTERNS)), axis=0) / np.sqrt(count) * strength
    noise = rng.normal(size=(POOL, side * side)).astype(np.float32)
    angle = np.linspace(0, TURN, count)
    middle = ((side - 1) / 2,) * 2
    told = Observation("Large", "1", "I", "L", 27.0, (FWHM,), middle, middle)
    arrays = {"angle": angle, "mjd": angle, "wavelength": np.ones(1), "psf": np.ones((1, 9, 9))}
    size = max(1, PIECE // (4 * side * side))
    with writing_sequence(store, told, arrays, side, size, False) as empty:
        for span in tqdm(threads.blocks(count, size), desc="cube", file=sys.stderr, leave=False):
            cube = (state[span].astype(np.float32) @ patterns).reshape(-1, side, side)
            cube += noise[rng.integers(0, POOL, len(cube))].reshape(cube.shape)
            for number, degrees in enumerate(angle[span]):
                at = pixel_position(0.3 * side, -degrees, middle)
                across, down = (np.exp(-4 * np.log(2) * (x - c) ** 2 / FWHM**2) for c in at)
                cube[number] += PEAK * down[:, None] * across
            empty["cube"][0, span] = cube
            empty["mask"][0, span] = False


def disk(folder: Path, size: int) -> tuple[float, float, float]:
    """Seconds of writing a file, of reading it at once, and of reading it from the disk."""
    block, file = os.urandom(PIECE), folder / "plain"
    into = bytearray(PIECE)

    def write() -> None:
        with file.open("wb", buffering=0) as out:
            for _ in range(-(-size // PIECE)):
                out.write(block)

    def read() -> None:
        with file.open("rb", buffering=0) as source:
            while source.readinto(into):
                pass

    seconds = clock(write), clock(read)
    forget(file)
    found = (*seconds, clock(read))
    file.unlink()
    return found


def forget(path: Path) -> None:
    """Let the system drop its copies of a file, or of the files in a folder."""
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def arithmetic(count: int, side: int) -> tuple[float, float]:
    """Seconds of the products R Rᵀ (float64) and C R (float32), and of derotation's transforms."""
    rng = np.random.default_rng(0)
    width = 2048
    block, other = rng.normal(size=(2, count, width))
    weights, single = rng.normal(size=(count, count)).astype(np.float32), block.astype(np.float32)
    margin, length = lengths(side)
    rows = np.zeros((side, length), np.float32)
    columns = np.zeros((length, side + 2 * margin), np.float32)

    def products(_: int) -> None:
        block @ other.T
        weights @ single

    def transforms(_: int) -> None:
        for _ in range(2):
            fft.irfft(fft.rfft(rows), length)
        fft.irfft(fft.rfft(columns, axis=0), length, axis=0)

    cores = threads.budget()
    of_products = min(clock(lambda: threads.over(products, range(cores))) for _ in range(3))
    of_frames = min(clock(lambda: threads.over(transforms, range(4 * cores))) for _ in range(3))
    return of_products * side * side / (width * cores), of_frames * count / (4 * cores)


def watched(command: list[str]) -> tuple[float, float]:
    """Seconds that a command takes until the disk has it all, and its most memory [MB]."""
    start = time.perf_counter()
    child = os.spawnv(os.P_NOWAIT, command[0], command)
    peak, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], sum(map(held, [child, *offspring(child)])))

    watcher = threading.Thread(target=look)
    watcher.start()
    _, status = os.waitpid(child, 0)
    over.set()
    watcher.join()
    os.sync()
    if status:
        raise RuntimeError(f"{' '.join(command)}: exit {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - start, peak[0]


def offspring(process: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found = []
    for tasks in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            started = [int(one) for one in tasks.read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
        found += [one for each in started for one in (each, *offspring(each))]
    return found


def held(process: int) -> float:
    """MB that a process holds: its share of what several have."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(s.split()[1]) * 1.024e-3 for s in lines if s.startswith("Pss:")), 0.0)


def significance(image: Path, side: int) -> float:
    """Light of the companion in an image, in units of the spread of all pixels as far out."""
    found = np.squeeze(read_images(image)[0])
    x, y = pixel_position(0.3 * side, 0.0, ((side - 1) / 2,) * 2)
    away = np.hypot(*(np.mgrid[:side, :side] - (side - 1) / 2))
    ring = np.abs(away - 0.3 * side) < FWHM
    near = np.hypot(np.mgrid[:side, :side][0] - y, np.mgrid[:side, :side][1] - x) < 3 * FWHM
    noise = found[ring & ~near]
    return float((found[round(y), round(x)] - noise.mean()) / noise.std())


def measured(folder: Path, store: Path, combination: str, memory: float, cores: int) -> Row:
    """One run of the step, on a sequence that the system has no copy of, in so many MB."""
    forget(store)
    reduction = f"{{model: {{kind: pca, ranks: [{RANK}]}}, regions: {{kind: full}}, "
    options = ["--reduction", f"{reduction}combination: {combination}}}", "--output", str(folder)]
    command = [str(Path(sys.executable).parent / "exosift"), "subtract", str(store), *options]
    taken, peak = watched([*command, "--memory", str(memory), "--threads", str(cores)])
    return {"combination": combination, "seconds": taken, "peak_mb": peak}


def main(count: int = FRAMES, side: int = SIDE, folder: str | None = None) -> None:
    """Make the cube in a folder that is removed afterwards, and measure."""
    cores, size = len(os.sched_getaffinity(0)), 4 * count * side * side
    rows: list[Row] = []
    memory = MEMORY * min(1.0, size / (4 * FRAMES * SIDE**2))  # less for a smaller cube
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store = Path(place) / "sequence.zarr"
        os.environ["TMPDIR"] = place
        make(store, count, side)
        os.sync()
        for combination, (reads, writes) in PASSES.items():
            write, read, first = disk(Path(place), size)
            products, transforms = arithmetic(count, side)
            row = measured(Path(place) / combination, store, combination, memory, cores)
            passes = first + (reads - 1) * read + writes * write
            floor = passes + products + transforms
            row |= {"frames": count, "side": side, "floor": floor, "ratio": row["seconds"] / floor}
            row |= {"disk": passes, "products": products, "transforms": transforms}
            row |= {"read_gb_s": size / read / 1e9, "first_read_gb_s": size / first / 1e9}
            row |= {"write_gb_s": size / write / 1e9, "memory_given_mb": memory}
            row["snr"] = significance(Path(place) / combination / "image.fits", side)
            shutil.rmtree(Path(place) / combination)
            rows.append(row)
    (ROOT / "benchmarks" / "large.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows, COLUMNS))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:4])
