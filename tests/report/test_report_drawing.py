"""What the charts are made of: thinned histories, axes, fans, and the series chosen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import LEVELS, quantiles_around, sample, weekly_times

from unspool.errors import DataError
from unspool.report.axis import axis_times, drawn_times
from unspool.report.bands import bands
from unspool.report.chart import plain
from unspool.report.figures.fan import fan_traces, observed_traces, outside
from unspool.report.figures.folds import fold_chart
from unspool.report.figures.series import series_chart
from unspool.report.figures.steps import step_chart
from unspool.report.hardest import hardest_tables
from unspool.report.palette import DARK, FAINT, FAN, GRID, HOVER, INK, MODEL_COLOUR, MUTED, SLIDER, looks
from unspool.report.selection import select_series
from unspool.report.thinning import alone, thin_out


@given(st.integers(0, 400), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_thinning_keeps_the_extremes_of_each_stretch_the_newest_and_the_order(length, seed, missing):
    noise = np.random.default_rng(seed)
    values = noise.normal(size=length)
    values[noise.random(length) < missing] = np.nan
    kept = thin_out(values, stretches=10, newest=50)
    assert np.all(np.diff(kept) > 0)
    assert set(range(max(0, length - 50), length)) <= set(kept.tolist())
    assert len(kept) <= max(2 * 10 + 50, 0)
    if np.isfinite(values).any():
        assert np.nanmin(values[kept]) == np.nanmin(values)
        assert np.nanmax(values[kept]) == np.nanmax(values)


def test_a_million_points_become_few_and_a_long_gap_stays_a_gap():
    values = np.arange(1_000_000.0)
    values[300_000:400_000] = np.nan
    kept = thin_out(values)
    assert len(kept) < 4000
    assert np.isnan(values[kept[(kept > 301_000) & (kept < 399_000)]]).all()


def test_a_point_without_neighbours_is_alone():
    nan = np.nan
    assert alone(np.array([1, nan, 1, 1, nan, 1])).tolist() == [True, False, False, False, False, True]
    assert [trace.mode for trace in observed_traces(np.arange(3), np.array([1, nan, 1]))] == ["lines", "markers"]


@pytest.mark.parametrize(
    ("texts", "drawn"),
    [
        (["1949-01", "1949-02"], ["1949-01-01", "1949-02-01"]),
        (["2020-01-01T05:00:00+01:00"], ["2020-01-01 04:00"]),
        (["2020-01-01T05:00:30Z"], ["2020-01-01 05:00:30"]),
        (["17", "18"], [17, 18]),
        (["1987.5", "1988"], [1987.5, 1988.0]),
    ],
)
def test_times_written_as_text_are_drawn(texts, drawn):
    assert drawn_times(axis_times(texts)) == drawn


def test_a_time_that_is_no_time_is_named():
    with pytest.raises(DataError, match="'soon'"):
        axis_times(["2020-01-01", "soon"])


def test_the_fan_is_made_of_rings_that_do_not_overlap():
    point = np.linspace(1, 2, 8)[None]
    quantiles = quantiles_around(point)[0]
    nested = bands(LEVELS)
    *rings, line = fan_traces(np.arange(8), point[0], quantiles, nested, None)
    assert [ring.y for ring in rings] == [
        pytest.approx(tuple(quantiles[:, column])) for column in (0, 1, 2, 4, 5, 6)
    ]  # fmt: skip
    # between the bounds of the 90 %, 80 % and 50 % intervals: pale, darker, darkest, darker, pale
    assert [ring.fillcolor for ring in rings[1:]] == [FAN[0], FAN[1], FAN[2], FAN[1], FAN[0]]
    assert [ring.name for ring in rings if ring.showlegend] == [band.name for band in nested]
    assert line.y == pytest.approx(tuple(point[0]))


def test_the_fan_opens_from_the_last_observation():
    point = np.array([[5.0, 6.0]])
    start = (np.array([9]), 4.0)
    *rings, line = fan_traces(np.array([10, 11]), point[0], quantiles_around(point)[0], bands(LEVELS), start)
    assert line.x == (9, 10, 11)
    assert {ring.y[0] for ring in rings} == {4.0}


def test_one_step_ahead_is_drawn_as_bars():
    point = np.array([[5.0]])
    *bars, dot = fan_traces(np.array([10]), point[0], quantiles_around(point)[0], bands(LEVELS), (np.array([9]), 4.0))
    assert [bar.x for bar in bars] == [(10, 10)] * 3
    assert (dot.mode, dot.y) == ("markers", (5.0,))


def test_what_came_outside_the_widest_interval_is_found():
    quantiles = np.tile([0.0, 1.0, 2.0], (4, 1))
    actual = np.array([-0.1, 0.0, np.nan, 2.1])
    assert outside(actual, quantiles, bands((0.1, 0.5, 0.9))).tolist() == [True, False, False, True]
    assert not outside(actual, quantiles, []).any()


def test_thousands_of_series_leave_a_dozen_first_ones_and_worst():
    report = sample(series=50, length=200, horizon=3, folds=1)
    selection = select_series(report)
    assert report.backtest is not None
    worst = [entry["series"] for entry in report.backtest.metrics["worst"]]
    assert selection.first[:6] == tuple(f"station {n}" for n in range(1, 7))
    assert len(selection.ids) == len(set(selection.ids)) == 12
    assert len(selection.worst) == 6
    assert selection.worst == tuple(name for name in worst if name not in selection.first)[:6]
    assert selection.left_out == 38
    assert select_series(replace(report, backtest=None)).ids == tuple(f"station {n}" for n in range(1, 13))


def test_every_view_a_selector_can_reach_exists():
    report = sample(series=3, length=300, horizon=4, folds=3)
    selection = select_series(report)
    assert report.backtest is not None
    folds = fold_chart(report, report.backtest, selection)
    assert folds is not None
    series, fold = folds.selectors
    assert {f"{a.key}/{b.key}" for a in series.options for b in fold.options} == set(folds.views)
    assert fold.chosen == "all"
    steps = step_chart(report.backtest)
    assert steps is not None
    assert {option.key for option in steps.selectors[0].options} == set(steps.views)


def test_folds_that_overlap_are_not_drawn_together():
    report = sample(length=300, horizon=8, folds=2)
    assert report.backtest is not None
    first, second = report.backtest.folds
    closer = replace(second, last_seen=first.last_seen + np.timedelta64(7, "D"))
    chart = fold_chart(report, replace(report.backtest, folds=(first, closer)), select_series(report))
    assert chart is not None
    assert set(chart.views) == {"0/1", "0/2"}


def test_a_series_that_a_fold_does_not_know_is_said_to_be_absent():
    report = sample(series=2, length=300, horizon=4, folds=2)
    assert report.backtest is not None
    old, new = report.backtest.folds
    short = replace(
        old, ids=old.ids[1:], last_seen=old.last_seen[1:], times=old.times[1:], actual=old.actual[1:],
        point={name: values[1:] for name, values in old.point.items()}, quantiles=old.quantiles[1:],
        history=old.history[1:],
    )  # fmt: skip
    chart = fold_chart(report, replace(report.backtest, folds=(short, new)), select_series(report))
    assert chart is not None
    assert chart.views["0/1"].caption == "station 1 is not drawn in this fold."
    assert "of 4\u00a0values" in chart.views["1/1"].caption


def test_only_one_line_answers_the_pointer():
    report = sample(length=300, horizon=6, folds=0)
    view = series_chart(report, select_series(report)).shown
    (answering,) = [trace for trace in plain(view.figure)["data"] if trace.get("hoverinfo") != "skip"]
    assert answering["customdata"][-1] == " forecast, " + view.caption.split("Last: ")[1].split(", ")[1].rstrip(".")
    assert answering["x"].index(drawn_times(weekly_times(300))[-1]) == 299
    assert len(answering["x"]) == 306


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("dark", "paper"), [(False, "#fcfcfa"), (True, "#14181d")])
def test_colours_have_contrast(dark, paper):
    lines = [look.colour for look in looks(list("abcde")).values()]
    readable = [INK, MUTED, MODEL_COLOUR, *lines]
    for colour in readable:
        assert contrast(DARK[colour] if dark else colour, paper) >= 4.5
    assert contrast(DARK[FAINT] if dark else FAINT, paper) >= 3
    assert contrast(DARK[INK] if dark else INK, DARK[HOVER] if dark else HOVER) >= 4.5


def test_every_colour_has_a_dark_one_and_each_line_its_own_dash_and_marker():
    appearance = looks(list("abcde"))
    assert {look.colour for look in appearance.values()} | {GRID, SLIDER, *FAN} <= set(DARK)
    assert len(set(DARK.values())) == len(DARK)
    assert len({look.dash for look in appearance.values()}) == len({look.marker for look in appearance.values()}) == 6
    more = looks(list("abcdefgh")).values()  # with the statistical baselines
    assert len({(look.colour, look.dash) for look in more}) == len({look.marker for look in more}) == 9


def test_the_hardest_series_are_a_table_whose_length_does_not_grow():
    for series, rows in ((3, 3), (50, 10)):
        report = sample(series=series, length=200, horizon=3, folds=1)
        selection = select_series(report)
        worst = hardest_tables(report, selection)[0]
        assert report.backtest is not None
        entries = report.backtest.metrics["worst"][:rows]
        assert [row[0].text for row in worst.rows] == [entry["series"] for entry in entries]
        assert [row[0].pick for row in worst.rows] == [
            str(selection.ids.index(e["series"])) if e["series"] in selection.ids else "" for e in entries
        ]
    assert hardest_tables(sample(length=200, horizon=3, folds=1), selection) == []
