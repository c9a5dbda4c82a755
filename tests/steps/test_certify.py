"""`exosift nulls` and `exosift certify` by hand: what they write, and what they refuse."""

import shutil

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner

from exosift.cli import main
from exosift.io.catalogue import read_peaks
from tests.steps.conftest import Files

METHOD = "{model: {kind: pca, ranks: [2, 3]}, regions: {kind: full}}"
ASKED = "{nulls: {kinds: [negated, negated-shifted], count: 6}}"


@pytest.fixture(scope="module")
def scored(made, tmp_path_factory):
    """A sequence with a bright companion: its candidates, and the scores of its null frames."""
    folder = tmp_path_factory.mktemp("certify")
    files = Files(folder)
    for name, values in (("cube", made.cube[0]), ("angles", made.angle), ("psf", made.psf[0])):
        files.change(name, values)
    products = str(folder / "pca")
    search = ["--search", "{threshold: 3}"]
    image = f"{products}/image.fits"
    for command in (
        files.register(),
        ["subtract", str(files.store), "--reduction", METHOD, "--output", products],
        ["detect", image, *search, "--output", products],
        ["nulls", str(files.store), "--method", METHOD, "--certify", ASKED, "--output", products],
    ):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.stderr
    return folder / "pca"


def other_star(scored, folder, name, shift=0.0):
    """Nulls as another star would have them."""
    table = Table.read(scored / "nulls.ecsv")
    rng = np.random.default_rng(len(name))
    table["score"] = rng.permutation(np.asarray(table["score"])) + shift
    table.meta["star"] = name
    path = folder / f"{name[:-2]}.ecsv"
    table.write(path, format="ascii.ecsv")
    return str(path)


def certify(scored, folder, *others, asked=ASKED):
    options = [part for path in others for part in ("--other", path)]
    given = [str(scored / "candidates.ecsv"), "--nulls", str(scored / "nulls.ecsv"), *options]
    return ["certify", *given, "--certify", asked, "--output", str(folder)]


def test_candidates_are_told_by_their_own_null_frames(scored, tmp_path, call):
    nulls = Table.read(scored / "nulls.ecsv")
    assert [(nulls["nulls"] == kind).sum() for kind in ("negated", "negated-shifted")] == [1, 6]
    code, said = call(*certify(scored, tmp_path))
    assert code == 0, said
    candidates = Table.read(scored / "candidates.ecsv")
    table = Table.read(tmp_path / "certified.ecsv")
    assert len(table) == 2 * len(candidates)
    first = table[0]
    assert first["nulls"] == "negated"
    assert first["score"] == pytest.approx(-np.log10(candidates["fpf"][0]))
    assert first["false_alarm_resolution"] == 0.5
    shifted = table[1]
    maxima = nulls["score"][nulls["nulls"] == "negated-shifted"]
    expected = (1 + np.sum(maxima >= shifted["score"])) / 7
    assert shifted["false_alarm_conformal"] == max(expected, shifted["false_alarm_least"])
    assert shifted["false_alarm_least"] == pytest.approx(1 / (shifted["effective_frames"] + 1))
    assert table.meta["pools"]["negated"]["line"] == "no other star has nulls of this kind"
    assert (tmp_path / "certified.png").stat().st_size > 5_000


def test_the_catalogue_goes_by_what_null_frames_tell(scored, tmp_path, call):
    shutil.copy(scored / "candidates.ecsv", tmp_path)
    assert np.isnan(read_peaks(tmp_path / "candidates.ecsv", "pca")[0].conformal)
    assert call(*certify(scored, tmp_path))[0] == 0
    table = Table.read(tmp_path / "certified.ecsv")
    shifted = table[(table["candidate"] == 0) & (table["nulls"] == "negated-shifted")]
    peak = read_peaks(tmp_path / "candidates.ecsv", "pca")[0]
    assert peak.chance == shifted["false_alarm_conformal"][0]


def test_other_stars_are_pooled_where_they_are_alike(scored, tmp_path, call):
    others = [other_star(scored, tmp_path, name) for name in ("A/1", "BB/1", "CCC/1")]
    code, said = call(*certify(scored, tmp_path, *others))
    assert code == 0, said
    table = Table.read(tmp_path / "certified.ecsv")
    assert set(table["stars"]) == {4}
    assert set(table["null_frames"]) == {4, 24}

    far = [other_star(scored, tmp_path, name, 9.0) for name in ("D/1", "EE/1")]
    code, said = call(*certify(scored, tmp_path / "far", *others, *far))
    assert code == 0, said
    table = Table.read(tmp_path / "far/certified.ecsv")
    kinds = table.meta["pools"]
    assert kinds["negated"]["exchangeable_p"] is None
    assert kinds["negated-shifted"]["line"].startswith("negated-shifted nulls of 6 stars are not")
    assert set(table["stars"][table["nulls"] == "negated-shifted"]) == {1}


def test_nulls_that_do_not_belong_together_are_refused(scored, tmp_path, call):
    table = Table.read(scored / "nulls.ecsv")
    table.meta["star"], table.meta["settings"] = "X/1", {"method": "another"}
    table.write(tmp_path / "x.ecsv", format="ascii.ecsv")
    cases = [
        ([str(tmp_path / "x.ecsv")], ASKED, "nulls of X/1 and T/1 are of other methods"),
        ([str(scored / "nulls.ecsv")], ASKED, "nulls of T/1 are given twice"),
        ([], "{nulls: {kinds: [permuted]}}", "T/1: there are no permuted nulls"),
        ([str(scored / "candidates.ecsv")], ASKED, "not a table of nulls"),
        ([], "{unlike: 2}", "unlike is 2, expected between 0 and 1"),
    ]
    for number, (others, asked, line) in enumerate(cases):
        code, said = call(*certify(scored, tmp_path / str(number), *others, asked=asked))
        assert code == 2, said
        assert line in said
