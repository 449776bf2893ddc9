"""Axes: times as a chart takes them, dates or numbers; and ratios."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from math import ceil, floor, log10
from typing import Any, Literal

import numpy as np

from unspool.errors import DataError

DECADES = 3
"""More are marked by powers of ten alone."""


def axis_times(times: Sequence[str] | np.ndarray) -> np.ndarray:
    """[n] datetime64[us] (UTC) or numbers; text is read as numbers or as ISO dates, months (`1949-01`) included.

    Raises:
        DataError: a text is neither.
    """
    found = np.asarray(times)
    if found.dtype.kind == "M":
        return found.astype("datetime64[us]")
    if found.dtype.kind in "iuf":
        return found
    texts = [str(text) for text in found]
    for read in (_numbers, _dates):
        try:
            return read(texts)
        except ValueError:
            continue
    shown = next(text for text in texts if not _is_moment(text))
    raise DataError(f"the time {shown!r} cannot be drawn", hint="give the report datetime64, integer or float times")


def drawn_times(times: np.ndarray) -> list[str] | list[float]:
    """What plotly takes: ISO text without zone for dates, plain numbers otherwise."""
    if times.dtype.kind != "M":
        return times.tolist()
    return [text.replace("T", " ") for text in np.datetime_as_string(times, unit=_unit(times)).tolist()]


def hover_time_format(times: np.ndarray, labels: Callable[[np.ndarray], list[str]]) -> str:
    """The d3 format of a date in the hover box, as fine as the user's own labels; empty for numbers."""
    if times.dtype.kind != "M" or not len(times):
        return ""
    length = len(labels(times[:1])[0])
    if length == 7:
        return "%Y-%m"
    return "%Y-%m-%d" if length == 10 or _unit(times) == "D" else "%Y-%m-%d %H:%M"


def ratio_axis(values: Iterable[float]) -> dict[str, Any]:
    """A logarithmic axis for positive values, with the ticks people count by: 1, 2, 5, 10 …, or powers of ten."""
    exponents = [floor(log10(value)) for value in values]
    if max(exponents) - min(exponents) > DECADES:
        return {"type": "log", "dtick": ceil((max(exponents) - min(exponents)) / 8), "exponentformat": "power"}
    ticks = [digit * 10.0**decade for decade in range(min(exponents), max(exponents) + 1) for digit in (1, 2, 5)]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:.6g}" for tick in ticks]}


def _numbers(texts: list[str]) -> np.ndarray:
    values = np.array([float(text) for text in texts])
    return values.astype(np.int64) if all("." not in text for text in texts) else values


def _dates(texts: list[str]) -> np.ndarray:
    return np.array([_moment(text) for text in texts], dtype="datetime64[us]")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(f"{text}-01" if len(text) == 7 else text)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _is_moment(text: str) -> bool:
    try:
        _moment(text)
    except ValueError:
        return False
    return True


def _unit(times: np.ndarray) -> Literal["D", "m", "s", "us"]:
    units: tuple[Literal["D", "m", "s"], ...] = ("D", "m", "s")
    for unit in units:
        if bool(np.all(times.astype(f"datetime64[{unit}]") == times)):
            return unit
    return "us"
