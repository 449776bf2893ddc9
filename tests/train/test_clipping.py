"""Gradients are scaled down to a norm that is given, or taken from the run."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from unspool.errors import DataError, SettingError
from unspool.train import TrainSettings, fit
from unspool.train.clipping import WINDOW, GradientClip, Threshold, observed_threshold


def weights(*norms: float) -> list[nn.Parameter]:
    """Parameters whose gradients together have the norm √Σ norms²."""
    parameters = [nn.Parameter(torch.zeros(4)) for _ in norms]
    for parameter, norm in zip(parameters, norms, strict=True):
        parameter.grad = torch.full((4,), norm / 2)
    return parameters


def norm_of(parameters: list[nn.Parameter]) -> float:
    return math.sqrt(sum(float(p.grad.square().sum()) for p in parameters if p.grad is not None))


@pytest.mark.parametrize("threshold", [1.0, 7.0])
def test_a_fixed_threshold_is_torchs_clipping(threshold: float):
    ours, theirs = weights(3.0, 4.0), weights(3.0, 4.0)
    norm = GradientClip(threshold)(ours)
    assert float(norm) == float(nn.utils.clip_grad_norm_(theirs, threshold)) == 5
    assert norm_of(ours) == norm_of(theirs)


def test_the_observed_threshold_is_the_median():
    assert observed_threshold([1.0, 3.0, 1e30, 2.0, math.inf, math.nan, 0.0]) == 2.5
    with pytest.raises(DataError, match="finite and above zero"):
        observed_threshold([math.inf, 0.0])


def test_a_step_of_any_size_is_held_back_and_a_new_scale_is_followed():
    clip = GradientClip("observed")
    for _ in range(WINDOW):
        usual = weights(1.0)
        clip(usual)
        assert norm_of(usual) == pytest.approx(1)
    spike = weights(1e6)
    assert float(clip(spike)) == pytest.approx(1e6)  # what it was
    assert norm_of(spike) == pytest.approx(1)
    larger = spike
    for _ in range(WINDOW):
        larger = weights(20.0)
        clip(larger)
    assert norm_of(larger) == pytest.approx(20)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_the_observed_threshold_is_the_quantile_asked_for(quantile: float):
    norms = [float(k) for k in range(1, 102)]
    assert observed_threshold(norms, quantile) == pytest.approx(1 + 100 * quantile)
    clip = GradientClip("observed", quantile)
    for norm in (1.0, 2.0, 3.0, 4.0):
        clip(weights(norm))
    again = GradientClip("observed", quantile)
    again.load_state_dict(clip.state_dict())
    last = weights(5.0)
    again(last)
    assert norm_of(last) == pytest.approx(1 + 4 * quantile, rel=1e-5)


def test_the_first_step_is_not_clipped():
    first = weights(50.0)
    GradientClip("observed")(first)
    assert norm_of(first) == pytest.approx(50)


def test_a_gradient_that_is_not_finite_is_left_and_forgotten():
    clip = GradientClip("observed")
    clip(weights(1.0))
    broken = weights(math.nan)
    assert math.isnan(float(clip(broken)))
    after = weights(9.0)
    clip(after)
    assert norm_of(after) == pytest.approx(5)  # the median of 1 and 9


def test_no_gradient_at_all_is_no_error():
    parameter = nn.Parameter(torch.zeros(2))
    assert float(GradientClip("observed")([parameter])) == 0


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan, "median"])
def test_a_threshold_that_clips_everything_is_refused(threshold: Any):
    with pytest.raises(SettingError, match="above 0, or 'observed'"):
        GradientClip(threshold)


def test_a_fit_takes_its_threshold_from_its_own_gradients():
    """One exploding batch of 200 spoils Adam's scale for a thousand steps, unless it is held back."""
    x = torch.linspace(-1, 1, 16)[:, None]

    def lost(clip: Threshold) -> float:
        torch.manual_seed(0)
        settings = TrainSettings(steps=200, learning_rate=0.05, weight_decay=0.0, clip=clip, patience=99)

        def loss(module: nn.Module, batch: int) -> torch.Tensor:
            return (module(x) - 3 * x).square().mean() * (1e8 if batch == 10 else 1)

        return fit(nn.Linear(1, 1), iter(range(200)), loss, lambda m: float(loss(m, 0)), settings).best_loss

    assert lost("observed") < 0.1 < 1 < lost(math.inf)
