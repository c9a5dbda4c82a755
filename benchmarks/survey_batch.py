"""Hundreds of tiny simulated observations in one run: what the workflow itself costs.

    python -m benchmarks.survey_batch [COUNT] [--cores N] [--folder FOLDER]

Two observations are bad, one by a truncated cube and one by a missing file; they must be named and
leave the others alone. Written to benchmarks/survey_batch.json.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median

import numpy as np
import yaml
from astropy.io import fits

from benchmarks.harness import ROOT, Row, table

RESULTS = ROOT / "benchmarks" / "survey_batch.json"
SNAKEMAKE = Path(sys.executable).parent / "snakemake"

_EPOCHS = ("2024-03-01", "2025-03-20", "2026-02-25")
_COLUMNS = ("target", "epoch", "instrument", "filter", "cube", "angles", "psf", "star_flux")
_STAR = {"ra": 80.0, "dec": -40.0, "pmra": -60.0, "pmdec": 90.0, "parallax": 30.0, "mass": 1.2}
_EVERY = 5  # one target in so many has a companion

SETTINGS = {
    "title": "a survey of many small observations",
    "observations": "observations.tsv",
    "register": {"method": "symmetry"},
    "reductions": {
        "pca": {"model": {"kind": "pca", "ranks": [3]}, "regions": {"kind": "full"}},
    },
    "simulate": {
        "seed": 11,
        "scene": {
            "size": 41,
            "frames": 20,
            "psf_size": 15,
            "pupil_pixels": 32,
            "residual_screens": 4,
        },
    },
}


def write(folder: Path, count: int) -> None:
    """A configuration of `count` observations, the second and the last but one of them bad."""
    rows, companions = [], {}
    for number in range(count):
        target, epoch = f"T{number // len(_EPOCHS):03d}", _EPOCHS[number % len(_EPOCHS)]
        row = {"target": target, "epoch": epoch, "instrument": "simulated", "filter": "L'"}
        row |= dict.fromkeys(("cube", "angles", "psf"), "simulated") | {"star_flux": "psf"}
        rows.append(row | {name: str(value) for name, value in _STAR.items()})
        if number // len(_EPOCHS) % _EVERY == 0:
            place = {"separation": 300.0, "position_angle": 20.0 * (number // len(_EPOCHS))}
            companions[f"{target}/{epoch}"] = [place | {"contrast": 2e-2}]
    whole = fits.PrimaryHDU(np.zeros((20, 41, 41), np.float32))
    (folder / "cut.fits").write_bytes(whole.header.tostring().encode() + bytes(2880))
    for number, cube in ((1, "cut.fits"), (count - 2, "absent.fits")):
        rows[number] |= {"cube": cube, "angles": "cut.fits", "psf": "cut.fits"}
        companions.pop(f"{rows[number]['target']}/{rows[number]['epoch']}", None)
    head = [*_COLUMNS, *_STAR]
    lines = ["\t".join(head), *("\t".join(row[name] for name in head) for row in rows)]
    (folder / "observations.tsv").write_text("\n".join(lines) + "\n")
    settings = SETTINGS | {"simulate": SETTINGS["simulate"] | {"companions": companions}}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))


def bad(count: int) -> list[str]:
    """The labels of the bad observations of a survey of `count`."""
    return [f"T{n // len(_EPOCHS):03d}/{_EPOCHS[n % len(_EPOCHS)]}" for n in (1, count - 2)]


def snakemake(folder: Path, *arguments: str) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Seconds that Snakemake takes on the survey in `folder`, and what it says."""
    command = [str(SNAKEMAKE), "--snakefile", str(ROOT / "Snakefile"), "--quiet", "rules"]
    command += ["--configfile", str(folder / "config.yaml"), "--directory", str(folder / "run")]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, cwd=folder
    )
    return time.perf_counter() - start, done


def jobs(run: Path) -> dict[str, list[dict[str, float]]]:
    """Of every step, processor seconds of each job until it begins, and from then on."""
    found: dict[str, list[dict[str, float]]] = {}
    for place in ("results", "data"):
        for path in (run / place).rglob("status/*.json"):
            told = json.loads(path.read_text())
            if told["status"] != "done" or told["step"] == "catalogue":
                continue
            found.setdefault(told["step"], []).append(told["cpu_seconds"])
    return found


def _spent() -> float:
    """Processor seconds of all children that have ended, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(folder: Path, count: int, cores: int) -> list[Row]:
    """Plan, run and report a survey of `count` observations."""
    write(folder, count)
    planned, said = snakemake(folder, "--cores", str(cores), "--dry-run")
    if said.returncode:
        raise RuntimeError(said.stdout[-2000:] + said.stderr[-2000:])
    before = _spent()
    seconds, said = snakemake(folder, "--cores", str(cores))
    spent = _spent() - before
    run = folder / "run"
    steps = jobs(run)
    every = [one for each in steps.values() for one in each]
    inside = sum(one["start"] + one["step"] for one in every)
    told = [line for line in (said.stdout + said.stderr).splitlines() if "observations:" in line]
    start = time.perf_counter()
    exosift = [str(Path(sys.executable).parent / "exosift"), "report", "logs/configuration.json"]
    subprocess.run(exosift, cwd=run, check=True, capture_output=True)
    reported = time.perf_counter() - start
    page = (run / "report/index.html").read_text()
    overall: Row = {
        "name": "survey",
        "observations": count,
        "cores": cores,
        "jobs": len(every),
        "seconds": seconds,
        "dag_seconds": planned,
        "report_seconds": reported,
        "index_kilobytes": len(page.encode()) / 1e3,
        "cpu_seconds": spent,
        "cpu_start_per_job": mean(one["start"] for one in every),
        "cpu_step_per_job": mean(one["step"] for one in every),
        "cpu_beside_per_job": (spent - inside) / len(every),
        "idle_share": 1 - spent / (cores * seconds),
        "bad_named": all(name in page for name in bad(count)),
        "summary": told[-1] if told else "",
    }
    rows = [
        {
            "name": name,
            "jobs": len(each),
            "cpu_start": median(one["start"] for one in each),
            "cpu_step": median(one["step"] for one in each),
        }
        for name, each in steps.items()
    ]
    return [overall, *rows]


def main() -> None:
    """Measure a survey, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=300)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, default=None, help="kept, where it is named")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="survey-batch-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        rows = measure(folder, given.count, given.cores)
    finally:
        if given.folder is None:
            shutil.rmtree(folder)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    overall, *steps = rows
    print("\n".join(f"{name}: {value}" for name, value in overall.items()))
    columns = ["name", "jobs", "cpu_start", "cpu_step"]
    print(table(sorted(steps, key=lambda row: row["name"]), columns))


if __name__ == "__main__":
    main()
