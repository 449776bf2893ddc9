"""Conformal calibration by simulation: what is miscalibrated becomes calibrated, and the output never crosses."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from unspool.errors import ShapeError
from unspool.forecast.evaluation.conformal import ENOUGH, apply, calibrate

LEVELS = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
NAN = float("nan")
LAW = settings(deadline=None, max_examples=50)


def draw(rng, windows, spreads, believed, bias=0.0):
    """Normal errors, and quantiles by a forecaster that believes in another deviation: actual, quantiles, unit."""
    unit = rng.lognormal(size=windows)
    middle = rng.normal(size=(windows, len(spreads))) * 10
    actual = middle + unit[:, None] * (bias + np.asarray(spreads) * rng.normal(size=middle.shape))
    quantiles = middle[..., None] + unit[:, None, None] * believed * norm.ppf(LEVELS)
    return actual, quantiles, unit


def below(actual, quantiles):
    """[H, Q] the share of actual values at or below each quantile."""
    return np.mean(actual[..., None] <= quantiles, axis=0)


@pytest.mark.parametrize(("believed", "bias"), [(0.4, 0.0), (3.0, 0.0), (1.0, 0.5), (0.5, -0.3)])
def test_miscalibrated_normals_become_calibrated(believed, bias):
    rng = np.random.default_rng(0)
    spreads, windows, tests = [0.5, 1.0, 2.0], 4000, 20_000
    shifts = calibrate(*draw(rng, windows, spreads, believed, bias), LEVELS, keep_median=False)
    actual, quantiles, unit = draw(rng, tests, spreads, believed, bias)
    level = np.array(LEVELS)
    error = 4.5 * np.sqrt(level * (1 - level) * (1 / windows + 1 / tests))
    assert (np.abs(below(actual, quantiles) - level) > error).any(), "it was not calibrated before"
    assert (np.abs(below(actual, apply(quantiles, unit, shifts, LEVELS)) - level) < error).all()


def test_shifts_tend_to_the_exact_ones():
    """Errors N(0, s²), quantiles of N(0, b²): the shift is (s − b) Φ⁻¹(τ), whatever the units of the windows."""
    rng = np.random.default_rng(1)
    shifts = calibrate(*draw(rng, 40_000, [1.5], believed=0.5), LEVELS)
    exact = 1.0 * norm.ppf(LEVELS)
    np.testing.assert_allclose(shifts[0], exact, atol=0.05)
    assert shifts[0][3] == 0.0, "the median stays"


@pytest.mark.parametrize("windows", [100, 119, 333])
def test_the_finite_sample_guarantee_is_outward_in_both_tails(windows):
    """Exactly E P(y ≤ q) = rank / (n + 1): at least τ above the median, at most τ below, within 1 / (n + 1)."""
    rng = np.random.default_rng(2)
    found = np.zeros(len(LEVELS))
    repeats = 2000
    for _ in range(repeats):
        errors = rng.normal(size=(windows, 1))
        shifts = calibrate(errors, np.zeros((windows, 1, len(LEVELS))), np.ones(windows), LEVELS)
        found += norm.cdf(shifts[0]) / repeats
    level = np.array(LEVELS)
    outward = np.where(level < 0.5, np.floor(level * (windows + 1)), np.ceil(np.round(level * (windows + 1), 9)))
    exact = np.where(level == 0.5, 0.5, outward / (windows + 1))
    deviation = np.sqrt(level * (1 - level) / windows / repeats)
    assert (np.abs(found - exact) <= 4.5 * deviation).all()
    assert (np.where(level < 0.5, level - exact, exact - level) >= -1e-12).all()


def test_ranks_by_hand():
    errors = np.arange(1.0, 10.0)  # 1 … 9: n + 1 = 10, so τ is the τ·10-th
    (shifts,) = calibrate(
        errors[:, None], np.zeros((9, 1, 5)), np.ones(9), [0.1, 0.25, 0.5, 0.7, 0.9], keep_median=False
    )
    assert shifts == [1.0, 2.0, 5.0, 7.0, 9.0]
    (shifts,) = calibrate(errors[:, None], np.zeros((9, 1, 3)), np.full(9, 2.0), [0.1, 0.5, 0.9])
    assert shifts == [0.5, 0.0, 4.5]
    errors = np.arange(1.0, 100.0)  # in floats .29 · 100 is below 29, and .55 · 100 above 55
    (shifts,) = calibrate(errors[:, None], np.zeros((99, 1, 2)), np.ones(99), [0.29, 0.55])
    assert shifts == [29.0, 55.0]


def test_too_few_errors_for_an_outer_level_never_narrow_it():
    narrow = calibrate(np.zeros((5, 1)), np.array([[[-1.0, 0.0, 1.0]]] * 5), np.ones(5), [0.01, 0.5, 0.99])
    assert narrow == [[0.0, 0.0, 0.0]]
    wide = calibrate(np.full((5, 1), 3.0), np.array([[[-1.0, 0.0, 1.0]]] * 5), np.ones(5), [0.01, 0.5, 0.99])
    assert wide == [[0.0, 0.0, 2.0]]


def test_steps_are_calibrated_alone_with_enough_values_and_together_with_few():
    rng = np.random.default_rng(3)
    spreads = [0.2, 1.0, 5.0]
    many = calibrate(*draw(rng, 4 * ENOUGH, spreads, 1.0), LEVELS)
    assert many[0][-1] < many[1][-1] < many[2][-1]
    few = calibrate(*draw(rng, 10, spreads, 1.0), LEVELS)
    assert few[0] == few[1] == few[2], "30 values: all steps together"
    actual, quantiles, unit = draw(rng, ENOUGH // 2, spreads, 1.0)
    some = calibrate(actual, quantiles, unit, LEVELS)
    assert some[0] == calibrate(actual[:, :2], quantiles[:, :2], unit, LEVELS)[0], "the nearest step is enough"


def test_ten_windows_do_not_break():
    rng = np.random.default_rng(4)
    actual, quantiles, unit = draw(rng, 10, [0.5, 1.0, 1.5], 0.3)
    shifts = calibrate(actual, quantiles, unit, LEVELS)
    before = np.mean((actual >= quantiles[..., 0]) & (actual <= quantiles[..., -1]))
    moved = apply(quantiles, unit, shifts, LEVELS)
    assert before < 0.8 <= np.mean((actual >= moved[..., 0]) & (actual <= moved[..., -1]))
    np.testing.assert_array_equal(moved[..., 3], quantiles[..., 3])


def test_missing_values_and_useless_units_are_left_out():
    rng = np.random.default_rng(5)
    actual, quantiles, unit = draw(rng, 400, [1.0, 2.0], 1.0)
    plain = calibrate(actual, quantiles, unit, LEVELS)
    holes = np.concatenate([actual, np.full((50, 2), NAN), np.full((3, 2), 1e6)])
    more = np.concatenate([quantiles, np.zeros((53, 2, len(LEVELS)))])
    assert calibrate(holes, more, np.concatenate([unit, np.ones(50), [0.0, NAN, -1.0]]), LEVELS) == plain
    nothing = calibrate(np.full((4, 2), NAN), np.zeros((4, 2, 7)), np.ones(4), LEVELS)
    assert nothing == [[0.0] * 7] * 2
    assert calibrate(np.empty((0, 2)), np.empty((0, 2, 7)), np.empty(0), LEVELS) == nothing


@LAW
@given(
    arrays(np.float64, (3, 2, 7), elements=st.floats(-100, 100)),
    arrays(np.float64, (2, 7), elements=st.floats(-10, 10)),
    arrays(np.float64, 3, elements=st.one_of(st.floats(0, 10), st.just(NAN))),
)
def test_the_output_never_crosses_and_holds_the_median(quantiles, shifts, unit):
    moved = apply(quantiles, unit, shifts.tolist(), LEVELS)
    assert (np.diff(moved, axis=-1) >= 0).all()
    middle = quantiles[..., 3] + np.nan_to_num(unit)[:, None] * shifts[:, 3]
    np.testing.assert_array_equal(moved[..., 3], middle)
    np.testing.assert_array_equal(apply(moved, unit, np.zeros((2, 7)).tolist(), LEVELS), moved)
    no_median = [0, 1, 2, 4, 5, 6]
    free = apply(quantiles[..., no_median], unit, shifts[:, no_median].tolist(), [LEVELS[i] for i in no_median])
    expected = quantiles + np.nan_to_num(unit)[:, None, None] * shifts
    np.testing.assert_array_equal(free, np.sort(expected[..., no_median], axis=-1))


@LAW
@given(st.floats(0.01, 100), st.floats(-1000, 1000))
def test_calibration_follows_the_unit_of_the_data(factor, offset):
    rng = np.random.default_rng(6)
    actual, quantiles, unit = draw(rng, 150, [1.0], 0.5)
    plain = calibrate(actual, quantiles, unit, LEVELS)
    np.testing.assert_allclose(
        calibrate(factor * actual + offset, factor * quantiles + offset, factor * unit, LEVELS),
        plain,
        rtol=1e-6,
        atol=1e-6,
    )


def test_shifts_survive_json_and_must_fit():
    rng = np.random.default_rng(7)
    actual, quantiles, unit = draw(rng, 120, [1.0, 2.0], 0.5)
    shifts = calibrate(actual, quantiles, unit, LEVELS)
    assert all(math.isfinite(shift) for step in shifts for shift in step)
    read = json.loads(json.dumps(shifts, allow_nan=False))
    np.testing.assert_array_equal(apply(quantiles, unit, read, LEVELS), apply(quantiles, unit, shifts, LEVELS))
    with pytest.raises(ShapeError, match="shifts"):
        apply(quantiles, unit, shifts[:1], LEVELS)
    with pytest.raises(ShapeError, match="calibration data"):
        calibrate(actual, quantiles, unit, LEVELS[:3])
