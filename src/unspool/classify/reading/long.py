"""Tables in long form: a row is a step of a sequence, with its time, its label, and a column for each channel."""

import difflib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from unspool.classify.reading.content import as_text
from unspool.classify.sequences import Columns, Sequences, check_values
from unspool.errors import DataError, SettingError

MISSING = ("", "na", "nan", "null", "none", "?", "n/a", "#n/a", "<na>")
"""What stands for "no value" in the text of a channel, in lower case."""


def read_csv(data: bytes, path: Path) -> pl.DataFrame:
    """All columns as text; comma, semicolon or tab, whichever the first line has most of.

    Raises:
        DataError: it is no text, or its rows do not fit the first line.
    """
    text = as_text(data, path)
    head = text.lstrip("\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        return pl.read_csv(io.BytesIO(text.encode()), separator=delimiter, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path.name} cannot be read as a table: {reason}", hint="check its delimiters") from None


def read_parquet(data: bytes, path: Path) -> pl.DataFrame:
    """The columns in their own types.

    Raises:
        DataError: the file is damaged.
    """
    try:
        return pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError):
        raise DataError(f"{path} is a damaged Parquet file", hint="copy or write it again") from None


def sequences_from_table(
    frame: pl.DataFrame, columns: Columns, channels: Sequence[str] | None, source: str, *, labelled: bool, text: bool
) -> Sequences:
    """The sequences of a table, in the order in which they first appear, the steps of each sorted by time.

    Args:
        frame: a row for each step.
        columns: the roles.
        channels: the columns that are channels; by default every other column of numbers.
        source: the file's name.
        labelled: whether there must be labels; where not, a label column that is there is read all the same.
        text: whether rows are lines of a text, for errors.

    Raises:
        DataError: a column or a value is not usable; the line is named.
        SettingError: one column has two roles.
    """
    frame, findings = _named(frame, source)
    table = _Rows(frame.with_row_index("row number"), source, text)
    has_labels = labelled or columns.label in frame.columns
    roles = {"series": columns.series, "time": columns.time} | ({"label": columns.label} if has_labels else {})
    _check_roles(frame, roles, channels, source)
    chosen = list(channels) if channels else _number_columns(table, set(roles.values()), findings)
    ids = table.words(columns.series, "series")
    labels = table.words(columns.label, "label") if has_labels else None
    times = table.times(columns.time)
    values = np.stack([table.numbers(name) for name in chosen], axis=1)
    named = pl.DataFrame({"id": ids, "row": np.arange(len(ids))})
    groups = named.group_by("id", maintain_order=True).agg("row")
    names, found, marks = [], [], []
    for name, rows in groups.iter_rows():
        order = np.asarray(rows)
        order = order[np.argsort(times[order], kind="stable")]
        same = np.flatnonzero(times[order][1:] == times[order][:-1])
        if len(same):
            raise DataError(
                f"{table.at(int(order[same[0] + 1]))}: series {name!r} has two rows of one time",
                hint="keep one row for each time, or name the column that tells series apart with --series",
            )
        names.append(name)
        found.append(values[order])
        if labels is not None:
            marks.append(_one_label(labels, np.sort(order), name, table))
    return check_values(
        Sequences(
            ids=tuple(names),
            values=tuple(found),
            labels=tuple(marks) if labels is not None else None,
            channels=tuple(chosen),
            source=source,
            columns=columns,
            findings=tuple(findings),
        )
    )


class _Rows:
    """A table that can say where a row is."""

    def __init__(self, frame: pl.DataFrame, source: str, text: bool) -> None:
        self.frame, self.source, self._text = frame, source, text

    def at(self, row: int) -> str:
        """`table.csv, line 18`."""
        return f"{self.source}, line {row + 2}" if self._text else f"{self.source}, row {row + 1}"

    def words(self, name: str, role: str) -> pl.Series:
        """A column as text without a gap."""
        column = self.frame[name].cast(pl.String).str.strip_chars()
        absent = (column.is_null() | (column == "")).arg_true()
        if len(absent):
            raise DataError(f"{self.at(int(absent[0]))}: the {role} column {name!r} is empty", hint="every row has one")
        return column

    def numbers(self, name: str) -> np.ndarray:
        """[rows] float64, NaN where there is no value."""
        column = self.frame[name]
        if column.dtype == pl.String:
            column = column.str.strip_chars()
            column = column.set(column.str.to_lowercase().is_in(MISSING), None)
        read = column.cast(pl.Float64, strict=False)
        bad = (read.is_null() & column.is_not_null()).arg_true()
        if len(bad):
            row = int(bad[0])
            raise DataError(
                f"{self.at(row)}: channel {name!r} is {str(column[row])[:40]!r}, not a number",
                hint="leave the field empty where there is no value",
            )
        values = read.fill_null(float("nan")).to_numpy()
        if np.isinf(values).any():
            row = int(np.isinf(values).argmax())
            raise DataError(f"{self.at(row)}: channel {name!r} is infinite", hint="leave the field empty")
        return values

    def times(self, name: str) -> np.ndarray:
        """[rows] what the steps are sorted by."""
        column = self.frame[name]
        absent = column.is_null().arg_true()
        if len(absent):
            raise DataError(f"{self.at(int(absent[0]))}: the time column {name!r} is empty", hint="every step has one")
        if column.dtype == pl.String:
            read = column.str.strip_chars().cast(pl.Float64, strict=False)
            if read.null_count():
                try:
                    read = column.str.strip_chars().str.to_datetime(strict=False, time_zone="UTC")
                except pl.exceptions.PolarsError:
                    read = column.str.strip_chars().str.to_datetime("%Y-%m-%d", strict=False)
            if read.null_count():
                row = int(read.is_null().arg_true()[0])
                raise DataError(
                    f"{self.at(row)}: the time {column[row][:40]!r} is neither a number nor a date",
                    hint="write 2024-05-31, 2024-05-31 14:00 or a number, all in one way",
                )
            column = read
        if column.dtype.is_float() and (~column.is_finite()).any():
            row = int((~column.is_finite()).arg_true()[0])
            raise DataError(f"{self.at(row)}: the time column {name!r} is not a number")
        if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
            raise DataError(f"{self.source}: the time column {name!r} holds {column.dtype}", hint="numbers or dates")
        return column.to_numpy()


def _named(frame: pl.DataFrame, source: str) -> tuple[pl.DataFrame, list[str]]:
    """Without columns that have no name, such as the row numbers that pandas writes; and what was found."""
    twice = next((name for name in frame.columns if "_duplicated_" in name), None)
    if twice is not None:
        name = twice.split("_duplicated_")[0]
        raise DataError(f"{source} has two columns {name!r}", hint="give them different names")
    named = [name for name in frame.columns if name.strip()]
    left = len(frame.columns) - len(named)
    return frame.select(named), [f"a column without a name was left out{f' ({left} times)' * (left > 1)}"] * (left > 0)


def _check_roles(frame: pl.DataFrame, roles: dict[str, str], channels: Sequence[str] | None, source: str) -> None:
    for role, name in [*roles.items(), *(("channel", c) for c in channels or ())]:
        if name not in frame.columns:
            close = difflib.get_close_matches(name, frame.columns, n=1)
            guess = f"did you mean {close[0]!r}? " if close else ""
            listed = ", ".join(frame.columns[:30])
            raise DataError(
                f"{source} has no column {name!r} ({role}); its columns are: {listed}",
                hint=f"{guess}name it with --{role}",
            )
    taken = [*roles.values(), *(channels or ())]
    twice = next((name for name in taken if taken.count(name) > 1), None)
    if twice is not None:
        raise SettingError(
            f"column {twice!r} has two roles", hint="series, time, label and channels are different columns"
        )
    if frame.is_empty():
        raise DataError(f"{source} has no rows", hint="a row is a step of a sequence")


def _number_columns(table: _Rows, taken: set[str], findings: list[str]) -> list[str]:
    """Every other column of numbers; one of text is left out, unless half of its fields are numbers."""
    found, left = [], []
    for name in table.frame.columns[1:]:
        if name in taken:
            continue
        column = table.frame[name]
        if column.dtype == pl.String:
            seen = column.drop_nulls().str.strip_chars()
            seen = seen.filter(~seen.str.to_lowercase().is_in(MISSING))
            fits = len(seen) > 0 and 2 * seen.cast(pl.Float64, strict=False).count() >= len(seen)
        else:
            fits = column.dtype.is_numeric() or column.dtype == pl.Boolean
        (found if fits else left).append(name)
    if left:
        findings.append(f"no channels, for they are not numbers: {', '.join(left)}")
    if not found:
        raise DataError(f"{table.source} has no column of numbers", hint="name the channels with --channel")
    return found


def _one_label(labels: pl.Series, rows: np.ndarray, name: str, table: _Rows) -> str:
    mine = labels.gather(rows)
    other = (mine != mine[0]).arg_true()
    if len(other):
        row = int(rows[int(other[0])])
        raise DataError(
            f"{table.at(row)}: series {name!r} has the label {mine[int(other[0])]!r} here and {mine[0]!r} before",
            hint="a sequence has one label, the same in all of its rows",
        )
    return str(mine[0])
