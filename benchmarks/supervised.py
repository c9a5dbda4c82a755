"""`python -m benchmarks.supervised [METHOD …] [--injections N] [--samples N]`: TPR on β Pic.

On the sequence without its planet, around which 1.5 FWHM are not searched: companions of an S/N at
which PCA finds some, by its S/N maps at several ranks and by forests taught at negated angles. The
thresholds are those of null frames at angles handed on, which taught nothing. Writes
benchmarks/supervised.json, the rows of methods not named kept.
"""

import argparse
import json
import sys
import time

import numpy as np
from astropy.io import fits
from tqdm import tqdm

from benchmarks import data
from benchmarks.harness import ROOT, Row, table
from exosift.calib.centring import Centring
from exosift.calib.registration import register
from exosift.geometry.grid import centre_of
from exosift.geometry.regions import Annuli, FullFrame
from exosift.io.public import fetch
from exosift.learn.forest import Boosted, Forest
from exosift.learn.labelled import Sampling
from exosift.learn.mlar import Mlar
from exosift.learn.supervised import Rings, teach
from exosift.limits.comparison import Comparison
from exosift.limits.judging import Judged
from exosift.limits.methods import Method, SnrOf
from exosift.limits.nulls import Nulls
from exosift.limits.roc import roc, supported_rates
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca
from exosift.sequence import Observation, Sequence

RATES = (0.25, 1.0)  # false positives a frame
# Bins [FWHM], and between which S/N of the reference the companions of each are drawn.
BINS = {(2.0, 4.0): (2.0, 3.5), (4.0, 6.0): (2.5, 4.0), (6.0, 9.0): (1.8, 3.0)}
REFERENCE = Reduction(Pca((10,)), Annuli(2.0, 1.0), combination="mean")
RANKS = (4, 6, 8, 10, 12, 15, 20, 25)
COLUMNS = ["method", "bin", "rate", "tpr_0.25", "low", "high", "tpr_1", "effective", "seconds"]


def empty() -> Sequence:
    """β Pic without its planet, registered."""
    frames = fits.getdata(fetch("naco_betapic/naco_betapic_cube_EMPTY.fits")).astype(np.float32)
    found = register(frames[None], np.array([data.FWHM]), Centring("agpm", 2.0, "together"))
    cube = np.nan_to_num(found.cube)
    star, count = centre_of(cube.shape), len(data.angle())
    return Sequence(
        cube=cube,
        angle=data.angle(),
        psf=data.companion_psf()[None],
        wavelength=np.array([3.8]),
        mjd=np.arange(float(count)),
        mask=np.zeros(cube.shape, bool),
        observation=Observation("beta Pic", "empty", "NACO", "L'", 27.19, (data.FWHM,), star, star),
    )


def methods(names: list[str], sequence: Sequence, samples: int) -> dict[str, tuple[Method, float]]:
    """Those named, and the seconds that teaching took."""
    found: dict[str, tuple[Method, float]] = {}
    regions = {"full": FullFrame(), "annuli": Annuli(1.0, 1.0)}
    for rank in RANKS:
        for name, region in regions.items():
            if "pca" in names or f"pca {name} {rank}" in names:
                found[f"pca {name} {rank}"] = (SnrOf(Reduction(Pca((rank,)), region)), 0.0)
    for interpolation in ("fourier", "cubic", "bilinear"):
        for classifier in (Boosted(), Forest()):
            name = f"{classifier.kind} {interpolation}"
            if name in names:
                start, asked = time.perf_counter(), Mlar(interpolation=interpolation)
                sampling, where = Sampling(samples=samples), Rings(2.0, 9.0)
                own = teach([sequence], classifier, asked, sampling, where, 0)
                found[name] = own, time.perf_counter() - start
    return found


def rows(name: str, method: Method, taught: float, judges: dict[tuple, Judged]) -> list[Row]:
    """Rows of one method."""
    found = []
    for bounds, judged in judges.items():
        start = time.perf_counter()
        with tqdm(desc=f"{name} {bounds}", total=judged.maps, file=sys.stderr) as bar:
            trials = judged.trials(method, bar.update)
        # No rate below one in the effective number of nulls is told.
        asked = np.maximum(RATES, supported_rates(trials, "shifted")[0])
        curve = roc(trials, "shifted", np.random.default_rng(0), asked)
        row = {"method": name, "bin": f"{bounds[0]:g}–{bounds[1]:g}"}
        row |= {f"tpr_{rate:g}": float(tpr) for rate, tpr in zip(RATES, curve.tpr, strict=True)}
        row |= {"low": float(curve.block_low[0]), "high": float(curve.block_high[0])}
        row |= {"effective": curve.effective, "injections": curve.injections, "taught": taught}
        row |= {"snr": BINS[bounds], "rate": float(asked[0])}
        found.append(row | {"seconds": time.perf_counter() - start})
    return found


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=["pca", "boosted fourier", "forest fourier"])
    parser.add_argument("--injections", type=int, default=200)
    parser.add_argument("--samples", type=int, default=6000)
    parser.add_argument("--nulls", type=int, default=46)
    given = parser.parse_args()
    sequence = empty()
    known = (KnownCompanion(451.0, 210.65),)
    judges = {}
    for bounds, snr in BINS.items():
        nulls = Nulls(("shifted",), given.nulls, planet_free=True)
        asked = Comparison((), None, (bounds,), given.injections, snr, nulls=nulls)
        judges[bounds] = Judged.of(sequence, asked, REFERENCE, known)
    path = ROOT / "benchmarks" / "supervised.json"
    every = json.loads(path.read_text()) if path.exists() else []
    for name, (method, taught) in methods(given.names, sequence, given.samples).items():
        every = [row for row in every if row["method"] != name]
        every += rows(name, method, taught, judges)
        path.write_text(json.dumps(every, indent=1) + "\n")
    print(table(every, COLUMNS))


if __name__ == "__main__":
    main()
