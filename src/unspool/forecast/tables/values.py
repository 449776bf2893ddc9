"""Text of numbers to numbers: missing tokens, decimal commas, thousands separators."""

import numpy as np
import polars as pl

from unspool.errors import DataError
from unspool.forecast.tables.origin import Origin, more

MISSING = frozenset({"", "na", "nan", "null", "none", "-", "?", "n/a", "#n/a", "<na>"})
"""What stands for "no value" in text, in lower case."""

_POINT = r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$"
_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?([eE][+-]?\d+)?$"
_EITHER = r"^[+-]?[1-9]\d{0,2},\d{3}$"


def missing_to_null(text: pl.Series) -> pl.Series:
    """The text without outer spaces, and null where it says that there is no value."""
    text = text.cast(pl.String).str.strip_chars()
    absent = text.str.to_lowercase().is_in(list(MISSING))
    return pl.select(pl.when(~absent).then(text)).to_series().alias(text.name)


def read_numbers(column: pl.Series, where: Origin, what: str, of: pl.Series | None = None) -> np.ndarray:
    """The column as float64, NaN where there is no value.

    Args:
        column: numbers, booleans or text.
        where: names a row in errors.
        what: names the column in errors: "target 'y'".
        of: the series of each row, for errors; None where the table is one series.

    Raises:
        DataError: a value is text, infinite, or a comma in it could mean either thing.
    """
    kind = column.dtype
    if kind.is_numeric() or kind == pl.Boolean or kind == pl.Null:
        numbers = column.cast(pl.Float64)
        text = column
    elif kind in (pl.String, pl.Categorical, pl.Enum):
        text = missing_to_null(column)
        numbers = parse_numbers(text, where, what)
        bad = (numbers.is_null() & text.is_not_null()).arg_true()
        if len(bad):
            row = int(bad[0])
            raise DataError(
                f"{where.at(row)}: {what}{_of(of, row)} is text: {str(text[row])!r}{more(len(bad), 'value')}",
                hint="write a number, or leave the field empty where there is no value",
            )
    else:
        raise DataError(
            f"{where.table()}: {what} holds {kind} values, not numbers", hint="choose a column of numbers as the target"
        )
    values = numbers.fill_null(float("nan")).to_numpy()
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        row = int(infinite[0])
        raise DataError(
            f"{where.at(row)}: {what}{_of(of, row)} is infinite: {text[row]!s}{more(len(infinite), 'value')}",
            hint="leave the field empty where there is no value",
        )
    return values


def parse_numbers(text: pl.Series, where: Origin, what: str) -> pl.Series:
    """Float64, null where a value is not a number. The whole column is read with one meaning of the comma."""
    numbers = text.cast(pl.Float64, strict=False)
    if numbers.null_count() == text.null_count():
        return numbers
    commas = text.filter(text.str.contains(",", literal=True).fill_null(False))
    if len(commas) == 0:
        return numbers
    if commas.str.contains(_EITHER).all() and where.delimiter != ";":
        first = int(text.str.contains(_EITHER).fill_null(False).arg_true()[0])
        thousands = text[first].replace(",", "")
        raise DataError(
            f"{where.at(first)}: {what} is ambiguous: {text[first]!r} could be {text[first].replace(',', '.')} "
            f"or {thousands}",
            hint="write decimals with a point and no separator between thousands",
        )
    decimal_comma = int(commas.str.contains(_COMMA).sum()) >= int(commas.str.contains(_POINT).sum())
    looks = text.str.contains(_COMMA if decimal_comma else _POINT)
    if decimal_comma:
        read = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    else:
        read = text.str.replace_all(",", "", literal=True)
        looks = looks | numbers.is_not_null()
    return pl.select(pl.when(looks).then(read.cast(pl.Float64, strict=False))).to_series()


def _of(ids: pl.Series | None, row: int) -> str:
    return "" if ids is None else f" of series {ids[row]!r}"
