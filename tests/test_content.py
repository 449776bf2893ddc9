"""A file is read whole, unpacked by what it holds, or refused in one clear error."""

import gzip
from pathlib import Path

import pytest

from unspool.content import file_bytes
from unspool.errors import DataError


def test_gzip_is_told_by_the_content(tmp_path: Path):
    for name, data in (("a.csv", gzip.compress(b"x,y\n")), ("b.csv.gz", b"x,y\n")):
        (tmp_path / name).write_bytes(data)
        assert file_bytes(tmp_path / name, "") == b"x,y\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "is empty"), (b" \n\t", "is empty"), (gzip.compress(b"\n"), "is empty"), (b"\x1f\x8bodd", "damaged gzip")],
)
def test_what_holds_nothing(tmp_path: Path, data: bytes, message: str):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(DataError, match=message):
        file_bytes(tmp_path / "a", "a table")


def test_what_is_not_there(tmp_path: Path):
    (tmp_path / "sales.csv").write_text("x")
    for path, message, hint in (
        (tmp_path / "sale.csv", "does not exist", "did you mean"),
        (tmp_path / "q", "does not exist", "check the path"),
        (tmp_path / "none" / "a", "does not exist", "does not exist either"),
        (tmp_path, "is a folder", "a table"),
    ):
        with pytest.raises(DataError, match=message) as error:
            file_bytes(path, "a table")
        assert error.value.hint is not None
        assert hint in error.value.hint
