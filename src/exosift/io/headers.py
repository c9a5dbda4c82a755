"""Headers of raw FITS files, fast: the first header alone, never the data.

astropy takes some six times longer over the several hundred cards of an ESO header, of which a few
dozen matter: here a value is looked at when it is asked for.
"""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import BinaryIO, cast

from exosift.errors import BadInput
from exosift.ingest.cards import Cards, Value

_BLOCK, _CARD = 2880, 80
_LONGEST = 1000
"""Blocks after which a header without END is given up."""

_SUFFIXES = re.compile(r"\.(fits|fit|fts)(\.(gz|fz|Z))?$")
_STRING = re.compile(r" *'((?:[^']|'')*)'")


def fits_files(folders: Iterable[Path]) -> list[Path]:
    """FITS files in `folders` and below, sorted; a file among them is taken as it is."""
    found: set[Path] = set()
    for folder in folders:
        if not folder.exists():
            raise BadInput(f"{folder}: no such folder; give one with raw FITS files")
        inside = folder.rglob("*") if folder.is_dir() else [folder]
        named = (p for p in inside if _SUFFIXES.search(p.name) and p.name[0] != ".")
        found |= {p.absolute() for p in named if not p.is_dir()}
    if not found:
        where = ", ".join(str(folder) for folder in folders)
        raise BadInput(f"{where}: no FITS file (*.fits, *.fits.gz) in it or below")
    return sorted(found)


def read_header(path: Path) -> Cards:
    """Values of the first header by keyword, `HIERARCH` left out, and `FILE`, the file's name.

    What follows the first image, malformed or not, is not looked at. Raises BadInput when the file
    is no FITS, or shorter than its header says.
    """
    unpack = {".fz": "funpack", ".Z": "uncompress"}.get(path.suffix)
    if unpack:
        raise BadInput(f"{path}: packed in a way that is not read here; unpack it with {unpack}")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            text, blocks = _header_text(cast(BinaryIO, file), path)
        cards = _Header(path.name, text)
        _refuse_short(path, cards, blocks * _BLOCK)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: unreadable ({error}); fetch or copy the file again") from error
    return cards


def _header_text(file: BinaryIO, path: Path) -> tuple[str, int]:
    """The cards before END as one text, and how many blocks they take."""
    text = ""
    for count in range(1, _LONGEST + 1):
        block = file.read(_BLOCK).decode("latin-1")
        if count == 1 and not block.startswith("SIMPLE  ="):
            raise BadInput(f"{path}: not FITS (it does not begin with SIMPLE); remove it")
        for place in range(0, len(block), _CARD):
            if block[place : place + _CARD].rstrip() == "END":
                return text + block[:place], count
        if len(block) < _BLOCK:
            raise BadInput(f"{path}: truncated within its header; fetch or copy the file again")
        text += block
    raise BadInput(f"{path}: no END of the header; fetch or copy the file again")


class _Header(Cards):
    """A header's cards by keyword; what stands after the equals sign is read when asked for."""

    def __init__(self, name: str, text: str) -> None:
        lines = [text[place : place + _CARD] for place in range(0, len(text), _CARD)]
        found = [
            (line[9:] if line[:9] == "HIERARCH " else line).partition("=")
            for line in lines
            if line[:9] == "HIERARCH " or line[8:10] == "= "
        ]
        # Of a repeated keyword the first stands; a card without a value is none.
        self._texts = {
            k.strip(): v for k, _, v in reversed(found) if v.lstrip()[:1] not in ("", "/")
        }
        self._name = name

    def __getitem__(self, keyword: str) -> Value:
        return self._name if keyword == "FILE" else _value(self._texts[keyword])

    def __iter__(self) -> Iterator[str]:
        yield "FILE"
        yield from self._texts

    def __len__(self) -> int:
        return 1 + len(self._texts)


def _value(text: str) -> Value:
    """A card's value without its comment."""
    if string := _STRING.match(text):
        return string[1].replace("''", "'").strip()
    plain = text.split("/", 1)[0].strip()
    if plain in ("T", "F"):
        return plain == "T"
    if plain.lstrip("+-").isdecimal():
        return int(plain)
    try:
        return float(plain.replace("D", "E"))
    except ValueError:
        return plain


def _refuse_short(path: Path, cards: Cards, header: int) -> None:
    """Raise BadInput when the file ends before its first image does."""
    try:
        axes = [int(cards.get(f"NAXIS{n + 1}", 0)) for n in range(int(cards.get("NAXIS", 0)))]
        data = abs(int(cards.get("BITPIX", 8))) // 8 * prod(axes) if axes else 0
    except ValueError:
        raise BadInput(
            f"{path}: NAXIS, its axes or BITPIX is no number; fetch or copy the file again"
        ) from None
    size = _unpacked_size(path) if path.suffix == ".gz" else path.stat().st_size
    if size < header + data:
        raise BadInput(
            f"{path}: truncated: {size:,} bytes, and its header speaks of {header + data:,}; fetch "
            "or copy the file again"
        )


def _unpacked_size(path: Path) -> int:
    """Bytes in a gzip file, from its last four; read through only when these look wrong.

    FITS comes in whole blocks, which chance would give one truncated file in 2880.
    """
    with path.open("rb") as packed:
        packed.seek(-4, 2)
        told = int.from_bytes(packed.read(), "little")
    if told and told % _BLOCK == 0:
        return told
    with gzip.open(path) as file:
        return sum(len(chunk) for chunk in iter(lambda: file.read(1 << 20), b""))
