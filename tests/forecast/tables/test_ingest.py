"""Tables that are no panel: one line that says what is wrong and where, and a hint."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unspool.errors import DataError, SettingError
from unspool.forecast.tables.frequency import days
from unspool.forecast.tables.ingest import panel_from_file, panel_from_frame
from unspool.forecast.tables.table import read_table

DAYS = [f"{dt.date(2020, 1, 1) + dt.timedelta(k)}" for k in range(80)]
MONTHS = [f"{2020 + k // 12}-{k % 12 + 1:02}-01" for k in range(40)]


def table(times: list[str], header: str = "ds,y", series: str = "", end: str = "") -> str:
    """A CSV file with some values for these times."""
    before = f"{series}," if series else ""
    return "\n".join([header, *(f"{before}{time},{k * 7 % 5}" for k, time in enumerate(times))]) + "\n" + end


def two(first: list[str], second: list[str]) -> str:
    """A CSV file of the series A and B."""
    return table(first, "unique_id,ds,y", "A") + table(second, "", "B").lstrip("\n")


def of_values(values: str) -> str:
    return "ds,y\n" + "".join(f"{time},{value}\n" for time, value in zip(DAYS, values.split(), strict=False))


GOOD = table(DAYS[:9], "unique_id,ds,y", "A")
BAD = (
    "".join(f"B,{day},3\n" for day in DAYS[:9])
    + "".join(f"C,{day},NA\n" for day in DAYS[:9])
    + "D,2020-01-01,1\nD,2020-01-02,2\nE,2020-01-01,4\n"
)

# what is in the file, the options → the message, a part of the hint
CASES = {
    "no such columns": (
        table(DAYS, "date,Sales"),
        {},
        "t.csv has no column 'ds' (time); its columns are: date, Sales",
        "name the time column with --time (in Python: time=)",
    ),
    "misspelled": (
        table(DAYS, "date,Sales"),
        {"time": "date", "target": "sale"},
        "t.csv has no column 'sale' (target); its columns are: date, Sales",
        "did you mean 'Sales'? Name the target column with --target",
    ),
    "series by name": (
        table(DAYS),
        {"series": "store"},
        "t.csv has no column 'store' (series); its columns are: ds, y",
        "--series",
    ),
    "no header": (
        table(DAYS, "2019-12-31,7"),
        {},
        "t.csv has no column 'ds' (time); its columns are: 2019-12-31, 7",
        "the first line must name the columns",
    ),
    "two of one name": (
        "ds,y,y\n1,2,3\n",
        {},
        "t.csv has more than one column 'y' (target)",
        "'y (1)' or 'y (2)'",
    ),
    "text": (
        table(DAYS[:16], end="2020-01-17,n/a?\n"),
        {},
        "t.csv, line 18: target 'y' is text: 'n/a?'",
        "leave the field empty",
    ),
    "text of a series": (
        table(DAYS[:16], "\nunique_id,ds,y", "A", end="A,2020-01-17,n/a?\nA,2020-01-18,x\nA,2020-01-18,y\n"),
        {},
        "t.csv, line 19: target 'y' of series 'A' is text: 'n/a?' (and 2 more such values)",
        "write a number",
    ),
    "text with commas": (
        "ds;y\n1;1,5\n2;2.5\n3;3,5\n",
        {},
        "t.csv, line 3: target 'y' is text: '2.5'",
        "write a number",
    ),
    "infinite": (
        of_values("1 2 inf 3 -inf"),
        {},
        "t.csv, line 4: target 'y' is infinite: inf (and 1 more such value)",
        "",
    ),
    "thousands or decimals": (
        'ds,y\n1,2\n2,"1,234"\n3,"2,345"\n',
        {},
        "t.csv, line 3: target 'y' is ambiguous: '1,234' could be 1.234 or 1234",
        "decimals with a point",
    ),
    "no such day": (
        table(DAYS[:3], end="2020-13-04,3\nsoon,4\n"),
        {},
        "t.csv, line 5: time 'ds' is not a time: '2020-13-04' (and 1 more such row)",
        "write times like 2024-05-31",
    ),
    "no times at all": (
        table(["a", "b", "c"]),
        {},
        "t.csv, line 2: time 'ds' is not a time: 'a' (and 2 more such rows)",
        "",
    ),
    "no time": (table(DAYS[:3], end=",3\n"), {}, "t.csv, line 5: time 'ds' is empty", "give every row a time"),
    "no series": (
        table(DAYS[:3], "unique_id,ds,y", "A", end=",2020-01-04,3\n"),
        {},
        "t.csv, line 5: series 'unique_id' is empty",
        "give every row the name of its series",
    ),
    "day or month first": (
        table([f"0{k}/04/2020" for k in range(1, 7)]),
        {},
        "t.csv, line 2: time 'ds' is ambiguous: '01/04/2020' could be day first or month first",
        "write dates as year-month-day",
    ),
    "unsorted": (
        table(DAYS[:5] + DAYS[2:3]),
        {},
        "t.csv, line 7: time '2020-01-03' comes after '2020-01-05' in line 6: the times are not sorted",
        "sort the rows by 'ds'; if the table holds several series, name the column that tells them apart with --series",
    ),
    "unsorted series": (
        two(DAYS[:5], DAYS[4:1:-1]),
        {},
        "t.csv, line 8: time '2020-01-04' of series 'B' comes after '2020-01-05' in line 7: "
        "the times are not sorted (and 1 more such row)",
        "sort the rows by 'ds'",
    ),
    "twice": (
        table(DAYS[:5] + DAYS[4:5]),
        {},
        "t.csv, line 7: time '2020-01-05' is already in line 6",
        "keep one row for each time; if the table",
    ),
    "twice in two series": (
        two(DAYS[:2] + DAYS[1:2], DAYS[:1] + DAYS[:3]),
        {},
        "t.csv, line 4: time '2020-01-02' of series 'A' is already in line 3 (and 1 more such row in 2 series)",
        "keep one row for each time and series",
    ),
    "off the months": (
        table([*MONTHS[:20], "2021-09-02", "2021-10-01"]),
        {},
        "t.csv, line 22: time '2021-09-02' is off the grid: the times are mostly monthly",
        "--frequency",
    ),
    "the first is off": (
        table(["2019-12-02", *MONTHS]),
        {},
        "t.csv, line 2: time '2019-12-02' is off the grid: the times are mostly monthly",
        "--frequency",
    ),
    "off the hours": (
        table([f"2020-01-01 {hour:02}:00" for hour in range(20)] + ["2020-01-01 20:17"]),
        {},
        "t.csv, line 22: time '2020-01-01 20:17' is off the grid: the times are mostly hourly",
        "--frequency",
    ),
    "last working days": (
        table(["2020-01-31", "2020-02-28", "2020-03-31", "2020-04-30", "2020-05-29", "2020-06-30"]),
        {},
        "t.csv, line 2: time '2020-01-31' is off the grid: the times are mostly every 32 days (and 4 more such rows)",
        "monthly times need the month only",
    ),
    "months among days": (
        table(DAYS[:60] + MONTHS[3:15]),
        {},
        "t.csv, lines 62 to 73: the times are monthly here, elsewhere daily",
        "--frequency 1d takes them as they are",
    ),
    "days among months": (
        table([*MONTHS[:30], "2022-07-01", "2022-07-02", "2022-07-03", "2022-07-04"]),
        {},
        "t.csv, line 33: time '2022-07-02' is off the grid: the times are mostly monthly (and 2 more such rows)",
        "",
    ),
    "a day among weeks": (
        table([*DAYS[::7], "2020-03-19"]),
        {},
        "t.csv, line 14: time '2020-03-19' is off the grid: the times are mostly weekly",
        "",
    ),
    "two times in a month of decimal years": (
        table([f"{1950 + k / 12:.3f}" for k in range(30)] + ["1952.420"]),
        {},
        "t.csv, line 32: time '1952.42' is off the grid: the times are mostly monthly (decimal years)",
        "",
    ),
    "a series of months": (
        two(DAYS[:60], MONTHS[:12]),
        {},
        "t.csv, lines 62 to 73: the times of series 'B' are monthly here, elsewhere daily",
        "",
    ),
    "weeks among days": (
        table(DAYS[:30] + DAYS[36::7]),
        {},
        "t.csv, lines 31 to 38: the times are weekly here, elsewhere daily",
        "",
    ),
    "hours among minutes": (
        table([f"2020-01-01 {k // 60:02}:{k % 60:02}" for k in [*range(60), *range(60, 600, 60)]]),
        {},
        "t.csv, lines 62 to 70: the times are hourly here, elsewhere every minute",
        "",
    ),
    "far away": (
        table([*DAYS[:20], "2200-01-01"]),
        {},
        "t.csv, line 22: time '2200-01-01' is 65725 steps after '2020-01-20' in line 21: the times are daily",
        "mend the time",
    ),
    "far integers": (
        "ds,y\n1,1\n2,2\n3,1\n4000000000,3\n",
        {},
        "t.csv, line 5: time '4000000000' is 3999999997 steps after '3' in line 4: the times are integer steps",
        "mend the time",
    ),
    "constant": (of_values("3 3 3 NA 3"), {}, "t.csv: series 'y' is constant (3)", "that are not all the same"),
    "empty": (of_values("NA - ? nan"), {}, "t.csv: series 'y' has no value at all", "at least 3 values"),
    "short": (of_values("1 NA 2"), {}, "t.csv: series 'y' has 2 values, 3 are needed", "at least 3 values"),
    "a single row": (of_values("1"), {}, "t.csv: series 'y' has 1 value, 3 are needed", ""),
    "bad series": (
        GOOD + BAD,
        {},
        "t.csv: 1 of 5 series cannot be used: 'C' has no value at all",
        "leave them out with --skip-bad-series (in Python: on_bad_series='skip')",
    ),
    "nothing left": (
        "unique_id,ds,y\n" + BAD,
        {"on_bad_series": "skip"},
        "t.csv: none of 4 series can be used: 'B' is constant (3); 'C' has no value at all; "
        "'D' has 2 values, 3 are needed; 'E' has 1 value, 3 are needed",
        "at least 3 values",
    ),
    "many bad series": (
        GOOD + "".join(f"{name},2020-01-01,\n" for name in "BCDEFGH"),
        {},
        "t.csv: 7 of 8 series cannot be used: "
        + "".join(f"'{name}' has no value at all; " for name in "BCDEF")
        + "and 2 more",
        "--skip-bad-series",
    ),
    "wrong step": (
        table(DAYS[:30]),
        {"frequency": "1w"},
        "t.csv, line 2: time '2020-01-01' is off the grid: the times should be weekly (and 24 more such rows)",
        "",
    ),
    "no zone where the model has one": (
        table(DAYS),
        {"frequency": days(1, "Europe/Berlin")},
        "t.csv: time 'ds' has no zone, its frequency has one (daily)",
        "as in the table that the model was fitted on",
    ),
    "wrong frequency of a model": (
        table([str(k) for k in range(9)]),
        {"frequency": days(1)},
        "t.csv: time 'ds' is whole numbers, not dates or datetimes",
        "as in the table that the model was fitted on",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case, tmp_path):
    content, options, message, hint = CASES[case]
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError) as error:
        panel_from_file(tmp_path / "t.csv", **options)
    assert error.value.message == message
    assert hint in (error.value.hint or "no hint")


def test_rows_of_frames_are_said_by_number(tmp_path):
    frame = pl.DataFrame({"ds": [1, 2, 3], "y": ["1", "x", "3"]})
    with pytest.raises(DataError, match=r"^row 2: target 'y' is text: 'x'"):
        panel_from_frame(frame)
    frame.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"^t\.parquet, row 2: target 'y' is text: 'x'"):
        panel_from_file(tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("ds,y\n1,x\n")
    with pytest.raises(DataError, match=r"^row 1: target 'y' is text: 'x'"):
        panel_from_frame(read_table(tmp_path / "t.csv"))


def test_lines_are_right_after_blank_lines_and_among_interleaved_series(tmp_path):
    (tmp_path / "t.csv").write_text(
        'unique_id,note,ds,y\nA,"two\nlines",2020-01-02,1\n\nB,,2020-01-02,1\nA,,2020-01-03,2\nB,,2020-01-01,4\n'
    )
    with pytest.raises(DataError, match=r"^t\.csv, line 7: time '2020-01-01' of series 'B' comes after .* in line 5"):
        panel_from_file(tmp_path / "t.csv")


def test_series_that_tell_too_little_are_kept_where_others_speak_for_them():
    values: dict[str, list[float]] = {"A": [1, 2, 3], "B": [4, 4, 4], "C": [5], "D": [6, 7]}
    rows = [(name, k, value) for name, given in values.items() for k, value in enumerate(given)]
    frame = pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row")
    panel = panel_from_frame(frame)
    assert {series.id: series.values.tolist() for series in panel.series} == values
    assert [(finding.kind, finding.message) for finding in panel.findings] == [(
        "cold",
        "3 series tell too little alone: 'B' is constant (4), 'C' has 1 value, 3 are needed, 'D' has 2 values, "
        "3 are needed; forecast by what the others teach",
    )]  # fmt: skip
    alone = frame.filter(pl.col("unique_id") != "A")
    with pytest.raises(DataError, match="none of 3 series can be used"):
        panel_from_frame(alone)
    fitted = panel_from_frame(alone, fitted=True)
    assert [series.id for series in fitted.series] == ["B", "C", "D"]
    assert fitted.findings == ()


def test_bad_series_are_left_out_where_that_is_asked_for(tmp_path):
    (tmp_path / "t.csv").write_text(GOOD + BAD)
    panel = panel_from_file(tmp_path / "t.csv", on_bad_series="skip")
    assert [series.id for series in panel.series] == ["A"]
    assert [(finding.kind, finding.series, finding.message) for finding in panel.findings] == [
        ("skipped", "B", "B: left out, it is constant (3)"),
        ("skipped", "C", "C: left out, it has no value at all"),
        ("skipped", "D", "D: left out, it has 2 values, 3 are needed"),
        ("skipped", "E", "E: left out, it has 1 value, 3 are needed"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frequency": "fortnight"}, "frequency 'fortnight' is not understood"),
        ({"frequency": "1h"}, "frequency '1h' does not fit times that are whole numbers"),
        ({"season_length": 0}, "season_length is 0"),
        ({"on_bad_series": "x"}, "on_bad_series is 'x'"),
        ({"target": "ds"}, "one column cannot have two roles: time 'ds' and target 'ds'"),
    ],
)
def test_options_without_meaning(options, message):
    with pytest.raises(SettingError) as error:
        panel_from_frame(pl.DataFrame({"ds": [1, 2, 3], "y": [1, 3, 2]}), **options)
    assert error.value.message == message
    assert error.value.hint


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"ds": [1]}, "a table is needed, not a dict"),
        (Path("t.csv"), "a table is needed, not a PosixPath"),
        (pl.DataFrame({"ds": [], "y": []}), "the table has no rows"),
        (pl.DataFrame({"ds": [dt.timedelta(1)] * 4, "y": [1, 2, 3, 4]}), "the table: time 'ds' holds Duration("),
        (
            pl.DataFrame({"ds": [1, 2, 3], "y": [[1]] * 3}),
            "the table: target 'y' holds List(Int64) values, not numbers",
        ),
        (pl.DataFrame({"ds": [1, 2, 3], "y": [dt.date(2020, 1, 1)] * 3}), "the table: target 'y' holds Date values"),
        (pl.DataFrame({"ds": [1.5, float("inf"), 2], "y": [1, 2, 3]}), "row 2: time 'ds' is infinite"),
        (pl.DataFrame({"ds": [1, 2, 3], "y": [1.0, -np.inf, 3]}), "row 2: target 'y' is infinite: -inf"),
        (pl.DataFrame({"ds": [1, None, 3], "y": [1, 2, 3]}), "row 2: time 'ds' is empty"),
        (
            pd.DataFrame({"ds": pd.period_range("2020", periods=3, freq="M"), "y": [1, 2, 3]}),
            "the table: column 'ds' holds",
        ),
        (pd.DataFrame([[1, 2, 3]], columns=["ds", "y", "y"]), "the table has two columns of one name"),
        (pd.DataFrame({"ds": pd.to_datetime(["2020-01-01", None]), "y": [1, 2]}), "row 2: time 'ds' is empty"),
        (pd.DataFrame({"ds": [1, 2], "y": pd.Series([1, "x"], dtype=object)}), "row 2: target 'y' is text: 'x'"),
    ],
)
def test_frames_that_are_no_table(frame, message):
    with pytest.raises(DataError) as error:
        panel_from_frame(frame)
    assert error.value.message.startswith(message)
    assert error.value.hint


def test_missing_rows_are_not_mistaken_for_another_frequency():
    # every second week for a while, in a long weekly record
    weeks = [dt.date(2000, 1, 1) + dt.timedelta(7 * k) for k in range(400)]
    kept = [week for k, week in enumerate(weeks) if not 100 < k < 120 or k % 2 == 0]
    panel = panel_from_frame(pl.DataFrame({"ds": kept, "y": range(len(kept))}))
    assert panel.frequency.every == "1w"
    # trading hours of working days
    hours = [dt.datetime(2020, 1, 1) + dt.timedelta(hours=k) for k in range(24 * 60)]
    open_ = [hour for hour in hours if hour.weekday() < 5 and 9 <= hour.hour < 17]
    assert panel_from_frame(pl.DataFrame({"ds": open_, "y": range(len(open_))})).frequency.every == "1h"
    # one day by the hour, then three days every four hours, again and again
    kept = [hour for k, hour in enumerate(hours[: 24 * 40]) if k % 96 < 24 or k % 4 == 0]
    assert panel_from_frame(pl.DataFrame({"ds": kept, "y": range(len(kept))})).frequency.every == "1h"
