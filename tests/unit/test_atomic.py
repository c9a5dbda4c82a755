"""Products are noted by the steps that wrote them."""

from exosift.io.atomic import watched, whole


def test_a_step_within_another_takes_its_own_list_off(tmp_path):
    with watched() as outer:
        with watched() as inner, whole(tmp_path / "one") as partial:
            partial.write_text("1")
        with whole(tmp_path / "two") as partial:
            partial.write_text("2")
    assert [path.name for path in inner] == ["one"]
    assert [path.name for path in outer] == ["one", "two"]
