"""The pixels of raw FITS files, plane by plane, whatever follows them in the file."""

import gzip
import warnings
import zlib
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from threading import Lock

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from exosift.errors import BadInput
from exosift.types import Floats

_UNREADABLE = (OSError, ValueError, TypeError, IndexError, EOFError, KeyError, zlib.error)

# Python's filters of warnings belong to all threads: one changes them at a time.
_FILTERS = Lock()


def read_planes(path: Path, planes: slice) -> Floats:
    """Planes (plane, y, x) of the first image of a raw file, of its own type and byte order.

    Only these are read, unless the file is packed. Raises BadInput when it is cut short, when its
    packing does not add up, or when it holds no image.
    """
    try:
        source = _unpacked(path)
        with ExitStack() as opened:
            with _FILTERS, warnings.catch_warnings():
                # A malformed end, or a header that breaks a rule somewhere: neither is in the
                # planes.
                warnings.simplefilter("ignore", AstropyUserWarning)
                parts = fits.open(source, ignore_missing_end=True, memmap=False)
                image = _image(opened.enter_context(parts))
            flat = image.header["NAXIS"] == 2
            found = np.asarray(image.section[:, :][None] if flat else image.section[planes])
    except _UNREADABLE as error:
        raise BadInput(
            f"{path}: its image cannot be read: cut short or damaged ({error}); fetch or copy the "
            "file again, or remove it and ingest anew"
        ) from error
    return np.asarray(found)


def _unpacked(path: Path) -> Path | BytesIO:
    """The file, or what is packed in it: its checksum stands at the end, so all of it is read."""
    return path if path.suffix != ".gz" else BytesIO(gzip.decompress(path.read_bytes()))


def _image(parts: fits.HDUList) -> fits.PrimaryHDU:
    """The first image of a file; ValueError when there is none."""
    image = next((part for part in parts if part.header.get("NAXIS", 0) >= 2), None)
    if image is None:
        raise ValueError("it holds no image")
    return image
