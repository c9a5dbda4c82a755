"""Public data by name: from $EXOSIFT_DATA, from the cache, or by download; always checked.

`EXOSIFT_DATA` names a folder laid out like the names below. Without it, pooch keeps a cache and
downloads what is missing.
"""

import hashlib
import os
from pathlib import Path

from exosift.errors import BadInput, Transient

_CHALLENGE = "https://github.com/carlos-gg/exoimaging_challenge_extras/raw"
_EXTRAS = (
    "https://github.com/vortex-exoplanet/VIP_extras/raw/"
    "a7ec7ac9aeabcb5df73b9ea57270c6d66f9e3f57/datasets"
)

# Name → (SHA-256, address).
FILES = {
    "naco_betapic/naco_betapic_cube.fits": (
        "5d7f7db98522128704c1e3a6ce3bc47e35ec469c44570d2f86533b242e9a5a79",
        f"{_CHALLENGE}/48dd20eb195354f41ff2c07546537e1cf65c710b/naco_betapic_cube.fits",
    ),
    "naco_betapic/naco_betapic_cube_EMPTY.fits": (
        "caf115767969ec6fbd543e5dc9746e3729b8b72c28ed10d329ea5cdc02d7f313",
        f"{_CHALLENGE}/8f46c1a3/naco_betapic_cube_EMPTY.fits",
    ),
    "naco_betapic/naco_betapic_psf.fits": (
        "ca4e0ad99c4119f3ad4e9b33fad9b157746343d8b54f4668681dfa1a398315be",
        f"{_CHALLENGE}/48dd20eb195354f41ff2c07546537e1cf65c710b/naco_betapic_psf.fits",
    ),
    "naco_betapic/naco_betapic_pa.fits": (
        "1ebe4212da8dd0d02b19eefbcd473498c5c1ebc5ad348161ed2a9ade1eb8a519",
        f"{_EXTRAS}/naco_betapic_pa.fits",
    ),
}


def fetch(name: str) -> Path:
    """A checked local copy of the public file `name`.

    Raises BadInput for an unknown name or a local file of another content, Transient when the
    download fails.
    """
    if name not in FILES:
        raise BadInput(f"{name}: no such public file; known are {', '.join(sorted(FILES))}")
    digest, address = FILES[name]
    local = local_copy(name)
    if local is not None:
        if (found := sha256(local)) != digest:
            raise BadInput(f"{local}: SHA-256 is {found}, expected {digest}; replace the file")
        return local
    import pooch  # slow, and not needed by those who only hash

    try:
        cached = pooch.retrieve(
            address,
            f"sha256:{digest}",
            Path(name).name,
            pooch.os_cache("exosift") / Path(name).parent,
        )
    except ValueError as error:
        raise Transient(f"{name}: what {address} gave is not the known file ({error})") from error
    except OSError as error:
        raise Transient(
            f"{name}: download from {address} failed ({error}); try again, or put the "
            "file in a folder and name that in EXOSIFT_DATA"
        ) from error
    return Path(cached)


def local_copy(name: str) -> Path | None:
    """The file `name` in the folder that EXOSIFT_DATA names; None when it is not there."""
    folder = os.environ.get("EXOSIFT_DATA")
    local = Path(folder) / name if folder else None
    return local if local is not None and local.exists() else None


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
