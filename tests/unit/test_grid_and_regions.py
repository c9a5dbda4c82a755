"""Pixel grids, the sense of the sky, and regions that partition the field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exosift.errors import BadInput
from exosift.geometry.grid import (
    azimuth_map,
    centre_of,
    pixel_position,
    radius_map,
    raw_offset,
    sky_position,
)
from exosift.geometry.regions import Annuli, FullFrame


def test_the_centre_is_half_of_n_minus_one_in_x_then_y():
    assert centre_of((7, 11)) == (5.0, 3.0)
    assert centre_of((2, 3, 8, 6)) == (2.5, 3.5)


def test_radii_are_measured_from_the_centre_or_from_the_given_point():
    radius = radius_map((5, 7))
    assert radius.shape == (5, 7)
    assert radius[2, 3] == 0
    assert radius[0, 0] == pytest.approx(np.sqrt(13))
    moved = radius_map((5, 7), (1.0, 4.0))
    assert moved[4, 1] == 0
    assert moved[4, 6] == 5
    assert moved[0, 1] == 4


@pytest.mark.parametrize(
    ("position_angle", "x", "y"),
    [(0, 10, 25), (90, 5, 20), (180, 10, 15), (270, 15, 20)],
)
def test_north_is_up_and_east_is_left(position_angle, x, y):
    assert pixel_position(5.0, position_angle, (10.0, 20.0)) == pytest.approx((x, y))
    assert sky_position(x, y, (10.0, 20.0)) == pytest.approx((5.0, position_angle))


@settings(deadline=None, max_examples=50)
@given(st.floats(0.1, 300), st.floats(-720, 720), st.floats(-50, 50), st.floats(-50, 50))
def test_pixel_and_sky_positions_are_inverse(separation, angle, x0, y0):
    found = sky_position(*pixel_position(separation, angle, (x0, y0)), (x0, y0))
    assert found[0] == pytest.approx(separation)
    assert 0 <= found[1] <= 360
    assert abs((found[1] - angle + 180) % 360 - 180) < 1e-6


def test_in_raw_frames_a_source_stands_at_its_position_angle_less_the_angle():
    angle = np.array([[0.0, 20.0], [-75.0, 211.0]])
    offset = raw_offset(16.0, 211.0, angle)
    assert offset.shape == (2, 2, 2)
    for place, turn in zip(offset.reshape(-1, 2), angle.ravel(), strict=True):
        assert place == pytest.approx(pixel_position(16.0, 211.0 - turn, (0.0, 0.0)))
    assert offset[1, 1] == pytest.approx((0.0, 16.0))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(15, 60),
    st.integers(15, 60),
    st.floats(0.5, 2.0),
    st.floats(0, 1.0),
    st.floats(2, 5),
)
def test_annuli_partition_the_inscribed_circle(height, width, thick, inner, fwhm):
    annuli = Annuli(thick, inner)
    if (min(height, width) / 2 - inner * fwhm) / (thick * fwhm) < 1.001:
        return
    regions = annuli.partition((height, width), fwhm)
    pixels = np.concatenate([region.pixels for region in regions])
    radius = radius_map((height, width)).ravel()
    inside = np.flatnonzero((radius >= inner * fwhm) & (radius < min(height, width) / 2))
    np.testing.assert_array_equal(np.sort(pixels), inside)
    for region in regions[:-1]:
        assert np.ptp(radius[region.pixels]) < thick * fwhm
        assert np.abs(radius[region.pixels] - region.radius).max() <= thick * fwhm / 2 + 1e-9
    assert np.ptp(radius[regions[-1].pixels]) < 2 * thick * fwhm


def test_annuli_have_the_radius_and_name_of_their_middle_and_edges():
    regions = Annuli(1.0, 1.0).partition((41, 41), 4.0)
    assert [region.name for region in regions] == [
        "annulus 4.0–8.0 px",
        "annulus 8.0–12.0 px",
        "annulus 12.0–16.0 px",
        "annulus 16.0–20.5 px",
    ]
    assert [region.radius for region in regions] == [6.0, 10.0, 14.0, 18.25]


def test_annuli_that_do_not_fit_are_refused():
    with pytest.raises(BadInput) as refused:
        Annuli(3.0, 2.0).partition((31, 41), 4.0)
    assert str(refused.value) == (
        "annuli 3 FWHM wide from 2 FWHM do not fit in a frame of 41×31 px with a FWHM of 4.00 px: "
        "lower width or inner"
    )


def test_the_full_frame_is_every_pixel_beyond_the_inner_radius():
    (everything,) = FullFrame().partition((20, 30), 4.0)
    np.testing.assert_array_equal(everything.pixels, np.arange(600))
    assert everything.radius == 5.0
    (holed,) = FullFrame(inner=1.5).partition((20, 30), 4.0)
    radius = radius_map((20, 30)).ravel()
    np.testing.assert_array_equal(holed.pixels, np.flatnonzero(radius >= 6.0))


@settings(deadline=None, max_examples=30)
@given(st.integers(25, 50), st.one_of(st.integers(1, 7), st.just("auto")), st.floats(0, 1))
def test_segments_partition_the_rings(size, segments, inner):
    rings = Annuli(1.0, inner).partition((size, size), 3.7)
    cut = Annuli(1.0, inner, segments).partition((size, size), 3.7)
    for ring in rings:
        parts = [part for part in cut if part.name.startswith(ring.name)]
        assert all(part.radius == ring.radius for part in parts)
        together = np.sort(np.concatenate([part.pixels for part in parts]))
        np.testing.assert_array_equal(together, ring.pixels)


def test_segments_start_at_plus_x_and_go_counter_clockwise():
    first, second, third, fourth = Annuli(5.0, 0.0, 4).partition((41, 41), 4.0)
    y, x = np.divmod(first.pixels, 41)
    assert (x >= 20).all()
    assert (y >= 20).all()
    y, x = np.divmod(second.pixels, 41)
    assert (x <= 20).all()
    assert (y >= 20).all()
    assert second.name == "annulus 0.0–20.5 px, 90–180°"
    assert abs(third.pixels.size - fourth.pixels.size) <= 1


def test_automatic_segments_are_about_twice_as_long_as_wide():
    for region in Annuli(1.0, 1.0, "auto").partition((201, 201), 4.0):
        low, high = (float(p) for p in region.name.split(" ")[1].split("–"))
        length = region.pixels.size / (high - low)
        assert 0.7 < length / (2 * (high - low)) < 1.4


def test_a_zone_has_the_azimuths_and_inner_edge_of_its_segment_and_is_wider():
    radius = radius_map((61, 61)).ravel()
    azimuth = azimuth_map((61, 61)).ravel()
    for region in Annuli(1.0, 1.0, 3).partition((61, 61), 4.0, widened=2.0):
        assert set(region.pixels) <= set(region.zone)
        assert np.ptp(azimuth[region.zone]) <= 120
        low, high = radius[region.pixels].min(), radius[region.pixels].max()
        assert radius[region.zone].min() == low
        assert high + 3 < radius[region.zone].max() < low + 2 * (high - low) + 2


def test_azimuths_run_counter_clockwise_from_plus_x():
    azimuth = azimuth_map((5, 5))
    assert azimuth[2, 4] == 0
    assert azimuth[4, 2] == 90
    assert azimuth[2, 0] == 180
    assert azimuth[0, 2] == 270


@pytest.mark.parametrize("segments", [0, -3])
def test_no_segments_are_refused(segments):
    with pytest.raises(BadInput, match=f"segments is {segments}, expected 1 or more, or auto"):
        Annuli(segments=segments)
