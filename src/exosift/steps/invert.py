"""`exosift invert`: a sequence through an inverse method, to maps of flux, error and S/N."""

import sys
from pathlib import Path

from tqdm import tqdm

from exosift.detect.maps import given
from exosift.inverse.andromeda import Andromeda, invert
from exosift.io.sequences import read_sequence
from exosift.io.store import manifest_of
from exosift.settings import plain
from exosift.steps.recording import recorded


def run(store: Path, method: Andromeda, folder: Path) -> None:
    """Write flux.fits, sigma.fits and snr.fits of the sequence in `store` into `folder`."""
    with recorded("invert", folder, [manifest_of(store)], plain(method)):
        sequence = read_sequence(store)
        with tqdm(desc=f"{sequence.label} {folder.name}", file=sys.stderr, leave=False) as bar:

            def progress(done: int, of: int) -> None:
                bar.total = of
                bar.update(done - bar.n)

            found = invert(sequence, method, progress)
        from exosift.io.fits import write_images  # astropy is slow to load, and not needed before

        cards: dict[str, tuple[str | float, str]] = {
            "REDUCTIO": (folder.name, "name of the inversion"),
            "MODEL": (method.kind, "inverse method"),
            "NRANKS": (1, "maps"),
            "RANK1": (0, "a method without ranks"),
        }
        maps = {
            "flux": (found.flux, "in the 1-FWHM aperture, units of the frames"),
            "sigma": (found.sigma, "standard deviation of the flux"),
            "snr": (found.snr, "flux/sigma; of noise, standard normal"),
        }
        for name, (image, meaning) in maps.items():
            own = cards | {"QUANTITY": (name, meaning)}
            fpf = given(image[None]).fpf if name == "snr" else None
            write_images(folder / f"{name}.fits", image[None], sequence.observation, own, fpf)
