"""Tables and lists as neuralforecast and GluonTS have them are read without an option."""

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.cli.running import run
from tests.forecast.samples import HORIZON, frame_of, small, wave
from unspool.errors import DataError, SettingError
from unspool.forecast import Panel, panel_from_file, panel_from_frame

A, B = wave(40), wave(50, seed=1)
LONG = frame_of(A, B, start=dt.date(2024, 1, 1))
WANTED = panel_from_frame(LONG)
GLUONTS = LONG.rename({"unique_id": "item_id", "ds": "timestamp", "y": "target"})
ENTRIES: list[dict[str, Any]] = [
    {"start": "2024-01-01", "target": A.tolist(), "item_id": "s0"},
    {"start": "2024-01-01", "target": B.tolist(), "item_id": "s1"},
]


def same(panel: Panel, wanted: Panel = WANTED) -> None:
    assert panel.frequency == wanted.frequency
    for found, expected in zip(panel.series, wanted.series, strict=True):
        assert found.id == expected.id
        assert np.array_equal(found.times, expected.times)
        assert np.array_equal(found.values, expected.values, equal_nan=True)


def periods(freq: str = "D") -> list[dict[str, Any]]:
    return [{**entry, "start": pd.Period(entry["start"], freq)} for entry in ENTRIES]


def lines(*entries: dict[str, Any]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)


@pytest.mark.parametrize(
    "frame",
    [
        LONG,
        LONG.to_pandas(),
        LONG.to_pandas().set_index("unique_id"),
        GLUONTS,
        GLUONTS.to_pandas(),
        GLUONTS.to_arrow(),
        GLUONTS.to_pandas().set_index("timestamp"),
        GLUONTS.to_pandas().set_index("timestamp").rename_axis(None),
        GLUONTS.to_pandas().set_index(["item_id", "timestamp"]),
        GLUONTS.with_columns(feat=pl.lit(1.0)),
        periods(),
        tuple(periods()),
        [{**entry, "freq": "1D"} for entry in ENTRIES],
        [{**entry, "start": np.datetime64("2024-01-01"), "freq": "D"} for entry in ENTRIES],
        [{**entry, "start": pd.Timestamp("2024-01-01"), "freq": "D", "feat_static_cat": [0]} for entry in ENTRIES],
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_what_is_taken_as_it_is(frame: Any):
    same(panel_from_frame(frame))


def test_one_series_of_gluonts_has_no_name():
    one = frame_of(A).rename({"ds": "timestamp", "y": "target"})
    entry = periods()[0]
    for frame in (one, one.to_pandas().set_index("timestamp").rename_axis(None), [entry]):
        panel = panel_from_frame(frame)
        assert np.array_equal(panel.series[0].values, A)
    del entry["item_id"]
    assert panel_from_frame([entry]).columns.series is None


def test_names_that_are_there_come_first():
    both = LONG.with_columns(item_id=pl.lit("x"), timestamp=pl.lit(0), target=pl.lit(0.0))
    same(panel_from_frame(both))
    other = LONG.rename({"unique_id": "item_id", "ds": "date", "y": "target"})
    with pytest.raises(DataError, match="no column 'ds'"):
        panel_from_frame(other)
    with pytest.raises(DataError, match=r"already|not sorted|after"):  # item_id is no series' name among other names
        panel_from_frame(other, time="date")
    same(panel_from_frame(other, time="date", series="item_id"))


@pytest.mark.parametrize(
    ("freq", "start", "step"),
    [
        ("h", "2024-01-01 05:00", "1h"),
        ("15min", "2024-01-01", "15m"),
        ("30T", "2024-01-01", "30m"),
        ("3H", "2024-01-01", "3h"),
        ("W-SUN", "2024-01-07", "1w"),
        ("B", "2024-01-01", "1bd"),
        ("M", "2024-01-31", "1mo"),
        ("MS", "2024-01-01", "1mo"),
        ("QS-JAN", "2024-01-01", "1q"),
        ("Y-DEC", "2024-12-31", "1y"),
    ],
)
def test_the_steps_of_pandas(freq: str, start: str, step: str):
    panel = panel_from_frame([{"start": start, "target": [1.0, 3.0, 2.0, 5.0], "freq": freq}])
    assert panel.frequency.every == step
    alias = {"M": "ME", "30T": "30min", "3H": "3h", "Y-DEC": "YE-DEC"}.get(freq, freq)
    times = pd.date_range(start, periods=4, freq=alias)
    assert np.array_equal(panel.series[0].times, times.to_numpy().astype("datetime64[us]"))


@pytest.mark.parametrize("folder", ["train", "."])
def test_json_lines_with_the_metadata_that_lies_beside_them(tmp_path: Path, folder: str):
    data = tmp_path / folder / "data.json"
    data.parent.mkdir(exist_ok=True)
    data.write_text(lines(*ENTRIES), encoding="utf-8")
    with pytest.raises(DataError, match="not how long a step is") as caught:
        panel_from_file(data)
    assert "--frequency" in str(caught.value.hint)
    same(panel_from_file(data, frequency="1d"))
    about = tmp_path / ("metadata/metadata.json" if folder == "train" else "metadata.json")
    about.parent.mkdir(exist_ok=True)
    about.write_text('{"freq": "D", "prediction_length": 5}', encoding="utf-8")
    same(panel_from_file(data))
    (data.parent / "data.json.gz").write_bytes(gzip.compress(data.read_bytes()))
    same(panel_from_file(data.parent / "data.json.gz"))


def test_missing_values_stay_missing():
    panel = panel_from_frame([{"start": "2024-01-01", "freq": "D", "target": [1.0, None, "NaN", float("nan"), 2, 3]}])
    assert np.array_equal(panel.series[0].values, [1, np.nan, np.nan, np.nan, 2, 3], equal_nan=True)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "no series"),
        ([{"target": [1.0]}], "row 1: a series needs a start"),
        ([*periods(), 5], "row 3: a series needs a start"),
        (
            [{"start": "2024-01-01", "target": [[1.0], [2.0]], "item_id": "a"}],
            "target of series 'a' is not a list of num",
        ),
        ([{"start": "2024-01-01", "target": ["x"]}], "is not a list of numbers"),
        ([{"start": "2024-01-01", "target": 5}], "is not a list of numbers"),
        ([{"start": "2024-01-01", "target": []}], "has no values"),
        ([{"start": "soon", "target": [1.0, 2.0], "freq": "D"}], "soon"),
        ([{**ENTRIES[0], "freq": "D"}, {**ENTRIES[1], "freq": "h"}], "different steps: D, h"),
        ([{**ENTRIES[0], "freq": "fortnight"}], "'fortnight' is not understood"),
    ],
)
def test_entries_that_are_refused(entries: list[Any], said: str):
    with pytest.raises((DataError, SettingError), match=said):
        panel_from_frame(entries)


def test_a_line_that_is_no_series_is_named(tmp_path: Path):
    path = tmp_path / "data.json"
    path.write_text(lines(ENTRIES[0]) + "\n{oops\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"data\.json, line 3: not a series as JSON"):
        panel_from_file(path)
    path.write_text(lines({**ENTRIES[0], "freq": "D"}, {"start": "2024-01-01"}), encoding="utf-8")
    with pytest.raises(DataError, match=r"data\.json, line 2: a series needs a start and a target"):
        panel_from_file(path)


def test_a_value_that_is_refused_is_on_the_line_of_its_series(tmp_path: Path):
    path = tmp_path / "data.json"
    bad = {**ENTRIES[1], "target": [1.0, 2.0, float("inf")]}
    path.write_text(lines(ENTRIES[0]) + "\n" + lines(bad, ENTRIES[0]), encoding="utf-8")
    with pytest.raises(DataError, match=r"data\.json, line 3: target 'target' of series 's1' is inf"):
        panel_from_file(path, frequency="1d")


def test_a_forecaster_is_fitted_and_predicts_from_entries():
    entries = periods()
    forecaster = small().fit(entries)
    table = forecaster.predict()
    assert table.columns[:3] == ["item_id", "timestamp", "forecast"]
    wanted = small().fit(LONG)
    assert np.array_equal(table["forecast"], wanted.predict()["forecast"])
    newer = [{**entry, "start": "2024-01-01", "target": entry["target"][:30]} for entry in ENTRIES]  # the step is known
    assert np.array_equal(forecaster.predict(newer)["forecast"], wanted.predict(LONG.filter(_first(30)))["forecast"])


def _first(count: int) -> pl.Expr:
    return pl.col("ds") < dt.date(2024, 1, 1) + dt.timedelta(count)


def test_the_command_takes_json_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("data.json").write_text(lines(*[{**entry, "freq": "D"} for entry in ENTRIES]), encoding="utf-8")
    fast = ("--window", 14, "--hidden-size", 8, "--steps", 5, "--members", 1, "--validation", 10, "--folds", 1)
    ran = run(capsys, "forecast", "data.json", "--horizon", HORIZON, "--out", "out", *fast)
    assert (ran.code, ran.err) == (0, "")
    assert pl.read_csv("out/forecast.csv").columns[:2] == ["item_id", "timestamp"]
    ran = run(capsys, "predict", "out/model", "data.json")
    assert (ran.code, ran.err) == (0, "")
