"""The shears as products: what `derotate` makes of the same pixels."""

import numpy as np
import pytest

from exosift.geometry.rotation import derotate
from exosift.geometry.turning import Box, Turn

ANGLES = [0.0, 17.3, 44.9, -45.1, 90.0, 133.0, -120.0, 210.5]


@pytest.mark.parametrize("degrees", ANGLES)
@pytest.mark.parametrize("size", [41, 36])
def test_a_box_is_turned_as_the_whole_frame_is(degrees, size):
    rng = np.random.default_rng(1)
    seen, wanted = Box((6, size - 6), (6, size - 6)), Box((9, 21), (4, 30))
    frames = np.zeros((3, size, size))
    frames[:, 6:-6, 6:-6] = rng.normal(size=(3, size - 12, size - 12))
    expected = derotate(frames, np.full(3, degrees))[:, 9:21, 4:30]
    turn = Turn.by(degrees, size, seen, wanted, np.float64)
    inside = frames[:, 6:-6, 6:-6]
    found = turn.of(inside.transpose(1, 2, 0)).transpose(2, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    pixels = np.array([0, 5, 100, 311])
    weights = turn.weights(pixels)
    weighed = np.einsum("pyx,kyx->kp", weights, inside)
    np.testing.assert_allclose(weighed, expected.reshape(3, -1)[:, pixels], atol=1e-12)


def test_boxes_hold_their_pixels():
    pixels = np.array([3 * 20 + 5, 7 * 20 + 2, 4 * 20 + 11])
    box = Box.around(pixels, 20)
    assert box == Box((3, 8), (2, 12))
    np.testing.assert_array_equal(box.within(pixels, 20), [3, 40, 19])
    assert Box.centred(pixels, 20) == Box((2, 18), (2, 18))
    assert Box.centred(np.array([19]), 20) == Box((0, 20), (0, 20))
