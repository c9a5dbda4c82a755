"""The β Pic benchmark: each kernel on 61 frames of 101 × 101 px, beside a peer on the same data.

`python -m benchmarks.betapic ours|peer|agreement NAME …` is the child process of one measurement.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
from scipy import ndimage, optimize  # noqa: F401 (loaded when needed: imports are off the clock)

from benchmarks import cleaning, data, with_pyklip, with_vip
from benchmarks.harness import SETTINGS, Row, Setting, Work, clock, silence
from exosift.characterise.merit import Merit, NegativeCompanion
from exosift.detect.snr import snr_map
from exosift.geometry.grid import centre_of, radius_map
from exosift.geometry.regions import Annuli, FullFrame
from exosift.geometry.rotation import derotate
from exosift.inverse.andromeda import Andromeda, andromeda
from exosift.limits.completeness import completeness
from exosift.limits.contrast import Throughput, contrast_curve
from exosift.limits.recovery import Field
from exosift.photometry.psf import normalised_psf
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import image, subtract
from exosift.psfsub.library import References
from exosift.psfsub.llsg import Llsg
from exosift.psfsub.loci import Loci
from exosift.psfsub.nmf import Nmf
from exosift.psfsub.pairwise import Pairwise
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Stack
from exosift.sequence import Observation, Sequence

WARM = 5
RING = {"width": data.WIDTH / data.FWHM, "inner": data.INNER / data.FWHM}
FULL = Reduction(Pca((19,), "none"), FullFrame())
RINGS = Reduction(Pca((10,), "none"), Annuli(**RING), References(1.0))
LOCI = Reduction(
    Loci(centring="none", optimisation=1.0), Annuli(**RING, segments=4), References(0.5)
)
ANNULUS = Reduction(Pca((7,), "none"), Annuli(4.0, 7 / data.FWHM))
LIMITED = Reduction(Pca((7,), "none"), Annuli(**RING))
PAIRWISE = Reduction(Pairwise(percentile=50.0), Annuli(**RING), References(0.5))
NMF = Reduction(Nmf((22,)), FullFrame())
LLSG = Reduction(Llsg(rank=6), Annuli(width=10 / data.FWHM, segments=4), References())
SECTORS = Reduction(
    Pca((10,), "spatial"),
    Annuli((data.RIM - data.INNER) / data.RINGS / data.FWHM, RING["inner"], data.SECTORS),
    References(data.MOVEMENT / data.FWHM),
    "spline",
    "mean",
)


def reduce(cube: np.ndarray, angle: np.ndarray, reduction: Reduction) -> np.ndarray:
    """One image (y, x)."""
    return image(subtract(Stack.of(cube, angle), data.FWHM, reduction)[0], angle, reduction)


def reducing(reduction: Reduction) -> Callable[[], Work]:
    def ready() -> Work:
        cube, angle = data.cube(), data.angle()
        return lambda: reduce(cube, angle, reduction)

    return ready


def derotating() -> Work:
    cube, angle = data.cube(), data.angle()
    return lambda: derotate(cube, angle)


def inverting() -> Work:
    cube, angle = data.cube(), data.angle()
    psf = normalised_psf(data.psf())[0]

    return lambda: andromeda(cube, angle, psf, data.FWHM, Andromeda()).snr


def drawn(cube: np.ndarray) -> Sequence:
    """The frames as companions are put into them, a companion's template three FWHM wide."""
    psf = data.companion_psf()
    star = centre_of(cube.shape)
    known = Observation("beta Pic", "e", "NACO", "L'", 27.19, (data.FWHM,), star, star)
    return Sequence(
        cube=cube[None],
        angle=data.angle(),
        psf=psf[None],
        wavelength=np.array([3.8]),
        mjd=np.arange(float(len(cube))),
        mask=np.zeros((1, *cube.shape), bool),
        observation=known,
    )


def limiting() -> Work:
    """Limits at VIP's separations, from as many companions as it injects."""
    sequence = drawn(data.cube())
    places = data.FWHM * np.arange(3, 9)
    how = Throughput(data.BRANCHES, 10.0)

    def work() -> np.ndarray:
        return contrast_curve(Field.of(sequence, LIMITED), places, data.FPF, how).flux

    return work


def completing() -> Work:
    """The fluxes at which 95 % of 20 companions are recovered, at one separation."""
    sequence = drawn(data.empty_cube())

    def work() -> np.ndarray:
        field = Field.of(sequence, LIMITED)
        curve = contrast_curve(field, [data.PLACE], data.FPF, Throughput(1, 10.0))
        return completeness(field, curve, 20).flux(0.95)

    return work


def cancelling() -> Work:
    """The merit at a posterior's trials, of 16 walkers at a time, in VIP's ring: cut out first."""
    sequence = drawn(data.cube())
    inside = slice(24, 77)  # what the ring takes
    star = (26.0, 26.0)
    ring = replace(
        sequence,
        cube=np.ascontiguousarray(sequence.cube[..., inside, inside]),
        mask=sequence.mask[..., inside, inside],
        observation=replace(sequence.observation, star=star),
    )

    def work() -> np.ndarray:
        field = Field.of(ring, ANNULUS)
        negative = NegativeCompanion.at(field, 16.62, 210.65, Merit("sum", reach=0.2))
        trials = np.array_split(data.trials(), data.TRIALS // 16)
        return np.concatenate([negative.of(some) for some in trials])[:1]

    return work


def mapping() -> Work:
    picture = data.residual_image()
    return lambda: snr_map(picture, data.FWHM)


@dataclass(frozen=True)
class Case:
    """One row: a kernel of ours and the peer's, each a function that makes its call ready.

    bar: how many times as fast as the peer at its best we mean to be. package: the peer's.
    settings: processes and BLAS threads that the peer is tried with. within: how agreement is
    measured, outside of `inner` [px]; or `left`, what a result has left to do, in that of the
    peer's. trials: calls of the peer that one of ours stands for. ours is None as long as we have
    no such kernel.
    """

    name: str
    bar: float
    ours: Callable[[], Work] | None
    peer: Callable[[int], Work]
    package: str = "vip_hci"
    settings: tuple[Setting, ...] = SETTINGS
    within: str = "rms difference / std"
    inner: float = 0.0
    left: Callable[[np.ndarray], float] | None = None
    trials: int = 1


RATIO = "median ratio (definitions differ)"
ALIKE = "correlation (libraries differ)"
# Without matrix products BLAS threads have no part in it; without a pool processes have none.
PROCESSES, ONE_PROCESS = ((2, 1), (1, 1)), ((1, 1), (1, 2))
CASES = [
    Case("derotation", 20, derotating, with_vip.derotation, settings=PROCESSES),
    Case("pca full frame", 15, reducing(FULL), with_vip.full_frame),
    Case("pca annular", 8, reducing(RINGS), with_vip.annular, within=ALIKE, inner=data.INNER),
    Case("klip sectors", 3, reducing(SECTORS), with_pyklip.sectors, "pyklip", inner=data.INNER + 2),
    Case("loci", 8, reducing(LOCI), with_vip.loci, within=ALIKE, inner=data.INNER),
    Case(
        "pairwise", 100, reducing(PAIRWISE), with_vip.pairwise, settings=PROCESSES, inner=data.INNER
    ),
    Case("nmf", 5, reducing(NMF), with_vip.nmf, settings=ONE_PROCESS),
    Case("llsg", 6, reducing(LLSG), with_vip.llsg),
    Case("andromeda", 10, inverting, with_vip.andromeda, within=ALIKE),
    Case(
        "bad pixels",
        1,
        cleaning.filling,
        cleaning.filling_by_vip,
        settings=ONE_PROCESS,
        left=cleaning.unfilled,
    ),
    Case(
        "recentring",
        1,
        cleaning.recentring,
        cleaning.recentring_by_vip,
        settings=PROCESSES,
        left=cleaning.unaligned,
    ),
    Case(
        "sky by components",
        1,
        cleaning.skies,
        cleaning.skies_by_vip,
        settings=ONE_PROCESS,
        left=cleaning.sky_left,
    ),
    Case("snr map", 100, mapping, with_vip.snr, settings=PROCESSES, within="max |ΔS/N|"),
]
CASES += [
    Case("contrast curve", 20, limiting, with_vip.contrast, settings=PROCESSES, within=RATIO),
    # Its injections go to the pool one by one: with one process it takes twice as many minutes.
    Case(
        "completeness",
        50,
        completing,
        with_vip.completeness,
        settings=((2, 1), (2, 2)),
        within=RATIO,
    ),
]
CASES += [
    Case(
        f"negative companion, {library}",
        bar,
        cancelling,
        with_vip.negative_companion(library),
        settings=ONE_PROCESS,
        within=RATIO,
        trials=data.TRIALS,
    )
    for library, bar in (("vip-fft", 300), ("opencv", 30))
    if library == "vip-fft" or find_spec("cv2")
]
BY_NAME = {case.name: case for case in CASES}


def agreement(case: Case) -> Row:
    """How near our result is to the peer's over the field's pixels."""
    mine = case.ours()()
    with silence():
        theirs = case.peer(case.settings[0][0])()
    if case.within == RATIO:
        return {"agreement": float(np.median(mine / theirs)), "agreement_in": case.within}
    if case.left is not None:
        left = case.left(mine) / case.left(theirs)
        return {"agreement": left, "agreement_in": "left over / the peer's"}
    # ANDROMEDA's frames are even, one row and column less.
    mine = mine[..., : theirs.shape[-2], : theirs.shape[-1]]
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
        print(json.dumps([clock(work) / case.trials for _ in range(1 + WARM)]))
        return
    work = case.peer(int(rest[0]))
    with silence():
        seconds = [clock(work)]
        if seconds[0] < float(rest[1]):
            seconds += [clock(work), clock(work)]
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
