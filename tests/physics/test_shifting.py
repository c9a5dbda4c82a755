"""Sub-pixel shifts: exact, blind beyond the edges, and deaf to NaN."""

import numpy as np
import pytest

from exosift.geometry.shifting import shift, shift_mask

MOVES = np.array([[0.0, 0.0], [3.3, -1.7], [-0.4, 0.6], [-4.0, 2.0], [0.25, 6.6]])


def beyond(moves, shape):
    """Pixels (move, y, x) whose source, to the nearest pixel, lies outside the frame."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    from_x = np.rint(x - moves[:, 0, None, None])
    from_y = np.rint(y - moves[:, 1, None, None])
    return (from_x < 0) | (from_x > shape[1] - 1) | (from_y < 0) | (from_y > shape[0] - 1)


@pytest.mark.parametrize("shape", [(41, 37), (40, 38)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-6)])
def test_a_source_moves_by_the_displacement_in_x_and_y(shape, dtype, tolerance, gaussian):
    moves = np.append(MOVES, [[0.5, -0.5]], axis=0)
    frames = np.tile(gaussian(shape, 18.0, 21.0, 4.0), (len(moves), 1, 1)).astype(dtype)
    given = frames.copy()
    moved = shift(frames, moves)
    expected = np.stack([gaussian(shape, 18 + dx, 21 + dy, 4.0) for dx, dy in moves])
    assert np.nanmax(np.abs(moved - expected)) < tolerance
    assert moved.dtype == dtype
    np.testing.assert_array_equal(frames, given)


def test_what_comes_in_from_beyond_the_edges_is_nan():
    moved = shift(np.ones((len(MOVES), 20, 23)), MOVES)
    np.testing.assert_array_equal(np.isnan(moved), beyond(MOVES, (20, 23)))


def test_a_sky_background_does_not_ring_at_the_edges():
    moved = shift(np.full((len(MOVES), 20, 23), 1e4), MOVES)
    np.testing.assert_allclose(moved[np.isfinite(moved)], 1e4, rtol=1e-12)


def test_nan_moves_with_its_frame_and_leaves_its_neighbours_alone(gaussian):
    shape = (41, 41)
    frames = np.tile(1e4 + 100 * gaussian(shape, 20.0, 20.0, 12.0), (len(MOVES), 1, 1))
    whole = shift(frames, MOVES)
    frames[:, 10:13, 30:32] = np.nan
    moved = shift(frames, MOVES)
    hole = np.zeros(frames.shape, dtype=bool)
    hole[:, 10:13, 30:32] = True
    expected = shift_mask(hole, MOVES)
    np.testing.assert_array_equal(np.isnan(moved), expected)
    # Filled with zeros, the hole would cost its neighbours thousands of counts.
    assert np.nanmax(np.abs(moved - whole)) < 5.0


def test_a_mask_moves_to_the_nearest_pixel_and_covers_what_comes_in():
    mask = np.zeros((len(MOVES), 20, 23), dtype=bool)
    mask[:, 9, 11] = True
    moved = shift_mask(mask, MOVES)
    assert moved.dtype == bool
    outside = beyond(MOVES, (20, 23))
    assert moved[outside].all()
    for image, (dx, dy), out in zip(moved, MOVES, outside, strict=True):
        (y,), (x,) = np.nonzero(image & ~out)
        assert abs(x - 11 - dx) <= 0.5
        assert abs(y - 9 - dy) <= 0.5


def test_a_mask_moved_by_half_a_pixel_loses_and_doubles_nothing():
    mask = np.zeros((4, 12, 13), dtype=bool)
    mask[:, 3:7, 4:9] = np.random.default_rng(0).random((4, 5)) < 0.5
    moved = shift_mask(mask, np.array([[0.5, 0.5], [0.5, -0.5], [-0.5, 0.5], [-0.5, -0.5]]))
    for before, after in zip(mask[:, 3:7, 4:9], moved[:, 2:10, 2:11], strict=True):
        y, x = (axis.min() for axis in np.nonzero(after))
        top, left = (axis.min() for axis in np.nonzero(before))
        np.testing.assert_array_equal(after[y - top :, x - left :][:4, :5], before)
        assert after.sum() == before.sum()
