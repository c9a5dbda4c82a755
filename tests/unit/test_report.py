"""The report page: what it says of success, failure and absence, and that it is sound HTML."""

import dataclasses
import math
from html.parser import HTMLParser

import pytest

from exosift.report import notation
from exosift.report.pages import render
from exosift.report.summary import (
    CandidateRow,
    LearntSummary,
    ObservationSummary,
    ReductionSummary,
    RocSummary,
    RunSummary,
    Source,
)

NAN = math.nan
PLANET = CandidateRow(58.4, 35.5, 452.3, 210.87, 11.83, 2.9e-6, 2.1e-3, 10)
SPECKLE = CandidateRow(70.0, 60.0, 608.0, 296.6, 5.24, 0.0123, 0.97, None)


SPARSE = CandidateRow(58.4, 35.5, 452.3, 210.87, 25.0, NAN, NAN, None)
TOLD = dataclasses.replace(PLANET, known=True, stim=1.84, matched=9.27)


def reduction(name="annular-pca", **changes):
    plain = ReductionSummary(
        name, "done", "", (), f"betapic/e1/{name}/detection.png", "model: pca\n"
    )
    return dataclasses.replace(plain, **changes)


def observation(target="betapic", **changes):
    plain = ObservationSummary(
        target=target,
        epoch="2013-02-01",
        instrument="NACO",
        filter="L'",
        status="done",
        line="",
        frames=61,
        rotation=83.44,
        pixel_scale=27.19,
        fwhm=4.8,
        star=(50.0, 50.25),
        contrast_note="8.1×10⁻⁵ at 0.5″",
        history={"angle": "PARANG at mid-exposure", "star": "Gaussian fit", "sky_level": "median"},
        figure="betapic/e1/registration.png",
        reductions=(reduction(candidates=(PLANET, SPECKLE)),),
    )
    return dataclasses.replace(plain, **changes)


def unread(**changes):
    """An observation that did not come past its headers."""
    bare = {
        "status": "bad input",
        "line": "n0412.fits: PARANG is absent",
        "frames": 0,
        "rotation": NAN,
        "pixel_scale": NAN,
        "fwhm": NAN,
        "star": (NAN, NAN),
        "contrast_note": "",
        "history": {},
        "figure": None,
        "reductions": (reduction(status="missing", line="", figure=None),),
    }
    return observation("HR 8799", **(bare | changes))


def run_of(*observations, **changes):
    plain = RunSummary(
        "Demonstration",
        observations,
        "threshold: 5.0\n",
        {"numpy": "2.3.1"},
        "snakemake -c2",
        "today",
    )
    return dataclasses.replace(plain, **changes)


VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Collects text, ids and addresses, and refuses tags that do not close where they should."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.words, self.ids, self.addresses, self.images = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.addresses += [found[key] for key in ("href", "src") if key in found]
        if tag == "img":
            assert found["alt"]
            self.images.append(found["src"])

    def handle_endtag(self, tag):
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def test_success_shows_numbers_as_astronomers_write_them():
    page = Page(render(run_of(observation())))
    for shown in (
        "11.8",
        "452 mas",
        "210.9°",
        "3×10⁻⁶",
        "83.4°",
        "27.19 mas/px",
        "x 50.00, y 50.25 px",
    ):
        assert shown in page.text
    for said in ("PARANG at mid-exposure", "Gaussian fit", "sky level", "8.1×10⁻⁵ at 0.5″"):
        assert said in page.text
    for said in (
        "threshold: 5.0",
        "numpy",
        "2.3.1",
        "snakemake -c2",
        "model: pca",
        "Demonstration",
    ):
        assert said in page.text
    assert "1 of 1 observation shows at least one candidate" in page.text
    assert "What is missing" not in page.text
    assert page.images == ["betapic/e1/registration.png", "betapic/e1/annular-pca/detection.png"]


def test_every_failure_is_said_in_its_own_words():
    partly = observation(
        reductions=(
            reduction(candidates=(PLANET,)),
            reduction(
                "loci", status="failed", line="frame 31 has 4 usable references", figure=None
            ),
            reduction("llsg", status="missing", line="stopped before it ran", figure=None),
            reduction(
                "rdi", status="nothing to do", line="no reference star is listed", figure=None
            ),
        )
    )
    run = run_of(partly, unread())
    page = Page(render(run))
    assert "What is missing, and why" in page.text
    for problem in run.problems:
        assert page.text.count(problem.line) >= 2  # on top, and in its own section
    lines = [problem.line for problem in run.problems]
    assert lines[-1] == "no reference star is listed"
    assert len(lines) == 4
    assert (run.done, run.failed) == (0, 2)
    assert "partly done" in page.text
    assert "nan" not in page.text.lower().split()


def test_a_failure_without_words_still_says_something():
    page = Page(render(run_of(unread(line=""))))
    assert "No reason was recorded" in page.text
    assert "Not reached: the observation stopped before it." in page.text


def test_no_candidates_is_said():
    page = Page(render(run_of(observation(reductions=(reduction(),)))))
    assert "No candidates in 1 observation." in page.text
    assert "No candidates above the threshold." in page.text


def test_nothing_to_do_is_no_failure():
    idle = observation(
        reductions=(reduction(), reduction("rdi", status="nothing to do", line="alone"))
    )
    page = Page(render(run_of(idle)))
    assert "Where there was nothing to do" in page.text
    assert "What is missing" not in page.text


def test_a_run_without_observations_has_a_page():
    assert "lists no observations" in Page(render(run_of())).text


def test_text_is_escaped():
    hostile = '<script>alert("x")</script> & <b>'
    html = render(
        run_of(
            observation(
                target=hostile,
                reductions=(reduction(status="failed", line=hostile, settings=hostile),),
            ),
            title=hostile,
            config=hostile,
        )
    )
    assert "<script" not in html
    assert hostile in Page(html).text


def test_addresses_stay_local_and_are_quoted():
    html = render(run_of(observation(figure="HD 95086/e#1/registration.png"), unread()))
    page = Page(html)
    assert "HD%2095086/e%231/registration.png" in page.images
    anchors = [a[1:] for a in page.addresses if a.startswith("#")]
    assert anchors == ["observation-1", "observation-2"]
    assert set(anchors) <= set(page.ids)
    assert not any("//" in address for address in page.addresses)
    assert "url(" not in html
    assert "@import" not in html


def test_sources_merge_reductions_within_one_fwhm():
    near = dataclasses.replace(PLANET, separation=500.0, snr=7.0)
    both = observation(
        reductions=(reduction(candidates=(near,)), reduction("loci", candidates=(PLANET, SPECKLE)))
    )
    assert both.sources == (
        Source(PLANET, ("loci", "annular-pca")),
        Source(SPECKLE, ("loci",)),
    )
    assert both.strongest == both.sources[0]
    run = run_of(observation("other", reductions=(reduction(candidates=(SPECKLE,)),)), both)
    assert (run.sources, run.with_candidates) == (3, 2)
    assert run.strongest == (both, both.sources[0])


def test_sources_across_north_are_one():
    a = dataclasses.replace(PLANET, position_angle=359.5)
    b = dataclasses.replace(PLANET, position_angle=0.5, snr=NAN)
    merged = observation(
        reductions=(reduction(candidates=(b,)), reduction("loci", candidates=(a,)))
    )
    assert [source.row for source in merged.sources] == [a]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2.9e-6, "3×10⁻⁶"),
        (0.0123, "0.01"),
        (9.7e-5, "1×10⁻⁴"),
        (2e-12, "2×10⁻¹²"),
        (9e-13, "<10⁻¹²"),
        (0.0, "<10⁻¹²"),
        (NAN, "–"),
        (1.0, "1.00"),
    ],
)
def test_fractions(value, written):
    assert notation.fraction(value) == written


def test_angles_and_decimals():
    assert notation.position_angle(359.98) == "0.0°"
    assert notation.decimal(-3.25, 2) == "−3.25"
    assert notation.separation(NAN) == "–"


def test_other_maps_and_known_companions_are_told_where_there_are_any():
    plain = render(run_of(observation()))
    assert ">STIM<" not in plain
    page = render(run_of(observation(reductions=(reduction(candidates=(TOLD, SPECKLE)),))))
    for told in (">STIM<", ">Matched<", ">1.8<", ">9.3<", "1 known<", ">–<"):
        assert told in page


def test_an_snr_that_is_no_significance_does_not_lead():
    both = (reduction("llsg", candidates=(SPARSE,)), reduction(candidates=(PLANET,)))
    seen = observation(reductions=both)
    assert seen.strongest.row == PLANET
    assert set(seen.strongest.reductions) == {"llsg", "annular-pca"}
    alone = observation(reductions=both[:1])
    assert alone.strongest.row == SPARSE
    assert ">25.0<" in render(run_of(alone))


def test_curves_of_methods_are_shown_or_missed():
    shown = observation(roc=RocSummary("done", "", "betapic/e1/roc.png"))
    page = Page(render(run_of(shown)))
    assert "betapic/e1/roc.png" in page.images
    assert run_of(shown).problems == ()
    missed = run_of(observation(roc=RocSummary("bad input", "bin 2–40 FWHM: lower it")))
    assert "bin 2–40 FWHM: lower it" in Page(render(missed)).text
    assert [(p.reduction, p.status) for p in missed.problems] == [("ROC", "bad input")]
    assert "false positives" not in Page(render(run_of(observation()))).text


def test_a_classifier_is_told_by_margins_its_card_and_its_training():
    learnt = LearntSummary("trained on other stars", "b/e/net/card.md", "b/e/net/training.png")
    told = observation(reductions=(reduction("net", candidates=(SPARSE,), learnt=learnt),))
    page = Page(render(run_of(told)))
    assert "A classifier trained on other stars." in page.text
    assert "b/e/net/card.md" in page.addresses
    assert "b/e/net/training.png" in page.images
    assert '<th class="number">Margin</th>' in render(run_of(told))
    bare = dataclasses.replace(learnt, card=None, curve=None)
    failed = reduction("net", status="bad input", line="20 levels of 9 frames", learnt=bare)
    text = Page(render(run_of(observation(reductions=(failed,))))).text
    assert "20 levels of 9 frames" in text
    assert "Model card" not in text
    assert "A classifier" not in Page(render(run_of(observation()))).text
