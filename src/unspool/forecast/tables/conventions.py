"""The tables of neighbouring libraries, taken as they are: neuralforecast's, GluonTS's, and GluonTS's lists of series.

neuralforecast's long frames (`unique_id`, `ds`, `y`) have the names that are the defaults here. GluonTS's long frames
have `item_id`, `timestamp` (or a nameless index) and `target`. Its datasets are entries {"start", "target", "item_id"},
a series each, in Python or as lines of JSON: a step is not written there, and so comes from `start` where that is a
pandas Period, from an entry's "freq", from the metadata.json that lies beside the file, or from the user.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from unspool.errors import DataError, SettingError
from unspool.forecast.tables.every import read_every, spell
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.inference import fit
from unspool.forecast.tables.origin import Origin
from unspool.forecast.tables.timecolumn import read_times

_NAMELESS = ({"index", "target"}, {"index", "item_id", "target"})
"""Columns of a GluonTS frame whose times are an index without a name."""


def named(names: list[str], target: str, time: str, series: str | None) -> tuple[str, str, str | None]:
    """The columns for target, time and series: GluonTS's where those of the defaults are not there."""
    if target == "y" and "y" not in names and "target" in names:
        target = "target"
    if time == "ds" and "ds" not in names:
        time = "timestamp" if "timestamp" in names else "index" if set(names) in _NAMELESS else time
    gluonts = target == "target" and time in ("timestamp", "index")
    if gluonts and series == "unique_id" and "unique_id" not in names and "item_id" in names:
        series = "item_id"
    return target, time, series


def is_dataset(data: Any) -> bool:
    """Whether the data are entries of series and no table: a list of them, or a dataset of GluonTS."""
    if isinstance(data, list | tuple):
        return not data or any(isinstance(entry, Mapping) for entry in data)
    return type(data).__module__.partition(".")[0] == "gluonts"


def long_table(data: Any, frequency: str | Frequency | None, where: Origin) -> tuple[Any, Any, Origin]:
    """Entries of series as a table in long form, its frequency, and where its rows came from; a table as it is.

    The columns are `item_id` (where the entries have one, or are several), `timestamp` and `target`.

    Raises:
        DataError: an entry has no start, or no list of numbers as its target, or the step is not known.
        SettingError: the frequency has no meaning.
    """
    if not is_dataset(data):
        return data, frequency, where
    entries = list(data)
    if not entries:
        raise DataError(f"{where.table()} has no series", hint='each is an entry {"start": …, "target": […]}')
    values = [_values(entry, k, where) for k, entry in enumerate(entries)]
    every = _every(entries, frequency, where)
    starts = pl.Series("start", [_start(entry["start"]) for entry in entries])
    readings = read_times(starts, None, where, "start")
    zone = readings[0].style.zone
    if every is None and readings[0].style.kind == "integer":
        every = "1"
    if every is None:
        raise DataError(
            f"{where.table()} says when each series starts, but not how long a step is",
            hint="name the step, for example --frequency 1h (in Python: frequency=)",
        )
    columns: dict[str, Any] = {}
    if len(entries) > 1 or "item_id" in entries[0]:
        names = [str(entry.get("item_id", k)) for k, entry in enumerate(entries)]
        columns["item_id"] = np.repeat(np.array(names, object), [len(part) for part in values]).tolist()
    unit, step = read_every(every)
    times = [_times(start, len(part), unit, step, zone) for start, part in zip(readings[0].times, values, strict=True)]
    columns["timestamp"] = pl.Series(np.concatenate(times))
    if zone is not None:
        columns["timestamp"] = columns["timestamp"].dt.replace_time_zone("UTC")
    columns["target"] = pl.Series(np.concatenate(values))
    if where.lines is not None:
        where = replace(where, lines=np.repeat(where.lines, [len(part) for part in values]))
    return pl.DataFrame(columns), frequency if isinstance(frequency, Frequency) else every, where


def entries_of(data: bytes, path: Path) -> tuple[list[dict[str, Any]], np.ndarray] | None:
    """The entries of a file of JSON lines, and the line of each; None where it is no such file.

    Raises:
        DataError: a line after the first is no JSON object.
    """
    if not data.lstrip().startswith(b"{"):
        return None
    entries, lines = [], []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or (not entries and "target" not in entry):
            if not entries and path.suffix not in (".json", ".jsonl"):
                return None  # a CSV file may begin in any way
            raise DataError(
                f"{path.name}, line {number}: not a series as JSON",
                hint='write an object on each line: {"start": "2024-01-01", "target": [1.5, 2.0], "item_id": "a"}',
            )
        entries.append(entry)
        lines.append(number)
    step = _beside(path)
    return [{"freq": step} | entry if step else entry for entry in entries], np.array(lines)


def _beside(path: Path) -> str | None:
    """The step that GluonTS's metadata.json gives, in the folder of the file or where its repository keeps it."""
    for place in (path.parent / "metadata.json", path.parent.parent / "metadata" / "metadata.json"):
        try:
            found = json.loads(place.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and isinstance(found.get("freq"), str):
            return found["freq"]
    return None


def _values(entry: Any, k: int, where: Origin) -> np.ndarray:
    if not isinstance(entry, Mapping) or "start" not in entry or "target" not in entry:
        raise DataError(
            f"{where.at(k)}: a series needs a start and a target",
            hint='write {"start": "2024-01-01 00:00", "target": [1.5, 2.0], "item_id": "a"}, or pass a table',
        )
    try:
        values = np.array([np.nan if value is None else value for value in entry["target"]], dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty((0, 0))
    if values.ndim != 1 or not len(values):
        said = "has no values" if values.ndim == 1 else "is not a list of numbers"
        raise DataError(
            f"{where.at(k)}: the target{_of(entry)} {said}",
            hint="a series is one list of numbers, null where missing",
        )
    return values


def _of(entry: Mapping[str, Any]) -> str:
    return f" of series {str(entry['item_id'])!r}" if "item_id" in entry else ""


def _start(start: Any) -> Any:
    """A time that a column can hold; of a Period its first moment."""
    if hasattr(start, "to_timestamp"):
        start = start.to_timestamp()
    if isinstance(start, np.datetime64):
        return start.astype("datetime64[us]").item()
    return start.to_pydatetime() if hasattr(start, "to_pydatetime") else start


def _every(entries: list[Any], frequency: str | Frequency | None, where: Origin) -> str | None:
    """The step as Unspool spells it; None where nothing says it."""
    if frequency is not None:
        return frequency.every if isinstance(frequency, Frequency) else spell(*read_every(frequency))
    said = {str(getattr(entry["start"], "freqstr", None) or entry.get("freq") or "") for entry in entries} - {""}
    if len(said) > 1:
        raise DataError(
            f"{where.table()} has series of different steps: {', '.join(sorted(said))}", hint="forecast each step apart"
        )
    return spell(*pandas_step(said.pop())) if said else None


def pandas_step(freq: str) -> tuple[str, int | float]:
    """The unit and count of one of pandas' frequencies: "15min", "3H", "W-SUN", "QE-DEC"."""
    match = re.fullmatch(r"(\d*)([A-Za-z]+)(-[A-Z]+)?", freq)
    if match is None:
        return read_every(freq)
    try:
        unit, count = read_every(match[2])
    except SettingError:
        return read_every(freq)
    return unit, int(match[1] or 1) * count


def _times(start: Any, count: int, unit: str, step: int | float, zone: str | None) -> np.ndarray:
    found = fit(unit, step, np.array([start]), zone)
    if found is None:
        raise SettingError(
            f"a step of {spell(unit, step)} does not fit a series that starts at {start}",
            hint="name the step of the data, for example --frequency 1h",
        )
    return np.concatenate([[start], found.after(start, count - 1)])
