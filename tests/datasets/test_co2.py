"""The record that ships: its shape, and figures that its publishers give."""

import datetime as dt

import polars as pl

from unspool.datasets import co2_path, load_co2


def test_shape():
    frame = load_co2()
    assert frame.schema == {"date": pl.Date, "co2": pl.Float64}
    assert frame.shape == (2284, 2)
    assert frame["co2"].null_count() == 59
    assert frame["co2"].is_nan().sum() == 0
    assert (frame["date"].min(), frame["date"].max()) == (dt.date(1958, 3, 29), dt.date(2001, 12, 29))
    assert set(frame["date"].dt.weekday()) == {6}
    assert frame["date"].diff().drop_nulls().unique().to_list() == [dt.timedelta(7)]


def test_yearly_means_are_those_published():
    # NOAA's annual means of Mauna Loa, ppm; weeks and their gaps make a tenth or two of difference
    published = {1960: 316.91, 1970: 325.68, 1980: 338.76, 1990: 354.45, 2000: 369.71}
    means = load_co2().group_by(pl.col("date").dt.year()).agg(pl.col("co2").mean())
    for year, mean in means.rows():
        if year in published:
            assert abs(mean - published[year]) < 0.5


def test_path_is_a_file_beside_the_code():
    assert co2_path().is_file()
    assert co2_path().read_text().startswith("date,co2\n1958-03-29,316.1\n")
