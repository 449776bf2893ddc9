"""`unspool forecast`, `backtest` and `predict` with covariates, and one clear line for all that is wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.running import SMALL, Ran, files, run
from tests.cli.test_bad_input import refused
from tests.forecast.covariates import ALL, LENGTH, tables
from tests.forecast.samples import HORIZON, small
from unspool.forecast import Forecaster

ASK = tuple(word for role, names in ALL.items() for word in (f"--{role}", ",".join(names)))
TABLE, FUTURE = tables()
Change = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    TABLE.write_csv(tmp_path / "table.csv")
    FUTURE.write_csv(tmp_path / "future.csv")
    return tmp_path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that knows all of the covariates."""
    path = tmp_path_factory.mktemp("model") / "model"
    small(steps=4, **ALL).fit(TABLE).save(path)
    return path


def forecast(capsys: pytest.CaptureFixture[str], folder: Path, *words: object, command: str = "forecast") -> Ran:
    out = ("--out", folder / "out")
    return run(capsys, command, folder / "table.csv", "--horizon", HORIZON, *SMALL, *out, *words)


def test_forecast_and_predict(folder: Path, capsys: pytest.CaptureFixture[str]):
    ran = forecast(capsys, folder, *ASK, "--future", folder / "future.csv", "--folds", 1, "--holidays", "DE,FR")
    assert (ran.code, ran.err) == (0, "")
    names = "known in the future temp, kind (3 categories); known in the past only visitors, mood (2 categories)"
    assert f"found: covariates: {names}; of the series itself region (2 categories), size" in ran.out
    report = (folder / "out" / "report.html").read_text()
    for said in ("covariates: known in the future temp", "--known", "visitors, mood", "DE,FR"):
        assert said in report
    saved = json.loads((folder / "out" / "model" / "model.json").read_text())
    assert [(c["name"], c["role"]) for c in saved["covariates"]] == [(n, r) for r, names in ALL.items() for n in names]
    assert saved["settings"]["features"][-2:] == ["holiday_DE", "holiday_FR"]
    ran = run(
        capsys, "predict", folder / "out" / "model", folder / "table.csv", "--future", folder / "future.csv",
        "--out", folder / "again.csv",
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert (folder / "again.csv").read_bytes() == (folder / "out" / "forecast.csv").read_bytes()


def test_backtest_and_json(folder: Path, capsys: pytest.CaptureFixture[str]):
    ran = forecast(capsys, folder, *ASK, "--folds", 2, "--json", command="backtest")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert found["covariates"] == {role: list(names) for role, names in ALL.items()}
    assert [finding["kind"] for finding in found["findings"]] == ["covariates"]
    assert len(found["metrics"]["folds"]) == 2


def test_without_covariates_nothing_is_said_of_them(folder: Path, capsys: pytest.CaptureFixture[str]):
    found = json.loads(forecast(capsys, folder, "--folds", 0, "--json").out)
    assert "covariates" not in found
    saved = json.loads((folder / "out" / "model" / "model.json").read_text())
    assert "covariates" not in saved
    assert not {"known", "past", "static"} & saved["settings"].keys()


def test_predict_newer_data_as_in_python(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    newer, ahead = tables(40, seed=3)
    newer.write_csv(tmp_path / "newer.csv", separator=";")
    ahead.write_parquet(tmp_path / "ahead.parquet")
    wanted = Forecaster.load(model).predict(newer, future=ahead)
    ran = run(capsys, "predict", model, tmp_path / "newer.csv", "--future", tmp_path / "ahead.parquet", "--json")
    rows = json.loads(ran.out)["forecast"]
    assert [row["forecast"] for row in rows] == pytest.approx(wanted["forecast"].to_list())
    assert len(rows) == 3 * HORIZON


def test_a_future_that_is_wider_than_the_horizon_and_holds_the_past(
    model: Path, folder: Path, capsys: pytest.CaptureFixture[str]
):
    more, _ = tables(LENGTH + HORIZON)
    order = np.argsort(more["unique_id"].to_numpy(), kind="stable")[::-1]
    wide = more[order.tolist()].sort("ds", maintain_order=True).select("temp", "kind", "ds", "unique_id")
    merged = wide.drop("temp", "kind").join(
        pl.concat([TABLE.select(FUTURE.columns), FUTURE]), on=["unique_id", "ds"], how="left", maintain_order="left"
    )
    merged.write_csv(folder / "wide.csv")
    found = [
        json.loads(run(capsys, "predict", model, folder / "table.csv", "--future", folder / name, "--json").out)
        for name in ("future.csv", "wide.csv")
    ]
    assert found[0] == found[1]


def test_an_unseen_category_is_named_with_its_rule(model: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    FUTURE.with_columns(kind=pl.lit("circus")).write_csv(folder / "odd.csv")
    words = ("predict", model, folder / "table.csv", "--future", folder / "odd.csv")
    rule = (
        "known 'kind' has categories that were not in training: 'circus'; they are read as the mean of those that were"
    )
    assert f"found: {rule}" in run(capsys, *words).out
    assert json.loads(run(capsys, *words, "--json").out)["findings"] == [rule]
    ran = forecast(capsys, folder, *ASK, "--future", folder / "odd.csv", "--folds", 0)
    assert f"found: {rule}" in ran.out


def test_numbers_named_as_categories(folder: Path, capsys: pytest.CaptureFixture[str]):
    ran = forecast(capsys, folder, "--static", "size", "--categorical", "size", "--folds", 0)
    assert "of the series itself size (3 categories)" in ran.out


def line(k: int, **values: object) -> Change:
    """A change of row `k` (0-based)."""
    at = pl.int_range(pl.len()) == k
    return lambda t: t.with_columns(
        pl.when(at).then(pl.lit(str(v))).otherwise(pl.col(n).cast(pl.String)).alias(n) for n, v in values.items()
    )


def everywhere(**values: object) -> Change:
    return lambda t: t.with_columns(**{name: pl.lit(value) for name, value in values.items()})


# how the table is changed, the options → the error, the hint
TABLES: dict[str, tuple[Change, str, str, str]] = {
    "no such column": (
        lambda t: t.rename({"temp": "Temp"}),
        "--known temp",
        "table.csv has no column 'temp' (known)",
        "did you mean 'Temp'? Name the known column with --known",
    ),
    "no such past column": (lambda t: t, "--past nowhere", "has no column 'nowhere' (past)", "--past"),
    "two roles": (lambda t: t, "--past temp --known temp", "column 'temp' is named twice: known and past", "one role"),
    "the target": (lambda t: t, "--past y", "past 'y' is the target, the time or the series", "another column"),
    "categorical alone": (lambda t: t, "--categorical kind", "column 'kind' is called categorical", "--known"),
    "constant": (everywhere(temp=7), "--past temp", "table.csv: past 'temp' is constant (7)", "leave it out"),
    "one category": (everywhere(kind="sale"), "--past kind", "past 'kind' is constant ('sale')", "leave it out"),
    "without a value": (everywhere(temp=None), "--past temp", "past 'temp' has no value at all", "leave it out"),
    "one static value": (everywhere(region="w"), "--static region", "static 'region' is constant ('w')", "leave it"),
    "static that changes": (
        line(12, region="south"),
        "--static region",
        "table.csv, line 14: static 'region' of series 's0' is 'south', in line 2 it is 'north'",
        "one value for each series",
    ),
    "numbers and text": (
        line(12, temp="warm"),
        "--past temp",
        "table.csv, line 14: past 'temp' is text: 'warm', in other rows a number",
        "--categorical",
    ),
    "infinite": (line(12, temp="inf"), "--past temp", "line 14: past 'temp' of series 's0' is infinite", ""),
    "known, but nothing of the future": (
        lambda t: t,
        "--known temp",
        "('temp') are not given for the horizon",
        "--future FILE",
    ),
    "no such country": (lambda t: t, "--holidays XX", "no holidays are known of 'XX'", "DE-BY"),
    "duplicated": (lambda t: pl.concat([t[:5], t[4:]]), "--past temp", "table.csv, line 7: time", "keep one row"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_cannot_be_used(case: str, folder: Path, capsys: pytest.CaptureFixture[str]):
    change, options, says, hint = TABLES[case]
    change(TABLE).write_csv(folder / "table.csv")
    before = files(folder)
    ran = forecast(capsys, folder, *options.split(), "--folds", 0)
    refused(Ran(ran.code, "", ran.err), says, hint)
    assert files(folder) == before


LAST = f"{FUTURE['ds'][2]}"

FUTURES: dict[str, tuple[Change, str, str]] = {
    "short": (
        lambda t: t.filter(pl.int_range(pl.len()).over("unique_id") != 2),
        f"future.csv does not cover the horizon: series 's0' has no row for '{LAST}' (nor are 2 other series covered)",
        f"up to {FUTURE['ds'][4]}",
    ),
    "without a series": (
        lambda t: t.filter(pl.col("unique_id") != "s1"),
        f"does not cover the horizon: series 's1' has no row for '{FUTURE['ds'][0]}'",
        "",
    ),
    "later": (lambda t: t.with_columns(pl.col("ds").dt.offset_by("1y")), "does not cover the horizon", ""),
    "an empty number": (
        line(2, temp=""),
        f"future.csv, line 4: known 'temp' of series 's0' is empty at '{LAST}'",
        "a value at each step",
    ),
    "an empty category": (line(2, kind=""), "future.csv, line 4: known 'kind' of series 's0' is empty", ""),
    "text for a number": (line(2, temp="warm"), "future.csv, line 4: known 'temp' of series 's0' is text: 'warm'", ""),
    "a column too few": (lambda t: t.drop("kind"), "future.csv has no column 'kind' (known)", "--known"),
    "no series column": (lambda t: t.drop("unique_id"), "future.csv has no column 'unique_id' (series)", ""),
    "no time column": (lambda t: t.drop("ds"), "future.csv has no column 'ds' (time)", ""),
    "duplicated": (lambda t: pl.concat([t[:2], t[1:]]), "future.csv, line 4: time", "keep one row"),
    "unsorted": (lambda t: t.reverse(), "the times are not sorted", "sort the rows"),
    "times of another kind": (
        lambda t: t.with_columns(ds=pl.int_range(pl.len())),
        "future.csv: time 'ds' is whole numbers, not dates",
        "",
    ),
    "not there": (lambda t: t[:0], "future.csv has a header but no rows", ""),
}


@pytest.mark.parametrize("command", ["forecast", "predict"])
@pytest.mark.parametrize("case", FUTURES)
def test_a_future_that_cannot_be_used(
    case: str, command: str, model: Path, folder: Path, capsys: pytest.CaptureFixture[str]
):
    change, says, hint = FUTURES[case]
    change(FUTURE).write_csv(folder / "future.csv")
    before = files(folder)
    if command == "forecast":
        ran = forecast(capsys, folder, *ASK, "--future", folder / "future.csv")
    else:
        ran = run(capsys, "predict", model, folder / "table.csv", "--future", folder / "future.csv")
    refused(Ran(ran.code, "", ran.err), says, hint)
    assert files(folder) == before


NEWER: dict[str, tuple[Change, str, str]] = {
    "no column": (
        lambda t: t.drop("mood"),
        "has no column 'mood': the model was made for other columns (series 'unique_id', time 'ds', target 'y', "
        "known 'temp', known 'kind', past 'visitors', past 'mood', static 'region', static 'size')",
        "name them as in the table that was fitted",
    ),
    "text for a number": (line(12, visitors="many"), "line 14: past 'visitors' of series 's0' is text: 'many'", ""),
    "static that changes": (line(12, size="9"), "line 14: static 'size' of series 's0' is 9, in line 2 it is 100", ""),
}


@pytest.mark.parametrize("case", NEWER)
def test_newer_data_that_the_model_cannot_read(
    case: str, model: Path, folder: Path, capsys: pytest.CaptureFixture[str]
):
    change, says, hint = NEWER[case]
    change(TABLE).write_csv(folder / "table.csv")
    ran = run(capsys, "predict", model, folder / "table.csv", "--future", folder / "future.csv")
    refused(ran, says, hint)


def test_a_future_where_none_is_read(folder: Path, capsys: pytest.CaptureFixture[str]):
    future = ("--future", folder / "future.csv")
    ran = forecast(capsys, folder, "--past", "temp", *future)
    refused(ran, "there is no covariate known in the future, so nothing to read from future.csv", "--known")
    ran = forecast(capsys, folder, *ASK, *future, command="backtest")
    refused(ran, "a backtest forecasts what came: it reads no table of the future", "leave out --future")
    ran = forecast(capsys, folder, *ASK, "--future", folder / "nowhere.csv")
    refused(ran, "nowhere.csv does not exist")


def test_a_horizon_that_predict_knows_nothing_of(model: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    ran = run(capsys, "predict", model, folder / "table.csv")
    refused(ran, "('temp', 'kind') are not given for the horizon", "--future FILE")


def test_known_covariates_of_uneven_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    times = np.random.default_rng(0).exponential(size=80).cumsum()
    pl.DataFrame({"ds": times, "y": np.sin(times), "x": np.cos(times)}).write_csv(tmp_path / "table.csv")
    words = ("forecast", tmp_path / "table.csv", "--horizon", 5, "--cell", "lem", "--known", "x")
    ran = run(capsys, *words, "--out", tmp_path / "out")
    refused(ran, "covariates known in the future belong to even steps", "--past")


DAMAGE: dict[str, Callable[[dict], object]] = {
    "a covariate too few": lambda r: r["covariates"].pop(),
    "no covariates": lambda r: r.pop("covariates"),
    "covariates of another kind": lambda r: r.update(covariates=3),
    "a role that is none": lambda r: r["covariates"][0].update(role="future"),
    "a spread of zero": lambda r: r["covariates"][0].update(spread=0),
    "a category twice": lambda r: r["covariates"][1].update(words=["sale", "sale", "none"]),
    "a category too many": lambda r: r["covariates"][1]["words"].append("new"),
    "a number of categories": lambda r: r["settings"].update(known=[0, 4]),
    "sizes that are none": lambda r: r["settings"].update(past=["a"]),
    "an unknown country": lambda r: r["settings"]["features"].append("holiday_XX"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_model(case: str, model: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "model").mkdir()
    for path in model.iterdir():
        (folder / "model" / path.name).write_bytes(path.read_bytes())
    record = json.loads((folder / "model" / "model.json").read_text())
    DAMAGE[case](record)
    (folder / "model" / "model.json").write_text(json.dumps(record))
    ran = run(capsys, "predict", folder / "model", folder / "table.csv", "--future", folder / "future.csv")
    refused(ran, "damaged")
