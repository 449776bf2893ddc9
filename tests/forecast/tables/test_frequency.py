"""Laws of the grid, its names, and calendars against Python's and polars' own."""

import calendar
import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspool.errors import ModelError, SettingError
from unspool.forecast.tables.every import read_every, spell
from unspool.forecast.tables.frequency import (
    MONTH_END,
    Frequency,
    business_days,
    days,
    decimals,
    fixed,
    integers,
    months,
)

# a busy machine may take long over one example
LAW = settings(deadline=None)

MINUTE = 60_000_000
ZONES = (None, "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "+05:30", "-03:00", "Australia/Lord_Howe")


@st.composite
def grids(draw) -> tuple[Frequency, object]:
    """A frequency and a time on its grid."""
    kind = draw(st.sampled_from(["us", "day", "bd", "month", "integer", "decimal", "years"]))
    zone = draw(st.sampled_from(ZONES))
    number = draw(st.integers(-30_000, 30_000))
    if kind == "integer":
        return integers(draw(st.integers(1, 20))), number
    if kind == "decimal":
        frequency = decimals(draw(st.sampled_from([0.1, 0.05, 2.5, 0.0501516670178])), draw(st.sampled_from([0, 0.01])))
        return frequency, frequency.after(float(number), 1)[0]
    if kind == "years":
        per_year = draw(st.sampled_from([1, 2, 4, 12]))
        frequency = decimals(1 / per_year, draw(st.sampled_from([0, 0.5])) / per_year, per_year)
        return frequency, frequency.after(1900.0 + number % 200, 1)[0]
    if kind == "us":
        step = draw(st.sampled_from([1, 250_000, 10_000_000, 15 * MINUTE, 60 * MINUTE, 36 * 60 * MINUTE]))
        return fixed(step, zone), np.datetime64(number * MINUTE, "us")
    clock = draw(st.integers(0, 24 * 60 - 1)) * MINUTE
    frequency = {
        "day": lambda: days(draw(st.sampled_from([1, 2, 7, 28])), zone, clock),
        "bd": lambda: business_days(draw(st.integers(1, 3)), zone, clock),
        "month": lambda: months(draw(st.sampled_from([1, 3, 12])), draw(st.integers(1, 31)), zone, clock),
    }[kind]()
    near = np.datetime64(number, "D") + np.timedelta64(0 if zone else clock, "us")
    return frequency, frequency.after(near, 1)[0]


@LAW
@given(grids(), st.integers(2, 40))
def test_stepping_twice_is_stepping_once_by_the_sum(grid, steps):
    frequency, last = grid
    ahead = frequency.after(last, steps)
    assert np.array_equal(frequency.after(ahead[0], steps - 1), ahead[1:])
    assert (ahead[1:] > ahead[:-1]).all()
    assert ahead[0] > last


@LAW
@given(grids(), st.integers(1, 40))
def test_grid_is_first_then_after(grid, steps):
    frequency, first = grid
    ahead = frequency.after(first, steps)
    whole = frequency.grid(first, ahead[-1])
    assert whole[0] == first
    assert np.array_equal(whole[1:], ahead)


@LAW
@given(grids(), st.integers(1, 20))
def test_many_series_step_as_one_does(grid, steps):
    frequency, last = grid
    many = frequency.after(last, 3)
    together = frequency.after(many, steps)
    assert together.shape == (3, steps)
    for one, row in zip(many, together, strict=True):
        assert np.array_equal(frequency.after(one, steps), row)


@LAW
@given(grids())
def test_json_round_trip(grid):
    frequency, _ = grid
    assert Frequency.from_json(json.loads(json.dumps(frequency.to_json()))) == frequency


@LAW
@given(grids())
def test_features_are_on_the_unit_circle(grid):
    frequency, last = grid
    times = frequency.after(last, 9)
    features = frequency.features(times)
    assert features.dtype == np.float32
    assert features.shape == (9, len(frequency.feature_names))
    assert np.allclose(features[:, ::2] ** 2 + features[:, 1::2] ** 2, 1, atol=1e-5)


@LAW
@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(1, 30))
def test_month_ends_are_those_of_the_calendar(day, steps):
    ends = months(1, MONTH_END).after(day, steps)
    for k, end in enumerate(ends.astype("datetime64[D]").tolist(), 1):
        month = day.year * 12 + day.month - 1 + k
        assert (end.year, end.month) == (month // 12, month % 12 + 1)
        assert end.day == calendar.monthrange(end.year, end.month)[1]


@LAW
@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(1, 31), st.integers(1, 30))
def test_months_are_as_polars_offsets_them(day, wanted, steps):
    first = months(1, wanted).after(day, 1)[0]
    # polars' own arithmetic, from a month that has all days
    anchor = dt.date(1899, 12, wanted)
    month = first.astype("datetime64[M]").astype(int) - np.datetime64("1899-12", "M").astype(int)
    column = pl.Series([anchor] * steps)
    offsets = pl.Series([f"{month + k + 1}mo" for k in range(steps)])
    theirs = pl.select(pl.lit(column).dt.offset_by(pl.lit(offsets))).to_series()
    assert np.array_equal(months(1, wanted).after(first, steps).astype("datetime64[D]"), theirs.to_numpy())


@LAW
@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(1, 30))
def test_business_days_are_all_days_but_weekends(day, steps):
    while day.weekday() > 4:
        day += dt.timedelta(1)
    theirs = []
    following = day
    while len(theirs) < steps:
        following += dt.timedelta(1)
        if following.weekday() < 5:
            theirs.append(following)
    assert business_days().after(day, steps).astype("datetime64[D]").tolist() == theirs


def test_leap_day_is_the_29th_only_in_leap_years():
    after = months(12, 29).after(dt.date(2020, 2, 29), 4).astype("datetime64[D]")
    assert [str(day) for day in after] == ["2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29"]


def test_days_keep_the_wall_clock_where_clocks_change():
    midnights = pl.datetime_range(
        dt.datetime(2020, 3, 20), dt.datetime(2020, 11, 10), "1d", time_zone="Europe/Berlin", eager=True
    )
    utc = midnights.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
    assert np.array_equal(days(1, "Europe/Berlin").grid(utc[0], utc[-1]), utc)
    assert set(np.diff(utc).astype("timedelta64[h]").astype(int)) == {23, 24, 25}


def test_midnight_that_clocks_skip_does_not_shift_the_days_after_it():
    # Brazil put its clocks forward at midnight of 2017-10-15, which therefore began at 01:00 = 03:00 UTC
    after = days(1, "America/Sao_Paulo").after(np.datetime64("2017-10-13T03:00"), 4)
    assert after.astype("datetime64[m]").astype(str).tolist() == [
        "2017-10-14T03:00",
        "2017-10-15T03:00",
        "2017-10-16T02:00",
        "2017-10-17T02:00",
    ]


def test_hours_are_counted_in_utc_where_clocks_change():
    assert len(fixed(60 * MINUTE, "Europe/Berlin").grid("2020-03-28T23:00", "2020-03-29T22:00")) == 24


def test_decimal_years_do_not_collect_rounding():
    after = decimals(1 / 12, per_year=12).after(1959 + 1e-11, 1200)
    assert after[-1] == 2059.0
    assert np.array_equal(after[11::12], np.arange(1960, 2060))


def test_tenths_are_those_that_people_write():
    assert decimals(0.1).grid(0, 2).tolist() == [float(f"{k // 10}.{k % 10}") for k in range(21)]


@pytest.mark.parametrize(
    ("text", "every", "name", "season"),
    [
        ("10s", "10s", "every 10 seconds", 6),
        ("min", "1m", "every minute", 60),
        ("5m", "5m", "every 5 minutes", 288),
        ("15m", "15m", "every 15 minutes", 96),
        ("30min", "30m", "every 30 minutes", 48),
        ("60m", "1h", "hourly", 24),
        ("H", "1h", "hourly", 24),
        ("2h", "2h", "every 2 hours", 12),
        ("7h", "7h", "every 7 hours", 1),
        ("daily", "1d", "daily", 7),
        ("7d", "1w", "weekly", 52),
        ("2w", "2w", "every 2 weeks", 26),
        ("B", "1bd", "business days", 5),
        ("MS", "1mo", "monthly", 12),
        ("quarterly", "1q", "quarterly", 4),
        ("6mo", "6mo", "half-yearly", 2),
        ("y", "1y", "yearly", 1),
        ("5y", "5y", "every 5 years", 1),
        ("1", "1", "integer steps", 1),
        ("7", "7", "every 7 integer steps", 1),
    ],
)
def test_names_and_seasons(text, every, name, season):
    unit, step = read_every(text)
    builders = {
        "microsecond": fixed,
        "day": days,
        "business day": business_days,
        "month": months,
        "integer": integers,
    }
    frequency = builders[unit](step)
    assert (frequency.every, frequency.name, frequency.season_length) == (every, name, season)
    assert read_every(frequency.every) == (unit, step)


def test_twelfths_of_years_are_months():
    frequency = decimals(1 / 12, per_year=12)
    assert (frequency.every, frequency.name, frequency.season_length) == ("0.0833", "monthly (decimal years)", 12)
    assert frequency.noun == "month"


@LAW
@given(st.sampled_from(["microsecond", "day", "business day", "month", "integer"]), st.integers(1, 10**9))
def test_spelling_is_read_back(unit, step):
    assert read_every(spell(unit, step)) == (unit, step)


@pytest.mark.parametrize("text", ["", "fortnight", "0d", "0", "-1h", "1.5h", "1 parsec"])
def test_unknown_frequency(text):
    with pytest.raises(SettingError, match="not understood"):
        read_every(text)


def test_features_name_what_varies():
    assert fixed(60 * MINUTE).feature_names[::2] == ("hour_of_day_sin", "day_of_week_sin", "day_of_year_sin")
    assert days(1).feature_names[::2] == ("day_of_week_sin", "day_of_year_sin")
    assert days(7).feature_names[::2] == ("day_of_year_sin",)
    assert months(1).feature_names == ("month_of_year_sin", "month_of_year_cos")
    assert months(12).feature_names == ()
    assert integers().features(np.arange(5)).shape == (5, 0)


def test_features_repeat_with_their_cycle():
    hours = fixed(60 * MINUTE).grid("2021-01-01", "2021-12-31T23:00")
    features = fixed(60 * MINUTE).features(hours)
    assert np.allclose(features[:-24, :2], features[24:, :2], atol=1e-6)
    assert np.allclose(features[: -7 * 24, 2:4], features[7 * 24 :, 2:4], atol=1e-6)
    assert np.allclose(features[6, :2], [1, 0], atol=1e-6)
    twelve = months(1).features(months(1).grid("2020-01-01", "2021-12-01"))
    assert np.allclose(twelve[:12], twelve[12:])
    assert np.allclose(decimals(1 / 12, per_year=12).features(np.array([1959.25])), [[1, 0]], atol=1e-6)


def test_zoned_features_follow_the_wall_clock():
    noon_utc = np.array(["2020-07-01T12:00"], "datetime64[us]")
    assert np.allclose(fixed(60 * MINUTE).features(noon_utc)[0, :2], [0, -1], atol=1e-6)
    berlin = fixed(60 * MINUTE, "Europe/Berlin").features(noon_utc)[0, :2]
    assert np.allclose(berlin, [np.sin(2 * np.pi * 14 / 24), np.cos(2 * np.pi * 14 / 24)], atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [{"step": "x"}, {"zone": 3}, {"unknown": 1}, {"day": True}],
)
def test_damaged_json_is_a_model_error(change):
    with pytest.raises(ModelError, match="saved frequency is damaged"):
        Frequency.from_json({**days(1).to_json(), **change})
    with pytest.raises(ModelError, match="damaged"):
        Frequency.from_json([])
