"""`python -m benchmarks.raw [GB] [FOLDER]`: an archive of raw files calibrated and registered.

Beside it, on the same disk, the least that anyone can do: reading the files, (x − dark) / flat with
plain NumPy, writing as many bytes. Both end when the disk has them. Writes benchmarks/raw.json.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits
from tqdm import tqdm

from benchmarks.harness import ROOT, Row, table

SIDE, PLANES, SKIES = 1024, 50, 8
TARGET, NIGHT = "Archive", "2013-02-01"
# With neither sky nor outliers the methods' own arithmetic is out of the way.
RECIPES = {"calibrate": "{}", "calibrate, dark and flat": "{outliers: null, sky: null}"}
ROW = f"{{target: {TARGET}, epoch: '{NIGHT}', instrument: naco-l27, filter: L_prime, cube: raw}}"
COLUMNS = ["step", "seconds", "gigabytes", "megabytes_a_second", "of_plain_speed", "peak_mb"]


def make(folder: Path, gigabytes: float) -> None:
    """Raw cubes of a star on a sky, NACO's headers: darks, flats, skies, the star, science."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    sky = 2000 + 0.2 * x + 0.1 * y
    noise = rng.normal(0, 40, (2 * PLANES, SIDE, SIDE)).astype(np.float32)
    minute = 0

    def write(kind: str, light: np.ndarray, dit: float, planes: int) -> None:
        nonlocal minute
        minute += 1
        chosen = rng.integers(0, len(noise), planes)
        data = (light + noise[chosen]).astype(">f4")
        data = np.concatenate([data, data.mean(axis=0, keepdims=True)])  # as NACO's cubes end
        header = fits.PrimaryHDU(data).header
        header.update(_cards(kind, dit, planes, minute))
        fits.PrimaryHDU(data, header).writeto(folder / f"{minute:05d}.fits")

    def star(row: float, column: float, peak: float) -> np.ndarray:
        return peak * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 1.9**2))

    cubes = max(1, round(gigabytes * 1e9 / (4 * PLANES * SIDE**2)))
    for _ in range(3):
        write("DARK", np.full_like(x, 500), 0.2, 5)
        write("DARK", np.full_like(x, 500), 0.1, 5)
        write("FLAT,SKY", 500 + 5 * sky, 0.2, 5)
    for _ in range(2):
        write("OBJECT", 500 + sky / 2 + star(500, 500, 5000), 0.1, 5)
    for _ in range(SKIES):
        write("SKY", 500 + sky, 0.2, 5)
    for number in tqdm(range(cubes), desc="archive", file=sys.stderr):
        where = 500 + 0.3 * np.sin(number), 510 + 0.3 * np.cos(number)
        write("OBJECT", 500 + sky + star(*where, 8000), 0.2, PLANES)


def _cards(kind: str, dit: float, planes: int, minute: int) -> Row:
    """What ingest asks of a NACO header."""
    clock = f"{minute // 60:02d}:{minute % 60:02d}:00.000"
    science = kind in ("OBJECT", "SKY")
    return {
        "INSTRUME": "NAOS+CONICA",
        "RA": 86.8212,
        "DEC": -51.0665,
        "DATE-OBS": f"{NIGHT}T{clock}",
        "HIERARCH ESO OBS TARG NAME": TARGET,
        "HIERARCH ESO DPR CATG": "SCIENCE" if science else "CALIB",
        "HIERARCH ESO DPR TYPE": kind,
        "HIERARCH ESO DPR TECH": "IMAGE",
        "HIERARCH ESO DET DIT": dit,
        "HIERARCH ESO DET NDIT": planes,
        "HIERARCH ESO DET NCORRS NAME": "Double_RdRstRd",
        "HIERARCH ESO DET MODE NAME": "HighDynamic",
        "HIERARCH ESO INS OPTI5 NAME": "empty",
        "HIERARCH ESO INS OPTI6 NAME": "L_prime",
        "HIERARCH ESO INS OPTI7 NAME": "L27",
        "HIERARCH ESO TEL ROT ALTAZTRACK": True,
        "HIERARCH ESO ADA PUPILPOS": 74.6,
    }


def plain(raw: Path, out: Path) -> tuple[float, float]:
    """Seconds of reading, (x − dark) / flat and writing, and the gigabytes read."""
    files = [path for path in sorted(raw.iterdir()) if path.stat().st_size > 20 * 4 * SIDE**2]
    dark = np.full((SIDE, SIDE), 500, np.float32)
    flat = np.ones((SIDE, SIDE), np.float32)
    start = time.perf_counter()
    for path in files:
        with fits.open(path, memmap=False) as units:
            data = units[0].data
        with (out / f"{path.stem}.npy").open("wb") as file:
            np.save(file, ((data[:-1] - dark) / flat).astype(np.float32, copy=False))
    os.sync()
    return time.perf_counter() - start, sum(path.stat().st_size for path in files) / 1e9


def ours(raw: Path, out: Path, name: str) -> list[str]:
    """The command line of a step."""
    frames, calibrated = f"{out}/frames.ecsv", f"{out}/calibrated.zarr"
    if name == "ingest":
        return ["ingest", str(raw), "--output", frames]
    if name == "register":
        registration = ["--registration", "{select: {}, size: 401}"]
        given = ["--observation", ROW, *registration, "--calibrated", calibrated]
        return ["register", *given, "--output", f"{out}/sequence.zarr"]
    given = ["--observation", f"{TARGET}/{NIGHT}", "--recipe", RECIPES[name]]
    return ["calibrate", frames, *given, "--output", calibrated]


def timed(arguments: list[str]) -> tuple[float, float]:
    """Seconds that a command takes until the disk has it all, and its most memory [MB]."""
    command = [str(Path(sys.executable).parent / "exosift"), *arguments, "--threads", "2"]
    start = time.perf_counter()
    child = os.spawnv(os.P_NOWAIT, command[0], command)
    _, status, used = os.wait4(child, 0)
    os.sync()
    if status:
        raise RuntimeError(f"{' '.join(command)}: exit {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - start, used.ru_maxrss / 1e3


def main(gigabytes: float = 6.0, folder: str | None = None) -> None:
    """Make the archive in a folder that is removed afterwards, and measure."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        raw, out = Path(place) / "raw", Path(place) / "out"
        raw.mkdir()
        out.mkdir()
        make(raw, gigabytes)
        os.sync()
        seconds, size = plain(raw, out)
        rows: list[Row] = [{"step": "plain NumPy", "seconds": seconds, "gigabytes": size}]
        for path in out.iterdir():
            path.unlink()
        for name in ("ingest", *reversed(RECIPES), "register"):
            taken, peak = timed(ours(raw, out, name))
            rows.append({"step": name, "seconds": taken, "gigabytes": size, "peak_mb": peak})
        for row in rows:
            row["megabytes_a_second"] = 1e3 * size / row["seconds"]
            row["of_plain_speed"] = seconds / row["seconds"]
    (ROOT / "benchmarks" / "raw.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(table(rows, COLUMNS))


if __name__ == "__main__":
    main(*(float(sys.argv[1]),) if len(sys.argv) > 1 else (), *sys.argv[2:3])
