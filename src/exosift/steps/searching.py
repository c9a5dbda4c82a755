"""From the products of a reduction to the maps that are searched for candidates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exosift import threads
from exosift.detect.candidates import Searched
from exosift.detect.maps import Detection, Known, given, places_of, small_samples
from exosift.detect.search import Search, Statistic
from exosift.detect.significance import Null
from exosift.detect.snr import SmallSample, small_sample
from exosift.errors import BadInput
from exosift.geometry.grid import centre_of, pixel_position
from exosift.io.fits import observation_of, read_images
from exosift.photometry.known import KnownCompanion
from exosift.types import Bools, Floats

# Pixels within so many FWHM of a known companion do not count as noise.
_KNOWN = 1.0


@dataclass(frozen=True)
class Products:
    """Files of a reduction: its images; an S/N map of them that is `given`, its noise normal.

    sequence, residuals: the stores that the matched filter and STIM look at.
    """

    image: Path
    given: Path | None = None
    sequence: Path | None = None
    residuals: Path | None = None

    @property
    def files(self) -> list[Path]:
        """What a change of any of these changes; of a store, its manifest."""
        stores = [path.with_name(f"{path.name}.json") for path in self._stores]
        return [self.image, *([self.given] if self.given else []), *stores]

    @property
    def _stores(self) -> list[Path]:
        return [path for path in (self.sequence, self.residuals) if path]


def null_of(products: Products, search: Search, header: Mapping[str, Any]) -> Null:
    """What the S/N of noise follows in these products, of which the images have that header."""
    if not header.get("KEEPNOIS", True):
        return "unknown"
    if products.given:
        return "normal"
    return "laplace" if search.noise == "laplace" else "student"


def maps_to_search(
    products: Products, search: Search, known: tuple[KnownCompanion, ...]
) -> tuple[Searched, Floats, Mapping[str, Any]]:
    """What is searched; the images (rank, y, x) and their header."""
    images, header = read_images(products.image)
    observation = observation_of(header)
    centre, fwhm = centre_of(images.shape), observation.fwhm[0]
    places = tuple(
        pixel_position(one.separation / observation.pixel_scale, one.position_angle, centre)
        for one in known
    )
    null = null_of(products, search, header)
    there = Known(places, _KNOWN * fwhm)
    snr = _snr(products, images, fwhm, null, there)
    # A given S/N is the root of a likelihood, whose peak is the best place; a flux need not be.
    light = snr.statistic if products.given else images
    searched = Searched(
        images=light,
        snr=snr,
        places=places_of(light, fwhm, null),
        ranks=tuple(header[f"RANK{i}"] for i in range(1, header["NRANKS"] + 1)),
        fwhm=fwhm,
        others={
            name: _stim(products, fwhm)
            if name == "stim"
            else _matched(products, images, fwhm, null, there)
            for name in (() if products.given else search.maps)
        },
        known=places,
    )
    return searched, images, header


def _snr(products: Products, images: Floats, fwhm: float, null: Null, known: Known) -> Detection:
    """The S/N maps that are given, or those of apertures; refuse them where nothing can be told."""
    if products.given:
        snr, _ = read_images(products.given)
        if snr.shape != images.shape or not np.isfinite(snr).any():
            raise BadInput(
                f"{products.given}: an S/N map of shape {snr.shape} with {np.isfinite(snr).sum()} "
                f"values for an image of shape {images.shape}; give the one that belongs to the "
                "image"
            )
        return given(snr, null)

    def measure(image: Floats, left_out: Bools) -> SmallSample:
        return small_sample(image, fwhm, left_out)

    found = small_samples(images, measure, null, known)
    if not np.isfinite(found.statistic).any():
        raise BadInput(
            f"{products.image}: no pixel has enough apertures around the star to tell a signal "
            "from noise: widen the regions or give larger frames"
        )
    return found


def _matched(
    products: Products, images: Floats, fwhm: float, null: Null, known: Known
) -> Detection:
    """S/N of the matched filter, by the sequence's PSF, averaged over wavelengths."""
    from exosift.detect.matched import matched_sample
    from exosift.io.sequences import read_psf

    psf = read_psf(_needed(products.sequence, "matched", "sequence")).mean(axis=0)

    def measure(image: Floats, left_out: Bools) -> SmallSample:
        return matched_sample(image, psf, fwhm, left_out)

    return small_samples(images, measure, null, known)


def _stim(products: Products, fwhm: float) -> Detection:
    """Normalised STIM of the residuals."""
    from exosift.compute.cluster import opened
    from exosift.compute.trajectories import stored_stims
    from exosift.io.residuals import Residuals
    from exosift.io.sequences import read_header

    _, angle = read_header(_needed(products.sequence, "stim", "sequence"))
    left = Residuals.open(_needed(products.residuals, "stim", "residuals"))
    with opened("threads", threads.budget()) as workers:
        return stored_stims(left, angle, fwhm, workers)


def _needed(path: Path | None, name: Statistic, what: str) -> Path:
    if path is None:
        raise BadInput(f"search.maps: `{name}` needs the {what}: give the store by --{what}")
    return path
