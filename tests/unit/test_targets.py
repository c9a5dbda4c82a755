"""A target's page and figures: its objects, what decides of each, its epochs side by side."""

import dataclasses
import math

import numpy as np
import pytest

from exosift.report.figures import Panel, View, epochs_figure
from exosift.report.motion import motion_figure, years
from exosift.report.pages import render, render_target
from exosift.report.targets import ObjectSummary, Sighting, TargetSummary
from exosift.survey.catalogue import Epoch, Peak, Source
from exosift.survey.motion import Sky
from exosift.survey.verdict import Linked, Verdict
from tests.unit.test_report import Page, observation, run_of

NAN = math.nan
FIRST = Sighting("2013-02-01", (452.3, 3.1), (210.87, 0.41), 11.8, 2e-5, "2 of 3", True, True)
SECOND = dataclasses.replace(FIRST, epoch="2015-01-15", measured=False, known=False)
PLANET = ObjectSummary(
    1, "companion", "log odds +9.3", "2 of 2", 3e-8, 9.3, 1.4, 21.7, 2, (FIRST, SECOND)
)
SPECKLE = ObjectSummary(
    2, "single epoch", "seen in 1 of 2 epochs", "1 of 2", 0.3, NAN, NAN, NAN, 0, (FIRST,)
)


def target(**changes):
    plain = TargetSummary(
        name="betapic",
        page="target-betapic.html",
        star=(("Parallax", "51 mas, 19.6 pc"),),
        objects=(PLANET, SPECKLE),
        observations=(observation(),),
        motion="target-betapic-motion.png",
        images="target-betapic-epochs.png",
    )
    return dataclasses.replace(plain, **changes)


def test_page_of_a_target_tells_its_objects_and_what_decides():
    page = Page(render_target(target(), run_of(observation())))
    for shown in (
        "2 objects beside the star in 1 epoch; 1 of them seen more than once.",
        "log odds +9.3",
        "3×10⁻⁸",
        "1.4 / 2",
        "21.7",
        "452.3 ± 3.1 mas",
        "2 of 3, measured",
        "51 mas, 19.6 pc",
    ):
        assert shown in page.text
    assert {"target-betapic-motion.png", "target-betapic-epochs.png"} <= set(page.images)
    assert "index.html" in page.addresses
    assert len(set(page.ids)) == len(page.ids)


def test_index_links_targets_and_lists_what_was_seen_twice():
    page = Page(render(run_of(observation()), [target()]))
    assert "Objects seen more than once" in page.text
    assert "log odds +9.3" in page.text
    assert "seen in 1 of 2 epochs" not in page.text
    assert page.addresses.count("target-betapic.html") == 2


def test_many_observations_are_told_on_their_targets_pages_alone():
    run = run_of(*[observation() for _ in range(300)])
    page = Page(html := render(run, [target()]))
    assert page.ids == []
    assert "observation-1" not in html
    assert page.addresses.count("target-betapic.html") == 302
    assert len(html) < 300_000


def test_target_without_candidates_says_so():
    page = Page(render_target(target(objects=(), motion=None, images=None), run_of(observation())))
    assert "No candidates in 1 epoch." in page.text


MJD = np.linspace(57000, 57730, 50)
PASSED = np.stack([-0.1 * (MJD - MJD[0]), 0.2 * (MJD - MJD[0])], axis=1)


def linked(*offsets, kind="companion"):
    sources = tuple(
        Source(
            Epoch(str(n), time, 80.0, 1000.0, ("pca",)),
            Peak("pca", 300.0, 90.0, 9.0),
            ("pca",),
            np.array(offset, dtype=float),
            25.0 * np.eye(2),
            1e-4,
        )
        for n, (time, offset) in enumerate(zip(MJD[[0, -1]], offsets, strict=False))
    )
    return Linked(sources, Verdict(kind, "", 2, 1e-6))


def test_motion_figure_shows_places_and_the_track_of_the_background():
    one = linked((300.0, 10.0), (300.0, 10.0))
    figure = motion_figure([one], MJD, Sky((MJD - MJD[0]) / 365.25, PASSED), "T")
    separation, angle = figure.axes
    (track,) = [line for line in separation.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(track.get_ydata(), np.hypot(*(np.array([300.0, 10.0]) + PASSED).T))
    np.testing.assert_allclose(track.get_xdata(), years(MJD))
    (track,) = [line for line in angle.lines if line.get_linestyle() == "--"]
    assert np.ptp(track.get_ydata()) < 90
    assert years(np.array([51544.5])) == pytest.approx(2000.0)


def test_motion_figure_without_proper_motion_has_no_track():
    sky = Sky((MJD - MJD[0]) / 365.25, None)
    figure = motion_figure([linked((300.0, 0.0), (290.0, 9.0))], MJD, sky, "T")
    assert not [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]


def test_epochs_are_on_one_scale_and_marked_alike():
    images = [np.random.default_rng(1).normal(size=(side, side)) for side in (41, 61)]
    views = [View(20.0, (20.0, 20.0), 4.0), View(10.0, (30.0, 30.0), 8.0)]
    places = ((25.0, 20.0), (40.0, 30.0))
    panels = [
        Panel(f"epoch {n}", image, view, (("3", place),))
        for n, (image, view, place) in enumerate(zip(images, views, places, strict=True))
    ]
    figure = epochs_figure(panels, title="T")
    shown = [
        np.ptp(axes.get_xlim()) * v.pixel_scale for axes, v in zip(figure.axes, views, strict=True)
    ]
    assert shown[0] == pytest.approx(shown[1])
    for axes, place in zip(figure.axes, places, strict=True):
        (ring,) = axes.findobj(lambda one: one.get_gid() == "candidate 3")
        assert ring.center == place
