"""The figures: North up, East left, circles where the candidates are, the same bytes every time."""

import numpy as np
import pytest
from matplotlib.patches import Circle

from exosift.geometry.grid import pixel_position
from exosift.report.annotations import bar_length
from exosift.report.figures import (
    FLUX,
    PROBABILITY,
    View,
    detection_figure,
    margin_within,
    registration_figure,
    save,
    snr_within,
)
from exosift.report.summary import CandidateRow

SIZE = 61
VIEW = View(pixel_scale=27.19, centre=(30.0, 30.0), fwhm=4.0)
SHOWN = (FLUX, snr_within(5.0))
CANDIDATES = (
    CandidateRow(41.5, 20.25, 400.0, 230.0, 11.8, 3e-6, 2e-3, 10),
    CandidateRow(58.0, 50.0, 900.0, 306.0, 5.3, 1e-2, 0.9, None),
)


@pytest.fixture
def image():
    values = np.random.default_rng(7).normal(size=(SIZE, SIZE))
    values[25:36, 25:36] = np.nan
    return values


@pytest.fixture
def figure(image):
    return detection_figure((image, image), SHOWN, CANDIDATES, VIEW, title="betapic · e1 · pca $k$")


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def by_gid(axes, gid):
    return [artist for artist in axes.get_children() if artist.get_gid() == gid]


def on_screen(axes, x, y):
    return axes.transData.transform((x, y))


def test_circles_are_at_the_candidates_in_data_coordinates(figure):
    assert len(panels(figure)) == 2
    for axes in panels(figure):
        circles = [p for p in axes.patches if isinstance(p, Circle)]
        assert [c.center for c in circles] == [(41.5, 20.25), (58.0, 50.0)]
        for circle, row in zip(circles, CANDIDATES, strict=True):
            assert circle.get_transform().transform((0, 0)) == pytest.approx(
                on_screen(axes, row.x, row.y)
            )
        assert [t.get_text() for t in axes.texts if t.get_text().isdigit()] == ["1", "2"]


def test_images_grow_upwards_and_fill_the_panel(figure):
    for axes in panels(figure):
        assert axes.images[0].origin == "lower"
        assert axes.get_xlim() == (-0.5, SIZE - 0.5)
        assert axes.get_ylim() == (-0.5, SIZE - 0.5)


@pytest.mark.parametrize(("letter", "angle"), [("N", 0.0), ("E", 90.0)])
def test_compass_agrees_with_position_angles(figure, letter, angle):
    figure.canvas.draw()
    target = pixel_position(10.0, angle, VIEW.centre)
    for axes in panels(figure):
        (arrow,) = by_gid(axes, f"compass {letter}")
        pointing = np.subtract(arrow.xyann, arrow.xy)
        sky = on_screen(axes, *target) - on_screen(axes, *VIEW.centre)
        assert pointing / np.hypot(*pointing) == pytest.approx(sky / np.hypot(*sky), abs=1e-9)
        assert arrow.get_text() == letter
    assert letter == "N" or pointing[0] < 0  # East is left


def test_scale_bar_has_the_length_it_states(figure):
    (bar,) = by_gid(panels(figure)[0], "scale bar")
    x = bar.get_xdata()
    assert (x[1] - x[0]) * VIEW.pixel_scale == pytest.approx(200.0)
    assert "0.2″" in [t.get_text() for t in panels(figure)[0].texts]


@pytest.mark.parametrize(
    ("field", "bar"), [(2.75, 0.5), (0.9, 0.2), (11.0, 2.0), (4.0, 1.0), (0.04, 0.01), (8.0, 2.0)]
)
def test_scale_bars_are_round(field, bar):
    assert bar_length(field) == pytest.approx(bar)


def test_a_classifier_shows_probabilities_and_margins(image):
    shown = PROBABILITY, margin_within(4.0)
    probability = 1 / (1 + np.exp(-image))
    figure = detection_figure((probability, image), shown, CANDIDATES, VIEW, title="learnt")
    first, second = (axes.images[0] for axes in panels(figure))
    assert first.get_clim() == (0.0, 1.0)
    assert second.get_clim() == (-4.0, 4.0)
    bars = [bar.get_ylabel() for axes in panels(figure) for bar in axes.child_axes]
    assert bars == ["probability, not calibrated", "margin: log-odds of a companion"]


def test_stretch_is_symmetric_and_blind_to_nan(figure, image):
    shown, snr = (axes.images[0] for axes in panels(figure))
    limit = np.percentile(np.abs(image[np.isfinite(image)]), 99.5)
    assert shown.get_clim() == pytest.approx((-limit, limit))
    assert snr.get_clim() == (-5.0, 5.0)
    red, green, blue, alpha = shown.cmap.get_bad()
    assert np.ptp((red, green, blue)) < 0.06
    assert alpha == 1
    assert np.ma.getmaskarray(shown.get_array())[30, 30]


@pytest.mark.parametrize("value", [np.nan, 0.0, np.inf])
def test_images_with_nothing_to_see_are_drawn(value, tmp_path):
    blank = np.full((SIZE, SIZE), value)
    save(detection_figure((blank, blank), SHOWN, (), VIEW, title="blank"), tmp_path / "a.png")
    save(registration_figure(blank, (30.0, 30.0), 27.19, "blank"), tmp_path / "b.png")
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.png"}


def test_inputs_are_untouched(image):
    before = image.copy()
    detection_figure((image, image), SHOWN, CANDIDATES, VIEW, title="")
    registration_figure(image, (30.0, 30.0), 27.19, "")
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    "star", [(30.0, 30.0), (10.5, 50.0), (50.0, 50.0), (50.0, 8.0), (8.0, 8.0)]
)
def test_registration_cross_hair_surrounds_the_star_and_the_inset_keeps_off(image, star):
    figure = registration_figure(image, star, 27.19, "raw")
    (axes,) = panels(figure)
    strokes = np.array([line.get_xydata() for line in by_gid(axes, "cross-hair")])
    assert strokes.reshape(-1, 2).mean(axis=0) == pytest.approx(star)
    (inset,) = axes.child_axes
    assert np.mean(inset.get_xlim()) == pytest.approx(star[0])
    assert np.mean(inset.get_ylim()) == pytest.approx(star[1])
    figure.canvas.draw()
    assert not inset.bbox.contains(*on_screen(axes, *star))


def test_the_same_figure_gives_the_same_bytes(image, tmp_path):
    for name in ("a.png", "b.png"):
        save(
            detection_figure((image, image), SHOWN, CANDIDATES, VIEW, title="once"), tmp_path / name
        )
    first, second = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first == second
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(first[16:20], "big") == 1400
    assert b"Software\x00exosift" in first
    assert b"Creation" not in first
