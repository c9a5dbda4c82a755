"""The β Pic benchmark: each kernel on 61 frames of 101 × 101 px, beside VIP on the same data.

`python -m benchmarks.betapic ours|peer NAME …` is the child process of one measurement.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Callable

import numpy as np
from astropy.io import fits

from benchmarks.harness import Row, clock, silence
from exosift.detect.snr import snr_map
from exosift.geometry.grid import radius_map
from exosift.geometry.regions import Annuli, FullFrame
from exosift.geometry.rotation import derotate
from exosift.io.public import fetch
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import image, subtract
from exosift.psfsub.library import References
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Stack

FWHM, INNER, WIDTH, WARM = 4.8, 8, 4, 5
FULL = Reduction(Pca((19,), "none"), FullFrame())
RINGS = Reduction(
    Pca((10,), "none"), Annuli(width=WIDTH / FWHM, inner=INNER / FWHM), References(1.0)
)
BARS = {"derotation": 20.0, "pca full frame": 12.0, "pca annular": 6.0, "snr map": 60.0}

Works = dict[str, Callable[[], np.ndarray]]


def data() -> tuple[np.ndarray, np.ndarray]:
    """Cube (time, y, x) and angles [deg], North up."""
    cube = fits.getdata(fetch("naco_betapic/naco_betapic_cube.fits")).astype(np.float32)
    angle = fits.getdata(fetch("naco_betapic/naco_betapic_pa.fits")).squeeze().astype(np.float64)
    return cube, angle - 104.84 + 0.45


def reduce(cube: np.ndarray, angle: np.ndarray, reduction: Reduction) -> np.ndarray:
    """One image (y, x)."""
    return image(subtract(Stack.of(cube, angle), FWHM, reduction)[0], angle, reduction)


def residual_image(cube: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """What both S/N maps are made of."""
    return np.nan_to_num(reduce(cube, angle, FULL))


def ours(name: str) -> Callable[[], np.ndarray]:
    """One of our kernels, its input ready."""
    cube, angle = data()
    if name == "snr map":
        # Made by another process, so that nothing is warm in this one.
        picture = np.load(os.environ["EXOSIFT_BENCHMARK_IMAGE"])
        return lambda: snr_map(picture, FWHM)
    return {
        "derotation": lambda: derotate(cube, angle),
        "pca full frame": lambda: reduce(cube, angle, FULL),
        "pca annular": lambda: reduce(cube, angle, RINGS),
    }[name]


def peer(name: str, processes: int) -> Callable[[], np.ndarray]:
    """The same by VIP: same interpolation class, rank, threshold and widths."""
    with silence():
        from vip_hci.metrics import snrmap
        from vip_hci.preproc import cube_derotate
        from vip_hci.psfsub import pca, pca_annular
    cube, angle = data()
    common = {"imlib": "vip-fft", "nproc": processes, "verbose": False}
    rings = {"fwhm": FWHM, "radius_int": INNER, "asize": WIDTH, "delta_rot": 1.0, "ncomp": 10}
    if name == "snr map":
        picture = np.load(os.environ["EXOSIFT_BENCHMARK_IMAGE"])
        return lambda: snrmap(picture, FWHM, nproc=processes, verbose=False)
    return {
        "derotation": lambda: cube_derotate(cube, angle, nproc=processes),
        "pca full frame": lambda: pca(cube, angle, ncomp=19, **common),
        "pca annular": lambda: pca_annular(cube, angle, **rings, **common),
    }[name]


def has_peer() -> bool:
    """Whether VIP is installed."""
    return importlib.util.find_spec("vip_hci") is not None


def agreement(name: str) -> Row:
    """How near our result is to the peer's: the largest difference over the field's pixels."""
    mine = ours(name)()
    with silence():
        theirs = peer(name, 1)()
    field = np.broadcast_to(radius_map(mine.shape) < 45, mine.shape) & np.isfinite(mine)
    if name == "snr map":
        field &= theirs != 0
        apart = np.abs(mine - theirs)[field]
        return {"agreement": float(apart.max()), "agreement_in": "max |ΔS/N|"}
    if name == "pca annular":
        field &= radius_map(mine.shape) >= INNER
        both = np.corrcoef(mine[field], theirs[field])[0, 1]
        return {"agreement": float(both), "agreement_in": "correlation (libraries differ)"}
    apart = np.sqrt(np.mean((mine - theirs)[field] ** 2)) / theirs[field].std()
    return {"agreement": float(apart), "agreement_in": "rms difference / std"}


def main(role: str, name: str, *rest: str) -> None:
    """Print the seconds of the calls of one process, or the agreement, as JSON."""
    if role == "agreement":
        print(json.dumps(agreement(name)))
        return
    if role == "ours":
        work = ours(name)
        print(json.dumps([clock(work) for _ in range(1 + WARM)]))
        return
    work = peer(name, int(rest[0]))
    with silence():
        seconds = [clock(work)]
        if seconds[0] < float(rest[1]):
            seconds += [clock(work), clock(work)]
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
