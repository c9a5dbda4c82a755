"""`python -m benchmarks.supervised [METHOD …] [--injections N] [--samples N]`: TPR on β Pic.

On the sequence without its planet, around which 1.5 FWHM are not searched: companions of an S/N at
which PCA finds some, by its S/N maps at several ranks (and their STIM maps), LOCI, LLSG, ANDROMEDA
and classifiers taught at negated angles, all judged as `exosift roc` does. The thresholds are those
of null frames at angles handed on, which taught nothing. Writes benchmarks/supervised.json, the
rows of methods not named kept, and docs/figures/supervised.png.
"""

import argparse
import json
import sys
import time
from dataclasses import replace

import numpy as np
from astropy.io import fits
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tqdm import tqdm

from benchmarks import data
from benchmarks.harness import ROOT, Row, table
from exosift import threads
from exosift.calib.centring import Centring
from exosift.calib.registration import register
from exosift.geometry.grid import centre_of
from exosift.geometry.regions import Annuli, FullFrame
from exosift.inverse.andromeda import Andromeda
from exosift.io.public import fetch
from exosift.learn.drawing import Rings
from exosift.learn.forest import Boosted, Forest
from exosift.learn.labelled import Sampling
from exosift.learn.learning import Learning
from exosift.learn.network import Cnn2d, Cnn3d, ConvLstm
from exosift.limits.comparison import Comparison, Contestant
from exosift.limits.judging import Judged
from exosift.limits.methods import MapName, Method
from exosift.limits.nulls import Nulls
from exosift.limits.roc import roc, supported_rates
from exosift.photometry.known import KnownCompanion
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.library import References
from exosift.psfsub.llsg import Llsg
from exosift.psfsub.loci import Loci
from exosift.psfsub.pca import Pca
from exosift.sequence import Observation, Sequence
from exosift.steps.judge import Asked, chosen

RATES = (0.25, 1.0)  # false positives a frame
# Bins [FWHM], and between which S/N of the reference the companions of each are drawn.
BINS = {(2.0, 4.0): (2.0, 3.5), (4.0, 6.0): (2.5, 4.0), (6.0, 9.0): (1.8, 3.0)}
REFERENCE = Reduction(Pca((10,)), Annuli(2.0, 1.0), combination="mean")
RANKS = (4, 6, 8, 10, 12, 15, 20, 25)
PCA = {
    "pca-full": Reduction(Pca(RANKS), FullFrame()),
    "pca-annuli": Reduction(Pca(RANKS), Annuli(1.0, 1.0)),
}
OTHERS: dict[str, Asked] = {
    "loci": Reduction(Loci(), Annuli(1.0, 1.5, segments=4), References(movement=0.5)),
    "llsg": Reduction(Llsg(6), Annuli(2.0, 1.0, segments=4)),
    "andromeda": Andromeda(rotation=0.5),
}
MAPS: tuple[MapName, ...] = ("snr", "stim")
CLASSIFIERS = (Boosted(), Forest(), Cnn2d(), Cnn3d(), ConvLstm(epochs=10))
STIM = [f"{name} stim" for name in PCA]
SNR_MAPS = {Contestant(name, rank=rank).name for name in PCA for rank in RANKS}
COLUMNS = ["method", "bin", "rate", "tpr_0.25", "low", "high", "tpr_1", "gain", "effective"]
COLUMNS += ["injections", "taught", "seconds"]


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


def settings(samples: int) -> dict[str, Asked]:
    """Every method that there is, by name."""
    found: dict[str, Asked] = {**PCA, **OTHERS}
    plain = Learning(sampling=Sampling(samples=samples), rings=Rings(2.0, 9.0), seed=0)
    for classifier in CLASSIFIERS:
        found[classifier.kind] = replace(plain, classifier=classifier)
    for how in ("cubic", "bilinear"):
        mlar = replace(plain.mlar, interpolation=how)
        found[f"boosted-{how}"] = replace(plain, mlar=mlar)
    return found


def contestants(names: list[str], every: dict[str, Asked]) -> tuple[Contestant, ...]:
    """Those named: of PCA all ranks, or one as "pca-full 8", or its STIM map, "pca-full 8 stim"."""
    found = [Contestant(name, how, rank) for name in PCA for how in MAPS for rank in RANKS]
    found += [Contestant(name) for name in every if name not in PCA]
    return tuple(one for one in found if {one.name, one.family} & set(names))


def row(name: str, method: Method, bounds: tuple[float, float], judged: Judged) -> Row:
    """What a method finds in a bin."""
    start = time.perf_counter()
    with tqdm(desc=f"{name} {bounds}", total=judged.maps, file=sys.stderr) as bar:
        trials = judged.trials(method, bar.update)
    # No rate below one in the effective number of nulls is told.
    asked = np.maximum(RATES, supported_rates(trials, "shifted")[0])
    curve = roc(trials, "shifted", np.random.default_rng(0), asked)
    found = {"method": name, "bin": f"{bounds[0]:g}–{bounds[1]:g}", "snr": list(BINS[bounds])}
    found |= {f"tpr_{rate:g}": float(tpr) for rate, tpr in zip(RATES, curve.tpr, strict=True)}
    found |= {"low": float(curve.block_low[0]), "high": float(curve.block_high[0])}
    found |= {"effective": curve.effective, "injections": curve.injections, "rate": float(asked[0])}
    return found | {"seconds": time.perf_counter() - start}


def with_gains(rows: list[Row]) -> list[Row]:
    """Rows with what each finds over the best rank of PCA in its bin, on as many companions."""
    found = []
    for one in rows:
        alike = [
            other["tpr_0.25"]
            for other in rows
            if other["method"] in SNR_MAPS
            and all(other[key] == one[key] for key in ("bin", "snr", "injections"))
        ]
        best = max(alike, default=0.0)
        found.append(one | {"gain": one["tpr_0.25"] / best if best else None})
    return found


def best_ranks(rows: list[Row]) -> list[Row]:
    """Rows of methods, of each map of PCA that rank which finds most in its bin."""
    families = {one.name: one.family for one in contestants([*PCA, *STIM], settings(100))}
    best: dict[tuple[str, str], Row] = {}
    for one in rows:
        key = families.get(str(one["method"]), str(one["method"])), str(one["bin"])
        if key not in best or one["tpr_0.25"] > best[key]["tpr_0.25"]:
            best[key] = one
    return list(best.values())


def figure(rows: list[Row]) -> None:
    """What each method finds, with intervals, a panel a bin."""
    bins = sorted({str(one["bin"]) for one in rows})
    drawn = Figure(figsize=(4.2 * len(bins), 4.2), dpi=110, layout="constrained")
    FigureCanvasAgg(drawn)
    for axes, name in zip(np.atleast_1d(drawn.subplots(1, len(bins))), bins, strict=True):
        own = [one for one in best_ranks(rows) if one["bin"] == name]
        own.sort(key=lambda one: one["tpr_0.25"])
        told = [one["tpr_0.25"] for one in own]
        ends = [[one["tpr_0.25"] - one["low"], one["high"] - one["tpr_0.25"]] for one in own]
        colours = [
            "C1" if "taught" in one else "C0" if "pca" in one["method"] else "C7" for one in own
        ]
        axes.barh(range(len(own)), told, xerr=np.abs(ends).T, color=colours, capsize=2)
        axes.set_yticks(range(len(own)), [str(one["method"]) for one in own])
        axes.set(xlim=(0, 1), xlabel="share found at 0.25 false positives a frame")
        axes.set_title(f"{name} FWHM, S/N {'–'.join(f'{s:g}' for s in own[0]['snr'])}", fontsize=10)
    drawn.savefig(ROOT / "docs/figures/supervised.png", metadata={"Software": "exosift"})


def main() -> None:
    """Measure, write, draw, print."""
    default = [*PCA, *OTHERS, "boosted", "forest", "cnn2d"]
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=default)
    parser.add_argument("--injections", type=int, default=200)
    parser.add_argument("--samples", type=int, default=6000)
    parser.add_argument("--nulls", type=int, default=46)
    parser.add_argument("--bins", type=int, nargs="*", default=range(len(BINS)))
    given = parser.parse_args()
    sequence, every = empty(), settings(given.samples)
    nulls = Nulls(("shifted",), given.nulls, planet_free=True)
    asked = Comparison(contestants(given.names, every), Contestant("reference"), nulls=nulls)
    judges = {}
    for bounds, snr in [list(BINS.items())[number] for number in given.bins]:
        own = replace(asked, bins=(bounds,), injections=given.injections, snr=snr)
        judges[bounds] = Judged.of(sequence, own, REFERENCE, (KnownCompanion(451.0, 210.65),))
    path = ROOT / "benchmarks" / "supervised.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    for name, method_for in chosen(every, asked).items():
        start = time.perf_counter()
        first = next(iter(judges.values()))
        method = method_for(first.sequence, first.known)
        taught: Row = {}
        if isinstance(every.get(name), Learning):
            taught = {"taught": time.perf_counter() - start, "samples": given.samples}
        for bounds, judged in judges.items():
            new = row(name, method, bounds, judged) | taught
            rows = [one for one in rows if (one["method"], one["bin"]) != (name, new["bin"])]
            rows = with_gains([*rows, new])
            path.write_text(json.dumps(rows, indent=1) + "\n")
    figure(rows)
    print(table(rows, COLUMNS))


if __name__ == "__main__":
    with threads.limit(threads.budget()):
        main()
