"""The pixels of raw FITS files, plane by plane, whatever follows them in the file."""

import warnings
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from exosift.errors import BadInput
from exosift.types import Floats


def read_planes(path: Path, planes: slice) -> Floats:
    """Planes (plane, y, x) of the first image of a raw file, of its own type and byte order.

    Only these are read, unless the file is compressed. Raises BadInput when it is cut short.
    """
    try:
        with warnings.catch_warnings():
            # A malformed end, or a header that breaks a rule somewhere: neither is in the planes.
            warnings.simplefilter("ignore", AstropyUserWarning)
            with fits.open(path, ignore_missing_end=True, memmap=False) as parts:
                image = next(part for part in parts if part.header.get("NAXIS", 0) >= 2)
                if image.header["NAXIS"] == 2:
                    found = image.section[:, :][None]
                else:
                    found = image.section[planes]
    except (OSError, ValueError, TypeError, IndexError, EOFError, StopIteration) as error:
        raise BadInput(
            f"{path}: its image cannot be read ({error}); fetch or copy the file again, or remove "
            "it"
        ) from error
    return np.asarray(found)
