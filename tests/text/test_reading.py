"""Texts from files: any cut gives the same text; an invalid byte is named by its place in the file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unspool.errors import DataError
from unspool.text.reading import read_pieces, read_text


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 9))
def test_pieces_are_the_whole(tmp_path_factory: pytest.TempPathFactory, text: str, size: int):
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    # A mark is only found in one piece.
    size = max(size, 3)
    assert "".join(map(str, read_pieces(path, "char", size=size))) == text
    assert b"".join(bytes(p) for p in read_pieces(path, "byte", size=size)) == text.encode()  # pyright: ignore


def test_line_ends_are_kept(tmp_path: Path):
    (tmp_path / "text").write_bytes(b"a\r\nb\rc\n")
    assert read_text(tmp_path / "text", "char") == "a\r\nb\rc\n"


@pytest.mark.parametrize("size", [4, 5, 6, 100])
def test_an_invalid_byte_is_named_by_its_offset(tmp_path: Path, size: int):
    (tmp_path / "text").write_bytes("abcé".encode() + b"\xff" + b"abc")
    with pytest.raises(DataError, match="byte 0xff at offset 5") as caught:
        list(read_pieces(tmp_path / "text", "char", size=size))
    assert "--level byte" in (caught.value.hint or "")
    assert len(read_text(tmp_path / "text", "byte")) == 9


@pytest.mark.parametrize("size", [4, 100])
def test_a_character_cut_off_at_the_end_is_named(tmp_path: Path, size: int):
    (tmp_path / "text").write_bytes(b"abcde" + "é".encode()[:1])
    with pytest.raises(DataError, match="at offset 5"):
        list(read_pieces(tmp_path / "text", "char", size=size))


def test_what_is_no_file(tmp_path: Path):
    with pytest.raises(DataError, match="is a folder"):
        read_text(tmp_path, "char")
    with pytest.raises(DataError, match="is no file"):
        read_text(tmp_path / "none", "char")
