"""Bad input: one clear line, exit code 2, and nothing written."""

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import safetensors.torch
import torch

from tests.cli.running import SMALL, Ran, files, run, run_apart
from tests.forecast.samples import frame_of, wave

DAYS = [f"{dt.date(2020, 1, 1) + dt.timedelta(k)}" for k in range(80)]
ROWS = [f"{day},{value:.3f}" for day, value in zip(DAYS, wave(80), strict=True)]


def csv(*rows: str, header: str = "ds,y") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def with_value(value: str) -> bytes:
    return csv(*ROWS[:40], f"{DAYS[40]},{value}", *ROWS[41:])


def refused(ran: Ran, says: str, hint: str = "") -> None:
    """Exactly an error line, then perhaps a hint."""
    lines = ran.err.splitlines()
    assert ran.code == 2, ran
    assert lines, ran
    assert lines[0].startswith("error: "), ran.err
    assert all(line.startswith("hint:  ") for line in lines[1:]), ran.err
    assert len(lines) <= 2, ran.err
    assert says in lines[0], ran.err
    assert hint in "".join(lines[1:]), ran.err
    assert ran.out == ""


# what is in the file (None: no file), the options → the error, the hint
TABLES: dict[str, tuple[bytes | None, str, str, str]] = {
    "missing": (None, "", "table.csv does not exist", "check the path"),
    "empty": (b"", "", "table.csv is empty", ""),
    "header only": (b"ds,y\n", "", "has a header but no rows", ""),
    "binary": (bytes(range(256)) * 9, "", "is not text", "CSV"),
    "workbook": (b"PK\x03\x04" + b"\0" * 200, "", "an Excel workbook", ""),
    "wrong target": (
        csv(*ROWS, header="ds,Sales"),
        "--target sale",
        "has no column 'sale' (target)",
        "did you mean 'Sales'",
    ),
    "wrong time": (csv(*ROWS, header="date,y"), "--time dat", "has no column 'dat' (time)", "did you mean 'date'"),
    "wrong series": (csv(*ROWS), "--series shop", "has no column 'shop' (series)", "--series"),
    "text in the target": (
        with_value("much"),
        "",
        "table.csv, line 42: target 'y' is text: 'much'",
        "leave the field empty",
    ),
    "infinite": (with_value("inf"), "", "table.csv, line 42: target 'y' is infinite", ""),
    "infinite by its size": (with_value("1e999"), "", "table.csv, line 42: target 'y' is infinite", ""),
    "unparsable time": (csv(*ROWS[:9], "soon,3", *ROWS[10:]), "", "table.csv, line 11", ""),
    "unsorted": (csv(*ROWS[:9], ROWS[11], ROWS[10], *ROWS[12:]), "", "the times are not sorted", "sort the rows"),
    "duplicate": (csv(*ROWS[:9], ROWS[8], *ROWS[9:]), "", "is already in line 10", "keep one row for each time"),
    "mixed frequency": (
        csv(*ROWS[:40], *(f"2021-{m:02}-01,{m}" for m in range(1, 13)), *(f"2022-{m:02}-01,{m}" for m in range(1, 13))),
        "",
        "table.csv, line",
        "--frequency",
    ),
    "short": (csv(*ROWS[:8]), "", "too few points", "shorten the horizon"),
    "two rows": (csv(*ROWS[:2]), "", "has 2 values, 3 are needed", ""),
    "without any value": (csv(*(f"{day}," for day in DAYS)), "", "has no value at all", ""),
    "constant": (csv(*(f"{day},7" for day in DAYS)), "", "is constant (7)", ""),
    "without value at its end": (
        csv(*ROWS[:60], *(f"{day}," for day in DAYS[60:])),
        "--validation 30",
        "has no value in its last 14 steps",
        "window",
    ),
    "ragged": (csv(*ROWS[:9], "2020-01-10,1,2"), "", "table.csv, line 11: 3 fields", ""),
    "one bad series": (
        csv(*(f"a,{row}" for row in ROWS), *(f"b,{day}," for day in DAYS), header="unique_id,ds,y"),
        "",
        "1 of 2 series cannot be used: 'b' has no value at all",
        "--skip-bad-series",
    ),
}

OPTIONS: dict[str, tuple[str, str, str]] = {
    "horizon 0": ("--horizon 0", "horizon is 0", "at least 1"),
    "horizon -1": ("--horizon -1", "horizon is -1", "at least 1"),
    "horizon too long": ("--horizon 1000000", "too few points", "shorten the horizon"),
    "unknown cell": ("--cell gruu", "unknown cell 'gruu'", "did you mean 'gru'"),
    "missing cell file": ("--cell nowhere.py:mgu", "cell file 'nowhere.py' does not exist", ""),
    "unknown network": ("--network segmnt", "unknown network 'segmnt'", "did you mean 'segment'"),
    "unknown normalisation": ("--normalisation lst", "unknown normalisation 'lst'", "did you mean 'last'"),
    "quantile 1": ("--quantiles 0.1,1", "quantile 1 does not lie between 0 and 1", ""),
    "quantile 90": ("--quantiles 10,90", "quantile 10 does not lie", "0.1,0.5,0.9"),
    "quantile nan": ("--quantiles nan", "quantile nan does not lie", ""),
    "quantile twice": ("--quantiles 0.1,0.1", "stands twice", ""),
    "quantile text": ("--quantiles low,high", "quantiles 'low,high' are not numbers", "0.1,0.5,0.9"),
    "folds -1": ("--folds -1", "folds is -1", ""),
    "too many folds": ("--folds 1000", "1000 folds of 5 steps", "lower the number of folds"),
    "step 0": ("--step 0", "step is 0", ""),
    "short sliding window": ("--sliding 3", "a training window of 3 points is shorter", "at least"),
    "gap -1": ("--gap -1", "gap is -1", ""),
    "window 0": ("--window 0", "window is 0", ""),
    "window too long": ("--window 100000000000", "window", ""),
    "seed -1": ("--seed -1", "seed is -1", ""),
    "learning rate 0": ("--learning-rate 0", "learning_rate is 0", ""),
    "learning rate nan": ("--learning-rate nan", "learning_rate is nan", ""),
    "season 0": ("--season-length 0", "season_length is 0", ""),
    "season longer than the window": ("--normalisation season --season-length 50", "needs a window of", ""),
    "unknown frequency": ("--frequency often", "often", ""),
    "budget in parsecs": ("--budget 60parsecs", "the budget '60parsecs' is neither a time nor a number", "60s, 5m, 1h"),
    "budget 0": ("--budget 0s", "the budget is '0s'", "60s, 5m, 1h"),
    "budget -5": ("--budget=-5m", "the budget is '-5m'", "60s, 5m, 1h"),
    "budget of half a trial": ("--budget 1.5trials", "not a whole number of trials", ""),
    "budget too short": ("--budget 0.000001s", "was over before the first candidate was fitted", "give --budget"),
    "budget and nothing to choose": ("--budget 5s --cell gru --learning-rate .01", "nothing is left to choose", "cell"),
    "frequency that does not fit": ("--frequency 1mo", "off the grid", ""),
}


def forecast(capsys: pytest.CaptureFixture[str], folder: Path, options: str, command: str = "forecast") -> Ran:
    words = (command, folder / "table.csv", "--horizon", 5, *SMALL, "--out", folder / "new" / "out", *options.split())
    return run(capsys, *words)


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_be_used(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content, options, says, hint = TABLES[case]
    if content is not None:
        (tmp_path / "table.csv").write_bytes(content)
    before = files(tmp_path)
    ran = forecast(capsys, tmp_path, options)
    refused(Ran(ran.code, "", ran.err), says, hint)
    assert files(tmp_path) == before


@pytest.mark.parametrize("command", ["forecast", "backtest"])
@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_without_meaning(
    case: str, command: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    options, says, hint = OPTIONS[case]
    before = files(tmp_path)
    ran = forecast(capsys, tmp_path, options, command)
    refused(Ran(ran.code, "", ran.err), says, hint)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    "words",
    ["forecast table.csv", "forecast --horizon 3", "forecast table.csv --horizon many", "frobnicate", "predict"],
)
def test_a_command_that_is_not_whole(words: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    before = files(tmp_path)
    ran = run(capsys, *words.replace("table.csv", str(table)).split())
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert files(tmp_path) == before


def test_a_missing_file_in_a_process_of_its_own(tmp_path: Path):
    refused(run_apart(tmp_path, "forecast", "nowhere.csv", "--horizon", 5), "nowhere.csv does not exist")
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("table.csv", "exists and is not a folder"),
        ("table.csv/out", "no right to write in"),
        ("full", "exists"),
        ("others", "holds other files (mine.txt)"),
        ("x" * 300, "File name too long"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_an_output_folder_that_cannot_be_written(
    out: str, says: str, overwrite: bool, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "metrics.json").write_text("old")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "mine.txt").write_text("mine")
    if overwrite and out == "full":
        pytest.skip("this is what --overwrite is for")
    before = files(tmp_path)
    ran = run(capsys, "forecast", table, "--horizon", 5, *SMALL, "--out", tmp_path / out, *["--overwrite"] * overwrite)
    refused(ran, says)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("old.csv", "exists"),
        ("folder.csv", "exists"),
        ("forecast.txt", "is neither .csv nor .parquet"),
        ("nowhere/new.csv", "does not exist"),
        ("x" * 300 + ".csv", "File name too long"),
    ],
)
def test_a_table_that_cannot_be_written(
    out: str, says: str, done: tuple[Path, Ran], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "old.csv").write_text("old")
    (tmp_path / "folder.csv").mkdir()
    before = files(tmp_path)
    ran = run(capsys, "predict", done[0] / "out" / "model", done[0] / "table.csv", "--out", tmp_path / out)
    refused(ran, says)
    assert files(tmp_path) == before


@pytest.fixture
def model(done: tuple[Path, Ran], tmp_path: Path) -> Path:
    """A model to damage."""
    return Path(shutil.copytree(done[0] / "out" / "model", tmp_path / "model"))


def _record(model: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    record = json.loads((model / "model.json").read_text())
    change(record)
    (model / "model.json").write_text(json.dumps(record))


def _weights(model: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    weights = safetensors.torch.load_file(model / "weights.safetensors")
    change(weights)
    safetensors.torch.save_file(weights, model / "weights.safetensors")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _settings(name: str, value: Any) -> Callable[[Path], None]:
    return lambda model: _record(model, lambda record: record["settings"].__setitem__(name, value))


def _without(key: str) -> Callable[[Path], None]:
    return lambda model: _record(model, lambda record: record.pop(key))


def _key(key: str, value: Any) -> Callable[[Path], None]:
    return lambda model: _record(model, lambda record: record.__setitem__(key, value))


def _reshape(weights: dict[str, torch.Tensor]) -> None:
    name = next(iter(weights))
    weights[name] = torch.zeros(3, 5)


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "not there": (shutil.rmtree, "no model folder"),
    "no record": (lambda m: (m / "model.json").unlink(), "model.json missing"),
    "no weights": (lambda m: (m / "weights.safetensors").unlink(), "weights.safetensors missing"),
    "empty record": (lambda m: (m / "model.json").write_text(""), "is damaged"),
    "cut record": (lambda m: _cut(m / "model.json"), "is damaged"),
    "binary record": (lambda m: (m / "model.json").write_bytes(bytes(range(256))), "is damaged"),
    "record of something else": (lambda m: (m / "model.json").write_text('{"a": 1}'), "is not the record of a model"),
    "a list": (lambda m: (m / "model.json").write_text("[]"), "is damaged"),
    "deep record": (lambda m: (m / "model.json").write_text("[" * 100_000), "is damaged"),
    "empty weights": (lambda m: (m / "weights.safetensors").write_bytes(b""), "is damaged"),
    "cut weights": (lambda m: _cut(m / "weights.safetensors"), "is damaged"),
    "garbage weights": (lambda m: (m / "weights.safetensors").write_bytes(b"\xff" * 500), "is damaged"),
    "wrong shape": (lambda m: _weights(m, _reshape), "is damaged"),
    "a weight too few": (lambda m: _weights(m, lambda w: w.pop(next(iter(w)))), "is damaged"),
    "a weight too many": (lambda m: _weights(m, lambda w: w.update({"0.more": torch.zeros(1)})), "is damaged"),
    "weights that are no numbers": (
        lambda m: _weights(m, lambda w: w.update({k: v * float("nan") for k, v in w.items()})),
        "a weight is not a finite number",
    ),
    "newer version": (_key("format", 99), "was written by a newer version (format 99"),
    "a version of text": (_key("format", "one"), "is not the record of a model"),
    **{f"without {key}": (_without(key), "damaged") for key in ("settings", "cell", "frequency", "columns", "shifts")},
    **{
        f"{name} {value}": (_settings(name, value), "damaged")
        for name, value in [
            *((name, 10**12) for name in ("horizon", "lookback", "gap", "hidden_size", "num_layers", "series")),
            *((name, 10**30) for name in ("horizon", "lookback", "segment")),
            *((name, 100_000) for name in ("hidden_size", "segment", "num_layers", "series", "horizon")),
            *((name, 0) for name in ("horizon", "lookback", "segment", "season", "hidden_size", "num_layers")),
            *(("network", name) for name in ("transformer", 3, None)),
            *(("levels", levels) for levels in ([], [0.9, 0.5], ["a"], [0.1, 0.9], 3)),
            *(("normalisation", name) for name in ("other", None)),
            ("dropout", 2),
            ("features", ["moon_sin"]),
            ("horizon", True),
        ]
    },
    "no members": (_key("members", 0), "damaged"),
    "a million members": (_key("members", 10**6), "damaged"),
    "scales too few": (_key("centre", [1.0]), "damaged"),
    "scales that are no numbers": (_key("centre", [float("nan"), 1.0]), "damaged"),
    "a scale of zero": (_key("spread", [0.0, 1.0]), "damaged"),
    "another cell": (
        lambda m: _record(m, lambda r: r["cell"].__setitem__("nodes", r["cell"]["nodes"][::-1])),
        "damaged",
    ),
    "a frequency without step": (lambda m: _record(m, lambda r: r["frequency"].update(step=0)), "damaged"),
    "a frequency backward": (lambda m: _record(m, lambda r: r["frequency"].update(step=-1)), "damaged"),
    "a frequency of Mars": (lambda m: _record(m, lambda r: r["frequency"].update(zone="Mars/Phobos")), "damaged"),
    "an unknown unit": (lambda m: _record(m, lambda r: r["frequency"].update(unit="fortnight")), "damaged"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_model(
    case: str, model: Path, done: tuple[Path, Ran], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    damage, says = DAMAGE[case]
    damage(model)
    before = files(tmp_path)
    ran = run(capsys, "predict", model, done[0] / "table.csv", "--out", tmp_path / "new.csv")
    refused(ran, says)
    assert str(model) in ran.err
    assert files(tmp_path) == before


def test_a_folder_above_the_model_says_where_it_is(done: tuple[Path, Ran], capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "predict", done[0] / "out", done[0] / "table.csv")
    refused(ran, "is not a complete model", "its folder model/ is one")


LONG = frame_of(wave(40), wave(40, seed=2))
"""Newer data as the model wants it."""


def _all(y: Any) -> str:
    """The same with `y` everywhere."""
    return LONG.with_columns(y=pl.lit(y)).write_csv()


NEWER: dict[str, tuple[str, str, str]] = {
    "other target": (
        LONG.rename({"y": "sales"}).write_csv(),
        "has no column 'y': the model was made for other columns",
        "sales",
    ),
    "other time": (LONG.rename({"ds": "when"}).write_csv(), "has no column 'ds': the model was made for other", "when"),
    "no series": (LONG.drop("unique_id").write_csv(), "has no column 'unique_id': the model was made for other", ""),
    "hourly": (
        "unique_id,ds,y\n" + "".join(f"s0,2020-01-0{1 + k // 24}T{k % 24:02}:00,{k % 5}\n" for k in range(60)),
        "the times are hourly; the model was fitted on daily ones",
        "frequency",
    ),
    "monthly": (
        "unique_id,ds,y\n" + "".join(f"s0,2020-{k:02}-01,{k % 5}\n" for k in range(1, 13)),
        "the times are monthly; the model was fitted on daily ones",
        "frequency",
    ),
    "weekly": (
        LONG.filter(np.arange(80) % 7 == 0).write_csv(),
        "the times are weekly",
        "frequency",
    ),
    "numbered": (
        "unique_id,ds,y\n" + "".join(f"s0,{k},{k % 5}\n" for k in range(1, 30)),
        "is whole numbers, not dates",
        "",
    ),
    "without any value": (_all(None), "has no value at all", ""),
    "infinite": (_all(float("inf")), "is infinite", ""),
    "text": (_all("much"), "is text: 'much'", ""),
    "too extreme": (_all(1e300), "the forecast is not finite", "extreme"),
    "no value in the window": (
        "unique_id,ds,y\n" + "".join(f"s0,{day},{k if k < 20 else ''}\n" for k, day in enumerate(DAYS)),
        "series 's0' has no value in its last 14 steps",
        "",
    ),
}


@pytest.mark.parametrize("case", NEWER)
def test_newer_data_that_the_model_cannot_read(
    case: str, done: tuple[Path, Ran], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    content, says, hint = NEWER[case]
    (tmp_path / "newer.csv").write_text(content)
    before = files(tmp_path)
    ran = run(capsys, "predict", done[0] / "out" / "model", tmp_path / "newer.csv", "--out", tmp_path / "new.csv")
    refused(ran, says, hint)
    assert "--target" not in ran.err
    assert "--frequency" not in ran.err
    assert files(tmp_path) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read and write anywhere")
def test_files_that_may_not_be_read(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table.chmod(0)
    refused(forecast(capsys, tmp_path, ""), "Permission denied")
