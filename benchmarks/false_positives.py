"""`python -m benchmarks.false_positives`: how often noise does what its fractions say.

On drawn resolution elements, Gaussian and Laplace; at places of images from noise cubes; and per
frame, on noise images and on those. Prints three tables, writes docs/figures/false-positives.png.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import ndimage

from benchmarks.harness import ROOT
from exosift.detect.maps import places_of, small_samples
from exosift.detect.significance import Null, false_positive_fraction
from exosift.detect.snr import among_others, sample_at, small_sample
from exosift.geometry.grid import centre_of
from exosift.geometry.regions import FullFrame
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import image, subtract
from exosift.psfsub.library import References
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Rows, Stack
from exosift.types import Floats

ELEMENTS = (6, 12, 30, 60)
NOMINAL = np.logspace(-4, -1, 13)
TRIALS, AT_ONCE = 1_000_000, 100_000
CASES: tuple[tuple[str, str, Null], ...] = (
    ("gaussian", "Gaussian noise, Student’s t", "student"),
    ("laplace", "Laplace noise, Laplace table", "laplace"),
    ("laplace", "Laplace noise, Student’s t", "student"),
)
FWHM, SIZE, FRAMES = 4.0, 41, 600
# Noise cubes whose images are looked at in one place on each of these circles [px].
CUBES, RADII = 25_000, np.array([6.0, 10.0, 14.0, 18.0])
ANGLE = np.linspace(0, 80, 12)
REDUCTION = Reduction(Pca((3,), "temporal"), FullFrame())


def rates(noise: str, null: Null, elements: int) -> Floats:
    """Share of trials (nominal,) whose fraction is at most nominal; one element among others."""
    rng = np.random.default_rng([elements, len(noise)])
    found = np.zeros(len(NOMINAL))
    for _ in range(TRIALS // AT_ONCE):
        shape = AT_ONCE, elements
        values = rng.normal(size=shape) if noise == "gaussian" else rng.laplace(size=shape)
        fraction = np.sort(false_positive_fraction(*among_others(values), null))
        found += np.searchsorted(fraction, NOMINAL, side="right")
    return found / TRIALS


def frames() -> Iterator[tuple[str, Floats]]:
    """Noise images (image, y, x), by name."""
    rng = np.random.default_rng(8)
    white = rng.standard_normal((FRAMES, SIZE, SIZE), dtype=np.float32)
    yield "white", white
    yield "as wide as the PSF", ndimage.gaussian_filter(white, (0, FWHM / 2.355, FWHM / 2.355))
    yield "white cubes through PCA", np.stack([from_cube(rng) for _ in range(FRAMES)])


def from_cube(rng: np.random.Generator, by_star: bool = False) -> Floats:
    """The image (y, x) that a reduction makes of white noise: ADI, or RDI by a star as noisy."""
    count = len(ANGLE) * (1 + by_star)
    frames = rng.standard_normal((count, SIZE, SIZE), dtype=np.float32)
    own = np.arange(count) < len(ANGLE)
    rows = Rows(np.resize(ANGLE, count), np.ones(count), np.arange(count), own)
    references = References(own="none", stars=("*",)) if by_star else References()
    reduction = replace(REDUCTION, references=references)
    left = subtract(Stack(frames, rows), FWHM, reduction)[0]
    return image(left, ANGLE, reduction)


def print_chain() -> None:
    """Measured over nominal rates at one place a circle of images from cubes."""
    print("from cubes: measured over nominal rate at 1e-1, 1e-2 and 1e-3, and its binomial error")
    for name, by_star in (("RDI", True), ("ADI", False)):
        rng = np.random.default_rng(12)
        anywhere, on_pixel = [], []
        for _ in range(CUBES):
            picture, turn = from_cube(rng, by_star), rng.uniform(0, 2 * np.pi, len(RADII))
            x0, y0 = centre_of(picture.shape)
            x, y = x0 + RADII * np.cos(turn), y0 + RADII * np.sin(turn)
            for at, found in ((x, y), anywhere), ((np.rint(x), np.rint(y)), on_pixel):
                sample = sample_at(picture, *at, FWHM)
                found.append(false_positive_fraction(sample.snr, sample.noise))
        for where, found in ("anywhere", anywhere), ("on a pixel", on_pixel):
            told = [
                f"{np.mean(np.array(found) <= p) / p:.3f} ± {(p * np.size(found)) ** -0.5:.3f}"
                for p in (0.1, 0.01, 0.001)
            ]
            print(f"{name} {where:11}", *told, flush=True)


def draw_rates(axes: Axes) -> None:
    """Measured over nominal rate on drawn elements."""
    print("noise, null, elements: measured over nominal rate at 1e-2 and 1e-3")
    for (noise, label, null), colour in zip(CASES, ("C0", "C1", "C3"), strict=True):
        for elements, style in zip(ELEMENTS, ("-", "--", "-.", ":"), strict=True):
            ratio = rates(noise, null, elements) / NOMINAL
            axes.plot(NOMINAL, ratio, style, color=colour, label=f"{label}, {elements}")
            print(f"{noise:9} {null:8} {elements:3} {ratio[8]:6.3f} {ratio[4]:6.3f}")
    error = 2 / np.sqrt(NOMINAL * TRIALS)
    axes.fill_between(NOMINAL, 1 - error, 1 + error, color="0.85", label="twice binomial error")
    axes.set(
        xscale="log", yscale="log", xlabel="false-positive fraction", ylabel="measured / nominal"
    )
    axes.legend(fontsize=6)


def draw_alarms(axes: Axes) -> None:
    """Share of noise frames with a false alarm, against the chance that was stated."""
    print("frames, places per resolution element at 1e-2 and 1e-4, rates at 0.05 and 0.2")
    elements = None
    for name, images in frames():
        found = small_samples(images, lambda one, out: small_sample(one, FWHM, out), "student")
        places = places_of(images[:1], FWHM, "student")
        rarest = np.nanmin(found.fpf, axis=(1, 2))
        elements = np.isfinite(found.fpf[0]).sum() / (np.pi * FWHM**2 / 4)
        stated = np.sort([places.false_alarm(fpf) for fpf in rarest])
        (line,) = axes.plot(stated, np.arange(1, FRAMES + 1) / FRAMES, label=name)
        assumed = np.sort(-np.expm1(-elements * rarest))
        axes.plot(assumed, np.arange(1, FRAMES + 1) / FRAMES, ":", color=line.get_color())
        ratios = [places.false_alarms(p) / p / elements for p in (1e-2, 1e-4)]
        measured = [np.mean(stated <= p) for p in (0.05, 0.2)]
        print(f"{name:24} {ratios[0]:5.1f} {ratios[1]:5.1f} {measured[0]:6.3f} {measured[1]:6.3f}")
    axes.plot([0, 1], [0, 1], color="0.7")
    axes.plot([], [], "k:", label="with one place an element")
    axes.set(xlabel="stated chance of a false alarm", ylabel="share of noise frames")
    axes.legend(fontsize=7)


def main() -> None:
    figure = Figure(figsize=(10, 4.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    draw_rates(left)
    print_chain()
    draw_alarms(right)
    figure.savefig(ROOT / "docs/figures/false-positives.png", metadata={"Software": "exosift"})


if __name__ == "__main__":
    main()
