"""A file to sequences: .ts, CSV or Parquet, told by its content."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from unspool.classify.reading.content import FORMATS, as_text
from unspool.classify.reading.long import read_csv, read_parquet, sequences_from_table
from unspool.classify.reading.ts import read_ts
from unspool.classify.sequences import Columns, Sequences
from unspool.content import file_bytes

HEADER = 100_000
"""Bytes in which a .ts header ends, comments included."""


def read_sequences(
    path: str | PathLike[str],
    columns: Columns | None = None,
    channels: Sequence[str] | None = None,
    *,
    labelled: bool = True,
) -> Sequences:
    """The sequences of a file.

    Args:
        path: a .ts file, or a table in long form (CSV or Parquet); each may be gzipped.
        columns: the roles of a table's columns.
        channels: of a table, the columns that are channels; by default every other column of numbers.
        labelled: whether there must be labels.

    Raises:
        DataError, SettingError: with the file, the line and what is wrong.
    """
    path = Path(path)
    data = file_bytes(path, FORMATS)
    columns = columns or Columns()
    if data[:4] == b"PAR1":
        return sequences_from_table(
            read_parquet(data, path), columns, channels, path.name, labelled=labelled, text=False
        )
    if _is_ts(path, data):
        return read_ts(as_text(data, path), path.name)
    return sequences_from_table(read_csv(data, path), columns, channels, path.name, labelled=labelled, text=True)


def _is_ts(path: Path, data: bytes) -> bool:
    """By the name, or by a line @data."""
    return path.name.lower().removesuffix(".gz").endswith(".ts") or b"\n@data" in data[:HEADER].lower()
