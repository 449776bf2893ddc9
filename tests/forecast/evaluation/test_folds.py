"""Folds: what may be learnt never reaches what is tested, whatever the lengths, options and calendars."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspool.errors import DataError, SettingError
from unspool.forecast.evaluation.folds import cutoffs, held_back
from unspool.forecast.tables.frequency import Frequency, days, decimals, integers, months
from unspool.forecast.tables.panel import Columns, Panel, Series
from unspool.forecast.tables.times import TimeStyle

NAN = float("nan")
LAW = settings(deadline=None, max_examples=50)
LENGTHS = st.lists(st.integers(0, 120), min_size=1, max_size=5)
SMALL = st.integers(1, 12)


def panel(frequency: Frequency, style: TimeStyle, **series: tuple) -> Panel:
    """Series by name from (first time, values)."""
    built = []
    for name, (first, values) in series.items():
        first = np.asarray(first, "datetime64[us]") if style.kind == "datetime" else np.asarray(first)
        times = (
            np.concatenate([first[None], frequency.after(first, len(values) - 1)]) if len(values) > 1 else first[None]
        )
        built.append(Series(name, times, np.asarray(values, dtype=float)))
    return Panel(tuple(built), frequency, Columns("id", "ds", "y"), (), style)


DAILY = TimeStyle("datetime", "date", "%Y-%m-%d")
NUMBERED = TimeStyle("integer", "integer")
YEARS = TimeStyle("decimal", "decimal", decimals=4)


def test_one_series_by_hand():
    plans = cutoffs([20], horizon=3, folds=2, gap=1)
    assert [plan.number for plan in plans] == [1, 2]
    assert [(int(p.train_start[0]), int(p.train_end[0]), int(p.test_start[0]), int(p.test_end[0])) for p in plans] == [
        (0, 13, 14, 17),
        (0, 16, 17, 20),
    ]
    assert [plan.cutoff for plan in plans] == ["7 steps before the end", "4 steps before the end"]
    assert cutoffs([20], 3, 2, step=1, window=5)[0].train_start[0] == 11


@LAW
@given(LENGTHS, SMALL, st.integers(1, 4), SMALL, st.integers(0, 5), st.none() | st.integers(2, 40))
def test_laws_of_lengths(lengths, horizon, folds, step, gap, window):
    try:
        plans = cutoffs(lengths, horizon, folds, step, gap, window)
    except DataError:
        assert max(lengths) < 2 + gap + horizon + (folds - 1) * step
        return
    growing = cutoffs(lengths, horizon, folds, step, gap)
    assert len(plans) == folds
    for plan, full in zip(plans, growing, strict=True):
        assert plan.series.size
        inside = plan.train_end > 0
        for field in (plan.train_start, plan.test_start, plan.test_end):
            assert not field[~inside].any()
        assert (plan.test_start - plan.train_end == gap)[inside].all()
        assert (plan.test_end - plan.test_start == horizon)[inside].all()
        assert (plan.test_end <= lengths).all()
        assert (plan.train_end - plan.train_start >= 2)[inside].all()
        np.testing.assert_array_equal(plan.train_end, full.train_end)
        assert (plan.train_start >= full.train_start).all(), "growing contains sliding"
        if window is not None:
            assert (plan.train_end - plan.train_start <= window).all()
    for i in range(len(lengths)):
        mine = [(int(p.test_start[i]), int(p.test_end[i])) for p in plans if p.train_end[i]]
        assert all(start - before == step for (before, _), (start, _) in itertools.pairwise(mine))
        if step >= horizon:
            assert all(end <= start for (_, end), (start, _) in itertools.pairwise(mine))
        if mine:
            assert mine[-1][1] == lengths[i], "the newest test part ends with the series"


@LAW
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 80)), min_size=1, max_size=4),
    SMALL,
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from(["days", "month ends", "years"]),
)
def test_calendar_series_share_one_moment(spans, horizon, folds, gap, kind):
    """Nothing learnt, of any series, is later than the cutoff; nothing tested is at or before it (plus the gap)."""
    frequency, style, first = {
        "days": (days(1), DAILY, np.datetime64("2020-01-01", "us")),
        "month ends": (months(1, day=31), DAILY, np.datetime64("2020-01-31", "us")),
        "years": (decimals(1 / 12, 1987.5, per_year=12), YEARS, np.float64(1987.5)),
    }[kind]
    starts = [first if skip == 0 else frequency.after(first, skip)[-1] for skip, _ in spans]
    data = panel(frequency, style, **{f"s{i}": (starts[i], np.ones(n)) for i, (_, n) in enumerate(spans)})
    try:
        plans = cutoffs(data, horizon, folds, gap=gap)
    except DataError:
        return  # too few points here, which has its own tests
    clock = frequency.grid(min(starts), max(series.times[-1] for series in data.series))
    for plan in plans:
        moment = clock[len(clock) - 1 - gap - horizon - (folds - plan.number) * horizon]
        tolerance = np.float64(1e-6) if kind == "years" else np.timedelta64(0, "us")
        assert plan.cutoff in data.labels(clock)
        for i in plan.series:
            times = data.series[i].times
            assert (times[: plan.train_end[i]] <= moment + tolerance).all()
            assert (times[plan.train_end[i] :] > moment + tolerance).all()
            assert plan.test_start[i] < len(times), "something to compare with"
        cut = data.before(plan.train_end.tolist())
        assert [series.id for series in cut.series] == [data.series[i].id for i in plan.series]


def test_series_that_are_not_there_at_the_cutoff_are_not_in_the_fold():
    data = panel(
        days(1),
        DAILY,
        whole=("2020-01-01", np.arange(20)),
        ended=("2020-01-01", np.arange(12)),
        late=("2020-01-10", np.arange(11)),
        silent=("2020-01-01", [*range(15), *[NAN] * 5]),
    )
    first, second = cutoffs(data, horizon=4, folds=2)
    assert (first.cutoff, second.cutoff) == ("2020-01-12", "2020-01-16")
    assert first.train_end.tolist() == [12, 0, 3, 12]
    assert second.train_end.tolist() == [16, 0, 7, 0]
    np.testing.assert_array_equal(held_back(data, first), [[12, 13, 14, 15], [3, 4, 5, 6], [12, 13, 14, NAN]])


def test_a_series_that_stops_within_the_test_part_is_padded():
    data = panel(days(1), DAILY, a=("2020-01-01", np.arange(10)), b=("2020-01-01", np.arange(8)))
    (plan,) = cutoffs(data, horizon=4, folds=1)
    np.testing.assert_array_equal(held_back(data, plan), [[6, 7, 8, 9], [6, 7, NAN, NAN]])


def test_numbered_series_count_back_from_their_own_end():
    data = panel(integers(), NUMBERED, a=(0, np.arange(20)), b=(100, np.arange(9)))
    (plan,) = cutoffs(data, horizon=3, folds=1)
    assert plan.train_end.tolist() == [17, 6]
    assert plan.cutoff == "3 steps before the end"
    alone = panel(integers(), NUMBERED, a=(7, np.arange(20)))
    assert cutoffs(alone, 3, 1)[0].cutoff == "23"
    seconds = panel(
        decimals(0.5), TimeStyle("decimal", "decimal", decimals=1), a=(0.0, np.ones(20)), b=(9.5, np.ones(9))
    )
    assert cutoffs(seconds, 3, 1)[0].train_end.tolist() == [17, 6]


def test_decimal_years_may_be_rounded():
    exact = panel(decimals(1 / 12, 1987.5, per_year=12), YEARS, a=(1987.5, np.ones(60)))
    rounded = Series("a", np.round(exact.series[0].times, 4), exact.series[0].values)
    both = replace(exact, series=(exact.series[0], rounded))
    for plan in cutoffs(both, 5, 6):
        assert plan.train_end[0] == plan.train_end[1] == 60 - 5 * (7 - plan.number)


def test_a_fold_needs_something_observed_to_learn_from():
    values = [*[NAN] * 6, *range(10)]
    data = panel(days(1), DAILY, a=("2020-01-01", values))
    assert cutoffs(data, 2, 4)[0].train_end.tolist() == [8]
    with pytest.raises(DataError, match="fold 1 of 5, 10 steps before the end: no series"):
        cutoffs(data, 2, 5)
    assert cutoffs(data, 2, 4, window=2)[0].train_start.tolist() == [6]


def test_too_few_points_say_how_many_and_what_to_change():
    with pytest.raises(DataError, match=r"3 folds of 6 steps .* need 20 points.*the longest series has 15") as caught:
        cutoffs([15, 4], 6, 3)
    assert caught.value.hint
    assert "folds to 2 or fewer" in caught.value.hint
    assert len(cutoffs([15, 4], 6, 2)) == 2
    with pytest.raises(DataError, match=r"1 fold of 6 steps .* need 8 points") as caught:
        cutoffs([7], 6, 1)
    assert caught.value.hint
    assert "horizon to 5 or less" in caught.value.hint
    assert cutoffs([7], 5, 1)
    with pytest.raises(DataError, match="first time to its last, has 3") as caught:
        cutoffs(panel(days(1), DAILY, a=("2020-01-01", [1, 2, 3])), 6, 1, gap=1)
    assert caught.value.hint == "give more data"
    with pytest.raises(DataError, match="has 0"):
        cutoffs([], 1, 1)


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ({"horizon": 0}, "horizon"),
        ({"folds": 0}, "folds"),
        ({"step": 0}, "step"),
        ({"gap": -1}, "gap"),
        ({"window": 1}, "window"),
    ],
)
def test_options_without_meaning_are_refused(option, named):
    with pytest.raises(SettingError, match=named):
        cutoffs([50], **{"horizon": 2, "folds": 1, **option})
