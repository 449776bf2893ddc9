"""Numbers, names and judgements as the report says them."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unspool.forecast.result import MODEL
from unspool.report.bands import bands
from unspool.report.numbers import count, hover_format, level, number, percent
from unspool.report.scoring import best_baseline, folds_won, skill, verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (371.4561, "371.5"),
        (9.99995, "10.00"),
        (999.96, "1\u202f000"),
        (1234567.8, "1\u202f234\u202f568"),
        (0.0001234, "0.0001234"),
        (-0.5, "−0.5000"),
        (1.5e-7, "1.500e−07"),
        (2e12, "2.000e+12"),
        (0.0, "0"),
        (-0.0, "0"),
        (math.nan, "–"),
        (-math.inf, "–"),
        (None, "–"),
    ],
)
def test_a_number_has_four_significant_digits(value, text):
    assert number(value) == text


@given(st.floats(min_value=-1e15, max_value=1e15, allow_subnormal=False))
def test_a_number_read_back_is_within_half_a_unit_of_its_fourth_digit(value):
    back = float(number(value).replace("−", "-").replace("\u202f", ""))
    assert back == pytest.approx(value, rel=5.001e-4, abs=1e-300)


def test_shares_are_percentages():
    assert [percent(share) for share in (0.1234, 0.0996, 0.0312, 0.03, -0.2, 0.0, -0.0001)] == [
        "12\u00a0%", "10\u00a0%", "3.1\u00a0%", "3\u00a0%", "−20\u00a0%", "0\u00a0%", "0\u00a0%",
    ]  # fmt: skip
    assert level(0.975) == "97.5\u00a0%"
    assert level(0.95 - 0.05) == "90\u00a0%"
    assert [count(1, "fold"), count(2, "fold"), count(2, "series", "series")] == [
        "1\u00a0fold", "2\u00a0folds", "2\u00a0series",
    ]  # fmt: skip


def test_the_hover_format_fits_the_size():
    assert hover_format([0.01, 300.0, math.nan]) == ",.4r"
    assert hover_format([12345.0]) == ",.0f"
    assert hover_format([3e-6]) == hover_format([4e9]) == ".3e"


def metrics(model: float, rivals: dict[str, float], folds: list[tuple[float, float]] = ()) -> dict:  # pyright: ignore
    overall = {MODEL: {"mase": model}} | {name: {"mase": value} for name, value in rivals.items()}
    rows = [{"number": k, MODEL: {"mase": a}, "seasonal_naive": {"mase": b}} for k, (a, b) in enumerate(folds, 1)]
    return {"overall": overall, "folds": rows}


@pytest.mark.parametrize(
    ("model", "rivals", "sentence"),
    [
        (0.88, {"drift": 2.0, "seasonal_naive": 1.0}, "12\u00a0% lower MASE than the best baseline, seasonal naive."),
        (1.5, {"mean": 1, "ridge": 2}, "Worse than the best baseline, mean: 50\u00a0% higher MASE. Use mean instead."),
        (1.004, {"drift": 1}, "MASE within 1\u00a0% of the best baseline, drift: no better than that simpler method."),
        (0.995, {"drift": 1}, "MASE within 1\u00a0% of the best baseline, drift: no better than that simpler method."),
        (0.5, {"drift": 0.0}, "MASE of the best baseline, drift, is 0, so nothing can be better; use it instead."),
        (math.nan, {"drift": 1}, "No baseline could be scored, so it is not known whether this forecast is any good."),
    ],
)  # fmt: skip
def test_the_verdict_is_honest(model, rivals, sentence):
    assert verdict(metrics(model, rivals)) == sentence


def test_the_best_baseline_is_the_lowest_and_leaves_the_unscored_out():
    known = metrics(1.0, {"a": math.nan, "b": 3.0, "c": 2.0})
    known["overall"]["d"] = {"mase": None}
    assert best_baseline(known) == "c"
    assert skill(known, "c", "mase") == 0.5
    assert skill(known, "d", "mase") is None


def test_the_folds_won_are_counted():
    known = metrics(1.0, {"seasonal_naive": 2.0}, [(1, 2), (3, 2), (1, 2), (math.nan, 2)])
    assert folds_won(known) == "lower in 2 of 3\u00a0folds"
    assert verdict(known).endswith("seasonal naive (lower in 2 of 3\u00a0folds).")
    assert folds_won(metrics(1.0, {"seasonal_naive": 2.0}, [(1, 2)])) == ""


def test_levels_are_read_as_nested_intervals():
    assert [(band.low, band.high, band.name) for band in bands((0.05, 0.25, 0.5, 0.75, 0.95))] == [
        (0, 4, "90\u00a0% interval"),
        (1, 3, "50\u00a0% interval"),
    ]
    assert bands((0.5,)) == bands(()) == []
    (lopsided,) = bands((0.1, 0.5, 0.8))
    assert (lopsided.low, lopsided.high, lopsided.name) == (0, 2, "10\u00a0% to 80\u00a0% quantiles")


@given(st.lists(st.integers(1, 499), unique=True, max_size=12))
def test_bands_are_nested_and_few(halves):
    levels = tuple(sorted([k / 1000 for k in halves] + [1 - k / 1000 for k in halves]))
    nested = bands(levels)
    assert len(nested) == min(4, len(halves))
    for wide, narrow in pairwise(nested):
        assert wide.low < narrow.low < narrow.high < wide.high
    if halves:
        assert np.isclose(nested[0].nominal, levels[-1] - levels[0])
