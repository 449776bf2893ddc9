import math

import pytest
import torch
from torch import Tensor

from unspool.dynamics.grossberg import (
    competitive_field,
    hybrid,
    linear,
    power,
    quenching_threshold,
    saturating,
    settle,
    shares,
    sigmoid,
    trajectory,
)
from unspool.errors import SettingError

START = torch.tensor([0.1, 0.15, 0.2, 0.25], dtype=torch.float64)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


def test_a_linear_signal_keeps_the_ratios_and_fills_the_field_to_its_limit():
    """Σx → B − A for f(w) = w, in general B − A/slope."""
    for slope, A, B in ((1.0, 1.0, 2.5), (4.0, 1.0, 1.0), (2.0, 0.3, 0.7)):
        final = settle(competitive_field(4, linear(slope), A=A, B=B), START)
        close(shares(final), shares(START))
        assert float(final.sum()) == pytest.approx(B - A / slope, rel=1e-6)


def test_a_linear_signal_forgets_all_if_the_bound_is_below_the_decay():
    final = settle(competitive_field(4, linear(), A=1.0, B=0.8), START)
    assert float(final.sum()) < 1e-6


def test_slower_than_linear_makes_everything_equal():
    """A = (B − 4u) f(u)/u with f/u = top/(half + u): u = (B top − A half)/(A + 4 top)."""
    final = settle(competitive_field(4, saturating(0.2, 4.0)), START)
    close(final, torch.full_like(final, (4 - 0.2) / (1 + 16)))


def test_faster_than_linear_lets_the_largest_take_all():
    """A = (B − x) G x for the winner."""
    final = settle(competitive_field(4, power(2.0, gain=10.0)), START)
    assert float(final[3]) == pytest.approx((1 + math.sqrt(1 - 4 / 10)) / 2, rel=1e-6)
    assert float(final[:3].max()) < 1e-6


def test_a_sigmoid_keeps_what_is_above_a_threshold_and_makes_it_equal():
    final = settle(competitive_field(4, sigmoid(0.3, top=4.0)), START)
    assert float(final[:2].max()) < 1e-6
    assert float(final[2]) == pytest.approx(float(final[3]), rel=1e-6)


def test_shares_follow_their_own_equation():
    """Ẋ_i = B X_i Σ_k X_k [f(x_i)/x_i − f(x_k)/x_k]."""
    f = sigmoid(0.3, top=4.0)
    field = competitive_field(4, f, A=0.8, B=1.5)
    times = torch.tensor([0.0, 1e-4, 2e-4], dtype=torch.float64)
    X = shares(trajectory(field, START, times))
    per_unit = f(START) / START
    expected = 1.5 * shares(START) * (per_unit - (shares(START) * per_unit).sum())
    torch.testing.assert_close((-3 * X[0] + 4 * X[1] - X[2]) / 2e-4, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("size", "knee", "total"), [(2, 0.05, 0.75), (2, 0.2, 0.9), (5, 0.1, 0.75)])
def test_the_hybrid_signals_quenching_threshold_is_grossbergs(size: int, knee: float, total: float):
    """knee/(B − A/slope), from any total at or above B − A/slope."""
    measured = quenching_threshold(competitive_field(size, hybrid(knee, 4.0)), total, tolerance=1e-4)
    assert measured == pytest.approx(knee / 0.75, abs=1e-4)


@pytest.mark.parametrize("half", [0.2, 0.3])
def test_the_sigmoids_quenching_threshold_is_its_saddle(half: float):
    """Two units w²/(half² + w²) of one f/w have x₁ x₂ = half², so Σf = top, and at rest Σx = K = B top/(A + top).

    Their saddle lies on the line Σx = K, and one that starts on that line is quenched below the saddle's share.
    """
    A, B, top = 1.0, 1.0, 4.0
    K = B * top / (A + top)
    measured = quenching_threshold(competitive_field(2, sigmoid(half, top=top), A=A, B=B), K, tolerance=1e-4)
    assert measured == pytest.approx((1 - math.sqrt(1 - 4 * half**2 / K**2)) / 2, abs=1e-4)


def test_fields_without_a_threshold_are_at_its_ends():
    assert quenching_threshold(competitive_field(2, saturating(0.2, 4.0)), 0.5, tolerance=1e-2) < 1e-2
    assert quenching_threshold(competitive_field(2, power(2.0, 10.0)), 0.5, tolerance=1e-2) > 0.49


def test_bad_fields():
    with pytest.raises(SettingError, match="two units"):
        quenching_threshold(competitive_field(1, linear(4.0)), 1.0)
    with pytest.raises(SettingError, match="both are positive"):
        quenching_threshold(competitive_field(2, linear(4.0)), -1.0)
    with pytest.raises(SettingError, match="size is 0"):
        competitive_field(0, linear())
    with pytest.raises(SettingError, match="forgets everything"):
        quenching_threshold(competitive_field(2, linear(0.5)), 1.0)
    with pytest.raises(SettingError, match="positive"):
        sigmoid(-1.0)
    with pytest.raises(SettingError, match="infinite"):
        power(0.5)
