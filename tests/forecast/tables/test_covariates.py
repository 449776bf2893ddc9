"""Columns beside the target: what is a number, what a category, and how they lie in a panel."""

import datetime as dt
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.forecast.samples import frame_of, wave
from unspool.errors import DataError, SettingError
from unspool.forecast import Panel, panel_from_file, panel_from_frame
from unspool.forecast.tables.covariates import Asked, ask
from unspool.forecast.tables.future import with_future


def read(name: str, values: object, *, categorical: bool | None = None, **options) -> tuple[list, tuple | None]:
    """One past covariate of one series: its values, and its categories."""
    frame = frame_of(wave(len(values))).with_columns(pl.Series(name, values))  # pyright: ignore[reportArgumentType]
    panel = panel_from_frame(frame, covariates=[Asked(name, "past", categorical)], **options)
    past = panel.series[0].past
    assert past is not None
    return past[:, 0].tolist(), panel.covariates[0].categories


@pytest.mark.parametrize(
    ("values", "numbers", "categories"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], None),
        ([True, False, True, True], [1, 0, 1, 1], None),
        (["1,5", "2", "1.000,5", "3"], [1.5, 2, 1000.5, 3], None),
        (["1", "na", "3", ""], [1, np.nan, 3, np.nan], None),
        (["b", "a", "b", "c"], [0, 1, 0, 2], ("b", "a", "c")),
        (["none", "NA", "", "sale"], [0, 1, np.nan, 2], ("none", "NA", "sale")),
        ([" a", "a ", "b", "b"], [0, 0, 1, 1], ("a", "b")),
    ],
    ids=["integers", "booleans", "decimal commas", "gaps", "words", "words like gaps", "spaces"],
)
def test_text_is_a_category_where_none_of_it_is_a_number(values: list, numbers: list[float], categories: tuple | None):
    found, names = read("x", values)
    assert np.array_equal(found, numbers, equal_nan=True)
    assert names == categories


@pytest.mark.parametrize("values", [[1, 2, 1, 3], [1.0, 2.0, 1.0, 3.0], ["1", "2", "1", "3"]])
def test_numbers_named_as_categories_have_one_spelling(values: list):
    assert read("x", values, categorical=True) == ([0, 1, 0, 2], ("1", "2", "3"))


def test_numbers_with_words_among_them_and_other_types_are_refused():
    with pytest.raises(DataError, match="row 3: past 'x' is text: 'hot', in other rows a number"):
        read("x", ["1", "2", "hot", "3"])
    assert read("x", ["1", "2", "hot", "3"], categorical=True)[1] == ("1", "2", "hot", "3")
    with pytest.raises(DataError, match="past 'x' holds Date values"):
        read("x", [dt.date(2020, 1, k) for k in (1, 2, 3)])


def test_rows_that_are_absent_have_no_value_and_series_are_kept_apart():
    frame = frame_of(wave(6), wave(6, seed=1)).with_columns(
        k=np.arange(12.0), p=np.arange(12.0) * 2, s=pl.Series(["x"] * 6 + ["y"] * 6), t=np.repeat([np.nan, 3.0, 4], 4)
    )
    frame = frame.filter(pl.int_range(pl.len()) != 2)
    wanted = [Asked("k", "known"), Asked("p", "past"), Asked("s", "static")]
    panel = panel_from_frame(frame, covariates=wanted)
    one, two = panel.series
    assert one.known is not None
    assert two.past is not None
    assert np.array_equal(one.known[:, 0], [0, 1, np.nan, 3, 4, 5], equal_nan=True)
    assert two.past[:, 0].tolist() == [12, 14, 16, 18, 20, 22]
    assert [s.static.tolist() for s in panel.series if s.static is not None] == [[0], [1]]
    assert [f.message for f in panel.findings if f.kind in ("covariates", "missing")] == [
        "covariates: known in the future k; known in the past only p; of the series itself s (2 categories)",
        "known 'k': 1 of 12 days have no value",
        "past 'p': 1 of 12 days have no value",
    ]


def test_a_static_value_may_be_written_once():
    frame = frame_of(wave(4), wave(4, seed=1)).with_columns(s=pl.Series([None, 3, None, 3, 5, None, None, None]))
    panel = panel_from_frame(frame, covariates=[Asked("s", "static")])
    assert [s.static.tolist() for s in panel.series if s.static is not None] == [[3], [5]]


def test_pandas_and_files_give_the_same(tmp_path: Path):
    frame = frame_of(wave(6)).with_columns(x=pl.Series(["a", "b", None, "a", "c", "b"]), z=np.arange(6.0))
    wanted = [Asked("x", "past"), Asked("z", "known")]
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(frame.write_csv(separator=";").encode()))
    frame.write_parquet(tmp_path / "t.parquet")
    panels = [panel_from_frame(f, covariates=wanted) for f in (frame, frame.to_pandas(), frame.to_arrow())]
    panels += [panel_from_file(tmp_path / name, covariates=wanted) for name in ("t.csv.gz", "t.parquet")]
    categorical = frame.to_pandas().astype({"x": "category"})
    assert isinstance(categorical["x"].dtype, pd.CategoricalDtype)
    panels.append(panel_from_frame(categorical, covariates=wanted))
    for panel in panels:
        assert panel.covariates == panels[0].covariates
        assert np.array_equal(_past(panel), _past(panels[0]), equal_nan=True)


def _past(panel: Panel) -> np.ndarray:
    past = panel.series[0].past
    assert past is not None
    return past


def test_asking():
    assert ask(["a"], ["b"], ["c"], ["c"]) == (Asked("a", "known"), Asked("b", "past"), Asked("c", "static", True))
    with pytest.raises(SettingError, match="column 'a' is named twice: known and static"):
        ask(["a"], [], ["a"], [])


TIMES: dict[str, tuple[list, list]] = {
    "days": ([f"2024-01-{k:02}" for k in range(1, 9)], ["2024-01-09", "2024-01-10"]),
    "day first, which the second table does not show": (
        [f"{k}/01/2024" for k in range(24, 32)],
        ["01/02/2024", "02/02/2024"],
    ),
    "months": ([f"2024-{k:02}" for k in range(1, 9)], ["2024-09", "2024-10"]),
    "months by their first day": ([f"2024-{k:02}" for k in range(1, 9)], ["2024-09-01", "2024-10-01"]),
    "hours with a zone": (
        [f"2024-03-31T{k:02}:00+00:00" for k in range(8)],
        ["2024-03-31T08:00+00:00", "2024-03-31T09:00+00:00"],
    ),
    "numbers": (list(range(5, 13)), [13, 14]),
    "decimal years": ([2000 + k / 4 for k in range(8)], [2002.0, 2002.25]),
    "working days": (
        [f"2024-01-{k:02}" for k in (2, 3, 4, 5, 8, 9, 10, 11)],
        ["2024-01-12", "2024-01-15"],
    ),
}


@pytest.mark.parametrize("case", TIMES)
def test_the_future_is_aligned_by_time(case: str):
    times, ahead = TIMES[case]
    frame = pl.DataFrame({"ds": times, "y": wave(8), "x": np.arange(8.0)})
    frequency = "1bd" if case == "working days" else None
    panel = panel_from_frame(frame, frequency=frequency, covariates=[Asked("x", "known")])
    found = with_future(panel, pl.DataFrame({"ds": ahead, "x": [8.0, 9.0]}), 2).series[0].known
    assert found is not None
    assert found[:, 0].tolist() == list(range(10))


def test_weekends_are_passed_over_and_two_rows_of_one_month_are_refused():
    days = [f"2024-01-{k:02}" for k in (2, 3, 4, 5, 8, 9, 10, 11)]
    frame = pl.DataFrame({"ds": days, "y": wave(8), "x": np.arange(8.0)})
    panel = panel_from_frame(frame, frequency="1bd", covariates=[Asked("x", "known")])
    ahead = pl.DataFrame({"ds": [f"2024-01-{k}" for k in range(12, 17)], "x": [1.0, 2, 3, 4, 5]})
    found = with_future(panel, ahead, 3).series[0].known
    assert found is not None
    assert found[8:, 0].tolist() == [1, 4, 5]
    months = frame.with_columns(ds=pl.Series([f"2024-{k:02}" for k in range(1, 9)]))
    ahead = pl.DataFrame({"ds": ["2024-09-01", "2024-09-02"], "x": [1.0, 2.0]})
    with pytest.raises(DataError, match="row 2: time '2024-09-02' is the same month as '2024-09-01' in row 1"):
        with_future(panel_from_frame(months, covariates=[Asked("x", "known")]), ahead, 1)


def test_the_future_is_aligned_by_series_and_a_second_one_replaces_the_first():
    panel = panel_from_frame(
        frame_of(wave(6), wave(6, seed=1)).with_columns(x=pl.Series(["a", "b"] * 6)), covariates=[Asked("x", "known")]
    )
    days = [dt.date(2020, 1, k) for k in (7, 8)]
    ahead = pl.DataFrame({"unique_id": ["s1", "s1", "s0", "s0", "other"], "ds": [*days, *days, days[0]]})
    panel = with_future(panel, ahead.with_columns(x=pl.Series(["b", "c", "a", "a", "d"])), 2)
    assert panel.covariates[0].categories == ("a", "b", "c", "d")
    known = [s.known[6:, 0].tolist() for s in panel.series if s.known is not None]
    assert known == [[0, 0], [1, 2]]
    again = with_future(panel, ahead.with_columns(x=pl.lit("b")), 2)
    assert [s.known[:, 0].tolist()[6:] for s in again.series if s.known is not None] == [[1, 1], [1, 1]]
    assert [len(s.known) for s in again.series if s.known is not None] == [8, 8]


def test_cut_before_a_time_what_is_known_stays_known():
    frame = frame_of(wave(8)).with_columns(k=np.arange(8.0), p=np.arange(8.0))
    panel = panel_from_frame(frame, covariates=[Asked("k", "known"), Asked("p", "past")])
    (cut,) = panel.before([5]).series
    assert cut.known is not None
    assert cut.past is not None
    assert (len(cut.values), len(cut.known), len(cut.past)) == (5, 8, 5)
    part = panel.series[0].between(2, 5)
    assert part.known is not None
    assert part.known[:, 0].tolist() == [2, 3, 4, 5, 6, 7]
