"""VIP's side of the rows: each function makes one call ready, to run on so many processes.

Interpolation is VIP's own Fourier one throughout, its default.
"""

from collections.abc import Callable

import numpy as np

from benchmarks import data
from benchmarks.harness import Work, silence

# Compared with a star this bright, so that no limit is cut off at 1 [counts]; where the search for
# completeness begins, about a 5 σ limit [counts].
STAR, BEGUN = 1e6, 100.0
RINGS = {"fwhm": data.FWHM, "radius_int": data.INNER, "asize": data.WIDTH}


def settings(processes: int) -> dict[str, object]:
    return {"imlib": "vip-fft", "nproc": processes, "verbose": False}


def derotation(processes: int) -> Work:
    with silence():
        from vip_hci.preproc import cube_derotate
    cube, angle = data.cube(), data.angle()
    return lambda: cube_derotate(cube, angle, nproc=processes)


def full_frame(processes: int) -> Work:
    with silence():
        from vip_hci.psfsub import pca
    cube, angle = data.cube(), data.angle()
    return lambda: pca(cube, angle, ncomp=19, **settings(processes))


def annular(processes: int) -> Work:
    with silence():
        from vip_hci.psfsub import pca_annular
    cube, angle = data.cube(), data.angle()
    return lambda: pca_annular(cube, angle, delta_rot=1.0, ncomp=10, **RINGS, **settings(processes))


def loci(processes: int) -> Work:
    with silence():
        from vip_hci.psfsub import xloci
    cube, angle = data.cube(), data.angle()
    return lambda: xloci(
        cube,
        angle,
        delta_rot=0.5,
        n_segments=4,
        metric="euclidean",
        dist_threshold=100,
        **RINGS,
        **settings(processes),
    )


def pairwise(processes: int) -> Work:
    with silence():
        from vip_hci.psfsub import frame_diff
    cube, angle = data.cube(), data.angle()
    return lambda: frame_diff(
        cube, angle, delta_rot=0.5, metric="euclidean", **RINGS, **settings(processes)
    )


def nmf(processes: int) -> Work:
    del processes  # VIP's has one
    with silence():
        from vip_hci.psfsub import nmf as factorise
    cube, angle = data.cube(), data.angle()
    return lambda: factorise(cube, angle, ncomp=22, fwhm=data.FWHM, verbose=False, imlib="vip-fft")


def llsg(processes: int) -> Work:
    with silence():
        from vip_hci.psfsub import llsg as decompose
    cube, angle = data.cube(), data.angle()
    return lambda: decompose(cube, angle, data.FWHM, rank=6, **settings(processes))


def andromeda(processes: int) -> Work:
    """The S/N of the flux; even frames, as it would otherwise begin by shifting every one."""
    with silence():
        from vip_hci.invprob import andromeda as invert
    cube, angle, psf = data.cube()[:, :-1, :-1], data.angle(), data.psf()
    psf = psf[: psf.shape[0] // 2 * 2, : psf.shape[1] // 2 * 2]
    return lambda: invert(cube, data.FWHM / 2, angle, psf, nproc=processes, verbose=False)[1]


def snr(processes: int) -> Work:
    with silence():
        from vip_hci.metrics import snrmap
    picture = data.residual_image()
    return lambda: snrmap(picture, data.FWHM, nproc=processes, verbose=False)


def contrast(processes: int) -> Work:
    """Limits in counts; companions three FWHM apart, three patterns on each of the branches."""
    with silence():
        from vip_hci.metrics import contrast_curve
        from vip_hci.psfsub import pca_annular
    cube, angle, psf = data.cube(), data.angle(), data.psf()
    given = {key: value for key, value in RINGS.items() if key != "fwhm"}

    def work() -> np.ndarray:
        table = contrast_curve(
            cube,
            angle,
            psf,
            data.FWHM,
            0.02719,
            STAR,
            pca_annular,
            nbranch=data.BRANCHES,
            fc_snr=10,
            noise_sep=None,
            smooth=False,
            plot=False,
            delta_rot=0.0,
            ncomp=7,
            **given,
            **settings(processes),
        )
        return STAR * np.asarray(table["sensitivity_student"])[2:8]

    return work


def negative_companion(library: str) -> Callable[[int], Work]:
    """The merit `sum` at one trial: one ring four FWHM wide, 7 modes."""

    def ready(_: int) -> Work:
        with silence():
            from vip_hci.fm.negfc_fmerit import chisquare
        cube, angle, psf = data.cube(), data.angle(), data.companion_psf()
        place = data.trials()[0] + [0, 90, 0]  # VIP's position angles begin at +x
        asked = {"fmerit": "sum", "mu_sigma": None, "imlib": library}
        ring = (data.FWHM, 4 * data.FWHM, 1, (16.62, 300.65), 7)
        return lambda: np.array([chisquare(tuple(place), cube, angle, psf, *ring, **asked)])

    return ready


def completeness(processes: int) -> Work:
    """The flux at which 95 % of 20 companions are recovered, at one separation, begun at ours.

    They must stand out above all else in the map: with β Pic b in it, some never do.
    """
    with silence():
        from vip_hci.metrics import completeness_curve
        from vip_hci.psfsub import pca_annular
    cube, angle, psf = data.empty_cube(), data.angle(), data.psf()
    asked = {"delta_rot": 0.0, "ncomp": 7, "asize": data.WIDTH, "imlib": "vip-fft"}
    return lambda: completeness_curve(
        cube,
        angle,
        psf,
        data.FWHM,
        pca_annular,
        an_dist=[data.PLACE],
        ini_contrast=[BEGUN],
        starphot=1,
        n_fc=20,
        nproc=processes,
        algo_dict=asked,
        verbose=False,
        plot=False,
    )[1]
