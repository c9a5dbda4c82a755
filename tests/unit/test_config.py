"""The configuration: its schema is in step, its faults are told in one line."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from exosift.config import check, load, schema
from exosift.detect.search import Search
from exosift.errors import BadInput
from exosift.inverse.andromeda import Andromeda
from exosift.psfsub.catalogue import Reduction
from exosift.psfsub.pca import Pca
from exosift.settings import parse, plain

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(ROOT.glob("config/**/config.yaml"))


def test_exported_schema_is_that_of_the_dataclasses():
    exported = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text())
    assert exported == json.loads(json.dumps(schema())), "run `make schema`"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.parent.name)
def test_shipped_configurations_are_valid(path):
    assert load(path).rows
    jsonschema.validate(yaml.safe_load(path.read_text()), schema())


def test_schema_refuses_what_the_program_refuses():
    given = {"title": "t", "observations": "o", "reductions": {"x": {"modle": {}}}}
    with pytest.raises(jsonschema.ValidationError, match="modle"):
        jsonschema.validate(given, schema())


def test_known_companions_are_those_of_the_epoch_or_of_the_target(tmp_path):
    rows = "\n".join(f"T\t{e}\tsimulated\tL'\tsimulated\tsimulated\tsimulated" for e in "12")
    head = "target\tepoch\tinstrument\tfilter\tcube\tangles\tpsf\n"
    (tmp_path / "o.tsv").write_text(head + rows + "\n")
    given = {"title": "t", "observations": "o.tsv", "reductions": {"x": {}}}
    near, far = ({"separation": s, "position_angle": 10.0} for s in (300.0, 600.0))
    survey = check(given | {"known": {"T": [near], "T/2": [far]}}, tmp_path)
    told = [survey.config.known_of(row) for row in survey.rows]
    assert [[one.separation for one in each] for each in told] == [[300.0], [600.0]]
    with pytest.raises(BadInput, match=r"config.known.S: no target, nor target/epoch"):
        check(given | {"known": {"S": [near]}}, tmp_path)
    with pytest.raises(BadInput, match="the separation is 0 mas, expected more than 0"):
        check(given | {"known": {"T": [near | {"separation": 0}]}}, tmp_path)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"fpf": 0}, "fpf is 0, expected a fraction between 0 and 1"),
        ({"maps": ["stim", "stim"]}, "maps are stim, stim; name each once"),
        ({"noise": "cauchy"}, "noise: input should be 'gaussian' or 'laplace'"),
    ],
)
def test_search_that_cannot_be(given, line):
    with pytest.raises(BadInput, match=line):
        parse(Search, given, "search")


def test_parameters_survive_the_way_through_json():
    reduction = Reduction(model=Pca(ranks=(4, 9), centring="spatial"))
    assert parse(Reduction, plain(reduction), "reduction") == reduction


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        (
            {"reductions": ["x"]},
            "config.limits.reductions: no reduction is called x; there are pca",
        ),
        ({"fpf": 2}, "config.limits: fpf is 2, expected more than 0 and less than 0.5"),
    ],
)
def test_limits_of_what_there_is_not_are_refused(limits, line):
    given = {"title": "t", "observations": "observations.tsv", "reductions": {"pca": {}}}
    with pytest.raises(BadInput) as caught:
        check(given | {"limits": limits}, ROOT / "config")
    assert str(caught.value) == line


ONE = {"methods": [{"method": "pca", "rank": 5}], "reference": {"method": "pca", "rank": 5}}


@pytest.mark.parametrize(
    ("roc", "line"),
    [
        ({"methods": [{"method": "x"}]}, "config.roc: reference: name the reduction whose S/N"),
        (
            ONE | {"methods": [{"method": "x"}]},
            "config.roc.methods: none is called x; there are pca",
        ),
        (
            ONE | {"methods": [{"method": "pca", "rank": 9}]},
            "config.roc.methods: pca 9: pca has ranks 5, 10, and it has not 9: give `rank`",
        ),
        (ONE | {"reference": {"method": "y"}}, "config.roc.reference: no reduction is called y"),
        (
            ONE | {"reference": {"method": "pca"}},
            "config.roc.reference: pca has ranks 5, 10, and none is given: give `rank`",
        ),
        (
            ONE | {"methods": [{"method": "own"}]},
            "config.roc.methods: own: the sequence's own frames at negated angles teach it, so "
            "that negated-shifted nulls",
        ),
        (
            ONE | {"methods": [{"method": "others"}]},
            "config.roc.methods: others: other stars teach it, and here each is judged alone",
        ),
    ],
)
def test_curves_of_what_cannot_be_judged_are_refused(roc, line):
    given = {"title": "t", "observations": "observations.tsv"}
    given |= {"reductions": {"pca": {"model": {"kind": "pca", "ranks": [5, 10]}}}}
    given |= {"classifiers": {"own": {}, "others": {"protocol": "survey"}}}
    assert check(given | {"roc": ONE}, ROOT / "config").config.judged.keys() == {"pca"}
    with pytest.raises(BadInput) as caught:
        check(given | {"roc": roc}, ROOT / "config")
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"model": {"kind": "pca", "ranks": "many"}}, "model.ranks: input should be a valid tuple"),
        ({"model": {"kind": "pca", "rnks": [1]}}, "model.rnks: unknown key; did you mean ranks?"),
        ({"regions": {"kind": "rings"}}, "regions.kind: expected one of 'annuli', 'full'"),
        ({"references": {"movement": "x"}}, "references.movement: input should be a valid number"),
        (
            {"references": {"delta": 1}},
            "references.delta: unknown key; known are movement, nearest, correlated, own, "
            "wavelengths, stars",
        ),
    ],
)
def test_fault_is_one_line_with_its_place(given, line):
    with pytest.raises(BadInput) as caught:
        parse(Reduction, given, "reduction")
    assert str(caught.value).startswith(f"reduction.{line}")
    assert "\n" not in str(caught.value)


def test_a_key_in_capitals_keeps_its_place_in_the_line():
    with pytest.raises(BadInput, match=r"^angles\.SIM-A\.1: input should be a valid number"):
        parse(dict[str, list[float]], {"SIM-A": [1.0, "x"]}, "angles")


def test_inversions_alone_are_a_survey(tmp_path):
    write(tmp_path, HEAD + GOOD)
    given = {"title": "t", "observations": "o.tsv", "inversions": {"andromeda": {"rotation": 1.0}}}
    config = check(given, tmp_path).config
    assert list(config.methods) == ["andromeda"]
    assert config.methods["andromeda"] == Andromeda(rotation=1.0)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"reductions": {}}, "config.reductions: none given; name at least one"),
        ({"inversions": {"median": {}}}, "config.inversions.median: a reduction has that name"),
        ({"inversions": {"a/b": {}}}, "name 'a/b' must be of letters, digits"),
        (
            {"inversions": {"a": {"rotatoin": 1}}},
            "inversions.a.rotatoin: unknown key; did you mean",
        ),
        ({"inversions": {"a": {"zone": 0}}}, "config.inversions.a: zone is 0 annuli, expected 1"),
    ],
)
def test_fault_of_methods_is_told(tmp_path, given, line):
    write(tmp_path, HEAD + GOOD)
    whole = {"title": "t", "observations": "o.tsv", "reductions": {"median": {}}} | given
    with pytest.raises(BadInput) as caught:
        check(whole, tmp_path)
    assert line in str(caught.value)


PUBLIC = "public:naco_betapic/naco_betapic_psf.fits"


def write(folder: Path, table: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(
        "{title: t, observations: o.tsv, reductions: {median: {model: {kind: median}}}}"
    )
    (folder / "o.tsv").write_text(table.replace(" ", "\t"))
    return path


HEAD = "target epoch instrument filter cube angles psf angle_offset\n"
GOOD = "T 1 naco-l27 L' c a p -100\n"


def test_paths_are_relative_to_the_table(tmp_path):
    survey = load(write(tmp_path, HEAD + f"T 1 naco-l27 L' c.fits /a.fits {PUBLIC} -100\n"))
    row = survey.rows[0]
    assert (row.cube, row.angles, row.psf) == (
        str(tmp_path / "c.fits"),
        "/a.fits",
        PUBLIC,
    )


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (HEAD, "no observations in it"),
        (HEAD + "T 1 naco-l27 L' c a\n", "o.tsv row 1: psf: empty, and a cube needs angles"),
        (HEAD + GOOD.replace("T", "T/U"), "o.tsv row 1: name 'T/U' must be of letters, digits"),
        (HEAD + GOOD.replace("L'", "Ks"), "o.tsv row 1: filter Ks: VLT/NACO L27 has L'"),
        (HEAD.replace("psf", "pfs") + GOOD, "o.tsv row 1.pfs: unknown key; did you mean psf?"),
        (
            HEAD + GOOD + GOOD,
            "row 2: T at epoch 1 is listed twice",
        ),
        (HEAD + GOOD.replace("\n", " 1\n"), "o.tsv row 1: more cells than the header has columns"),
        (HEAD + GOOD.replace(" -100", ""), "has no fixed derotator offset; give the night's"),
        (HEAD + GOOD.replace(" a ", " simulated "), "must all be `simulated`, or none"),
        (HEAD + GOOD.replace(" c ", " public:x.fits "), "public:x.fits: no such public file"),
        (
            HEAD.replace("angle_offset", "wavelengths angle_offset")
            + GOOD.replace(" -100", " simulated -100"),
            "must all be `simulated`, or none",
        ),
    ],
)
def test_fault_of_the_table_names_the_row(tmp_path, table, line):
    with pytest.raises(BadInput, match=r".") as caught:
        load(write(tmp_path, table))
    assert line in str(caught.value)


AT = {"separation": 400, "position_angle": 60, "contrast": 1e-3}


@pytest.mark.parametrize(
    ("simulate", "line"),
    [
        ({"companions": {"X/1": []}}, "simulate.companions.X/1: no simulated observation"),
        (
            {"scene": {"pixel_scale": 12.25}},
            "must be those of the instrument `simulated`, 27.19 mas",
        ),
        ({"scene": {"diameter": 0}}, "config.simulate.scene: diameter is 0, expected more than 0"),
        (
            {"scene": {"channels": 3, "bandwidth": 0.2}},
            "scene: 3 channels; write `simulated` in the column wavelengths of S/1, too",
        ),
        (
            {"companions": {"S/1": [AT | {"spectrum": [1.0, 2.0]}]}},
            "companions.S/1[0].spectrum: a spectrum of 2 values for 1 channels",
        ),
        (
            {"companions": {"S/1": [AT, AT | {"spectrum": "t-type"}]}},
            "companions.S/1[1].spectrum: a t-type spectrum is described from 0.95 to 1.65 µm",
        ),
    ],
)
def test_simulation_that_fits_nothing_is_refused(tmp_path, simulate, line):
    row = "S 1 simulated L' simulated simulated simulated\n"
    write(tmp_path, HEAD.replace(" angle_offset", "") + row)
    given = {"title": "t", "observations": "o.tsv", "reductions": {"median": {}}}
    with pytest.raises(BadInput) as caught:
        check(given | {"simulate": simulate}, tmp_path)
    assert line in str(caught.value)
