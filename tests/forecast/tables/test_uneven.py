"""Rows at their own times: when they are taken so, what their step is, and what is said where they cannot be."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unspool.errors import DataError, SettingError
from unspool.forecast import Panel, panel_from_frame
from unspool.forecast.tables.uneven import irregular, typical

START = dt.datetime(2024, 3, 30)


def table(times: list, values: list | None = None) -> pl.DataFrame:
    y = [float(k % 5) for k in range(len(times))] if values is None else values
    return pl.DataFrame({"ds": times, "y": pl.Series(y, dtype=pl.Float64)})


def read(times: list, uneven: bool | None = None, **options) -> Panel:
    return panel_from_frame(table(times), uneven=uneven, **options)


def exponential(count: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=count).cumsum()


def seconds(count: int = 40) -> list[dt.datetime]:
    return [START + dt.timedelta(seconds=int(1800 * t)) for t in exponential(count)]


def test_irregular_times_on_no_grid_are_taken_as_they_are():
    times = exponential()
    panel = read(times.tolist())
    assert panel.frequency.uneven
    assert np.array_equal(panel.series[0].times, times)
    assert panel.frequency.step == np.sort(np.diff(times))[19]
    assert panel.frequency.season_length == 1
    assert [f.kind for f in panel.findings] == ["uneven"]
    assert panel.findings[0].message.startswith("the times are uneven (typical gap 0.")


def test_what_is_on_a_grid_stays_there():
    for times in (list(range(40)), [k for k in range(60) if k % 7], [0.5 * k for k in range(40)]):
        one, two = read(times), read(times, uneven=False)
        assert not one.frequency.uneven
        assert one.frequency == two.frequency
        assert np.array_equal(one.series[0].times, two.series[0].times)


def test_a_grid_that_is_mostly_empty_is_none():
    times = [0, 1, 7, 9, 14, 30, 34, 41, 50, 62]
    assert read(times).frequency.uneven
    assert not read(times, uneven=False).frequency.uneven
    assert not read(times, frequency="1").frequency.uneven


def test_on_a_grid_they_are_uneven_where_it_is_asked_for():
    panel = read([k for k in range(60) if k % 7], uneven=True)
    assert len(panel.series[0].values) == 51
    assert not np.isnan(panel.series[0].values).any()


def test_one_slip_among_regular_times_is_a_slip():
    times = [START + dt.timedelta(hours=k) for k in range(40)]
    times[20] += dt.timedelta(minutes=7)
    for uneven in (None, False):
        with pytest.raises(DataError, match="row 21: time '2024-03-30T20:07:00' is off the grid") as error:
            read(times, uneven=uneven)
        assert (
            error.value.hint
            == "mend the time, or give a frequency that fits all rows with --frequency (1h, 1d, 1mo, …)"
        )


def test_the_hint_names_the_cells_that_read_the_time_between_rows():
    with pytest.raises(DataError, match="is off the grid") as error:
        read(exponential().tolist(), uneven=False)
    hint = error.value.hint or ""
    assert hint.startswith("mend the time, or give a frequency")
    assert all(name in hint for name in ("ctrnn", "lem", "cornn", "shunting"))
    assert "gru" not in hint


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0.0, 1.3, 1.3, 2.9, 3.1], "row 3: time '1.3' is already in row 2"),
        ([0.0, 1.3, 1.1, 2.9, 3.1], "row 3: time '1.1' comes after '1.3' in row 2: the times are not sorted"),
        ([0.0, 1.3, None, 2.9, 3.1], "row 3: time 'ds' is empty"),
        ([0.0, 1.3, np.inf, 2.9, 3.1], "row 3: time 'ds' is infinite"),
    ],
)
@pytest.mark.parametrize("uneven", [None, True, False])
def test_bad_times_are_what_they_were(times: list, message: str, uneven: bool | None):
    with pytest.raises(DataError) as error:
        read(times, uneven=uneven)
    assert error.value.message == message


def test_missing_values_are_kept_and_said():
    values = [1.0, None, 3.0, 2.0, None, None, 5.0, 1.0]
    panel = panel_from_frame(table(exponential(8).tolist(), values), uneven=True)
    assert np.isnan(panel.series[0].values).tolist() == [v is None for v in values]
    assert "3 of 8 steps have no value" in panel.findings[1].message


def test_whole_numbers_stay_whole_numbers():
    panel = read([0, 3, 4, 9, 15, 22, 30, 47], uneven=True)
    assert panel.frequency.step == 6
    assert panel.frequency.after(47, 2).tolist() == [53, 59]
    assert panel.labels(panel.frequency.after(47, 2)) == ["53", "59"]


def test_decimals_go_on_from_the_last_one():
    panel = read([0.1, 0.5, 1.9, 2.6, 3.7], uneven=True)
    assert panel.frequency.after(3.7, 2) == pytest.approx([4.4, 5.1])


def test_dates_go_on_in_whole_days():
    days = [dt.date(2024, 1, 1) + dt.timedelta(k) for k in (0, 3, 4, 9, 11, 18)]
    panel = read(days, uneven=True)
    assert panel.frequency.name == "uneven (typical gap 3 days)"
    assert panel.labels(panel.frequency.after(panel.series[0].times[-1], 2)) == ["2024-01-22", "2024-01-25"]


def test_zoned_times_are_counted_as_they_pass_not_as_clocks_show():
    """Clocks are put forward on 31 March 2024 at one o'clock UTC: from 00:30 to 03:30 is two hours."""
    wall = ["2024-03-31T00:30:00+01:00", "2024-03-31T03:30:00+02:00", "2024-03-31T04:00:00+02:00"]
    wall += ["2024-03-31T08:10:00+02:00", "2024-03-31T09:00:00+02:00"]
    panel = read(wall, uneven=True, frequency="1h")
    assert panel.frequency.steps_between(panel.series[0].times) == pytest.approx([2, 0.5, 4 + 1 / 6, 5 / 6])
    zoned = table([START + dt.timedelta(minutes=m) for m in (0, 90, 1700, 1730, 2000)])
    berlin = zoned.with_columns(pl.col("ds").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin"))
    panel = panel_from_frame(berlin, uneven=True)
    assert panel.frequency.step == 90 * 60e6
    assert panel.frequency.zone == "Europe/Berlin"


def test_the_step_can_be_given():
    panel = read(seconds(), uneven=True, frequency="1h")
    assert panel.frequency.name == "uneven (in steps of 1 hour)"
    assert panel.frequency.every == "1h"
    assert read(exponential().tolist(), uneven=True, frequency="2").frequency.step == 2


@pytest.mark.parametrize("every", ["1mo", "1bd", "3"])
def test_a_step_of_no_fixed_length_is_refused(every: str):
    with pytest.raises(SettingError, match=f"frequency '{every}' is no length of time"):
        read(seconds(), uneven=True, frequency=every)


@pytest.mark.parametrize("uneven", [None, True])
def test_a_season_is_refused(uneven: bool | None):
    with pytest.raises(SettingError, match="season_length is 7, but rows at uneven times have no season"):
        read(seconds(), uneven=uneven, season_length=7)


def test_the_typical_gap_is_of_gaps_within_series():
    frame = pl.DataFrame({"unique_id": [*"aaaabbb"], "ds": [0.0, 1, 3, 6, 6.5, 9, 15.5], "y": [1.0, 2, 3, 1, 5, 6, 7]})
    panel = panel_from_frame(frame, uneven=True)
    assert panel.frequency.step == 2.5
    assert typical(panel) == panel.frequency


@given(st.lists(st.integers(1, 50), min_size=6, max_size=60))
def test_irregular_is_where_no_distance_is_the_usual_one(gaps: list[int]):
    most = max(gaps.count(gap) for gap in gaps)
    assert irregular(np.cumsum([0, *gaps]), np.zeros(1, np.int64)) == (2 * most < len(gaps))
