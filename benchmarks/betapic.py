"""The β Pic benchmark: each kernel on 61 frames of 101 × 101 px, beside a peer on the same data.

`python -m benchmarks.betapic ours|peer|agreement NAME …` is the child process of one measurement.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks import data, with_pyklip, with_vip
from benchmarks.harness import SETTINGS, Row, Setting, Work, clock, silence
from exosift import threads
from exosift.detect.snr import snr_map
from exosift.geometry.grid import centre_of, radius_map
from exosift.geometry.regions import Annuli, FullFrame
from exosift.geometry.rotation import derotate
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.combine import combine
from exosift.psfsub.engine import fit, image, subtract
from exosift.psfsub.library import References
from exosift.psfsub.pca import Pca

WARM = 5
FULL = Reduction(Pca((19,), "none"), FullFrame())
RINGS = Reduction(
    Pca((10,), "none"),
    Annuli(width=data.WIDTH / data.FWHM, inner=data.INNER / data.FWHM),
    References(1.0),
)


def reduce(cube: np.ndarray, angle: np.ndarray, reduction: Reduction) -> np.ndarray:
    """One image (y, x)."""
    return image(subtract(cube, angle, data.FWHM, reduction)[0], angle, reduction)


def reducing(reduction: Reduction) -> Callable[[], Work]:
    def ready() -> Work:
        cube, angle = data.cube(), data.angle()
        return lambda: reduce(cube, angle, reduction)

    return ready


def derotating() -> Work:
    cube, angle = data.cube(), data.angle()
    return lambda: derotate(cube, angle)


def mapping() -> Work:
    picture = data.residual_image()
    return lambda: snr_map(picture, data.FWHM)


def by_sectors() -> Work:
    """KLIP in pyKLIP's sectors, counted from +x."""
    cube, angle = data.cube(), data.angle()

    def work() -> np.ndarray:
        x0, y0 = centre_of(cube.shape[1:])
        y, x = np.indices(cube.shape[1:])
        turn = np.arctan2(y - y0, x - x0) % (2 * np.pi)
        ring = (radius_map(cube.shape[1:]) - data.INNER) * data.RINGS / (data.RIM - data.INNER)
        number = np.floor(ring) * data.SECTORS + np.floor(turn * data.SECTORS / (2 * np.pi))
        flat = cube.reshape(len(cube), -1)
        left = np.full(flat.shape, np.nan, flat.dtype)

        def sector(which: int) -> None:
            pixels = np.flatnonzero(number == which)
            middle = (which // data.SECTORS + 0.5) / data.RINGS
            radius = data.INNER + middle * (data.RIM - data.INNER)
            usable = References(data.MOVEMENT).usable(angle, radius, 1.0)
            left[:, pixels] = fit(flat[:, pixels], usable, Pca((10,), "spatial"))[0]

        threads.over(sector, range(data.RINGS * data.SECTORS))
        return combine(derotate(left.reshape(cube.shape), angle, "spline"), "mean")

    return work


@dataclass(frozen=True)
class Case:
    """One row: a kernel of ours and the peer's, each a function that makes its call ready.

    bar: how many times as fast as the peer at its best we mean to be. package: the peer's.
    settings: processes and BLAS threads that the peer is tried with. within: how agreement is
    measured, outside of `inner` [px]. ours is None as long as we have no such kernel.
    """

    name: str
    bar: float
    ours: Callable[[], Work] | None
    peer: Callable[[int], Work]
    package: str = "vip_hci"
    settings: tuple[Setting, ...] = SETTINGS
    within: str = "rms difference / std"
    inner: float = 0.0


ALIKE = "correlation (libraries differ)"
# Without matrix products BLAS threads have no part in it; without a pool processes have none.
PROCESSES, ONE_PROCESS = ((2, 1), (1, 1)), ((1, 1), (1, 2))
CASES = [
    Case("derotation", 20, derotating, with_vip.derotation, settings=PROCESSES),
    Case("pca full frame", 15, reducing(FULL), with_vip.full_frame),
    Case("pca annular", 8, reducing(RINGS), with_vip.annular, within=ALIKE, inner=data.INNER),
    Case("klip sectors", 3, by_sectors, with_pyklip.sectors, "pyklip", inner=data.INNER + 2),
    Case("loci", 8, None, with_vip.loci, within=ALIKE, inner=data.INNER),
    Case("pairwise", 100, None, with_vip.pairwise, settings=PROCESSES, inner=data.INNER),
    Case("nmf", 5, None, with_vip.nmf, settings=ONE_PROCESS),
    Case("llsg", 6, None, with_vip.llsg),
    Case("andromeda", 10, None, with_vip.andromeda),
    Case("snr map", 60, mapping, with_vip.snr, settings=PROCESSES, within="max |ΔS/N|"),
]
BY_NAME = {case.name: case for case in CASES}


def agreement(case: Case) -> Row:
    """How near our result is to the peer's over the field's pixels."""
    mine = case.ours()()
    with silence():
        theirs = case.peer(case.settings[0][0])()
    radius = radius_map(mine.shape)
    field = np.broadcast_to((radius < 45) & (radius >= case.inner), mine.shape)
    field = field & np.isfinite(mine) & np.isfinite(theirs)
    if case.within.startswith("max"):
        field &= theirs != 0
        apart = np.abs(mine - theirs)[field].max()
    elif case.within == ALIKE:
        apart = np.corrcoef(mine[field], theirs[field])[0, 1]
    else:
        apart = np.sqrt(np.mean((mine - theirs)[field] ** 2)) / theirs[field].std()
    return {"agreement": float(apart), "agreement_in": case.within}


def main(role: str, name: str, *rest: str) -> None:
    """Print the seconds of the calls of one process, or the agreement, as JSON."""
    case = BY_NAME[name]
    if role == "agreement":
        print(json.dumps(agreement(case)))
        return
    if role == "ours":
        work = case.ours()
        print(json.dumps([clock(work) for _ in range(1 + WARM)]))
        return
    work = case.peer(int(rest[0]))
    with silence():
        seconds = [clock(work)]
        if seconds[0] < float(rest[1]):
            seconds += [clock(work), clock(work)]
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
