"""`unspool forecast`, `backtest` and `predict` on rows at uneven times, with errors that say what to do."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.running import Ran, files, run
from tests.forecast.samples import wave

FAST = (
    *("--horizon", 5, "--cell", "ctrnn", "--window", 14, "--hidden-size", 8, "--steps", 6, "--members", 1),
    *("--validation", 10, "--batch-size", 16, "--normalisation", "last"),
)


def uneven_table(count: int = 80, seed: int = 0, start: dt.datetime = dt.datetime(2024, 1, 1)) -> pl.DataFrame:
    """Rows at exponential gaps of ten minutes on average, in whole seconds."""
    seconds = np.ceil(np.random.default_rng(seed).exponential(600, size=count)).cumsum()
    return pl.DataFrame(
        {"ds": [(start + dt.timedelta(seconds=s)).isoformat() for s in seconds], "y": wave(count, seed)}
    )


@pytest.fixture
def uneven(tmp_path: Path) -> Path:
    path = tmp_path / "uneven.csv"
    uneven_table().write_csv(path)
    return path


def forecast(capsys: pytest.CaptureFixture[str], table: Path, *words: object) -> Ran:
    return run(capsys, "forecast", table, *FAST, "--out", table.parent / "out", *words)


def test_forecast_says_that_time_is_uneven_and_what_the_typical_gap_is(
    uneven: Path, capsys: pytest.CaptureFixture[str]
):
    ran = forecast(capsys, uneven, "--folds", 1)
    assert (ran.code, ran.err) == (0, "")
    assert "1 series of 80 steps, uneven (typical gap 7.65 minutes)" in ran.out
    assert "found: the times are uneven (typical gap" in ran.out
    assert "note: the rows are at uneven times" in ran.out
    assert "seasonal naive" not in ran.out
    report = (uneven.parent / "out" / "report.html").read_text()
    assert "uneven (typical gap" in report
    saved = json.loads((uneven.parent / "out" / "model" / "model.json").read_text())
    assert saved["frequency"]["uneven"] is saved["settings"]["uneven"] is True
    assert saved["settings"]["network"] == "onward"
    times = pl.read_csv(uneven.parent / "out" / "forecast.csv", try_parse_dates=True)["ds"]
    gap = np.sort(np.diff(pl.read_csv(uneven, try_parse_dates=True)["ds"].to_numpy()))[39]
    assert (times.diff().drop_nulls().to_numpy() == gap).all()


def test_backtest_and_json(uneven: Path, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "backtest", uneven, *FAST, "--folds", 2, "--json", "--out", uneven.parent / "out")
    found = json.loads(ran.out)
    assert found["uneven"]["step"] == found["uneven"]["typical_gap"]
    assert found["uneven"]["typical_gap"].endswith("s")
    assert found["metrics"]["overall"].keys() == {"unspool", "last_value", "drift", "mean", "ridge"}
    rows = pl.read_csv(uneven)["ds"].to_list()
    assert [fold["cutoff"] for fold in found["metrics"]["folds"]] == [rows[-11], rows[-6]]


def test_predict_newer_rows(uneven: Path, capsys: pytest.CaptureFixture[str]):
    assert forecast(capsys, uneven, "--folds", 0).code == 0
    model, newer = uneven.parent / "out" / "model", uneven.parent / "newer.csv"
    again = run(capsys, "predict", model, uneven, "--out", uneven.parent / "again.csv")
    assert again.code == 0
    assert (uneven.parent / "again.csv").read_bytes() == (uneven.parent / "out" / "forecast.csv").read_bytes()
    uneven_table(40, seed=1, start=dt.datetime(2024, 2, 1)).write_csv(newer)
    rows = json.loads(run(capsys, "predict", model, newer, "--json").out)["forecast"]
    assert len(rows) == 5
    assert rows[0]["ds"] > pl.read_csv(newer)["ds"][-1]


def test_the_length_of_a_step_can_be_given(uneven: Path, capsys: pytest.CaptureFixture[str]):
    ran = forecast(capsys, uneven, "--uneven", "--frequency", "15m", "--folds", 0, "--json")
    found = json.loads(ran.out)
    assert found["uneven"]["step"] == "15m"
    moments = [dt.datetime.fromisoformat(row["ds"]) for row in found["forecast"]]
    assert set(np.diff(np.array(moments))) == {dt.timedelta(minutes=15)}
    assert "--uneven" in (uneven.parent / "out" / "report.html").read_text()


def test_numbers_as_times(uneven: Path, capsys: pytest.CaptureFixture[str]):
    times = np.random.default_rng(0).exponential(size=80).cumsum().round(3)
    pl.DataFrame({"ds": times, "y": wave(80)}).write_csv(uneven)
    found = json.loads(forecast(capsys, uneven, "--folds", 0, "--json").out)
    assert float(found["forecast"][0]["ds"]) > times[-1]
    assert found["findings"][0]["kind"] == "uneven"


def test_a_grid_with_gaps_stays_one_unless_it_is_asked_for(table: Path, capsys: pytest.CaptureFixture[str]):
    pl.read_csv(table)[[k for k in range(80) if k % 7]].write_csv(table)
    assert "daily" in forecast(capsys, table, "--folds", 0).out
    assert "uneven (typical gap 1 day)" in forecast(capsys, table, "--folds", 0, "--uneven", "--overwrite").out


BAD = {
    "a cell that cannot": (
        "--cell gru",
        "uneven.csv, line 11: time '2024-01-01T02:22:08' is 3635 steps after",
        "a cell that reads the time between rows (",
    ),
    "a cell that cannot, asked": ("--cell gru --uneven", "cell gru does not read the time between", "choose one"),
    "not wanted": (
        "--no-uneven",
        "uneven.csv, line 11: time '2024-01-01T02:22:08' is 3635 steps after",
        "a cell that reads the time between rows (",
    ),
    "segments": ("--uneven --network segment", "network 'segment' counts on equal steps", "take network onward"),
    "segments, found out": ("--network segment", "network 'segment' counts on equal steps", "take network onward"),
    "a highway": ("--uneven --highway", "a highway counts on equal steps", "leave the highway out"),
    "a season": ("--season-length 7", "season_length is 7, but rows at uneven times", "leave it out"),
    "months": ("--uneven --frequency 1mo", "frequency '1mo' is no length of time", "a fixed length"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str, uneven: Path, capsys: pytest.CaptureFixture[str]):
    options, message, hint = BAD[case]
    before = files(uneven.parent)
    ran = forecast(capsys, uneven, *options.split())
    assert ran.code != 0
    first, second = ran.err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert second.startswith("hint:  ")
    assert hint in second
    assert files(uneven.parent) == before


@pytest.mark.parametrize(
    ("row", "time", "message"),
    [(3, 2, "is already in line 4"), (3, 1, "the times are not sorted"), (3, None, "time 'ds' is empty")],
)
def test_bad_times(row: int, time: int | None, message: str, uneven: Path, capsys: pytest.CaptureFixture[str]):
    frame = pl.read_csv(uneven)
    times = frame["ds"].to_list()
    times[row] = None if time is None else times[time]
    frame.with_columns(pl.Series("ds", times)).write_csv(uneven)
    ran = forecast(capsys, uneven)
    assert ran.code != 0
    assert ran.err.startswith("error: uneven.csv, line 5")
    assert message in ran.err


def test_a_model_of_even_times_refuses_uneven_rows(table: Path, uneven: Path, capsys: pytest.CaptureFixture[str]):
    assert forecast(capsys, table, "--folds", 0).code == 0
    ran = run(capsys, "predict", table.parent / "out" / "model", uneven)
    assert ran.code != 0
    assert ran.err.startswith("error: uneven.csv: the times are ")
