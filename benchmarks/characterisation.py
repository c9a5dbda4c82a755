"""Pulls of injected companions: `python -m benchmarks.characterisation` draws and writes them.

On β Pic without its planet and on a simulated sequence, companions of S/N about 10 are put at four
separations and found again by negative companions. Each error is divided by the spread of the
others at its separation, so by an uncertainty that did not use it.
"""

import json

import numpy as np
from astropy.io import fits
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks import data
from benchmarks.harness import ROOT
from exosift.calib.centring import Centring
from exosift.calib.registration import register
from exosift.characterise.merit import Merit
from exosift.characterise.uncertainty import OFFSETS, speckle_noise
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of
from exosift.geometry.regions import FullFrame
from exosift.io.public import local_copy
from exosift.limits.recovery import Field, recover, trimmed
from exosift.photometry.psf import normalised_psf
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca
from exosift.sequence import Observation, Sequence
from exosift.simulate.scene import Simulation
from exosift.simulate.sequence import simulate

SNR, SIZE, MOST = 10.0, 61, 14
RADII = (2.75, 3.5, 4.25, 5.0)  # [FWHM]
REDUCTION = Reduction(Pca((7,), "temporal"), FullFrame(1.0))


def sequence_of(cube: np.ndarray, angle: np.ndarray, psf: np.ndarray) -> Sequence:
    """Frames (time, y, x) with the star in the middle, cut to SIZE; a PSF (y, x)."""
    first = (cube.shape[-1] - SIZE) // 2
    cube = np.ascontiguousarray(cube[:, first : first + SIZE, first : first + SIZE])
    psf, fwhm, _ = normalised_psf(psf)
    star = centre_of(cube.shape)
    return trimmed(
        Sequence(
            cube=cube[None],
            angle=angle,
            psf=psf[None],
            wavelength=np.array([3.8]),
            mjd=np.arange(float(len(cube))),
            mask=np.zeros((1, *cube.shape), bool),
            observation=Observation("star", "e", "NACO", "L'", 27.19, (fwhm,), star, star),
        ),
        3.0,
    )


def real() -> Sequence:
    """β Pic, its planet taken out."""
    path = local_copy("naco_betapic/naco_betapic_cube_EMPTY.fits")
    if path is None:
        raise BadInput("naco_betapic_cube_EMPTY.fits is not at hand; set EXOSIFT_DATA")
    frames = fits.getdata(path).astype(np.float32)
    found = register(frames[None], np.array([data.FWHM]), Centring("agpm", 2.0, "together"))
    return sequence_of(np.nan_to_num(found.cube[0]), data.angle(), data.psf())


def simulated() -> Sequence:
    """Speckles of an extreme adaptive optics, the star behind its coronagraph."""
    scene = Simulation(
        size=SIZE, frames=40, pointing_jitter=0.0, decentring_x=0.0, decentring_y=0.0
    )
    made = simulate(scene, [], np.random.default_rng(11))
    return sequence_of(made.cube[0], made.angle, made.psf[0])


def measured(sequence: Sequence, radius: float) -> np.ndarray:
    """Pulls (injection, 3) of companions of S/N about 10 at `radius` [FWHM]."""
    field = Field.of(sequence, REDUCTION)
    separation = radius * field.fwhm
    flux = 10 * float(np.nanstd(field.image)) * field.fwhm
    for _ in range(3):
        some = [field.companion(separation, angle, flux) for angle in (20.0, 110.0, 200.0, 290.0)]
        flux *= SNR / np.median([found.snr for found in recover(field, some)])
    place = np.array([separation, 77.0, flux])
    return speckle_noise(field, place, Merit(), MOST).pulls


def summary(pulls: np.ndarray) -> dict[str, dict[str, float]]:
    """Mean in standard errors, and the width, of the pulls (injection, 3) of each parameter."""
    count = np.sqrt(len(pulls))
    return {
        name: {
            "injections": len(pulls),
            "mean_pull": float(own.mean()),
            "mean_in_standard_errors": float(own.mean() / own.std(ddof=1) * count),
            "width": float(own.std(ddof=1)),
        }
        for name, own in zip(OFFSETS, pulls.T, strict=True)
    }


def main() -> None:
    told, pulls = {}, {}
    for name, made in (("beta Pic, empty", real), ("simulated", simulated)):
        sequence = made()
        pulls[name] = np.concatenate([measured(sequence, radius) for radius in RADII])
        told[name] = summary(pulls[name])
        print(name, json.dumps(told[name], indent=1), flush=True)
    (ROOT / "benchmarks/characterisation.json").write_text(json.dumps(told, indent=1) + "\n")
    draw(pulls)


def draw(pulls: dict[str, np.ndarray]) -> None:
    """Histograms of the pulls of each parameter, with the normal law."""
    figure = Figure(figsize=(9, 3.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    x = np.linspace(-4, 4, 200)
    edges = np.linspace(-4, 4, 17)
    for number, (axes, name) in enumerate(zip(figure.subplots(1, 3), OFFSETS, strict=True)):
        for label, own in pulls.items():
            axes.hist(own[:, number], edges, density=True, histtype="step", label=label)
        axes.plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), "k", lw=0.8)
        axes.set(xlabel=f"pull, {name}", yticks=[])
    axes.legend(fontsize=7)
    figure.savefig(ROOT / "docs/figures/pulls.png", metadata={"Software": "exosift"})


if __name__ == "__main__":
    main()
