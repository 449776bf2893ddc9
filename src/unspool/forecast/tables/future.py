"""What is known of the future, from a table of its own: aligned by series and time, appended to each series."""

from dataclasses import replace
from typing import Any

import numpy as np

from unspool.errors import DataError, SettingError
from unspool.forecast.tables.covariates import Asked
from unspool.forecast.tables.findings import say_unseen
from unspool.forecast.tables.gridding import check_kind
from unspool.forecast.tables.origin import Origin
from unspool.forecast.tables.panel import Covariate, Panel, Series
from unspool.forecast.tables.rows import Rows, check_order, read_rows


def with_future(panel: Panel, frame: Any, horizon: int, gap: int = 0, origin: Origin | None = None) -> Panel:
    """The panel with the known covariates of the steps after each series' end.

    Rows of other times and other series are passed over. Steps of the gap may be absent.

    Args:
        panel: its covariates known in the future are looked for.
        frame: a table with the series, the times and these columns.
        horizon: steps that are forecast.
        gap: steps between the last row and the first of them.
        origin: where the rows came from, for errors.

    Raises:
        DataError: a column, a row or a value is missing, stands twice or cannot be read.
        SettingError: the panel has no covariate that is known in the future.
    """
    where = origin or Origin()
    wanted = [Asked(one.name, "known", one.categories is not None) for one in panel.of_role("known")]
    if not wanted:
        raise SettingError(
            f"there is no covariate known in the future, so nothing to read from {where.table()}",
            hint="name its columns with --known (in Python: known=), or leave it out",
        )
    columns = panel.columns
    rows = read_rows(frame, None, columns.time, columns.series, where, wanted, panel.time_style)
    if columns.series is not None and rows.columns.series is None:
        raise DataError(
            f"{where.table()} has no column {columns.series!r} (series)", hint="name the series of each row in it"
        )
    check_kind(rows.style, columns.time, where, panel.frequency)
    check_order(rows)
    found, places = _found(panel, rows, gap + horizon)
    _check_covered(panel, found[:, gap:], gap, rows)
    assert rows.beside.values is not None
    merged, recoded = _merged(panel.of_role("known"), rows.beside.covariates, rows.beside.values)
    block = np.where(found[..., None], recoded[places], np.nan)
    _check_given(rows, found, places, block, gap)
    series = tuple(_extended(one, block[k]) for k, one in enumerate(panel.series))
    others = tuple(one for one in panel.covariates if one.role != "known")
    unseen = [
        say_unseen(after, list(after.categories[len(before.categories) :]))
        for before, after in zip(panel.of_role("known"), merged, strict=True)
        if before.categories is not None and after.categories is not None and before.categories != after.categories
    ]
    return replace(panel, series=series, covariates=(*merged, *others), findings=(*panel.findings, *unseen))


def _found(panel: Panel, rows: Rows, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """For each series and step after its end whether there is a row, and which: [N, steps] bool, int64."""
    frequency = panel.frequency
    last = np.array([series.times[-1] for series in panel.series])
    wanted, index = frequency.index(frequency.after(last, steps)), frequency.index(rows.times)
    stops = np.append(rows.starts[1:], len(rows.times))
    part = {name: slice(a, b) for name, a, b in zip(rows.names, rows.starts.tolist(), stops.tolist(), strict=True)}
    # A Saturday has the index of the Monday after it, whose row is meant.
    usable = (
        frequency.at(index, rows.times) == rows.times if frequency.unit == "business day" else np.ones(len(index), bool)
    )
    places, found = np.zeros(wanted.shape, np.int64), np.zeros(wanted.shape, bool)
    for k, series in enumerate(panel.series):
        mine = part.get(series.id) if panel.columns.series is not None else slice(0, len(index))
        if mine is None:
            continue
        own = np.flatnonzero(usable[mine]) + mine.start
        first, stop = (np.searchsorted(index[own], wanted[k], side) for side in ("left", "right"))
        found[k] = stop > first
        places[k, found[k]] = own[first[found[k]]]
        if (stop - first > 1).any():
            at = int(first[(stop - first > 1).argmax()])
            before, second = int(own[at]), int(own[at + 1])
            raise DataError(
                f"{rows.at(second)}: time {rows.label(second)}{rows.of(second)} is the same {frequency.noun} as "
                f"{rows.label(before)} in {rows.place(before)}",
                hint=f"give one row for each {frequency.noun}",
            )
    return found, places


def _check_covered(panel: Panel, found: np.ndarray, gap: int, rows: Rows) -> None:
    lacking = np.flatnonzero(~found.all(axis=1))
    if len(lacking) == 0:
        return
    k = int(lacking[0])
    ahead = panel.frequency.after(panel.series[k].times[-1], gap + found.shape[1])[gap:]
    missing, last = panel.labels(ahead[[int(found[k].argmin()), -1]])
    others = f" (nor are {len(lacking) - 1} other series covered)" if len(lacking) > 1 else ""
    raise DataError(
        f"{rows.where.table()} does not cover the horizon: series {panel.series[k].id!r} has no row for "
        f"{missing!r}{others}",
        hint=f"give a row for each step of the horizon, up to {last}",
    )


def _check_given(rows: Rows, found: np.ndarray, places: np.ndarray, block: np.ndarray, gap: int) -> None:
    """Raises `DataError` where a row of the horizon has no value."""
    empty = found & (np.arange(found.shape[1]) >= gap) & np.isnan(block).any(axis=-1)
    if not empty.any():
        return
    k = int(places[empty].min())
    assert rows.beside.values is not None
    one = rows.beside.covariates[int(np.isnan(rows.beside.values[k]).argmax())]
    raise DataError(
        f"{rows.at(k)}: known {one.name!r}{rows.of(k)} is empty at {rows.label(k)}, which is to be forecast",
        hint="what is known of the future needs a value at each step of the horizon",
    )


def _merged(
    before: tuple[Covariate, ...], after: tuple[Covariate, ...], values: np.ndarray
) -> tuple[tuple[Covariate, ...], np.ndarray]:
    """The covariates with the categories of both tables, and the values of the second coded by them."""
    merged, recoded = [], values.copy()
    for place, (one, other) in enumerate(zip(before, after, strict=True)):
        if one.categories is None or other.categories is None:
            merged.append(one)
            continue
        names = tuple(dict.fromkeys((*one.categories, *other.categories)))
        code_of = {name: code for code, name in enumerate(names)}
        code = np.array([*(code_of[name] for name in other.categories), np.nan])
        recoded[:, place] = code[np.where(np.isnan(values[:, place]), -1, values[:, place]).astype(np.int64)]
        merged.append(replace(one, categories=names))
    return tuple(merged), recoded


def _extended(series: Series, block: np.ndarray) -> Series:
    assert series.known is not None
    return replace(series, known=np.concatenate([series.known[: len(series.values)], block]))
