"""Tables in long form: a row is a step."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.classify.samples import csv_text, easy, write
from unspool.classify import Columns, read_sequences
from unspool.errors import DataError, SettingError, UnspoolError

TABLE = """unique_id,ds,label,x,y,note
b,2,down,3,30,c
b,1,down,2,20,b
a,2024-05-01,up,,10,a
"""
NUMBERED = TABLE.replace("2024-05-01", "7")


def test_steps_are_sorted_by_time_and_sequences_as_they_come(tmp_path: Path):
    read = read_sequences(write(tmp_path, "t.csv", NUMBERED))
    assert (read.ids, read.labels, read.channels) == (("b", "a"), ("down", "up"), ("x", "y"))
    np.testing.assert_array_equal(read.values[0], [[2, 20], [3, 30]])
    np.testing.assert_array_equal(read.values[1], [[np.nan, 10]])
    assert "note" in read.findings[0]


def test_csv_parquet_and_semicolons_are_the_same(tmp_path: Path):
    written = easy()
    text = csv_text(written)
    write(tmp_path, "a.csv", text)
    write(tmp_path, "b.csv", text.replace(",", ";"))
    pl.read_csv(tmp_path / "a.csv").write_parquet(tmp_path / "c.parquet")
    for name in ("a.csv", "b.csv", "c.parquet"):
        read = read_sequences(tmp_path / name)
        assert (read.ids, read.labels) == (written.ids, written.labels)
        for a, b in zip(read.values, written.values, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"])
def test_dates(tmp_path: Path, form: str):
    import datetime as dt

    days = [dt.datetime(2024, 9, 30) + dt.timedelta(k) for k in range(3)]
    rows = [f"a,{days[k].strftime(form)},p,{k}" for k in (2, 0, 1)]
    read = read_sequences(write(tmp_path, "t.csv", "\n".join(["unique_id,ds,label,x", *rows, ""])))
    assert read.values[0][:, 0].tolist() == [0, 1, 2]


def test_names_of_the_columns(tmp_path: Path):
    path = write(tmp_path, "t.csv", NUMBERED.replace("unique_id,ds,label", "case,t,class"))
    read = read_sequences(path, Columns("case", "t", "class"), ["y"])
    assert read.channels == ("y",)
    assert read.values[0].tolist() == [[20], [30]]


def test_labels_may_be_absent_where_they_are_not_needed(tmp_path: Path):
    path = write(tmp_path, "t.csv", csv_text(easy(), labelled=False))
    assert read_sequences(path, labelled=False).labels is None
    with pytest.raises(DataError, match=r"no column 'label' \(label\)"):
        read_sequences(path)


BROKEN: dict[str, tuple[str, str, str]] = {
    "label differs": ("b,1,down", "b,1,up", "line 3: series 'b' has the label 'up' here and 'down' before"),
    "label empty": ("b,1,down", "b,1,", "line 3: the label column 'label' is empty"),
    "series empty": ("b,1,", ",1,", "line 3: the series column 'unique_id' is empty"),
    "time empty": ("b,1,", "b,,", "line 3: the time column 'ds' is empty"),
    "time twice": ("b,1,", "b,2,", "line 3: series 'b' has two rows of one time"),
    "time is text": ("b,1,", "b,soon,", "line 2: the time"),
    "text in a channel": ("b,1,down,2", "b,1,down,much", "line 3: channel 'x' is 'much', not a number"),
    "infinite": ("b,1,down,2", "b,1,down,-inf", "line 3: channel 'x' is infinite"),
    "no value": (",,10,", ",,,", "sequence 'a' has no value at all"),
    "ragged": ("b,1,down,2,20,b", "b,1,down,2,20,b,8", "cannot be read as a table"),
    "no series column": ("unique_id", "case", "no column 'unique_id' (series)"),
}


@pytest.mark.parametrize("case", list(BROKEN))
def test_a_broken_table(tmp_path: Path, case: str):
    old, new, says = BROKEN[case]
    assert old in NUMBERED
    with pytest.raises(DataError) as caught:
        read_sequences(write(tmp_path, "t.csv", NUMBERED.replace(old, new)))
    assert says in caught.value.message


def test_mixed_times_name_the_line(tmp_path: Path):
    with pytest.raises(DataError, match="is neither a number nor a date"):
        read_sequences(write(tmp_path, "t.csv", TABLE))


def test_row_numbers_without_a_name_are_no_channel(tmp_path: Path):
    """As pandas writes them: read as a channel they would tell the classes apart."""
    lines = NUMBERED.splitlines()
    text = "\n".join([f",{lines[0]}", *(f"{k},{line}" for k, line in enumerate(lines[1:])), ""])
    read = read_sequences(write(tmp_path, "t.csv", text))
    assert read.channels == ("x", "y")
    assert "without a name" in read.findings[0]


def test_two_columns_of_one_name(tmp_path: Path):
    with pytest.raises(DataError, match="two columns 'x'"):
        read_sequences(write(tmp_path, "t.csv", NUMBERED.replace("label,x,y", "label,x,x")))


def test_zoned_times_are_sorted_as_moments(tmp_path: Path):
    rows = ["a,2024-05-01T10:00:00+02:00,p,0", "a,2024-05-01T09:00:00+00:00,p,1"]
    read = read_sequences(write(tmp_path, "t.csv", "\n".join(["unique_id,ds,label,x", *rows, ""])))
    assert read.values[0][:, 0].tolist() == [0, 1]


def test_no_numbers(tmp_path: Path):
    with pytest.raises(DataError, match="has no column of numbers"):
        read_sequences(write(tmp_path, "t.csv", "unique_id,ds,label,x\na,1,p,low\n"))


def test_roles_that_collide(tmp_path: Path):
    path = write(tmp_path, "t.csv", NUMBERED)
    with pytest.raises(SettingError, match="column 'x' has two roles"):
        read_sequences(path, Columns(label="x"), ["x"])


@pytest.mark.parametrize("content", [b"PAR1" + b"\0" * 50, bytes(range(256)) * 4, b"unique_id,ds,label,x\n"])
def test_no_table(tmp_path: Path, content: bytes):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UnspoolError, match=r"t\.csv"):
        read_sequences(tmp_path / "t.csv")
