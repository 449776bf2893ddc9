"""Columns beside the target: which are asked for, whether they hold numbers or categories, and their values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from unspool.errors import DataError, SettingError
from unspool.forecast.tables.frames import check_columns, take
from unspool.forecast.tables.origin import Origin, more
from unspool.forecast.tables.panel import ROLES, Covariate, Role
from unspool.forecast.tables.values import missing_to_null, parse_numbers, read_numbers

_MEND = "or, if it is a category, name the column in --categorical (in Python: categorical=)"


@dataclass(frozen=True)
class Asked:
    """A covariate that is asked for; `categorical` None: it is where its column is text."""

    name: str
    role: Role
    categorical: bool | None = None


@dataclass(frozen=True)
class Read:
    """Covariates as read: values [n, C] float64, codes of categories (their place in `Covariate.categories`), or NaN.

    Attributes:
        covariates: [C].
        values: [n, C], NaN where there is no value.
    """

    covariates: tuple[Covariate, ...] = ()
    values: np.ndarray | None = None

    def ordered(self, order: np.ndarray) -> "Read":
        """The rows in another order."""
        return self if self.values is None else Read(self.covariates, self.values[order])


def ask(
    known: Sequence[str], past: Sequence[str], static: Sequence[str], categorical: Sequence[str]
) -> tuple[Asked, ...]:
    """The covariates that options name, known ones first.

    Raises:
        SettingError: a column has two roles, or is called categorical without a role.
    """
    by_role: dict[Role, Sequence[str]] = {"known": known, "past": past, "static": static}
    for role, given in {**by_role, "categorical": categorical}.items():
        if isinstance(given, str):
            raise SettingError(f"{role} is {given!r}", hint=f"give a list of columns: {role}=[{given!r}]")
    named: list[tuple[str, Role]] = [(name, role) for role in ROLES for name in by_role[role]]
    names = [name for name, _ in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        roles = " and ".join(role for name, role in named if name == twice)
        raise SettingError(f"column {twice!r} is named twice: {roles}", hint="a covariate has one role")
    stray = next((name for name in categorical if name not in names), None)
    if stray is not None:
        raise SettingError(
            f"column {stray!r} is called categorical, but is no covariate",
            hint="name it in --known, --past or --static as well",
        )
    return tuple(Asked(name, role, True if name in categorical else None) for name, role in named)


def read_covariates(
    table: nw.DataFrame[Any], wanted: Sequence[Asked], where: Origin, ids: pl.Series | None, taken: Sequence[str]
) -> Read:
    """The columns that are asked for.

    Args:
        table: the table.
        wanted: what is asked for.
        where: names a row in errors.
        ids: the series of each row, for errors; None where the table is one series.
        taken: columns that have a role already.

    Raises:
        DataError: a column is not there, or a value of it cannot be read.
        SettingError: a column has another role already.
    """
    if not wanted:
        return Read()
    check_columns([str(name) for name in table.columns], [(one.role, one.name) for one in wanted], taken, where)
    read = [_read(take(table, one.name, where)[0], one, where, ids) for one in wanted]
    return Read(tuple(covariate for covariate, _ in read), np.stack([values for _, values in read], axis=1))


def _read(column: pl.Series, one: Asked, where: Origin, ids: pl.Series | None) -> tuple[Covariate, np.ndarray]:
    what = f"{one.role} {one.name!r}"
    kind = column.dtype
    text = kind in (pl.String, pl.Categorical, pl.Enum)
    if not (text or kind.is_numeric() or kind in (pl.Boolean, pl.Null)):
        raise DataError(f"{where.table()}: {what} holds {kind} values", hint="a covariate is a number or a text")
    if one.categorical or (one.categorical is None and text and _is_words(column, where, what)):
        words = _words(column)
        categories = words.drop_nulls().unique(maintain_order=True).to_list()
        codes = words.replace_strict(categories, list(range(len(categories))), default=None, return_dtype=pl.Float64)
        return Covariate(one.name, one.role, tuple(categories)), codes.fill_null(float("nan")).to_numpy()
    return Covariate(one.name, one.role), read_numbers(column, where, what, ids)


def _is_words(column: pl.Series, where: Origin, what: str) -> bool:
    """Whether no value of a column of text is a number; raises `DataError` where some are."""
    text = missing_to_null(column)
    bad = (parse_numbers(text, where, what).is_null() & text.is_not_null()).arg_true()
    if 0 < len(bad) < len(text) - text.null_count():
        row = int(bad[0])
        raise DataError(
            f"{where.at(row)}: {what} is text: {text[row]!r}, in other rows a number{more(len(bad), 'value')}",
            hint=f"write a number, or leave the field empty where there is no value; {_MEND}",
        )
    return len(bad) > 0


def _words(column: pl.Series) -> pl.Series:
    """The categories as text; only an empty field is a missing one: "none" and "NA" are names like others."""
    if column.dtype.is_float() and (column.drop_nans().drop_nulls() % 1 == 0).all():
        column = column.fill_nan(None).cast(pl.Int64)  # 1.0 where the file that was fitted on has 1
    text = column.cast(pl.String).str.strip_chars()
    return pl.select(pl.when(text != "").then(text)).to_series()
