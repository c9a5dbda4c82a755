"""`exosift simulate`: a made-up observation as FITS files, and the truth beside them."""

import json
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from exosift.io.atomic import whole
from exosift.io.fits import write_array
from exosift.settings import plain
from exosift.simulate.scene import InjectedCompanion, Simulation
from exosift.simulate.sequence import simulate
from exosift.steps.recording import recorded


def run(
    scene: Simulation, companions: tuple[InjectedCompanion, ...], seed: int, name: str, folder: Path
) -> None:
    """Write cube, angles, psf and wavelengths as FITS, and truth.json, into `folder`.

    The speckles of an observation follow from `seed` and its `name` (target/epoch).
    """
    truth = {"seed": seed, "name": name, "scene": plain(scene)}
    truth["companions"] = [plain(companion) for companion in companions]
    with recorded("simulate", folder, [], truth):
        rng = np.random.default_rng([seed, *name.encode()])
        with tqdm(desc=name, total=scene.frames, file=sys.stderr, leave=False) as bar:
            made = simulate(scene, companions, rng, lambda done, _: bar.update(done - bar.n))
        products = {"cube": made.cube, "angles": made.angle, "psf": made.psf}
        for product, values in (products | {"wavelengths": made.wavelength}).items():
            write_array(folder / f"{product}.fits", values)
        truth |= {"star": made.star.tolist(), "star_flux": made.star_flux}
        truth["contrast"] = made.contrast.tolist()
        with whole(folder / "truth.json") as partial:
            partial.write_text(json.dumps(truth, indent=1) + "\n")
