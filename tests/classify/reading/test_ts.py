"""The .ts format: what is read, and what is said of a file that cannot be."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.classify.samples import easy, ts_text, write
from unspool.classify import read_sequences
from unspool.errors import DataError

# As the archive writes JapaneseVowels: twelve dimensions there, two here; comments, capitals, lengths that differ.
WRITTEN = """# a comment
@problemName JapaneseVowels
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true 1 2 10

@Data
1.5,?,1.25:0.5,-2e-3,7:10
4,5:NaN,6:2
"""


def test_the_archives_format(tmp_path: Path):
    read = read_sequences(write(tmp_path, "a.ts", WRITTEN))
    assert (read.ids, read.labels, read.channels) == (("1", "2"), ("10", "2"), ("1", "2"))
    np.testing.assert_array_equal(read.values[0], [[1.5, 0.5], [np.nan, -0.002], [1.25, 7]])
    np.testing.assert_array_equal(read.values[1], [[4, np.nan], [5, 6]])
    assert read.classes == ("2", "10")


def test_gzip_windows_line_ends_and_a_bom(tmp_path: Path):
    path = tmp_path / "a.ts.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + WRITTEN.replace("\n", "\r\n").encode()))
    assert read_sequences(path).labels == ("10", "2")


def test_what_is_written_is_read_again(tmp_path: Path):
    written = easy()
    read = read_sequences(write(tmp_path, "easy.ts", ts_text(written)))
    assert read.labels == written.labels
    for a, b in zip(read.values, written.values, strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_labels(tmp_path: Path):
    bare = write(tmp_path, "bare.ts", ts_text(easy(), labelled=False))
    assert read_sequences(bare).labels is None
    unknown = WRITTEN.replace(":10\n", ":?\n").replace(":2\n", ":?\n")
    assert read_sequences(write(tmp_path, "unknown.ts", unknown)).labels is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("@Data", "", "has no line @data"),
        ("@missing true", "missing true", "line 4: 'missing true' is no line of a .ts header"),
        ("@dimensions 2", "@dimensions two", "line 6: @dimensions is not a number of channels"),
        ("@classLabel true", "@classLabel perhaps", "line 8: @classLabel is neither true nor false"),
        ("@timeStamps false", "@timeStamps true", "has time stamps"),
        ("@classLabel true 1 2 10", "@targetLabel true", "has numbers for labels"),
        ("-2e-3", "minus", "line 11: step 2 is 'minus', not a number"),
        ("-2e-3", "1_0", "line 11: step 2 is '1_0', not a number"),
        ("-2e-3", "1e999", "line 11: step 2 is infinite"),
        ("7:10", "7:11", "line 11: the label '11' is none that the header names"),
        ("7:10", "7:", "line 11: the label '' is none that the header names"),
        ("7:10", "7:?", "1 of 2 labels are '?'"),
        ("NaN,6", "NaN,6,8", "line 12: channel 2 has 3 steps, channel 1 has 2"),
        ("4,5:", "", "line 12 has 1 channel where 2 are expected"),
        ("NaN,6", "", "line 12 has a channel of length 0"),
        ("4,5:NaN,6", "?,?:?,?", "sequence '2' has no value at all"),
    ],
)
def test_a_broken_file(tmp_path: Path, old: str, new: str, says: str):
    assert old in WRITTEN
    path = write(tmp_path, "a.ts", WRITTEN.replace(old, new))
    with pytest.raises(DataError) as caught:
        read_sequences(path)
    assert says in caught.value.message
    assert "a.ts" in caught.value.message


def test_nothing_in_it(tmp_path: Path):
    with pytest.raises(DataError, match="is empty"):
        read_sequences(write(tmp_path, "a.ts", "\n"))
    with pytest.raises(DataError, match="no line below @data"):
        read_sequences(write(tmp_path, "b.ts", WRITTEN.split("1.5")[0]))
    with pytest.raises(DataError, match=r"did you mean .*b\.ts"):
        read_sequences(tmp_path / "bb.ts")
    (tmp_path / "c.ts.gz").write_bytes(gzip.compress(WRITTEN.encode())[:60])
    with pytest.raises(DataError, match="damaged gzip"):
        read_sequences(tmp_path / "c.ts.gz")
