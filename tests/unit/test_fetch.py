"""Public files: by name, checked, from the folder that EXOSIFT_DATA names."""

import pytest

from exosift.errors import BadInput, Transient
from exosift.io import public

NAME = "naco_betapic/naco_betapic_psf.fits"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of public data with one file of known content."""
    file = tmp_path / NAME
    file.parent.mkdir()
    file.write_bytes(b"light")
    monkeypatch.setenv("EXOSIFT_DATA", str(tmp_path))
    return tmp_path


def test_local_file_of_the_known_content_is_taken(folder, monkeypatch):
    digest = public.sha256(folder / NAME)
    monkeypatch.setitem(public.FILES, NAME, (digest, "https://nowhere.invalid"))
    assert public.fetch(NAME) == folder / NAME


@pytest.mark.usefixtures("folder")
def test_local_file_of_another_content_is_refused():
    with pytest.raises(BadInput, match=r"psf.fits: SHA-256 is .* expected ca4e0ad9.*; replace"):
        public.fetch(NAME)


def test_unknown_name_lists_the_known():
    with pytest.raises(BadInput, match=r"x.fits: no such public file; known are naco_betapic"):
        public.fetch("x.fits")


def test_download_that_fails_is_worth_another_try(monkeypatch):
    monkeypatch.delenv("EXOSIFT_DATA", raising=False)

    def refuse(*_):
        raise ConnectionError("no network")

    monkeypatch.setattr("pooch.retrieve", refuse)
    with pytest.raises(Transient, match=r"download from .* failed \(no network\); try again"):
        public.fetch(NAME)
