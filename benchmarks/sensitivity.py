"""`python -m benchmarks.sensitivity [ifs|rdi]`: the S/N of injected companions, method by method.

On the simulated scenes of config/ifs and config/rdi, without their companions: spectral
differential imaging beside angular alone, and reference stars beside angular alone where the field
hardly turns. Each method goes at its own best rank, found on injections at other azimuths. Writes
benchmarks/sensitivity.json and docs/figures/sensitivity.png.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from benchmarks.harness import ROOT, Row, table
from exosift.calib.registration import register
from exosift.config import Survey, load
from exosift.detect.snr import resolution_elements
from exosift.geometry.regions import Annuli, FullFrame
from exosift.limits.ranks import injected_snr_by_rank
from exosift.photometry.injection import Companion
from exosift.photometry.psf import normalised_psf
from exosift.psfsub.catalogue import Reduction, Stage
from exosift.psfsub.library import References
from exosift.psfsub.pca import Pca
from exosift.sequence import Observation, Sequence
from exosift.simulate.scene import InjectedCompanion
from exosift.simulate.sequence import simulate
from exosift.simulate.spectra import contrasts

INJECTIONS, PILOTS = 20, 2
COLUMNS = ["scene", "spectrum", "separation_mas", "method", "rank", "snr", "error", "injections"]


@dataclass(frozen=True)
class Trial:
    """What is injected where [mas], how bright, and the methods that are to find it."""

    scene: str
    separations: tuple[float, ...]
    contrast: float
    spectra: tuple[str, ...]
    methods: dict[str, Reduction]


SDI = References(own="exposure", wavelengths="all")
IFS = Trial(
    "ifs",
    (150.0, 220.0, 300.0),
    1e-5,
    ("flat", "t-type"),
    {
        "ADI": Reduction(Pca((1, 3, 5, 8)), Annuli(2.0, 1.5), References(0.3)),
        "ASDI": Reduction(Pca((40, 80, 120, 160)), FullFrame(), References(wavelengths="all")),
        "SDI, then ADI": Reduction(
            Pca((1, 2, 4, 7)), FullFrame(), first=Stage(Pca((4,), "none"), FullFrame(), SDI)
        ),
    },
)
STARS = ("REF-*/*",)
RDI = Trial(
    "rdi",
    (145.0, 190.0, 240.0, 285.0),  # 1.5 to 3 λ/D
    2e-3,
    ("flat",),
    {
        "ADI, full frame": Reduction(Pca((1, 2, 4, 8, 12, 16, 20)), FullFrame()),
        "ADI, annuli": Reduction(Pca((1, 2, 4, 8, 12, 16, 20)), Annuli(1.0, 0.5)),
        "RDI": Reduction(
            Pca((4, 8, 16, 32, 64, 100)), FullFrame(), References(own="none", stars=STARS)
        ),
        "RDI, annuli": Reduction(
            Pca((4, 8, 16, 32, 64)), Annuli(1.0, 0.5), References(own="none", stars=STARS)
        ),
        "ARDI": Reduction(Pca((4, 8, 16, 32, 64, 100)), FullFrame(), References(stars=STARS)),
    },
)


def observed(survey: Survey) -> list[Sequence]:
    """The observations of a simulated survey, without companions, registered."""
    made = []
    for row in tqdm(survey.rows, desc="simulating", file=sys.stderr):
        seed = [survey.config.simulate.seed, *row.label.encode()]
        raw = simulate(survey.config.simulate.scene, [], np.random.default_rng(seed))
        done = register(raw.cube, np.array(raw.fwhm), survey.config.register)
        centre = (done.cube.shape[-1] - 1) / 2
        observation = Observation(
            row.target,
            row.epoch,
            row.instrument,
            row.filter,
            survey.config.simulate.scene.pixel_scale,
            raw.fwhm,
            (centre, centre),
            (centre, centre),
            star_flux=raw.star_flux,
        )
        psf = np.stack([normalised_psf(one)[0] for one in raw.psf])
        time = np.arange(float(len(raw.angle)))
        made.append(
            Sequence(done.cube, raw.angle, psf, raw.wavelength, time, done.mask, observation)
        )
    return made


def companions(trial: Trial, sequence: Sequence, spectrum: str, turn: float) -> list[Companion]:
    """One companion at each separation, at azimuths far from each other, all turned by `turn`."""
    told = InjectedCompanion(1.0, 0.0, trial.contrast, spectrum)
    flux = contrasts(told, sequence.wavelength) * np.array(sequence.observation.star_flux)
    return [
        Companion(
            separation / sequence.observation.pixel_scale, (turn + 140.0 * i) % 360.0, tuple(flux)
        )
        for i, separation in enumerate(trial.separations)
    ]


def measured(
    trial: Trial, sequence: Sequence, stars: list[Sequence], spectrum: str, method: str
) -> Iterable[Row]:
    """Mean S/N at each separation, at the rank that is best for the pilots."""
    reduction = trial.methods[method]
    used = stars if reduction.stars else []

    def snr(tried: Reduction, turns: np.ndarray, what: str) -> np.ndarray:
        """(azimuth, rank, separation)."""
        bar = tqdm(turns, desc=f"{trial.scene} {spectrum} {method} {what}", file=sys.stderr)
        return np.stack(
            [
                injected_snr_by_rank(
                    sequence, tried, companions(trial, sequence, spectrum, turn), used
                )
                for turn in bar
            ]
        )

    step = 360.0 / INJECTIONS
    pilots = snr(reduction, np.arange(PILOTS) * 360.0 / PILOTS + step / 2, "pilots")
    rank = reduction.model.ranks[int(np.nanmean(pilots, axis=(0, 2)).argmax())]
    best = replace(reduction, model=replace(reduction.model, ranks=(rank,)))
    found = snr(best, np.arange(INJECTIONS) * step, f"rank {rank}")[:, 0]
    fwhm = sequence.observation.fwhm[-1]
    for separation, values in zip(trial.separations, found.T, strict=True):
        # Azimuths closer than a resolution element share their noise.
        apart = int(resolution_elements(separation / sequence.observation.pixel_scale, fwhm))
        error = values.std(ddof=1) / np.sqrt(min(INJECTIONS, apart))
        yield {
            "scene": trial.scene,
            "spectrum": spectrum,
            "separation_mas": separation,
            "method": method,
            "rank": rank,
            "snr": float(values.mean()),
            "error": float(error),
            "injections": INJECTIONS,
        }


def figure(rows: list[Row]) -> None:
    """Mean S/N over separation, a panel a scene and spectrum."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    panels = list(dict.fromkeys((row["scene"], row["spectrum"]) for row in rows))
    picture, axes = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 3.6), squeeze=False)
    for panel, ax in zip(panels, axes[0], strict=True):
        own = [row for row in rows if (row["scene"], row["spectrum"]) == panel]
        for method in dict.fromkeys(row["method"] for row in own):
            line = [row for row in own if row["method"] == method]
            ax.errorbar(
                [row["separation_mas"] for row in line],
                [row["snr"] for row in line],
                [row["error"] for row in line],
                marker="o",
                ms=4,
                capsize=3,
                label=method,
            )
        scene = {"ifs": "39 channels, 30° of rotation", "rdi": "L′, 7° of rotation"}[panel[0]]
        ax.set_title(f"{scene}, {panel[1]} spectrum", fontsize=9)
        ax.set_xlabel("separation [mas]")
        ax.set_yscale("symlog", linthresh=3)
        ax.set_ylim(bottom=0)
        ax.grid(alpha=0.3)
        ax.legend(fontsize=7)
    axes[0, 0].set_ylabel("mean S/N of injected companions")
    picture.tight_layout()
    picture.savefig(ROOT / "docs" / "figures" / "sensitivity.png", dpi=130)


def main() -> None:
    """Measure, write, draw."""
    path = ROOT / "benchmarks" / "sensitivity.json"
    chosen = [trial for trial in (IFS, RDI) if trial.scene in (sys.argv[1:] or ("ifs", "rdi"))]
    scenes = {trial.scene for trial in chosen}
    rows = json.loads(path.read_text()) if path.exists() else []
    rows = [row for row in rows if row["scene"] not in scenes]
    for trial in chosen:
        science, *stars = observed(load(ROOT / "config" / trial.scene / "config.yaml"))
        for spectrum in trial.spectra:
            for method in trial.methods:
                rows += measured(trial, science, stars, spectrum, method)
        path.write_text(json.dumps(rows, indent=1) + "\n")
    figure(rows)
    print(table(rows, COLUMNS))


if __name__ == "__main__":
    main()
