"""`unspool predict`: newer data, the same model, nothing fitted."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.running import Ran, run, run_apart
from tests.forecast.samples import frame_of, wave
from unspool.forecast import Forecaster

LATER = dt.date(2020, 2, 1)


@pytest.fixture
def model(done: tuple[Path, Ran]) -> Path:
    return done[0] / "out" / "model"


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    path = tmp_path / "newer.csv"
    frame_of(wave(90, seed=3), 20 + wave(90, seed=4), start=LATER).write_csv(path)
    return path


def test_the_data_fitted_on_give_the_forecast_written_then(done: tuple[Path, Ran], model: Path, tmp_path: Path):
    ran = run_apart(tmp_path, "predict", model, done[0] / "table.csv", "--out", "again.csv")
    assert (ran.code, ran.err) == (0, "")
    assert (tmp_path / "again.csv").read_bytes() == (done[0] / "out" / "forecast.csv").read_bytes()


def test_newer_data_as_in_python(model: Path, newer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    wanted = Forecaster.load(model).predict(pl.read_csv(newer, try_parse_dates=True))
    assert wanted["ds"][0] == LATER + dt.timedelta(90)
    for name in ("new.csv", "new.parquet"):
        assert run(capsys, "predict", model, newer, "--out", tmp_path / name).out.endswith(f"{name}: 10 rows\n")
    assert pl.read_parquet(tmp_path / "new.parquet").equals(wanted)
    assert pl.read_csv(tmp_path / "new.csv", try_parse_dates=True).equals(wanted)


def test_on_the_screen(model: Path, newer: Path, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "predict", model, newer)
    assert ran.code == 0
    assert ran.out.count("2020-05-0") == 10


def test_json(model: Path, newer: Path, capsys: pytest.CaptureFixture[str]):
    found = json.loads(run(capsys, "predict", model, newer, "--json").out)
    assert [row["unique_id"] for row in found["forecast"]] == ["s0"] * 5 + ["s1"] * 5
    assert found["forecast"][0]["ds"] == "2020-05-01"
    assert found["file"] is None


def test_overwrite(model: Path, newer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "new.csv").write_text("old")
    assert run(capsys, "predict", model, newer, "--out", tmp_path / "new.csv", "--overwrite").code == 0
    assert len(pl.read_csv(tmp_path / "new.csv")) == 10


@pytest.mark.parametrize(
    "values",
    [wave(5), [3.0], [None, 2.0, None], [9.0] * 30, [None] * 20 + [1.0]],
    ids=["shorter than the window", "one value", "one value between gaps", "constant", "one value at the end"],
)
@pytest.mark.parametrize("name", ["s0", "new"])
def test_a_series_may_be_short_or_constant(
    values: list[float | None], name: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    frame = frame_of(values, wave(30)).filter(pl.col("unique_id") == "s0")
    frame.with_columns(pl.lit(name).alias("unique_id")).write_csv(tmp_path / "newer.csv")
    found = json.loads(run(capsys, "predict", model, tmp_path / "newer.csv", "--json").out)
    assert len(found["forecast"]) == 5
    assert np.isfinite([row["forecast"] for row in found["forecast"]]).all()


def test_a_series_that_the_model_does_not_know(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """It is scaled by itself: the forecast lies where the series does."""
    frame = frame_of(500 + 40 * wave(60), wave(60)).with_columns(pl.col("unique_id").replace("s0", "new"))
    frame.write_csv(tmp_path / "newer.csv")
    found = json.loads(run(capsys, "predict", model, tmp_path / "newer.csv", "--json").out)
    mine = [row["forecast"] for row in found["forecast"] if row["unique_id"] == "new"]
    assert 800 < np.mean(mine) < 1000
