"""Files as people have them, and files that are none."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspool.errors import DataError
from unspool.forecast.tables.csvtext import find_records, sniff_delimiter
from unspool.forecast.tables.table import open_table, read_table


@pytest.fixture
def write(tmp_path):
    def to_file(content: str | bytes, name: str = "sales.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return to_file


PLAIN = pl.DataFrame({"ds": ["2020-01-01", "2020-01-02", "2020-01-03"], "y": ["1.5", None, "-3"]})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("last", [True, False])
def test_delimiters_line_ends_and_quotes(write, delimiter, end, quote, last):
    rows = [["ds", "y"], ["2020-01-01", "1.5"], ["2020-01-02", ""], ["2020-01-03", "-3"]]
    lines = [delimiter.join(f"{quote}{field}{quote}" if field else "" for field in row) for row in rows]
    assert read_table(write(end.join(lines) + (end if last else ""))).equals(PLAIN)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_encodings(write, encoding):
    text = "ds;Größe\n" + "".join(f"2020-01-{day:02};{day}\n" for day in range(1, 20))
    frame = read_table(write(text.encode(encoding)))
    assert frame.columns == ["ds", "Größe"]
    assert frame["Größe"].to_list() == [str(day) for day in range(1, 20)]


def test_bytes_that_windows_1252_does_not_have_are_latin_1(write):
    assert read_table(write(b"ds,y\n1,\x81\xe9\n"))["y"].to_list() == ["\x81é"]


def test_gzip_and_parquet_are_known_by_content(write, tmp_path):
    text = PLAIN.write_csv()
    assert read_table(write(gzip.compress(text.encode()), "sales.csv.gz")).equals(PLAIN)
    assert read_table(write(gzip.compress(text.encode()), "sales.csv")).equals(PLAIN)
    PLAIN.write_parquet(tmp_path / "sales.csv")
    assert read_table(tmp_path / "sales.csv").equals(PLAIN)
    write(gzip.compress((tmp_path / "sales.csv").read_bytes()), "sales.parquet.gz")
    assert read_table(tmp_path / "sales.parquet.gz").equals(PLAIN)


def test_a_decimal_comma_is_no_delimiter(write):
    frame = read_table(write("Datum;Wert, in °C\n2020-01-01;1,5\n2020-01-02;2,5\n"))
    assert frame.columns == ["Datum", "Wert, in °C"]
    assert frame["Wert, in °C"].to_list() == ["1,5", "2,5"]
    assert read_table(write('ds,y\n1,"1,5"\n2,"2,5"\n'))["y"].to_list() == ["1,5", "2,5"]


def test_blank_lines_are_passed_over_and_lines_still_counted(write):
    table = open_table(write('\n\nds,y\n1,"a\nb"\n\n  \n2,c\n,,\n3,\n\n'.replace(",,", ",")))
    assert table.frame.rows() == [("1", "a\nb"), ("2", "c"), ("3", None)]
    assert table.origin.lines is not None
    assert table.origin.lines.tolist() == [4, 8, 10]
    assert [table.origin.at(row) for row in range(2)] == ["sales.csv, line 4", "sales.csv, line 8"]


def test_index_columns(write):
    # pandas' index, R's write.csv, R's write.table, a delimiter at the end of each line
    assert read_table(write(",ds,y\n0,2020-01-01,1\n1,2020-01-02,2\n")).columns == ["index", "ds", "y"]
    assert read_table(write('"","ds","y"\n"1",1,2\n')).columns == ["index", "ds", "y"]
    assert read_table(write('"ds";"y"\n"1";1871;2\n"2";1872;3\n'))["ds"].to_list() == ["1871", "1872"]
    assert read_table(write("ds,y,\n1,2,\n3,4,\n")).columns == ["ds", "y"]


def test_columns_of_one_name_are_told_apart(write):
    assert read_table(write("ds,y,y\n1,2,3\n")).columns == ["ds", "y (1)", "y (2)"]


@st.composite
def csv_rows(draw):
    width = draw(st.integers(2, 4))
    field = st.text(st.sampled_from('ab ,;\n"é'), max_size=4)
    return draw(st.lists(st.lists(field, min_size=width, max_size=width), min_size=2, max_size=8))


@settings(max_examples=80, deadline=None)
@given(csv_rows(), st.sampled_from([",", ";"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_records_are_those_of_pythons_csv_module(rows, delimiter, quoting):
    written = []
    for row in rows:
        file = io.StringIO()
        csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator="\n").writerow(row)
        written.append(file.getvalue())
    data = "".join(written).encode()
    records = find_records(data, delimiter)
    assert records.open_quote is None
    filled = [row for row, text in zip(rows, written, strict=True) if text.strip(" \n" + delimiter)]
    pieces = [data[start:stop] for start, stop in zip(records.starts, records.stops, strict=True)]
    again = list(csv.reader(io.StringIO(b"\n".join(pieces).decode()), delimiter=delimiter))
    assert again == filled
    assert records.fields.tolist() == [len(row) for row in filled]
    starts = [data[: int(start)].count(b"\n") + 1 for start in records.starts]
    assert records.lines.tolist() == starts


def test_fields_come_as_pythons_csv_module_reads_them(write):
    rows = [["ds", "y"], ["a,b", 'say "hi"'], ["é\nü", " x "], ["1", "2"]]
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    assert read_table(write(file.getvalue())).rows() == [tuple(row) for row in rows[1:]]


def test_delimiter_with_most_lines_like_the_header_wins():
    assert sniff_delimiter(b"a,b;c\n1,2;3\n1,2;3\n") == ";"
    assert sniff_delimiter(b"a,b\n1;2,3\n1;2,3\n") == ","
    assert sniff_delimiter(b"a b\n1 2\n") == ","


def random_bytes() -> bytes:
    return np.random.default_rng(0).integers(1, 256, 5000, np.uint8).tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "sales.csv is empty"),
        (b"\n  \n,,,\n", "sales.csv is empty"),
        (b"\xef\xbb\xbf", "sales.csv is empty"),
        (gzip.compress(b""), "sales.csv is empty"),
        (b"ds,y\n", "sales.csv has a header but no rows"),
        (b"ds,y\n\n,\n", "sales.csv has a header but no rows"),
        (b"ds,y\n1,\x002\n", "sales.csv is not text"),
        (b"ds,y\n" + b"1,2\n" * 500 + b"\x00,1\n", "sales.csv is not text"),
        (random_bytes(), "sales.csv is not text"),
        (b"PK\x03\x04" + bytes(60), "sales.csv is an Excel workbook or zip file"),
        (b"PAR1" + b"z" * 30 + b"PAR1", "sales.csv is a damaged Parquet file"),
        (gzip.compress(random_bytes())[:-20], "sales.csv is a damaged gzip file: "),
        (b"\xff\xfed\x00s\x00,\x00\x00\xd8", "sales.csv is damaged UTF-16-LE text"),
        (
            b"ds,y\n1,2\n3,4,5\n6\n",
            "sales.csv, line 3: 3 fields where the header names 2 columns (and 1 more such line)",
        ),
        (b"ds,y\n1,2\n\n3\n", "sales.csv, line 4: 1 field where the header names 2 columns"),
        (b"ds,y\n2020-01-01,3,5\n2020-01-02,4,5\n", "sales.csv, line 2: 3 fields where the header names 2 columns"),
        (b'ds,y\n1,"2\n3,4\n', "sales.csv, line 2: a quotation mark is never closed"),
        (b'ds,y\n1,2\n3,4" pipe\n5,6\n', "sales.csv, line 3: a quotation mark is never closed"),
    ],
)
def test_files_that_are_no_table(write, content, message):
    path = write(content)
    with pytest.raises(DataError) as error:
        read_table(path)
    assert error.value.message.replace(str(path), path.name).startswith(message)
    assert error.value.hint


def test_missing_files_and_folders(tmp_path, write):
    write("ds,y\n")
    with pytest.raises(DataError, match=r"sale\.csv does not exist") as error:
        read_table(tmp_path / "sale.csv")
    assert str(error.value.hint).endswith("sales.csv?")
    with pytest.raises(DataError, match=r"none\.csv does not exist") as error:
        read_table(tmp_path / "nowhere" / "none.csv")
    assert str(error.value.hint).endswith("nowhere does not exist either")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)


def test_unreadable_file(write, monkeypatch):
    def refuse(path):
        # the superuser, as whom tests may run, is refused nothing
        raise PermissionError(13, "Permission denied", str(path))

    path = write("ds,y\n1,2\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        read_table(path)


def test_parquet_without_rows(tmp_path):
    PLAIN.clear().write_parquet(tmp_path / "none.parquet")
    with pytest.raises(DataError, match="has columns but no rows"):
        read_table(tmp_path / "none.parquet")


def test_of_a_parquet_file_only_the_columns_that_are_wanted_are_read(tmp_path):
    frame = pl.DataFrame({"unique_id": ["a", "a"], "y": [1.0, 2.0], "note": ["x", "y"], "ds": [1, 2]})
    frame.write_parquet(tmp_path / "t.parquet")
    found = open_table(tmp_path / "t.parquet", {"ds", "y", "unique_id"}).frame
    assert found.equals(frame.drop("note"))
    assert open_table(tmp_path / "t.parquet", {"ds", "y", "shop"}).frame.equals(frame)
    assert open_table(tmp_path / "t.parquet").frame.equals(frame)
