"""`residuals.zarr`: what subtraction leaves of a sequence, before and after derotation."""

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Several
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr

from exosift.compute.blocks import together
from exosift.errors import BadInput
from exosift.io.sequences import CUBE
from exosift.io.store import Plan, open_store, read_part, writing
from exosift.psfsub.engine import Reduced
from exosift.types import Floats, Shape


@dataclass(frozen=True, eq=False)
class Residuals:
    """What a reduction left of a sequence, its frames left on disk."""

    group: zarr.Group

    @classmethod
    def open(cls, store: Path) -> "Residuals":
        """Raises BadInput when the store holds no residuals, Failed when it is damaged."""
        group = open_store(store)
        if "residuals" not in group:
            raise BadInput(f"{store}: not the residuals of a reduction; run `exosift subtract`")
        return cls(group)

    @property
    def shape(self) -> Shape:
        """(variant, wavelength, time, y, x)."""
        return tuple(self.group["residuals"].shape)

    @property
    def itemsize(self) -> int:
        """Bytes of a value."""
        return int(self.group["residuals"].dtype.itemsize)

    def frames(self, variant: int, channel: int, times: slice) -> Floats:
        """Some frames (time, y, x) of a variant and a wavelength, before derotation."""
        part = (slice(variant, variant + 1), slice(channel, channel + 1), times)
        return np.asarray(read_part(self.group, "residuals", part)[0, 0])


@contextmanager
def writing_residuals(
    store: Path, variants: Several[float], shape: Shape, dtype: str
) -> Iterator[Mapping[str, zarr.Array]]:
    """Arrays residuals and image, to be written, of a sequence of `shape`.

    residuals, not derotated, are (variant, wavelength, time, y, x), written by whole `together`.
    """
    channels, frames, height, width = shape
    size = min(frames, together(height * width * np.dtype(dtype).itemsize))
    count = len(variants)
    plans = {
        "residuals": Plan(
            ("variant", *CUBE),
            (count, *shape),
            dtype,
            (1, 1, size, height, width),
            compressed=False,
        ),
        "image": Plan(
            ("variant", "wavelength", "y", "x"),
            (count, channels, height, width),
            dtype,
            (1, 1, height, width),
        ),
        "variant": Plan(("variant",), (count,), "float64", (count,)),
    }
    comment = "residuals: frames minus star, not derotated; image: derotated, combined over time"
    with writing(store, plans, {"comment": comment}) as arrays:
        arrays["variant"][...] = np.asarray(variants, dtype=np.float64)
        yield arrays


def write_residuals(store: Path, reduced: Reduced) -> None:
    """Write the residuals of a reduction, not derotated, and the image of each wavelength."""
    left = reduced.residuals
    with writing_residuals(store, reduced.variants, left.shape[1:], str(left.dtype)) as arrays:
        arrays["residuals"][...] = left
        arrays["image"][...] = reduced.channels
