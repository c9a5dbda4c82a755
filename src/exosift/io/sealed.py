"""Arrays and a header in one file that cannot run anything, sealed by a hash of its content.

A `.npz` archive of NumPy arrays, read without pickles. Two of the arrays are special: `header`,
JSON, and `seal`, the SHA-256 of all others. The same content gives the same bytes.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from exosift.errors import BadInput
from exosift.io.atomic import whole

Sealed = tuple[dict[str, np.ndarray], dict[str, Any]]
"""Arrays by name, and the header."""


def write_sealed(path: Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Write arrays and a header to `path`, a `.npz`, whole or not at all."""
    text = json.dumps(header, sort_keys=True, allow_nan=False).encode()
    content = {**arrays, "header": np.frombuffer(text, dtype=np.uint8)}
    content["seal"] = np.frombuffer(_digest(content), dtype=np.uint8)
    with whole(path) as partial:
        np.savez_compressed(partial, allow_pickle=False, **content)


def read_sealed(path: Path, what: str, remedy: str) -> Sealed:
    """Read what `write_sealed` wrote. Raises BadInput for anything else: `what` it should be."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files}
        seal = content.pop("seal").tobytes()
        if seal != _digest(content):
            raise ValueError("its content is not what was written")
        header = dict(json.loads(content.pop("header").tobytes()))
    except FileNotFoundError:
        raise BadInput(f"{path}: there is no such file; {remedy}") from None
    except (
        OSError,
        ValueError,
        KeyError,
        AttributeError,  # one array, which is no archive
        TypeError,
        EOFError,
        NotImplementedError,  # ways of compression that Python does not know
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"{path}: not {what}, or damaged ({reason}); {remedy}") from error
    return content, header


def _digest(content: Mapping[str, np.ndarray]) -> bytes:
    """SHA-256 of all arrays: names, types, shapes, values."""
    found = hashlib.sha256()
    for name in sorted(content):
        values = content[name]
        found.update(f"{name} {values.dtype.str} {values.shape} ".encode())
        found.update(np.ascontiguousarray(values).tobytes())
    return found.digest()
