"""A file to a table: CSV of any spelling, gzipped or not, and Parquet; and JSON lines in GluonTS's manner."""

import io
from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from unspool.content import file_bytes
from unspool.errors import DataError
from unspool.forecast.tables.conventions import entries_of
from unspool.forecast.tables.csvtext import Records, find_records, sniff_delimiter
from unspool.forecast.tables.origin import Origin, more

_FORMATS = "a table is a CSV file (.csv, .csv.gz) or a Parquet file"

# first bytes → what the file is
_KNOWN_BINARY = {
    b"PK\x03\x04": "an Excel workbook or zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel or Office file",
    b"ARROW1": "an Arrow file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"%PDF": "a PDF file",
    b"SQLite": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "an image",
}

_BOMS = [
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
]


@dataclass(frozen=True)
class Table:
    """A table, or the entries of JSON lines (see `conventions`), and where its rows came from."""

    frame: Any
    origin: Origin


def read_table(path: str | PathLike[str]) -> pl.DataFrame:
    """The columns of a CSV file as text, of a Parquet file in its own types; raises as `open_table` does."""
    return open_table(path).frame


def open_table(path: str | PathLike[str], columns: Collection[str] = ()) -> Table:
    """The table in a file, with the line on which each row starts; of a Parquet file only `columns`, if all are there.

    Delimiter (comma, semicolon, tab, |), quotes, line ends, encoding (UTF-8, UTF-16, UTF-32, Windows-1252) and gzip
    are found out from the content, not the name. Blank lines are passed over; a column without a name becomes "index".

    Raises:
        DataError: the file is missing, empty, binary, damaged, or has rows of differing length.
    """
    path = Path(path)
    data = file_bytes(path, _FORMATS)
    if data[:4] == b"PAR1":
        return _parquet(data, path, columns)
    data = _as_utf8(data, path)
    found = entries_of(data, path)
    if found is not None:
        return Table(found[0], Origin(path.name, found[1]))
    records = find_records(data, sniff_delimiter(data))
    if len(records.starts) == 0:
        raise DataError(f"{path} is empty", hint=_FORMATS)
    _check_quotes(records, path)
    names, records = _header(data, records, path)
    _check_lengths(records, len(names), path)
    frame = _frame(data, records, names, path)
    if names[-1] == "" and frame.to_series(-1).null_count() == len(frame):
        # a delimiter at the end of every line
        frame, names = frame.drop(frame.columns[-1]), names[:-1]
    frame.columns = _named(names)
    return Table(frame, Origin(path.name, records.lines, records.delimiter))


def _parquet(data: bytes, path: Path, columns: Collection[str]) -> Table:
    try:
        named = [name for name in pl.read_parquet_schema(io.BytesIO(data)) if name in columns]
        whole = not columns or len(named) < len(columns)
        frame = pl.read_parquet(io.BytesIO(data), columns=None if whole else named)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} is a damaged Parquet file", hint="copy or write it again") from error
    if frame.is_empty():
        raise DataError(f"{path} has columns but no rows", hint="a series needs a row for each time")
    return Table(frame, Origin(path.name))


def _as_utf8(data: bytes, path: Path) -> bytes:
    """The text in UTF-8 with plain line ends."""
    encoding, body = _encoding(data)
    if encoding.startswith("utf-"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError as error:
            if encoding != "utf-8" or len(body) != len(data):
                raise DataError(f"{path} is damaged {encoding.upper()} text", hint=_FORMATS) from error
            # latin-1 where even Windows-1252 has a hole
            try:
                text = body.decode("cp1252")
            except UnicodeDecodeError:
                text = body.decode("latin-1")
    else:
        text = body.decode(encoding)
    sample = text[:65536]
    control = sum(character < " " and character not in "\t\n\r\f\v\x1a" for character in sample)
    if "\0" in text or control * 100 > len(sample):
        kind = next((said for magic, said in _KNOWN_BINARY.items() if data.startswith(magic)), "not text")
        raise DataError(f"{path} is {kind}", hint=_FORMATS)
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a").encode()


def _encoding(data: bytes) -> tuple[str, bytes]:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding, data[len(mark) :]
    sample = np.frombuffer(data[: 4096 & ~1], np.uint8)
    sample = sample[: len(sample) & ~1].reshape(-1, 2)
    zero = (sample == 0).mean(axis=0) if len(sample) else np.zeros(2)
    if zero[1] > 0.7 and zero[0] == 0:
        return "utf-16-le", data
    if zero[0] > 0.7 and zero[1] == 0:
        return "utf-16-be", data
    return "utf-8", data


def _check_quotes(records: Records, path: Path) -> None:
    if records.open_quote is not None:
        raise DataError(
            f"{path.name}, line {records.open_quote}: a quotation mark is never closed",
            hint='close it, or write it twice ("") where it belongs to the text',
        )


def _header(data: bytes, records: Records, path: Path) -> tuple[list[str], Records]:
    """The column names and the records below them; R's `write.table` names no column for its row names."""
    first = data[records.starts[0] : records.stops[0]]
    cells = pl.read_csv(io.BytesIO(first), separator=records.delimiter, has_header=False, infer_schema=False).row(0)
    names = [(cell or "").strip() for cell in cells]
    rows = records.below(1)
    if len(rows.starts) == 0:
        raise DataError(f"{path} has a header but no rows", hint="a series needs a row for each time")
    if (rows.fields == len(names) + 1).all() and _is_counted(data, rows):
        names = ["", *names]
    return names, rows


def _is_counted(data: bytes, rows: Records) -> bool:
    for number, start in enumerate(rows.starts.tolist(), 1):
        field = data[start : start + 24].split(rows.delimiter.encode(), 1)[0]
        if field.strip(b'"') != str(number).encode():
            return False
    return True


def _check_lengths(records: Records, count: int, path: Path) -> None:
    ragged = np.flatnonzero(records.fields != count)
    if len(ragged):
        row = int(ragged[0])
        fields = int(records.fields[row])
        raise DataError(
            f"{path.name}, line {records.lines[row]}: {fields} field{'s' if fields > 1 else ''} where the header "
            f"names {count} column{'s' if count > 1 else ''}{more(len(ragged), 'line')}",
            hint=f"give every line the same fields, and quote those that hold the delimiter {records.delimiter!r}",
        )


def _frame(data: bytes, records: Records, names: list[str], path: Path) -> pl.DataFrame:
    body = records.bytes_of(data)
    try:
        frame = pl.read_csv(
            io.BytesIO(body),
            separator=records.delimiter,
            has_header=False,
            schema={f"column {k}": pl.String for k in range(len(names))},
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} cannot be split into columns: {str(error).splitlines()[0]}") from error
    if len(frame) != len(records.starts):
        raise DataError(
            f"{path} cannot be split into rows: {len(frame)} or {len(records.starts)}", hint="check its quotation marks"
        )
    return frame


def _named(names: list[str]) -> list[str]:
    """Unnamed columns become "index"; of one name, "name (1)" and "name (2)", so that none is taken for the other."""
    filled = [name or "index" for name in names]
    seen: dict[str, int] = {}
    unique = []
    for name in filled:
        seen[name] = seen.get(name, 0) + 1
        unique.append(f"{name} ({seen[name]})" if filled.count(name) > 1 else name)
    return unique
