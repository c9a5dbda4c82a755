"""What the loop over regions refuses, and that it names the frame and the region."""

import numpy as np
import pytest

from exosift.errors import BadInput
from exosift.geometry.regions import Annuli, FullFrame
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.engine import subtract
from exosift.psfsub.library import References
from exosift.psfsub.mean import Mean
from exosift.psfsub.pca import Pca
from exosift.psfsub.stack import Stack

FRAMES = np.random.default_rng(0).normal(size=(12, 25, 25))
SPREAD = np.linspace(0, 80, 12)


def refusal(frames, angle, reduction):
    with pytest.raises(BadInput) as refused:
        subtract(Stack.of(frames, angle), 4.0, reduction)
    return str(refused.value)


def test_a_library_too_small_is_refused_naming_the_frame_and_the_region():
    angle = np.array([0.0] * 11 + [60.0])
    reduction = Reduction(Mean(), Annuli(1.0, 1.0), References(1.0))
    assert subtract(Stack.of(FRAMES, angle), 4.0, reduction).shape == (1, 12, 25, 25)
    angle[5], angle[11] = 30.0, 40.0
    assert refusal(FRAMES, angle, reduction) == (
        "annulus 4.0–8.0 px: the library of frame 5 holds 0 frames, mean needs 1: lower "
        "references.movement or the ranks, or raise regions.inner"
    )


@pytest.mark.parametrize(
    ("model", "needed"),
    [(Pca((2, 12), "temporal"), 13), (Pca((2, 13), "none"), 13), (Pca((13,), "spatial"), 13)],
)
def test_a_rank_too_large_for_the_library_is_refused(model, needed):
    assert refusal(FRAMES, SPREAD, Reduction(model, FullFrame())) == (
        f"full frame: the library of frame 0 holds 12 frames, pca of rank {max(model.ranks)} needs "
        f"{needed}: lower references.movement or the ranks, or raise regions.inner"
    )


def test_the_largest_rank_that_the_library_allows_is_accepted():
    left = subtract(Stack.of(FRAMES, SPREAD), 4.0, Reduction(Pca((11,), "temporal"), FullFrame()))
    assert np.abs(left).max() < 1e-9


def test_a_region_without_pixels_common_to_all_frames_is_refused():
    frames = FRAMES.copy()
    radius = np.hypot(*(np.mgrid[:25, :25] - 12))
    frames[3, (radius >= 4) & (radius < 8)] = np.nan
    reduction = Reduction(Mean(), Annuli(1.0, 1.0))
    pixels = int(((radius >= 4) & (radius < 8)).sum())
    assert refusal(frames, SPREAD, reduction) == (
        f"annulus 4.0–8.0 px: only 0 of {pixels} pixels have a value in every frame; drop the "
        "frames that lack them or leave the region out"
    )


def test_a_region_keeps_going_with_half_its_pixels_and_not_with_fewer():
    frames = FRAMES.copy()
    frames[3, 13:] = np.nan  # 325 of 625 pixels are left
    left = subtract(Stack.of(frames, SPREAD), 4.0, Reduction(Mean(), FullFrame()))
    assert np.isnan(left[:, :, 13:]).all()
    assert np.isfinite(left[:, :, :13]).all()
    frames[5, 12] = np.nan
    assert "only 300 of 625 pixels" in refusal(frames, SPREAD, Reduction(Mean(), FullFrame()))
