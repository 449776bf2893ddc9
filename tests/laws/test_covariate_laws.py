"""What must hold of covariates in every network: which values count, which cannot, and that names do not."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests.forecast.covariates import ALL, LENGTH, tables
from tests.forecast.samples import HORIZON, small
from unspool.forecast import Forecaster, Panel, run_job
from unspool.forecast.coding import Coding
from unspool.forecast.networks import FED, NETWORKS

each_network = pytest.mark.parametrize("network", NETWORKS)
TABLE, FUTURE = tables()
DAY = pl.int_range(pl.len()).over("unique_id")
CUT = LENGTH - HORIZON
"""The first row after the cutoff of the newest fold."""


def made(network: str, **changes: Any) -> Forecaster:
    return small(**{"network": network, "steps": 4, **ALL, **changes})


@cache
def fitted(network: str) -> Forecaster:
    return made(network).fit(TABLE)


def panel_of(table: pl.DataFrame, **changes: Any) -> Panel:
    return made("direct", **changes)._panel(table)


def fold_of(network: str, table: pl.DataFrame, **changes: Any):
    run = run_job(panel_of(table, **changes), made(network, **changes), folds=1, final=False)
    assert run.backtest is not None
    return run.backtest.folds[0]


def after(start: int, name: str, value: pl.Expr, stop: int = LENGTH) -> pl.DataFrame:
    """The table with another value in rows `start` … `stop` − 1 of every series."""
    return TABLE.with_columns(pl.when((start <= DAY) & (stop > DAY)).then(value).otherwise(pl.col(name)).alias(name))


ODD: dict[str, pl.Expr] = {
    "visitors": 1000 - 50 * pl.col("visitors"),
    "mood": pl.lit("new"),
    "y": 500 - 9 * pl.col("y"),
}


@each_network
@pytest.mark.parametrize("name", ODD)
def test_after_the_cutoff_no_value_of_what_is_known_in_the_past_only_counts(network: str, name: str):
    """Scales, categories, choice, fit, calibration, baselines and forecast are the same, whatever comes."""
    one, two = fold_of(network, TABLE), fold_of(network, after(CUT, name, ODD[name]))
    assert one.quantiles.tobytes() == two.quantiles.tobytes()
    for method, point in one.point.items():
        assert np.array_equal(point, two.point[method]), method


@each_network
@pytest.mark.parametrize(("name", "value"), [("temp", pl.col("temp") + 5), ("kind", pl.lit("sale"))])
def test_after_the_cutoff_known_values_count_up_to_the_horizon_and_no_further(network: str, name: str, value: pl.Expr):
    one, two = fold_of(network, TABLE), fold_of(network, after(CUT, name, value))
    assert (np.abs(one.quantiles - two.quantiles).max(-1) > 0).any(1).all()
    assert (one.point["ridge"] != two.point["ridge"]).any()
    older = [
        run_job(panel_of(table), made(network), folds=2, final=False).backtest
        for table in (TABLE, after(CUT, name, value))
    ]
    assert older[0] is not None
    assert older[1] is not None
    assert older[0].folds[0].quantiles.tobytes() == older[1].folds[0].quantiles.tobytes()


@each_network
@pytest.mark.parametrize("name", ["visitors", "mood"])
def test_no_window_reads_past_its_end_what_is_known_in_the_past_only(network: str, name: str):
    """Not in training either: windows lie all over the rows, and rows that came after them are there to be read."""
    model, first = fitted(network).model_, np.full(3, 20)
    (one, _, places), (two, _, _) = (model.rolling(panel_of(t), first) for t in (TABLE, after(50, name, ODD[name])))
    untouched = places[:, 1] <= 50
    assert 0 < untouched.sum() < len(places)
    assert np.array_equal(one[untouched], two[untouched])
    assert (one[~untouched] != two[~untouched]).any(-1).all()


def test_what_is_learnt_of_scales_and_categories_lies_before_the_cutoff():
    cut = [panel_of(t).before([CUT] * 3) for t in (TABLE, after(CUT, "temp", 9 * pl.col("temp")))]
    assert Coding.of(cut[0]) == Coding.of(cut[1])
    late = after(CUT, "kind", pl.lit("late"))
    assert Coding.of(panel_of(late).before([CUT] * 3)) == Coding.of(cut[0])
    assert Coding.of(panel_of(late)) != Coding.of(panel_of(TABLE))


@each_network
@pytest.mark.parametrize(("name", "value"), [("temp", pl.col("temp") + 5), ("kind", pl.lit("sale"))])
def test_every_known_value_of_the_horizon_moves_its_step(network: str, name: str, value: pl.Expr):
    before = fitted(network).forecast(future=FUTURE.with_columns(kind=pl.lit("none")))
    for step in range(HORIZON):
        here = pl.when(step == DAY)
        changed = FUTURE.with_columns(kind=pl.lit("none")).with_columns(
            here.then(value).otherwise(pl.col(name)).alias(name)
        )
        moved = np.abs(fitted(network).forecast(future=changed).quantiles - before.quantiles).max(-1)
        assert (moved[:, step] > 1e-5).all(), step


@each_network
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temp", pl.col("temp") + 5),
        ("kind", pl.when(pl.col("kind") == "none").then(pl.lit("fair")).otherwise(pl.lit("none"))),
        ("visitors", pl.col("visitors") + 5),
        ("mood", pl.when(pl.col("mood") == "good").then(pl.lit("bad")).otherwise(pl.lit("good"))),
        ("region", pl.when(pl.col("region") == "north").then(pl.lit("south")).otherwise(pl.lit("north"))),
        ("size", pl.col("size") + 30),
    ],
)
def test_the_newest_value_of_every_covariate_moves_the_forecast(network: str, name: str, value: pl.Expr):
    start = 0 if name in ALL["static"] else LENGTH - 1
    one, two = (fitted(network).forecast(t, future=FUTURE) for t in (TABLE, after(start, name, value)))
    assert (np.abs(one.quantiles - two.quantiles).max((1, 2)) > 1e-6).all()


@each_network
def test_the_names_of_categories_do_not_count(network: str):
    turned = {"none": "sale", "sale": "zebra", "fair": "none", "good": "bad", "bad": "good", "north": "B", "south": "A"}
    other = TABLE.with_columns(pl.col("kind", "mood", "region").replace(turned))
    one = made(network).fit(TABLE).forecast(future=FUTURE)
    two = made(network).fit(other).forecast(future=FUTURE.with_columns(pl.col("kind").replace(turned)))
    assert one.quantiles.tobytes() == two.quantiles.tobytes()
    assert np.array_equal(fold_of(network, TABLE).quantiles, fold_of(network, other).quantiles)


@each_network
def test_other_units_give_the_same_forecast(network: str):
    def other(table: pl.DataFrame) -> pl.DataFrame:
        names = [name for name in ("temp", "visitors", "size") if name in table.columns]
        return table.with_columns(pl.col(names) * 1.8 + 32)

    one = made(network).fit(TABLE).forecast(future=FUTURE)
    two = made(network).fit(other(TABLE)).forecast(future=other(FUTURE))
    assert np.allclose(one.quantiles, two.quantiles, rtol=1e-4)


@each_network
def test_the_order_of_the_options_and_of_the_columns_does_not_hide_a_value(network: str):
    shuffled = TABLE.select(*reversed(TABLE.columns))
    one, two = (fitted(network).forecast(t, future=FUTURE) for t in (TABLE, shuffled))
    assert one.quantiles.tobytes() == two.quantiles.tobytes()


@each_network
def test_a_missing_value_is_a_missing_row_and_not_a_number(network: str):
    gone = DAY % 6 == 2
    names = ["y", "temp", "kind", "visitors", "mood"]
    empty = TABLE.with_columns(pl.when(~gone).then(pl.col(names)))
    forecasts = [made(network).fit(table).forecast(future=FUTURE) for table in (empty, TABLE.filter(~gone))]
    assert forecasts[0].quantiles.tobytes() == forecasts[1].quantiles.tobytes()


@each_network
def test_a_batch_is_its_series_one_by_one(network: str):
    together = fitted(network).forecast(future=FUTURE)
    for k in range(3):
        mine = pl.col("unique_id") == f"s{k}"
        alone = fitted(network).forecast(TABLE.filter(mine), future=FUTURE)
        assert np.allclose(alone.quantiles[0], together.quantiles[k], rtol=1e-5)


@each_network
def test_saved_and_loaded_it_forecasts_the_same(network: str, tmp_path: Path):
    fitted(network).save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert (loaded.known, loaded.past, loaded.static) == tuple(ALL.values())
    newer, ahead = tables(40, seed=7)
    one, two = (f.forecast(newer, future=ahead) for f in (fitted(network), loaded))
    assert one.quantiles.tobytes() == two.quantiles.tobytes()


@each_network
def test_the_same_seed_gives_the_same_bytes(network: str):
    torch.manual_seed(7)
    one = made(network, dropout=0.5).fit(TABLE).forecast(future=FUTURE)
    torch.manual_seed(8)
    two = made(network, dropout=0.5).fit(TABLE).forecast(future=FUTURE)
    assert one.quantiles.tobytes() == two.quantiles.tobytes()


@each_network
def test_an_unseen_category_is_read_as_the_mean_of_the_others(network: str):
    """Whichever name it has, and not as any of those that were there."""
    found = {
        kind: fitted(network).forecast(future=FUTURE.with_columns(kind=pl.lit(kind))).quantiles
        for kind in ("new", "other", "none", "sale", "fair")
    }
    assert found["new"].tobytes() == found["other"].tobytes()
    assert all(not np.array_equal(found["new"], found[kind]) for kind in ("none", "sale", "fair"))


@pytest.mark.parametrize("network", [name for name in NETWORKS if name not in FED])
def test_a_gap_is_stepped_over_and_its_covariates_may_be_absent(network: str):
    table, ahead = TABLE.filter(DAY < LENGTH - 2), pl.concat([TABLE.select(FUTURE.columns), FUTURE])
    forecaster = made(network, gap=2).fit(table)
    whole = forecaster.forecast(future=ahead.sort("unique_id", "ds", maintain_order=True))
    assert whole.times[0, 0].astype("datetime64[D]") == np.datetime64("2020-01-01") + LENGTH
    without = forecaster.forecast(future=FUTURE)
    assert np.array_equal(whole.times, without.times)
    assert np.isfinite(without.quantiles).all()
