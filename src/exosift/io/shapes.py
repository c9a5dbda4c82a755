"""Shapes of files without reading them, for the workflow's resource requests.

A file that cannot be read has the empty shape, and no FWHM: the step that reads it says what is
wrong with it, and its observation alone fails.
"""

import json
from collections.abc import Sequence as Several
from pathlib import Path

from exosift.errors import BadInput
from exosift.types import Shape


def sequence_shape(manifest: str) -> Shape:
    """Shape (wavelength, time, y, x) of the cube that a sequence's manifest vouches for."""
    try:
        return tuple(json.loads(Path(manifest).read_text())["arrays"]["cube"]["shape"])
    except (ValueError, KeyError, TypeError):
        return ()


def samples_shape(manifests: Several[str]) -> Shape:
    """Shape (ring, sample, level, y, x) of the samples of several stores, all together."""
    try:
        told = [json.loads(Path(one).read_text())["arrays"]["patches"] for one in manifests]
        rings, _, *patch = told[0]["shape"]
        return (rings, sum(one["shape"][1] for one in told), *patch)
    except (ValueError, KeyError, TypeError, IndexError):
        return ()


def sequence_fwhm(manifest: str) -> float:
    """FWHM [px] of the first wavelength of the sequence whose manifest that is; 0 if unknown."""
    try:
        told = json.loads((Path(manifest.removesuffix(".json")) / "zarr.json").read_text())
        return float(told["attributes"]["fwhm"][0])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return 0.0


def window_shape(table: str, label: str) -> Shape:
    """Shape (y, x) of the science frames of an observation in a table of `exosift ingest`."""
    from exosift.io.frames import read_frames

    try:
        archive = read_frames(Path(table))
    except BadInput:
        return ()
    shapes = [f.shape for f in archive.frames if f.observation == label and f.kind == "science"]
    return tuple(reversed(shapes[0])) if shapes else ()


def image_shape(path: str) -> Shape:
    """Shape, slowest axis first, of the first image of a FITS file, from its headers alone."""
    from astropy.io import fits  # slow to load, and not needed where nothing has been made yet

    try:
        with fits.open(path) as units:
            header = next(u.header for u in units if u.is_image and u.header["NAXIS"])
        return tuple(int(header[f"NAXIS{i}"]) for i in range(header["NAXIS"], 0, -1))
    except (OSError, StopIteration, KeyError, ValueError, TypeError, fits.VerifyError):
        return ()
