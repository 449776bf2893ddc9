"""Quantiles never cross, and their loss is least where it should be."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from unspool.errors import SettingError
from unspool.forecast.quantiles import DEFAULT_LEVELS, check_levels, ordered, quantile_loss


def test_levels_ascend_and_hold_the_median():
    assert check_levels([0.9, 0.1]) == (0.1, 0.5, 0.9)
    assert check_levels([0.9, 0.5]) == (0.5, 0.9)
    assert check_levels([]) == (0.5,)
    assert check_levels(DEFAULT_LEVELS) == DEFAULT_LEVELS


@pytest.mark.parametrize("levels", [(0,), (1,), (-0.1, 0.5), (1.5,), (float("nan"),), (float("inf"),)])
def test_a_level_lies_between_0_and_1(levels: tuple[float, ...]):
    with pytest.raises(SettingError, match="does not lie between 0 and 1"):
        check_levels(levels)


def test_a_level_stands_once():
    with pytest.raises(SettingError, match=r"stands twice in 0.1, 0.1"):
        check_levels((0.1, 0.1))


@given(st.integers(0, 10_000), st.integers(1, 9), st.floats(0.01, 1e4))
def test_ordered_never_crosses_and_keeps_the_median(seed: int, levels: int, size: float):
    raw = size * torch.randn(3, 4, levels, generator=torch.Generator().manual_seed(seed))
    median = seed % levels
    found = ordered(raw, median)
    assert (found.diff(dim=-1) >= 0).all()
    assert torch.equal(found[..., median], raw[..., median])


def test_ordered_can_be_learned():
    """Every raw number moves some quantile: none is stuck."""
    raw = torch.randn(1, 5, requires_grad=True)
    ordered(raw, 2).square().sum().backward()
    assert raw.grad is not None
    assert (raw.grad != 0).all()


def test_the_loss_is_twice_the_pinball_loss_and_the_huber_loss_of_the_median():
    noise = np.random.default_rng(0)
    target, quantiles = noise.normal(size=(20, 1)), np.sort(noise.normal(size=(20, 1, 3)), -1)
    levels = (0.1, 0.5, 0.9)
    pinball = np.mean([mean_pinball_loss(target[:, 0], quantiles[:, 0, q], alpha=a) for q, a in enumerate(levels)])
    error = np.abs(target - quantiles[..., 1])
    huber = np.where(error < 1, 0.5 * error**2, error - 0.5).mean()
    found = quantile_loss(*map(torch.tensor, (quantiles, target, np.ones_like(target), np.array(levels))))
    assert found.item() == pytest.approx(2 * pinball + huber, rel=1e-9)


def test_what_is_masked_does_not_count():
    quantiles, target = torch.randn(4, 6, 3), torch.randn(4, 6)
    mask = torch.randint(0, 2, (4, 6)).float()
    levels = torch.tensor([0.1, 0.5, 0.9])
    one = quantile_loss(quantiles, target, mask, levels)
    two = quantile_loss(quantiles, target + 1e6 * (1 - mask), mask, levels)
    assert torch.equal(one, two)
    assert quantile_loss(quantiles, target, torch.zeros(4, 6), levels) == 0
