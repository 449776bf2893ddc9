"""From a table to a panel: real files, frames of three libraries, the grid, the findings."""

import datetime as dt
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspool.datasets import co2_path
from unspool.errors import ModelError
from unspool.forecast.tables.frequency import Frequency, days
from unspool.forecast.tables.ingest import panel_from_file, panel_from_frame
from unspool.forecast.tables.panel import Columns, Panel

DATA = Path(os.environ.get("UNSPOOL_DATA") or Path(__file__).parents[4] / "shared" / "data")


def noon(*days_of_january: int) -> list[dt.date]:
    return [dt.date(2020, 1, day) for day in days_of_january]


def one(times, values=None, **options) -> Panel:
    values = [float(k * 7 % 5) for k in range(len(times))] if values is None else values
    return panel_from_frame(pl.DataFrame({"ds": times, "y": values}), **options)


def same(one: Panel, other: Panel) -> None:
    assert one.frequency == other.frequency
    assert one.findings == other.findings
    assert [series.id for series in one.series] == [series.id for series in other.series]
    for mine, theirs in zip(one.series, other.series, strict=True):
        assert np.array_equal(mine.times, theirs.times)
        assert np.array_equal(mine.values, theirs.values, equal_nan=True)


def test_the_co2_record_that_ships():
    panel = panel_from_file(co2_path(), time="date", target="co2")
    assert panel.frequency.name == "weekly (Saturdays)"
    assert (panel.frequency.every, panel.frequency.season_length) == ("1w", 52)
    (series,) = panel.series
    assert (series.id, len(series.values), int(np.isnan(series.values).sum())) == ("co2", 2284, 59)
    assert panel.labels(series.times[[0, -1]]) == ["1958-03-29", "2001-12-29"]
    assert [finding.message for finding in panel.findings] == [
        "co2: 59 of 2284 weeks have no value (first: 1958-05-10, longest run 18 weeks from 1964-01-25)"
    ]
    assert panel.columns == Columns(None, "date", "co2")


def test_rows_that_are_absent_are_gaps_where_values_would_be_missing():
    whole = pl.read_csv(co2_path())
    panel = panel_from_frame(whole.drop_nulls(), time="date", target="co2")
    assert [finding.kind for finding in panel.findings] == ["gap"]
    assert panel.findings[0].message.startswith("co2: 59 of 2284 weeks have no row (first: 1958-05-10, longest run 18")
    assert np.array_equal(
        panel.series[0].values, panel_from_frame(whole, time="date", target="co2").series[0].values, equal_nan=True
    )


CLASSIC = {
    "Nile.csv": ("time", "value", "integer steps", 100, "1970", "1971"),
    "lynx.csv": ("time", "value", "integer steps", 114, "1934", "1935"),
    "airline-passengers.csv": ("Month", "Passengers", "monthly", 144, "1960-12", "1961-01"),
    "monthly-car-sales.csv": ("Month", "Sales", "monthly", 108, "1968-12", "1969-01"),
    "monthly-sunspots.csv": ("Month", "Sunspots", "monthly", 2820, "1983-12", "1984-01"),
    "daily-min-temperatures.csv": ("Date", "Temp", "daily", 3652, "1990-12-31", "1991-01-01"),
    "daily-total-female-births.csv": ("Date", "Births", "daily", 365, "1959-12-31", "1960-01-01"),
    "co2_mauna_loa.csv": ("time", "value", "monthly (decimal years)", 468, "1997.91666666667", "1998"),
    "nottem.csv": ("time", "value", "monthly (decimal years)", 240, "1939.91666666667", "1940"),
    "sunspots.csv": ("time", "value", "monthly (decimal years)", 2820, "1983.91666666667", "1984"),
}


@pytest.mark.skipif(not (DATA / "classic").is_dir(), reason=f"no folder {DATA / 'classic'}; set UNSPOOL_DATA")
@pytest.mark.parametrize("name", CLASSIC)
def test_classic_files(name):
    time, target, frequency, length, last, following = CLASSIC[name]
    panel = panel_from_file(DATA / "classic" / name, time=time, target=target)
    (series,) = panel.series
    assert panel.frequency.name == frequency
    assert len(series.values) == length
    assert panel.labels(series.times[-1:]) == [last]
    assert panel.labels(panel.frequency.after(series.times[-1], 1)) == [following]
    # two New Year's Eves of leap years are not in that file
    absent = [1460, 2921] if name == "daily-min-temperatures.csv" else []
    assert np.flatnonzero(np.isnan(series.values)).tolist() == absent
    assert [finding.message for finding in panel.findings] == (
        ["Temp: 2 of 3652 days have no row (first: 1984-12-31)"] if absent else []
    )


@pytest.mark.skipif(not (DATA / "classic").is_dir(), reason=f"no folder {DATA / 'classic'}; set UNSPOOL_DATA")
def test_one_record_written_in_two_ways():
    text = panel_from_file(DATA / "classic" / "monthly-sunspots.csv", time="Month", target="Sunspots")
    numbers = panel_from_file(DATA / "classic" / "sunspots.csv", time="time", target="value")
    assert np.array_equal(text.series[0].values, numbers.series[0].values)


LONG = pl.DataFrame(
    {
        "unique_id": ["H2"] * 6 + ["H10"] * 5,
        "ds": noon(1, 2, 3, 4, 6, 7) + noon(3, 4, 5, 6, 7),
        "y": [1.0, 2.0, None, 4.0, 6.0, 7.0, 3.0, None, 5.0, 6.0, 8.0],
    }
)


def test_series_are_in_natural_order_on_their_own_grids():
    panel = panel_from_frame(LONG)
    assert [series.id for series in panel.series] == ["H2", "H10"]
    assert panel.series[0].values.tolist()[:2] == [1, 2]
    assert np.isnan(panel.series[0].values).tolist() == [False, False, True, False, True, False, False]
    assert panel.series[1].times[0] == np.datetime64("2020-01-03")
    assert [(finding.kind, finding.message) for finding in panel.findings] == [
        ("gap", "H2: 1 of 7 days has no row (2020-01-05)"),
        ("missing", "H2: 1 of 7 days has no value (2020-01-03)"),
        ("missing", "H10: 1 of 5 days has no value (2020-01-04)"),
    ]


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_how_rows_are_interleaved_changes_nothing(rng: random.Random):
    order = ["H2"] * 6 + ["H10"] * 5
    rng.shuffle(order)
    following = {"H2": iter(range(6)), "H10": iter(range(6, 11))}
    same(panel_from_frame(LONG[[next(following[name]) for name in order]]), panel_from_frame(LONG))


ZONED = pl.datetime_range(
    dt.datetime(2020, 3, 28), dt.datetime(2020, 3, 30), "1h", time_zone="Europe/Berlin", eager=True
)
TIMES = {
    "dates": pl.Series(noon(*range(1, 20))),
    "datetimes": pl.datetime_range(dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 2), "30m", eager=True),
    "zoned": ZONED,
    "integers": pl.Series(range(7, 30)),
    "small integers": pl.Series(range(7, 30), dtype=pl.UInt8),
    "decimals": pl.Series([1950 + k / 4 for k in range(20)]),
    "text": pl.Series([f"19{k // 12 + 49}-{k % 12 + 1:02}" for k in range(30)]),
}


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("library", ["pandas", "pandas with arrow", "pyarrow", "lazy", "csv", "parquet"])
def test_every_library_gives_the_same_panel(times, library, tmp_path):
    column = TIMES[times]
    values = [None if k == 2 else float(k * 3 % 7) for k in range(len(column))]
    # to_arrow would otherwise speak of the string views that pandas cannot take
    frame = pl.DataFrame({"store": ["a b"] * len(column), "ds": column, "y": values})
    if library == "csv" and times == "zoned":
        frame = frame.with_columns(pl.col("ds").dt.strftime("%Y-%m-%dT%H:%M:%S%:z"))
    if library in ("csv", "parquet"):
        path = tmp_path / f"table.{library}"
        getattr(frame, f"write_{library}")(path)
        theirs = panel_from_file(path, series="store")
    else:
        native = {
            "pandas": lambda: pd.DataFrame(
                {"store": frame["store"].to_list(), "ds": _plain(frame["ds"]), "y": frame["y"].to_numpy()}
            ),
            "pandas with arrow": lambda: frame.to_arrow().to_pandas(types_mapper=pd.ArrowDtype),
            "pyarrow": frame.to_arrow,
            "lazy": frame.lazy,
        }[library]()
        theirs = panel_from_frame(native, series="store")
    mine = panel_from_frame(frame, series="store")
    for a, b in zip(mine.series, theirs.series, strict=True):
        assert np.allclose(a.times.astype(float), b.times.astype(float), rtol=0, atol=1e-9)
        assert np.array_equal(a.values, b.values, equal_nan=True)
    assert mine.frequency.every == theirs.frequency.every
    if library != "csv" and "pandas" not in library:
        assert mine.labels(mine.series[0].times) == theirs.labels(theirs.series[0].times)


def _plain(column: pl.Series):
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone:
        naive = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
        return pd.Series(naive).dt.tz_localize("UTC").dt.tz_convert(column.dtype.time_zone)
    return column.to_list()


def test_pandas_as_it_comes():
    index = pd.date_range("2020-01-01", periods=10, freq="h", tz="Europe/Berlin")
    panel = panel_from_frame(pd.DataFrame({"y": range(10)}, index=index), time="index")
    assert panel.labels(panel.series[0].times[:1]) == ["2020-01-01T00:00:00+01:00"]
    named = panel_from_frame(pd.DataFrame({"y": range(10)}, index=index.rename("ds")))
    assert np.array_equal(named.series[0].times, panel.series[0].times)
    days = pd.DataFrame({"ds": pd.date_range("2020-01-31", periods=6, freq="ME"), "y": pd.array([1, None, 3, 4, 5, 6])})
    panel = panel_from_frame(days)
    assert panel.frequency.name == "monthly (month ends)"
    assert panel.labels(panel.series[0].times[:2]) == ["2020-01-31", "2020-02-29"]
    assert np.isnan(panel.series[0].values[1])
    objects = pd.DataFrame({"ds": pd.Series(noon(1, 2, 3), dtype=object), "y": pd.Series([1, "2", 3.5], dtype=object)})
    assert panel_from_frame(objects).series[0].values.tolist() == [1, 2, 3.5]
    categories = pd.DataFrame({"unique_id": pd.Categorical(["b"] * 3), "ds": [1, 2, 3], "y": [True, False, True]})
    assert panel_from_frame(categories).series[0].id == "b"
    offset = pd.DataFrame({"ds": pd.to_datetime([f"2020-01-01T0{h}:00+05:30" for h in range(4)]), "y": [1, 2, 3, 5]})
    panel = panel_from_frame(offset)
    assert panel.labels(panel.series[0].times[:1]) == ["2020-01-01T00:00:00+05:30"]
    assert panel.series[0].times[0] == np.datetime64("2019-12-31T18:30")


def test_arrow_as_it_comes():
    table = pa.table(
        {
            "ds": pa.array(noon(1, 2, 3, 4)),
            "y": pa.array([1, None, 3, 4], pa.int16()),
            "unique_id": pa.array([5, 5, 5, 5]).dictionary_encode(),
        }
    )
    panel = panel_from_frame(table)
    assert panel.series[0].id == "5"
    assert np.array_equal(panel.series[0].values, [1, np.nan, 3, 4], equal_nan=True)
    assert panel.labels(panel.series[0].times[:1]) == ["2020-01-01"]


NUMBERS = {
    "point": (["1.5", "-2", "+3.25", "1e2"], [1.5, -2, 3.25, 100]),
    "comma": (["1,5", "-2", "3,25", "1,5e2"], [1.5, -2, 3.25, 150]),
    "comma and points": (["1.234,5", "2", "1.234", "7,25"], [1234.5, 2, 1234, 7.25]),
    "points and commas": (["1,234.5", "2", "1,234", "7.25"], [1234.5, 2, 1234, 7.25]),
    "millions": (["1,234,567", "2", "1,234", "7"], [1234567, 2, 1234, 7]),
    "below one": (["0,125", "0,250", "1,375", "7,500"], [0.125, 0.25, 1.375, 7.5]),
    "spaces": ([" 1.5", "2 ", "\t3", "4"], [1.5, 2, 3, 4]),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_as_text(kind):
    text, values = NUMBERS[kind]
    assert one([1, 2, 3, 4], text).series[0].values.tolist() == values


def test_a_comma_among_semicolons_is_decimal(tmp_path):
    (tmp_path / "a.csv").write_text("ds;y\n1;1,234\n2;2,345\n3;3,456\n")
    assert panel_from_file(tmp_path / "a.csv").series[0].values.tolist() == [1.234, 2.345, 3.456]


@pytest.mark.parametrize("token", ["", "NA", "NaN", "null", "None", "nan", "-", "?", " ", "N/A", "#N/A", None])
def test_missing_tokens(token):
    panel = one([1, 2, 3, 4], ["1", token, "3", "4"])
    assert np.isnan(panel.series[0].values[1])
    assert panel.findings[0].message == "y: 1 of 4 steps has no value (2)"


def test_nan_and_null_are_missing():
    assert np.isnan(one([1, 2, 3, 4, 5], [1.0, float("nan"), 3.0, None, 2.0]).series[0].values).sum() == 2


FREQUENCIES = {
    "monthly with a hole": ([dt.date(2020, month, 1) for month in (1, 2, 3, 5, 6, 7)], "1mo"),
    "month ends": ([dt.date(2020, 1, 31), dt.date(2020, 2, 29), dt.date(2020, 3, 31)], "1mo"),
    "the 30th or the end": ([dt.date(2020, 1, 30), dt.date(2020, 2, 29), dt.date(2020, 3, 30)], "1mo"),
    "two months": ([dt.date(2020, 1, 1), dt.date(2020, 2, 1), dt.date(2020, 3, 1)], "1mo"),
    "four weeks, not months": ([dt.date(2020, 1, 1) + dt.timedelta(28 * k) for k in range(9)], "4w"),
    "weeks": ([dt.date(2020, 1, 4) + dt.timedelta(7 * k) for k in range(9) if k != 4], "1w"),
    "quarter ends": ([dt.date(2019 + k // 4, *((3, 31), (6, 30), (9, 30), (12, 31))[k % 4]) for k in range(9)], "1q"),
    "years": ([dt.date(2000 + k, 7, 1) for k in range(9)], "1y"),
    "leap days": ([dt.date(2019 + k, 2, 28 + (k == 1)) for k in range(5)], "1y"),
    "working days": ([d for k in range(40) if (d := dt.date(2020, 1, 1) + dt.timedelta(k)).weekday() < 5], "1bd"),
    "a week of working days": (noon(6, 7, 8, 9, 10, 13, 14), "1d"),
    "days with a weekend": ([d for k in range(40) if (d := dt.date(2020, 1, 1) + dt.timedelta(k)).weekday() < 6], "1d"),
    "ten minutes": ([dt.datetime(2020, 1, 1, 0, 10 * k) for k in (0, 1, 2, 4, 5)], "10m"),
    "seconds": ([dt.datetime(2020, 1, 1, 0, 0, k) for k in range(5)], "1s"),
    "sevens": ([3, 10, 17, 31, 38], "7"),
    "mostly every second day": (noon(1, 2, 4, 6, 8), "1d"),
}


@pytest.mark.parametrize("kind", FREQUENCIES)
def test_inferred_frequency(kind):
    times, every = FREQUENCIES[kind]
    panel = one(times)
    assert panel.frequency.every == every
    there = panel.series[0].times[~np.isnan(panel.series[0].values)]
    assert np.array_equal(there, np.array(times).astype(there.dtype))


def test_the_28th_of_february_alone_is_a_month_end():
    panel = one([dt.date(2021 + k, 2, 28) for k in range(3)])
    assert panel.labels(panel.frequency.after(panel.series[0].times[-1], 1)) == ["2024-02-29"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["h", "D", "W", "month", "integer"]), st.floats(0.3, 1))
def test_rows_absent_at_random_do_not_change_the_frequency(seed, kind, share):
    rng = np.random.default_rng(seed)
    index = np.sort(rng.choice(600, int(600 * share), replace=False))
    if kind == "integer":
        times = index * 3
    elif kind == "month":
        times = (index + 100).astype("datetime64[M]").astype("datetime64[us]")
    else:
        times = index.astype(f"datetime64[{kind}]").astype("datetime64[us]")
    panel = one(times, rng.normal(size=len(times)))
    assert panel.frequency.every == {"h": "1h", "D": "1d", "W": "1w", "month": "1mo", "integer": "3"}[kind]
    there = ~np.isnan(panel.series[0].values)
    assert np.array_equal(panel.series[0].times[there], times)
    assert there.sum() == len(times)


def test_series_may_be_on_grids_of_their_own():
    half = [dt.datetime(2020, 1, 1, hour, 30) for hour in range(9)]
    frame = pl.DataFrame(
        {"unique_id": ["a"] * 9 + ["b"] * 9, "ds": [t.replace(minute=0) for t in half] + half, "y": list(range(18))}
    )
    panel = panel_from_frame(frame)
    assert panel.frequency.name == "hourly"
    assert panel.series[1].times.tolist() == half


def test_a_frequency_that_is_given():
    panel = one(noon(1, 8, 22), frequency="1d")
    assert (panel.frequency.every, len(panel.series[0].values)) == ("1d", 22)
    assert one(noon(6, 7, 8), frequency="B").frequency.name == "business days"
    assert one(noon(4, 11, 18), frequency="weekly").frequency.name == "weekly (Saturdays)"
    assert one([1950.0, 1950.25, 1950.5], frequency="quarterly").frequency.name == "quarterly (decimal years)"
    assert one([1950 + k / 12 for k in range(400)], frequency="0.0833").frequency.per_year == 12
    assert one(noon(1, 2, 3), season_length=30).frequency.season_length == 30
    whole = one(noon(4, 11, 18)).frequency
    assert one(noon(11, 18, 25), frequency=whole).frequency is whole


def test_before_cuts_each_series():
    panel = panel_from_frame(LONG)
    cut = panel.before([3, 0])
    assert [(series.id, len(series.values)) for series in cut.series] == [("H2", 3)]
    assert np.array_equal(cut.series[0].times, panel.series[0].times[:3])
    assert len(panel.before([99, 2]).series[0].values) == 7
    with pytest.raises(ValueError, match="argument"):
        panel.before([1])


def test_what_a_saved_model_keeps_goes_through_json():
    panel = panel_from_frame(LONG)
    kept = json.loads(json.dumps([panel.frequency.to_json(), panel.columns.to_json()]))
    assert Frequency.from_json(kept[0]) == panel.frequency == days(1)
    assert Columns.from_json(kept[1]) == panel.columns == Columns("unique_id", "ds", "y")
    with pytest.raises(ModelError, match="the saved columns is damaged"):
        Columns.from_json({"time": "ds"})


def test_no_torch():
    # without the room's __init__, which also hands on the networks
    code = """
import sys, types, unspool
room = sys.modules["unspool.forecast"] = types.ModuleType("unspool.forecast")
room.__path__ = [unspool.__path__[0] + "/forecast"]
import unspool.forecast.tables.ingest, unspool.datasets
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
