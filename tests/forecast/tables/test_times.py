"""Every spelling of times that is read, written alike; and which of two readings is taken."""

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspool.errors import DataError
from unspool.forecast.tables.ingest import panel_from_frame
from unspool.forecast.tables.panel import Panel
from unspool.forecast.tables.times import TimeStyle


def panel_of(times, **options) -> Panel:
    values = [float(k * 7 % 5) for k in range(len(times))]
    return panel_from_frame(pl.DataFrame({"ds": times, "y": values}), **options)


def every(start: dt.datetime, step: dt.timedelta, count: int) -> list[dt.datetime]:
    return [start + k * step for k in range(count)]


DAYS = every(dt.datetime(2020, 1, 1), dt.timedelta(days=1), 40)
HOURS = every(dt.datetime(2020, 1, 1), dt.timedelta(hours=1), 60)
MONTHS = [dt.datetime(2018 + k // 12, k % 12 + 1, 1) for k in range(30)]
QUARTERS = [f"{2000 + k // 4}Q{k % 4 + 1}" for k in range(12)]

SPELLINGS = [
    *[(DAYS, pattern, "1d") for pattern in ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d-%b-%Y")],
    *[(DAYS, pattern, "1d") for pattern in ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m/%d/%y", "%d.%m.%y", "%d %B %Y")],
    *[(DAYS, pattern, "1d") for pattern in ("%b %d, %Y", "%B %d, %Y")],
    *[(MONTHS, pattern, "1mo") for pattern in ("%Y-%m", "%Y/%m", "%Y%m", "%YM%m", "%b %Y", "%B %Y", "%b-%Y", "%Y-%b")],
    *[(MONTHS, pattern, "1mo") for pattern in ("%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%d")],
    *[(HOURS, pattern, "1h") for pattern in ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")],
    *[(HOURS, pattern, "1h") for pattern in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S UTC", "%d.%m.%Y %H:%M")],
    *[(HOURS, pattern, "1h") for pattern in ("%m/%d/%Y %I:%M %p", "%d/%m/%Y %H:%M", "%Y%m%d %H:%M")],
    *[(HOURS, pattern, "1h") for pattern in ("%Y-%m-%dT%H:%M:%S+05:30", "%Y-%m-%dT%H:%M:%S-0300")],
]


@pytest.mark.parametrize(("moments", "pattern", "step"), SPELLINGS)
def test_text_is_read_and_written_alike(moments, pattern, step):
    # the text is Python's own strftime
    text = [moment.strftime(pattern) for moment in moments]
    panel = panel_of(text[:-5])
    assert panel.frequency.every == step
    assert panel.labels(panel.series[0].times) == text[:-5]
    ahead = panel.frequency.after(panel.series[0].times[-1], 5)
    assert panel.labels(ahead) == text[-5:]
    if "+05:30" not in pattern and "-0300" not in pattern:
        assert ahead.tolist() == moments[-5:]
    # a column of text reads back as the same times
    assert np.array_equal(panel_of(text[:-5] + panel.labels(ahead)).series[0].times[-5:], ahead)


@pytest.mark.parametrize("unpadded", ["{0.month}/{0.day}/{0.year}", "{0.day}.{0.month}.{0.year}"])
def test_days_without_zeros(unpadded):
    text = [unpadded.format(day) for day in DAYS]
    panel = panel_of(text[:-5])
    assert panel.labels(panel.frequency.after(panel.series[0].times[-1], 5)) == text[-5:]


def test_offsets_are_taken_off():
    panel = panel_of([f"2020-01-01T{hour:02}:00:00+05:30" for hour in range(9)])
    assert panel.series[0].times[0] == np.datetime64("2019-12-31T18:30")


def test_quarters():
    panel = panel_of(QUARTERS)
    assert (panel.frequency.every, panel.frequency.season_length) == ("1q", 4)
    assert panel.labels(panel.frequency.after(panel.series[0].times[-1], 2)) == ["2003Q1", "2003Q2"]
    assert panel_of([label.replace("Q", "-Q") for label in QUARTERS]).series[0].times[1] == np.datetime64("2000-04-01")


def test_midnights_may_lack_their_time():
    # as R writes them from 4.3 on
    text = [f"{moment:%Y-%m-%d}" if moment.hour == 0 else f"{moment:%Y-%m-%d %H:%M:%S}" for moment in HOURS]
    assert panel_of(text).series[0].times.tolist() == HOURS


def test_local_midnights_with_changing_offsets_are_days():
    zoned = pl.datetime_range(
        dt.datetime(2020, 3, 20), dt.datetime(2020, 4, 10), "1d", time_zone="Europe/Berlin", eager=True
    )
    panel = panel_of(zoned.dt.strftime("%Y-%m-%dT%H:%M:%S%:z"))
    assert panel.frequency.name == "daily"
    assert panel.labels(panel.series[0].times)[:2] == ["2020-03-20", "2020-03-21"]


def test_hours_with_changing_offsets_are_written_in_utc():
    zoned = pl.datetime_range(
        dt.datetime(2020, 3, 28), dt.datetime(2020, 3, 30), "1h", time_zone="Europe/Berlin", eager=True
    )
    panel = panel_of(zoned.dt.strftime("%Y-%m-%dT%H:%M:%S%:z"))
    assert (panel.frequency.name, len(panel.series[0].times)) == ("hourly", 48)
    assert panel.labels(panel.series[0].times[:1]) == ["2020-03-27T23:00:00+00:00"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("step", ["1h", "1d", "1mo"])
def test_zoned_datetimes_keep_their_zone(zone, step):
    zoned = pl.datetime_range(dt.datetime(2019, 9, 1), dt.datetime(2020, 5, 1), step, time_zone=zone, eager=True)
    panel = panel_of(zoned[:-3])
    assert panel.frequency.every == step
    ahead = panel.frequency.after(panel.series[0].times[-1], 3)
    assert panel.time_column(ahead).to_list() == zoned[-3:].to_list()
    assert panel.labels(ahead) == [moment.isoformat() for moment in zoned[-3:].to_list()]
    assert panel_of(panel.labels(panel.series[0].times)).series[0].times.shape == (len(zoned) - 3,)


def test_day_first_or_month_first_by_the_whole_column():
    def fewer(text):
        return panel_of(text).series[0].times.astype("datetime64[D]").astype(str).tolist()

    assert fewer(["11/01/2020", "12/01/2020", "13/01/2020"])[0] == "2020-01-11"
    assert fewer(["01/11/2020", "01/12/2020", "01/13/2020"])[0] == "2020-01-11"
    # parses either way, but only months leave no gaps
    assert fewer([f"{k % 12 + 1}/1/{2018 + k // 12}" for k in range(24)])[1] == "2018-02-01"


def test_day_first_or_month_first_that_nothing_decides():
    with pytest.raises(DataError, match="row 1: time 'ds' is ambiguous: '03/04/2020' could be day first or month"):
        panel_of(["03/04/2020", "04/04/2020", "05/04/2020", "06/04/2020"])


def test_eight_and_six_digits_are_dates_where_all_can_be():
    assert panel_of([20200131, 20200229, 20200331]).frequency.name == "monthly (month ends)"
    assert panel_of([202011, 202012, 202101]).time_column(np.array(["2021-02-01"], "datetime64[us]")).to_list() == [
        202102
    ]
    assert panel_of([20200131, 20200132, 20200133]).frequency.name == "integer steps"


def test_year_point_month_is_refused():
    text = [f"{year}.{month:02}" for year in (1949, 1950, 1951) for month in range(1, 13)]
    with pytest.raises(DataError, match=r"looks like year and month: 1949\.01") as error:
        panel_of(text)
    assert error.value.hint == "write months as 1949-01"


@pytest.mark.parametrize("digits", [2, 3, 4, 8, 14])
@pytest.mark.parametrize(("per_year", "name"), [(12, "monthly"), (4, "quarterly")])
@pytest.mark.parametrize("offset", [0, 0.5])
def test_decimal_years_with_rounding(digits, per_year, name, offset):
    exact = 1959 + (np.arange(240) + offset) / per_year
    panel = panel_of([f"{year:.{digits}f}" for year in exact])
    assert (panel.frequency.name, panel.frequency.season_length) == (f"{name} (decimal years)", per_year)
    assert np.abs(panel.series[0].times - exact).max() < 1e-9
    ahead = panel.frequency.after(panel.series[0].times[-1], 5)
    assert np.abs(ahead - (exact[-1] + np.arange(1, 6) / per_year)).max() < 1e-9
    assert np.abs(panel.time_column(ahead).to_numpy() - ahead).max() <= 0.5 * 10.0 ** -min(digits, 12) + 1e-12


def test_decimal_years_of_the_middle_of_months():
    # dates of the middle of each month as fractions of the year's days, as observatories give them
    middles = [dt.date(year, month, 15).timetuple().tm_yday for year in range(1958, 1970) for month in range(1, 13)]
    years = [1958 + k // 12 + day / 365.25 for k, day in enumerate(middles)]
    panel = panel_of(years)
    assert panel.frequency.name == "monthly (decimal years)"
    assert len(panel.series[0].times) == len(years)


def test_decimals_with_a_comma():
    panel = panel_of([f"{1959 + k / 12:.4f}".replace(".", ",") for k in range(40)])
    assert panel.frequency.name == "monthly (decimal years)"


@pytest.mark.parametrize("step", [0.1, 0.25, 0.0501516670178, 2.5])
def test_other_decimals(step):
    times = np.arange(3000) * step
    panel = panel_of(times)
    assert np.abs(panel.series[0].times - times).max() < 1e-6
    assert panel.frequency.season_length == 1


def test_decimal_years_with_a_step_of_their_own():
    assert panel_of([1900.5 + 5 * k for k in range(9)]).frequency.step == 5
    five_months = panel_of([1900 + k * 5 / 12 for k in range(30)])
    assert (five_months.frequency.per_year, len(five_months.series[0].times)) == (0, 30)


def test_whole_decimals_are_integers():
    panel = panel_of([1871.0, 1872.0, 1873.0])
    assert panel.labels(panel.series[0].times) == ["1871", "1872", "1873"]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["date", "datetime", "month", "integer", "decimal"]),
    st.integers(-40_000, 40_000),
    st.integers(1, 6),
)
def test_labels_are_read_back(kind, start, step):
    count = np.arange(30)
    index = start + count * step
    times = {
        "date": index.astype("datetime64[D]").astype("datetime64[us]"),
        "datetime": (index * 60_000_000).astype("datetime64[us]"),
        "month": (index // 10 + 600 + count).astype("datetime64[M]").astype("datetime64[us]"),
        "integer": index,
        "decimal": 1500 + abs(start) % 500 + count * step / 12,
    }[kind]
    panel = panel_of(times)
    again = panel_of(panel.labels(panel.series[0].times))
    assert again.frequency.name == panel.frequency.name
    close = np.isclose if kind == "decimal" else np.equal
    assert close(again.series[0].times, panel.series[0].times).all()


def test_types_of_the_time_column():
    types = {
        pl.Date: ["2020-01-01", "2020-01-02", "2020-01-03"],
        pl.Datetime("us"): ["2020-01-01 00:00", "2020-01-01 01:00", "2020-01-01 02:00"],
        pl.Datetime("us", "UTC"): ["2020-01-01T00:00Z", "2020-01-01T01:00Z", "2020-01-01T02:00Z"],
        pl.String: ["1949-01", "1949-02", "1949-03"],
        pl.Int64: ["1", "2", "3"],
        pl.Float64: ["1.5", "2.5", "3.5"],
    }
    for kind, text in types.items():
        panel = panel_of(text)
        column = panel.time_column(panel.series[0].times)
        assert (column.name, column.dtype) == ("ds", kind)
        assert panel.labels(panel.series[0].times) == text
        assert len(panel_of(column).series[0].times) == 3


def test_a_finer_frequency_that_is_given_gets_labels_that_show_it():
    assert panel_of(["2020-01-01", "2020-01-02", "2020-01-03"], frequency="12h").labels(
        np.array(["2020-01-03T12:00"], "datetime64[us]")
    ) == ["2020-01-03T12:00:00"]
    assert panel_of(MONTHS[:3], frequency="1d").labels(np.array(["2018-03-02"], "datetime64[us]")) == ["2018-03-02"]
    months_as_text = panel_of(["2018-01", "2018-02", "2018-03"], frequency="1d")
    assert months_as_text.labels(months_as_text.series[0].times[:2]) == ["2018-01-01", "2018-01-02"]


def test_style_json_round_trip():
    style = panel_of([f"2020-01-01T{hour:02}:00:00+05:30" for hour in range(9)]).time_style
    assert TimeStyle.from_json(json.loads(json.dumps(style.to_json()))) == style
